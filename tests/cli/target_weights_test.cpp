// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/target_weights.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "cli/routes/advice.hpp"
#include "tests/analyzer/windows.hpp"

using namespace strait;
using namespace strait::cli;
using analyzer::test::millis;
using analyzer::test::WindowBuilder;

namespace {

std::string file_name() { return std::filesystem::temp_directory_path() / "strait-weights.json"; }

Configuration configuration() {
  auto parsed = parse_configuration(R"(
[site]
name = "test"
asn = 64500
[[path]]
name = "atlas"
device = "eth1"
[[target]]
name = "madrid"
address = "198.51.100.10"
region = "europe"
stands_for = ["ES"]
[[target]]
name = "paris"
address = "203.0.113.10"
region = "europe"
[analyzer]
weights_max_age = "1d"
weights = ")" + file_name() + "\"\n",
                                    "test.toml");
  if (!parsed) FAIL(parsed.error().message);
  return std::move(*parsed);
}

std::string traffic(WallTime to, int spain, int france) {
  const std::string row =
      R"({"strait":1,"type":"traffic_row","packets_to":1,"packets_from":0,"octets_from":0,)";
  return R"({"strait":1,"type":"traffic","octets_elsewhere":0,"sources":["eth0"],"from":"2020-01-01T00:00:00Z","to":")" +
         to_string(to) + "\"}\n" + row + R"("prefix":"192.0.2.0/24","country":"ES","octets_to":)" +
         std::to_string(spain) + "}\n" + row + R"("prefix":"203.0.113.0/24","octets_to":)" +
         std::to_string(france) + "}\n";
}

}  // namespace

TEST_CASE("targets weigh what the newest file says, and what they did without a good one") {
  const Configuration configured = configuration();
  const WallTime now = analyzer::test::start;
  TargetWeights weights;
  const auto weigh = [&](const std::string& text) {
    std::filesystem::remove(file_name());
    if (!text.empty()) std::ofstream{file_name()} << text;
    return weights.of(configured, now);
  };
  auto weighed = weigh(traffic(now, 3, 1));
  CHECK(weighed.used);
  CHECK(weighed.targets.at(0).weight == 0.75);
  CHECK(weighed.targets.at(1).weight == 0.25);
  for (const auto& [text, note] : {std::pair{std::string{}, "No such file"},
                                   {traffic(now - std::chrono::hours{25}, 3, 1), "more than"},
                                   {traffic(now, 0, 0), "no traffic"},
                                   {std::string{"[]"}, "line 1"}}) {
    CAPTURE(note);
    weighed = weigh(text);
    CHECK_FALSE(weighed.used);
    CHECK(weighed.targets.at(0).weight == 1);
    REQUIRE(weighed.notes.size() == 1);
    CHECK_THAT(weighed.notes[0], Catch::Contains(note));
  }
  weighed = weigh(traffic(now, 1, 3));
  CHECK(weighed.targets.at(0).weight == 0.25);
  std::filesystem::remove(file_name());
}

TEST_CASE("evidence follows the traffic: the target that has most of it makes the median") {
  const Configuration configured = configuration();
  std::mt19937_64 random{7};
  std::vector<Window> windows;
  for (const auto& [target, delay] : {std::pair{"madrid", 20.0}, {"paris", 60.0}}) {
    WindowBuilder window("atlas", target, 0);
    windows.push_back(window.noisy(random, millis(delay), Nanos{100'000}, 500));
  }
  const WallTime now = analyzer::test::start + analyzer::test::minute;
  const auto median = [&](int spain, int france) {
    std::filesystem::remove(file_name());
    std::ofstream{file_name()} << traffic(now, spain, france);
    TargetWeights weights;
    const auto& weighed = weights.of(configured, now);
    const Advice advice = advise(configured, windows, nullptr, nullptr, {}, now, {}, &weighed);
    REQUIRE(advice.evidence.size() == 1);
    return advice.evidence[0].percentile(0.5)->value;
  };
  CHECK(median(9, 1) < millis(25));
  CHECK(median(1, 9) > millis(55));
  std::filesystem::remove(file_name());
}
