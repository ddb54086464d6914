// SPDX-License-Identifier: Apache-2.0
#include "cli/analyze/command.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>

using namespace strait;
using namespace strait::cli;
using namespace std::chrono_literals;

namespace {

struct Parsed {
  std::optional<AnalyzeOptions> options;  // nothing: the work was not called
  std::string error;
  int status = 0;
};

Parsed parse(const std::string& words, int status = 0) {
  Parsed parsed;
  CLI::App app;
  add_analyze_command(app, [&](const AnalyzeOptions& options) {
    parsed.options = options;
    return status;
  });
  try {
    app.parse(words);
  } catch (const CLI::Error& error) {
    parsed.error = error.what();
    parsed.status = error.get_exit_code();
  }
  return parsed;
}

}  // namespace

TEST_CASE("analyze hands on what its words say") {
  const auto plain = parse("analyze --store a.db");
  REQUIRE(plain.options.has_value());
  CHECK(plain.options->store == "a.db");
  CHECK(plain.options->since == 1h);
  CHECK_FALSE(plain.options->path.has_value());
  CHECK_FALSE(plain.options->json);

  const auto all = parse("analyze --store a.db --since 30m --path p --region europe --json");
  REQUIRE(all.options.has_value());
  CHECK(all.options->since == 30min);
  CHECK(all.options->path == "p");
  CHECK(all.options->region == "europe");
  CHECK(all.options->json);
}

TEST_CASE("analyze without a store asks the configuration for one") {
  const auto parsed = parse("analyze -c y.toml");
  REQUIRE(parsed.options.has_value());
  CHECK(parsed.options->store.empty());
  CHECK(parsed.options->config == "y.toml");
}

TEST_CASE("analyze passes the exit status of the work on") {
  CHECK(parse("analyze --store a.db", 4).status == 4);
  CHECK(parse("analyze --store a.db", 0).status == 0);
}

TEST_CASE("analyze refuses words that it does not understand, and does no work") {
  struct Case {
    const char* words;
    const char* error;
  };
  const auto c = GENERATE(values<Case>({
      {"analyze --store a.db -c y.toml", "excludes"},
      {"analyze --store a.db --since 5", "want a number and a unit"},
      {"analyze --store a.db --since 0s", "want a time above 0"},
      {"analyze --store a.db extra", "extra"},
  }));
  CAPTURE(c.words);
  const auto parsed = parse(c.words);
  CHECK_FALSE(parsed.options.has_value());
  CHECK_THAT(parsed.error, Catch::Contains(c.error));
}
