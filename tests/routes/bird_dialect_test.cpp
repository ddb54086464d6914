// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "routes/dialects/bird.hpp"
#include "tests/routes/plan_examples.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

std::string text_of(const std::string& file) {
  std::ifstream in{file};
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// Whether the BIRD that is installed accepts the file inside a configuration that uses it.
bool bird_accepts(const std::string& include) {
  const auto folder = std::filesystem::temp_directory_path() /
                      ("strait_bird_dialect_" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  std::ofstream{folder / "strait.conf"} << include;
  std::ofstream{folder / "bird.conf"}
      << "router id 192.0.2.1;\ninclude \"" << (folder / "strait.conf").string() << "\";\n"
      << "filter up_in { bgp_local_pref = 100; strait_pref(); accept; }\n"
      << "protocol bgp u1 { local as 64500; neighbor 192.0.2.9 as 65001;\n"
      << "ipv4 { import filter up_in; export none; }; ipv6 { import filter up_in; export none; "
         "};}\n";
  const std::string command = "PATH=$PATH:/usr/sbin bird -p -c " + (folder / "bird.conf").string();
  const int status = std::system(command.c_str());
  std::filesystem::remove_all(folder);
  return status == 0;
}

bool have_bird() { return std::system("PATH=$PATH:/usr/sbin bird --version 2>/dev/null") == 0; }

}  // namespace

TEST_CASE("a plan renders to the golden file, byte for byte, and BIRD takes it") {
  struct Case {
    const char* golden;
    Plan plan;
  };
  const auto c = GENERATE(values<Case>({
      {"two_classes.conf", two_classes()},
      {"empty.conf", empty_plan()},
      {"hostile_reason.conf", hostile_reason()},
  }));
  CAPTURE(c.golden);
  const auto text = render_bird(c.plan);
  REQUIRE(text);
  CHECK(*text == text_of(std::string{STRAIT_GOLDEN} + "/" + c.golden));
  if (!have_bird()) {
    WARN("bird is not installed: its own check of the file is skipped");
    return;
  }
  CHECK(bird_accepts(*text));
}

TEST_CASE("the order of preferences and prefixes in a plan does not change the bytes") {
  Plan shuffled = two_classes();
  std::ranges::reverse(shuffled.preferences);
  for (Preference& preference : shuffled.preferences) {
    std::ranges::reverse(preference.prefixes);
    preference.prefixes.push_back(preference.prefixes.front());
  }
  CHECK(render_bird(shuffled).value() == render_bird(two_classes()).value());
}

TEST_CASE("a rendered plan reads back as the same plan") {
  const auto plan = GENERATE(values<Plan>({two_classes(), empty_plan(), hostile_reason()}));
  const std::string text = render_bird(plan).value();
  const auto read = read_bird(text);
  REQUIRE(read);
  CHECK(read->evidence_hash == plan.evidence_hash);
  CHECK(read->made == plan.made);
  CHECK(read->expires == plan.expires);
  REQUIRE(read->preferences.size() == plan.preferences.size());
  for (const Preference& preference : plan.preferences) {
    const auto same = std::ranges::find_if(read->preferences, [&](const Preference& other) {
      return other.traffic_class == preference.traffic_class &&
             other.protocol == preference.protocol;
    });
    REQUIRE(same != read->preferences.end());
    CHECK(same->local_pref == preference.local_pref);
    CHECK(same->prefixes == preference.prefixes);
  }
  CHECK(render_bird(*read).value() == text);
}

TEST_CASE("a file that was edited, cut or is not ours is not taken for a plan") {
  const std::string text = render_bird(two_classes()).value();
  const auto edited = [&](const std::string& from, const std::string& to) {
    std::string copy = text;
    copy.replace(copy.find(from), from.size(), to);
    return copy;
  };
  CHECK_FALSE(read_bird("function strait_pref() { }\n"));
  CHECK_FALSE(read_bird(""));
  CHECK_FALSE(read_bird(edited("bgp_local_pref = 200", "bgp_local_pref = 201")));
  CHECK_FALSE(read_bird(edited("  192.0.2.0/24", "  192.0.3.0/24, 192.0.2.0/24")));
  for (std::size_t size = 0; size < text.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(read_bird(std::string_view{text}.substr(0, size)));
  }
}

TEST_CASE("what BIRD could misread is refused") {
  struct Case {
    const char* what;
    void (*spoil)(Plan&);
    const char* error;
  };
  const auto c = GENERATE(values<Case>({
      {"quote in a protocol", [](Plan& p) { p.preferences[0].protocol = "u\"1"; },
       "protocol 'u\"1'"},
      {"line break in a path", [](Plan& p) { p.preferences[0].path = "a\nb"; }, "path 'a\nb'"},
      {"empty class", [](Plan& p) { p.preferences[0].traffic_class = ""; }, "class ''"},
      {"space in a class", [](Plan& p) { p.preferences[0].traffic_class = "a b"; }, "class 'a b'"},
      {"hash", [](Plan& p) { p.evidence_hash = "x"; }, "evidence hash 'x'"},
      {"one prefix in two classes of a session",
       [](Plan& p) {
         p.preferences[1].protocol = p.preferences[0].protocol;
         p.preferences[1].prefixes = p.preferences[0].prefixes;
       },
       "is in class"},
  }));
  CAPTURE(c.what);
  Plan plan = two_classes();
  c.spoil(plan);
  const auto text = render_bird(plan);
  REQUIRE_FALSE(text);
  CHECK_THAT(text.error().message, Catch::Contains(c.error));
}
