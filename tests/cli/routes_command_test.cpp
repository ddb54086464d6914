// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/command.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>

using namespace strait::cli;

namespace {

struct Seen {
  std::string command;
  std::string config;
  std::string word;  // the command's own argument
  bool flag = false;
};

// Parses a command line; the status that CLI11 would end the program with.
int parse(const std::string& line, Seen& seen, int status = 0) {
  CLI::App app{"strait"};
  const auto note = [&](const char* command, const auto& options, std::string word, bool flag) {
    seen = {command, options.source.config, std::move(word), flag};
    return status;
  };
  add_routes_command(
      app,
      {.recommend = [&](const auto& o) { return note("recommend", o, "", o.source.json); },
       .explain = [&](const auto& o) { return note("explain", o, o.subject, false); },
       .diff = [&](const auto& o) { return note("diff", o, o.against, false); },
       .render = [&](const auto& o) { return note("render", o, o.dialect + o.output, false); },
       .inbound =
           [&](const auto& o) { return note("inbound", o, o.made ? "made" : "", o.source.json); },
       .apply = [&](const auto& o) { return note("apply", o, "", o.withdraw); },
       .history =
           [&](const auto& o) {
             return note("history", o, o.export_to + std::to_string(o.last), o.source.json);
           },
       .rollback =
           [&](const auto& o) {
             return note("rollback", o, o.entry ? std::to_string(*o.entry) : "", false);
           },
       .verify = [&](const auto& o) { return note("verify", o, std::to_string(o.sample), false); },
       .expire = [&](const auto& o) { return note("expire", o, "", false); },
       .stop = [&](const auto& o) { return note("stop", o, o.reason, false); },
       .resume = [&](const auto& o) { return note("resume", o, "", false); },
       .rib = [](const auto& /*o*/) { return 0; },
       .bmp = [](const auto& /*o*/) { return 0; }});
  try {
    app.parse(line);
  } catch (const CLI::Error& error) {
    return error.get_exit_code();
  }
  return 0;
}

}  // namespace

TEST_CASE("each command of strait routes hands its words on") {
  struct Case {
    const char* line;
    const char* command;
    const char* config;
    const char* word;
    bool flag;
  };
  const auto c = GENERATE(values<Case>({
      {"routes recommend", "recommend", "/etc/strait/strait.toml", "", false},
      {"routes recommend -c a.toml --json", "recommend", "a.toml", "", true},
      {"routes explain -c a.toml", "explain", "a.toml", "", false},
      {"routes explain 192.0.2.0/24", "explain", "/etc/strait/strait.toml", "192.0.2.0/24", false},
      {"routes diff --against old.conf", "diff", "/etc/strait/strait.toml", "old.conf", false},
      {"routes render -o out", "render", "/etc/strait/strait.toml", "birdout", false},
      {"routes render --dialect ios-xr", "render", "/etc/strait/strait.toml", "ios-xr", false},
      {"routes apply -c a.toml", "apply", "a.toml", "", false},
      {"routes apply --withdraw", "apply", "/etc/strait/strait.toml", "", true},
      {"routes history", "history", "/etc/strait/strait.toml", "20", false},
      {"routes history --last 0 --export x --json", "history", "/etc/strait/strait.toml", "x0",
       true},
      {"routes rollback", "rollback", "/etc/strait/strait.toml", "", false},
      {"routes rollback 17 -c a.toml", "rollback", "a.toml", "17", false},
      {"routes verify --sample 5", "verify", "/etc/strait/strait.toml", "5", false},
      {"routes inbound --json", "inbound", "/etc/strait/strait.toml", "", true},
      {"routes inbound --made 2026-11-27T10:00:00Z", "inbound", "/etc/strait/strait.toml", "made",
       false},
      {"routes expire -c x.toml", "expire", "x.toml", "", false},
      {"routes stop 'moving cables'", "stop", "/etc/strait/strait.toml", "moving cables", false},
      {"routes resume", "resume", "/etc/strait/strait.toml", "", false},
  }));
  CAPTURE(c.line);
  Seen seen;
  CHECK(parse(c.line, seen) == 0);
  CHECK(seen.command == c.command);
  CHECK(seen.config == c.config);
  CHECK(seen.word == c.word);
  CHECK(seen.flag == c.flag);
}

TEST_CASE("words that no command of strait routes knows are usage errors") {
  const auto line = GENERATE(values<const char*>(
      {"routes", "routes nope", "routes apply extra", "routes render --dialect ios",
       "routes explain a b", "routes rollback last", "routes verify --sample 0",
       "routes history --last -1"}));
  CAPTURE(line);
  Seen seen;
  CHECK(parse(line, seen) != 0);
  CHECK(seen.command.empty());
}

TEST_CASE("the status of the work is the status of the command") {
  Seen seen;
  CHECK(parse("routes apply", seen, 4) == 4);
}
