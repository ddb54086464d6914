// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/advice.hpp"

#include <catch2/catch.hpp>
#include <set>

#include "cli/routes/offers.hpp"
#include "tests/analyzer/windows.hpp"
#include "tests/routes/rib_of.hpp"

using namespace strait;
using namespace strait::cli;
using analyzer::test::minute;
using analyzer::test::WindowBuilder;
using routes::Route;

namespace {

constexpr const char* text = R"(
[site]
name = "test"
asn = 64500
[[path]]
name = "atlas"
upstream_asn = 64501
neighbor_v4 = "192.0.2.2"
protocol = "up_atlas"
device = "eth1"
[[path]]
name = "loukkos"
upstream_asn = 64502
neighbor_v4 = "192.0.2.6"
protocol = "up_loukkos"
device = "eth2"
[[region]]
name = "europe"
prefixes = ["198.51.0.0/16"]
[routes]
accept = ["bogon-asn"]
[[target]]
name = "madrid"
address = "198.51.100.10"
region = "europe"
)";

const Configuration& configuration() {
  static const auto parsed = parse_configuration(text, "test.toml");
  if (!parsed) FAIL(parsed.error().message);
  return *parsed;
}

Prefix prefix(const char* network) { return parse_prefix(network).value(); }

Route route(const char* network, const char* neighbor, std::uint32_t length) {
  Route route;
  route.prefix = prefix(network);
  route.neighbor = parse_address(neighbor).value();
  route.neighbor_asn = Asn{neighbor == std::string_view{"192.0.2.2"} ? 64501U : 64502U};
  route.as_path.assign(length, route.neighbor_asn);
  route.as_path_length = length;
  route.first_asn = route.origin_asn = route.neighbor_asn;
  return route;
}

constexpr const char* atlas = "192.0.2.2";
constexpr const char* loukkos = "192.0.2.6";

// atlas is best for two prefixes of Europe and loukkos for one; the last is of no class.
std::vector<Route> offers() {
  return {route("198.51.1.0/24", atlas, 1),  route("198.51.1.0/24", loukkos, 2),
          route("198.51.2.0/24", atlas, 1),  route("198.51.2.0/24", loukkos, 2),
          route("198.51.3.0/24", atlas, 3),  route("198.51.3.0/24", loukkos, 2),
          route("203.0.113.0/24", atlas, 3), route("203.0.113.0/24", loukkos, 2)};
}

KnownRib known(const std::vector<Route>& routes) {
  return {testing::rib_of(routes, Asn{64500}), {}, analyzer::test::start, nullptr, {}};
}

PathByClass defaults(const routes::Rib& rib, const routes::Plan* in_force) {
  return default_paths(configuration(), rib, {rib, configuration().regions}, {}, in_force);
}

// Six minutes of both paths, judged each minute as the service does; the last advice.
Advice six_minutes(double atlas_ms, double loukkos_ms, const KnownRib* rib,
                   const routes::Plan* in_force = nullptr) {
  std::mt19937_64 random{5};
  std::vector<Window> windows;
  Advice advice;
  for (int i = 0; i < 6; ++i) {
    for (const auto& [path, delay] : {std::pair{"atlas", atlas_ms}, {"loukkos", loukkos_ms}}) {
      WindowBuilder window(path, "madrid", i);
      windows.push_back(window.noisy(random, analyzer::test::millis(delay), Nanos{500'000}, 300));
    }
    advice = advise(configuration(), windows, rib, in_force, advice.memory,
                    analyzer::test::start + ((i + 1) * minute));
  }
  return advice;
}

}  // namespace

TEST_CASE("every target over every path is a session of as many flows as are wanted") {
  CHECK(configuration().sessions().size() == 2);
  const auto flows = parse_configuration(std::string{text} + "[probe]\nflows = 3\n", "test.toml");
  if (!flows) FAIL(flows.error().message);
  const auto sessions = flows->sessions();
  REQUIRE(sessions.size() == 6);
  std::set<SessionKey> keys;
  for (const auto& session : sessions) {
    keys.insert(session.key);
    CHECK(session.schedule.interval == std::chrono::milliseconds{300});
  }
  CHECK(keys.size() == 6);
}

TEST_CASE("the default path is the one that plain BGP uses for most prefixes of the class") {
  const auto found = defaults(known(offers()).rib, nullptr);
  REQUIRE(found.size() == 1);  // 203.0.113.0/24 is of no class and has no vote
  CHECK(found.at("europe") == "atlas");
}

TEST_CASE("what a plan in force has raised does not count as plain BGP's choice") {
  auto routes = offers();
  routes::Plan plan;
  plan.preferences.push_back({"europe", "loukkos", "up_loukkos", LocalPref{200}, {}, ""});
  for (Route& each : routes) {
    each.local_pref = LocalPref{100};
    if (each.neighbor_asn != Asn{64502} || each.prefix == prefix("203.0.113.0/24")) continue;
    each.local_pref = LocalPref{200};
    plan.preferences.front().prefixes.push_back(each.prefix);
  }
  const KnownRib rib = known(routes);
  CHECK(defaults(rib.rib, nullptr).at("europe") == "loukkos");
  CHECK(defaults(rib.rib, &plan).at("europe") == "atlas");
}

TEST_CASE("a route from an upstream that is no path of ours makes no path the default") {
  auto routes = offers();
  for (const char* network : {"198.51.1.0/24", "198.51.2.0/24", "198.51.3.0/24"}) {
    routes.push_back(route(network, "192.0.2.99", 1));
    routes.back().local_pref = LocalPref{500};
  }
  CHECK(defaults(known(routes).rib, nullptr).empty());
}

TEST_CASE("without a RIB there are verdicts and no plan") {
  const Advice advice = six_minutes(40, 20, nullptr);
  REQUIRE(advice.verdicts.size() == 1);
  CHECK(advice.verdicts[0].traffic_class == "europe");
  CHECK(advice.verdicts[0].path == "loukkos");
  CHECK(advice.plan == nullptr);
  CHECK(advice.newest.size() == 2);
  CHECK(advice.evidence.size() == 2);
}

TEST_CASE("the plan raises the faster path's own prefixes of the class, and runs out") {
  const KnownRib rib = known(offers());
  const Advice advice = six_minutes(40, 20, &rib);
  REQUIRE(advice.plan != nullptr);
  REQUIRE(advice.plan->preferences.size() == 1);
  const routes::Preference& preference = advice.plan->preferences[0];
  CHECK(preference.path == "loukkos");
  CHECK(preference.protocol == "up_loukkos");
  CHECK(preference.prefixes ==
        std::vector{prefix("198.51.1.0/24"), prefix("198.51.2.0/24"), prefix("198.51.3.0/24")});
  CHECK_FALSE(advice.plan->blocked());
  CHECK(advice.plan->evidence_hash.size() == 64);
  CHECK(advice.plan->expires - advice.plan->made == configuration().analyzer.plan.expiry);
  CHECK(six_minutes(40, 20, &rib).plan->evidence_hash == advice.plan->evidence_hash);
}

TEST_CASE("the faster path is not preferred where its upstream offers nothing of the class") {
  auto routes = offers();
  std::erase_if(routes, [](const Route& each) { return each.neighbor_asn == Asn{64502}; });
  const KnownRib rib = known(routes);
  const Advice advice = six_minutes(40, 20, &rib);
  CHECK(advice.verdicts.at(0).path != "loukkos");
  REQUIRE(advice.plan != nullptr);
  for (const auto& preference : advice.plan->preferences) CHECK(preference.path != "loukkos");
}

TEST_CASE("a RIB with holes in it blocks the plan") {
  KnownRib rib = known(offers());
  rib.report.damaged = 1;
  const Advice advice = six_minutes(40, 20, &rib);
  REQUIRE(advice.plan != nullptr);
  CHECK(advice.plan->blocked());
}

TEST_CASE("a decision looks back as far as evidence, pairs and repetition need") {
  CHECK(look_back(configuration()) == (9 + 3 + 10) * minute);  // 10 for many classes
}

TEST_CASE("a path whose pin fails has no evidence, no rank and no preference, and it is said why") {
  const KnownRib rib = known(offers());
  Advice before = six_minutes(30, 20, &rib);
  REQUIRE(before.verdicts.at(0).path == "loukkos");
  const analyzer::PinNotes pins{
      {"loukkos", {true, "pin failed: 192.0.2.9 answered, not 192.0.2.6"}},
      {"atlas", {false, "pin unverified: nobody answered"}}};
  std::vector<Window> windows;
  WindowBuilder window("atlas", "madrid", 6);
  std::mt19937_64 random{5};
  windows.push_back(window.noisy(random, analyzer::test::millis(30), Nanos{500'000}, 300));
  const Advice after = advise(configuration(), windows, &rib, nullptr, before.memory,
                              analyzer::test::start + (7 * minute), pins);
  const analyzer::Verdict& verdict = after.verdicts.at(0);
  CHECK_FALSE(verdict.path.has_value());
  CHECK_THAT(verdict.reason,
             Catch::Contains("the preference for loukkos is withdrawn: pin failed"));
  REQUIRE(verdict.ranking.size() == 2);
  CHECK(verdict.ranking[0].eligible);
  CHECK_THAT(verdict.ranking[0].reason, Catch::Contains("; pin unverified: nobody answered"));
  CHECK(verdict.ranking[1].reason == "pin failed: 192.0.2.9 answered, not 192.0.2.6");
  CHECK(after.plan->preferences.empty());
  for (const analyzer::Evidence& evidence : after.evidence) {
    CAPTURE(evidence.path);
    const bool failed = evidence.path == "loukkos";
    CHECK((evidence.adequacy == analyzer::Adequacy::insufficient) == failed);
    if (failed) CHECK(evidence.adequacy_reason == pins.at("loukkos").words);
    CHECK(std::ranges::count(evidence.notes, pins.at("atlas").words) == (failed ? 0 : 1));
  }
}
