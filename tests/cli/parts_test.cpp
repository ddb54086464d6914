// SPDX-License-Identifier: Apache-2.0
// Parts of a class from the configuration to what the commands say and render.
#include "cli/routes/parts.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "cli/routes/advice.hpp"
#include "cli/routes/fit.hpp"
#include "cli/routes/run.hpp"
#include "core/file.hpp"
#include "exporters/json_lines.hpp"
#include "exporters/sqlite_store.hpp"
#include "routes/mrt_dump.hpp"
#include "tests/analyzer/windows.hpp"
#include "tests/routes/rib_of.hpp"
#include "tests/temporary_folder.hpp"

using namespace strait;
using namespace strait::cli;
using analyzer::PartStanding;
using analyzer::test::millis;
using analyzer::test::minute;
using routes::Route;

namespace {

constexpr const char* configuration_text = R"(
[site]
asn = 64500
[[path]]
name = "atlas"
upstream_asn = 64501
neighbor_v4 = "192.0.2.2"
neighbor_v6 = "2001:db8::2"
protocol = "up_atlas"
device = "eth1"
[[path]]
name = "loukkos"
upstream_asn = 64502
neighbor_v4 = "192.0.2.6"
neighbor_v6 = "2001:db8::6"
protocol = "up_loukkos"
device = "eth2"
[[region]]
name = "europe"
prefixes = ["198.51.0.0/16", "3fff::/20"]
[[target]]
name = "madrid"
address = "198.51.1.10"
region = "europe"
[[target]]
name = "paris"
address = "198.51.2.10"
region = "europe"
[[target]]
name = "astray"
address = "203.0.113.9"
region = "europe"
weight = 0
[exporters]
store = "FOLDER/store.db"
[routes]
accept = ["bogon-asn", "bogon-prefix"]
rib = "FOLDER/rib.mrt"
registrations = ["FOLDER/registered.csv"]
[analyzer]
grain = "origin"
)";

// What is registered where. The last two are of IPv6, which no target measures.
constexpr const char* registered = R"(prefix,country_iso2
198.51.1.0/24,ES
198.51.2.0/24,FR
198.51.3.0/24,FR
198.51.4.0/24,ES
3fff:1::/32,ES
)";

constexpr const char* atlas = "192.0.2.2";
constexpr const char* loukkos = "192.0.2.6";
const std::vector<const char*> networks{"198.51.1.0/24", "198.51.2.0/24", "198.51.3.0/24",
                                        "198.51.4.0/24", "203.0.113.0/24"};

Prefix prefix(const char* network) { return parse_prefix(network).value(); }

// atlas is best everywhere; each prefix has an origin of its own, 64496 and up.
std::vector<Route> offers() {
  std::vector<Route> routes;
  for (std::uint32_t i = 0; i < networks.size(); ++i) {
    for (const char* const neighbor : {atlas, loukkos}) {
      Route route;
      route.prefix = prefix(networks[i]);
      route.neighbor = parse_address(neighbor).value();
      route.neighbor_asn = Asn{neighbor == atlas ? 64501U : 64502U};
      route.as_path.assign(neighbor == atlas ? 1 : 2, route.neighbor_asn);
      route.as_path.emplace_back(64496 + i % 4);
      routes.push_back(route);
    }
  }
  return routes;
}

using Delays = std::map<std::pair<std::string, std::string>, double>;  // by path and target, in ms

// Spain is nearer by loukkos, France by atlas.
const Delays spain_differs{{{"atlas", "madrid"}, 20},
                           {{"atlas", "paris"}, 20},
                           {{"loukkos", "madrid"}, 10},
                           {{"loukkos", "paris"}, 30}};
const Delays all_alike{{{"atlas", "madrid"}, 20},
                       {{"atlas", "paris"}, 20},
                       {{"loukkos", "madrid"}, 20},
                       {{"loukkos", "paris"}, 30}};

class Place {
 public:
  Place() : now_{minute * (SystemClock{}.now().wall.time_since_epoch() / minute)} {
    REQUIRE(replace_file(folder_ + "/registered.csv", registered));
    std::ofstream file{folder_ + "/rib.mrt", std::ios::binary};
    REQUIRE(routes::write_mrt_dump(rib_.rib, {.taken = now_, .collector_id = 1, .view = ""},
                                   [&](std::string_view piece) {
                                     file << piece;
                                     return file.good();
                                   })
                .written);
    configure("");
  }

  void configure(const std::string& more) {
    std::string text = configuration_text + more;
    for (auto at = text.find("FOLDER"); at != std::string::npos; at = text.find("FOLDER")) {
      text.replace(at, 6, folder_);
    }
    REQUIRE(replace_file(file(), text));
    auto parsed = parse_configuration(text, file());
    if (!parsed) FAIL(parsed.error().message);
    configuration_ = std::make_unique<Configuration>(std::move(*parsed));
  }
  [[nodiscard]] std::string file() const { return folder_ + "/strait.toml"; }
  [[nodiscard]] const Configuration& configuration() const { return *configuration_; }
  [[nodiscard]] const KnownRib& rib() const { return rib_; }

  // A minute of each session, `age` minutes before the end of the test's time.
  void measure(const Delays& delays, int age) {
    for (const auto& [session, ms] : delays) {
      analyzer::test::WindowBuilder window(session.first, session.second);
      window.noisy(random_, millis(ms), Nanos{200'000}, 300);
      windows_.push_back(window.at(now_ - age * minute));
    }
  }
  // So many minutes, judged one after the other; the last of them ends at the test's time.
  Advice minutes(const Delays& delays, int count, int before_the_end = 0,
                 const routes::Plan* in_force = nullptr) {
    Advice advice;
    for (int i = count; i > 0; --i) {
      measure(delays, i + before_the_end);
      advice = advise(*configuration_, windows_, &rib_, in_force, memory_,
                      now_ - (i - 1 + before_the_end) * minute);
      memory_ = advice.memory;
    }
    return advice;
  }
  // As the service does, and a restart after it.
  void store() {
    auto store = exporters::SqliteStore::open(folder_ + "/store.db");
    REQUIRE(store);
    REQUIRE((*store)->append(windows_));
    REQUIRE((*store)->remember(analyzer::lasting(memory_)));
  }
  void restart() {
    memory_ = exporters::parse_memory(exporters::to_json(analyzer::lasting(memory_))).value();
  }
  [[nodiscard]] RoutesSource source(bool json = false) const {
    return {.config = file(), .json = json};
  }
  // What a command says; what it tells in progress stands behind it.
  template <class Run, class Options>
  std::string said(Run run, const Options& options) const {
    std::ostringstream results;
    std::ostringstream progress;
    const auto status = run(options, RoutesStreams{results, progress, false});
    if (!status) FAIL(status.error().message);
    return results.str() + progress.str();
  }
  [[nodiscard]] std::string explained(const std::string& subject) const {
    return said(run_explain, ExplainOptions{.source = source(), .at = {}, .subject = subject});
  }

 private:
  testing::TemporaryFolder temporary_;
  std::string folder_ = temporary_.path();
  WallTime now_;
  KnownRib rib_{testing::rib_of(offers(), Asn{64500}), {}, WallTime{}, nullptr, {}};
  std::unique_ptr<Configuration> configuration_;
  std::vector<Window> windows_;
  analyzer::DecisionMemory memory_;
  std::mt19937_64 random_{11};  // NOLINT(bugprone-random-generator-seed)
};

std::vector<std::string> names_of(const std::vector<analyzer::Verdict>& verdicts) {
  std::vector<std::string> names;
  for (const analyzer::Verdict& each : verdicts) names.push_back(each.traffic_class);
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("of two countries the one that another path is faster to is a part of the plan") {
  Place place;
  Advice advice = place.minutes(spain_differs, 8, 20);
  CHECK(names_of(advice.verdicts) == Names{"europe", "europe:ES"});
  CHECK_FALSE(advice.verdicts[0].path);  // plain BGP goes by atlas
  REQUIRE(advice.plan->preferences.size() == 1);
  const routes::Preference& preference = advice.plan->preferences[0];
  CHECK(preference.traffic_class == "europe");
  CHECK(preference.path == "loukkos");
  CHECK(preference.prefixes == std::vector{prefix("198.51.1.0/24"), prefix("198.51.4.0/24")});
  CHECK_THAT(preference.reason, Catch::StartsWith("europe:ES: "));
  CHECK(advice.parts_known->unplaced == Names{"astray"});

  REQUIRE(advice.coverage.size() == 1);
  const exporters::Coverage& coverage = advice.coverage[0];
  CHECK(coverage.prefixes == 4);  // 203.0.113.0/24 is of no class
  CHECK(coverage.preferred == 2);
  CHECK(coverage.in_measured == 4);
  CHECK(coverage.in_split == 2);
  CHECK(coverage.weight_in_measured == 1);
  CHECK(coverage.weight_in_split == 0.5);
  CHECK(coverage.measured == 2);
  CHECK(coverage.split == 1);

  // Evidence of the part is what the plan rests on, too.
  CHECK(std::ranges::count(advice.evidence, "europe:ES", &analyzer::Evidence::traffic_class) == 2);

  // A restart in between changes nothing, and once the two paths are alike Spain is joined again.
  place.restart();
  advice = place.minutes(all_alike, 20);
  CHECK(advice.plan->preferences.empty());
  CHECK(advice.coverage[0].split == 0);
  CHECK(names_of(advice.verdicts) == Names{"europe"});
}

TEST_CASE("with the grain of a region nothing is taken apart") {
  Place place;
  place.configure("");
  auto configuration = place.configuration();
  configuration.analyzer.decision.grain = analyzer::Grain::region;
  std::vector<Window> windows;
  const Advice advice = advise(configuration, windows, &place.rib(), nullptr, {}, WallTime{});
  CHECK(advice.parts.empty());
  CHECK(advice.parts_known->measured.empty());
  CHECK(advice.coverage.size() == 1);
}

TEST_CASE("what is not to be split any more is left to the class, and a guard says so") {
  Place place;
  place.configure("max_parts = 0\n");
  const Advice advice = place.minutes(spain_differs, 8);
  CHECK(advice.plan->preferences.empty());
  CHECK(names_of(advice.verdicts) == Names{"europe"});
  const auto note = std::ranges::find(advice.plan->notes, "part-budget", &routes::GuardNote::guard);
  REQUIRE(note != advice.plan->notes.end());
  CHECK(note->message ==
        "class europe: 1 parts are left to it, 0 parts at most may go by paths of their own: "
        "europe:ES");
  CHECK_FALSE(note->blocks);
  CHECK(advice.coverage[0].left_out == 1);
}

TEST_CASE(
    "of a plan in force that stays which the evidence of its own part does not speak against") {
  Place place;
  const Advice advice = place.minutes(spain_differs, 8);
  routes::Plan held = *advice.plan;
  held.preferences[0].prefixes = {prefix("198.51.1.0/24"), prefix("198.51.2.0/24")};
  // Both are eligible by loukkos; only Spain's is wanted there.
  CHECK(left_behind(held, advice).preferences.at(0).prefixes ==
        std::vector{prefix("198.51.2.0/24")});
  CHECK(fit_part(place.configuration(), held, advice, place.rib()).preferences.at(0).prefixes ==
        held.preferences[0].prefixes);

  Advice dead = advice;
  for (analyzer::PartVerdict& part : dead.parts) {
    if (part.verdict.traffic_class != "europe:FR") continue;
    for (analyzer::Ranked& each : part.verdict.ranking) {
      each.eligible = each.path != "loukkos";
      if (!each.eligible) each.reason = "it loses too much";
    }
  }
  const routes::Plan rest = fit_part(place.configuration(), held, dead, place.rib());
  CHECK(rest.preferences.at(0).prefixes == std::vector{prefix("198.51.1.0/24")});
  CHECK(rest.notes.back().message ==
        "class europe:FR: loukkos is not preferred: it loses too much");

  // What is measured too little goes by the class.
  for (analyzer::PartVerdict& part : dead.parts) part.standing = PartStanding::unmeasured;
  CHECK(fit_part(place.configuration(), held, dead, place.rib()).preferences.at(0).prefixes ==
        held.preferences[0].prefixes);
}

TEST_CASE("the commands list parts beneath their class, explain them and render their prefixes") {
  Place place;
  place.minutes(spain_differs, 8, 1);
  place.store();
  const std::string text =
      place.said(run_recommend, RecommendOptions{.source = place.source(), .at = {}});
  INFO(text);
  CHECK_THAT(text, Catch::StartsWith("europe: keep (plain BGP decides)\n") &&
                       Catch::Contains("\n  europe:ES: keep loukkos\n") &&
                       Catch::Contains("\n    gain 10.") && Catch::Contains("  + 198.51.1.0/24"));
  CHECK_THAT(text,
             Catch::Contains("coverage:\n  europe: 2 parts measured of 2, 1 split, 0 left out; of "
                             "its 4 prefixes 4 (100.0 %) lie in measured parts, 2 (50.0 %) in "
                             "split ones, 2 are preferred; of its targets' weight 100.0 % and "
                             "50.0 %\n  1 targets are in no part, their addresses in no prefix of "
                             "their class: astray\n"));
  CHECK_THAT(place.said(run_diff, DiffOptions{.source = place.source(), .against = {}}),
             Catch::Contains("because europe:ES: ") && Catch::Contains("coverage:\n"));
  CHECK_THAT(place.said(run_render,
                        RenderOptions{.source = place.source(), .dialect = "bird", .output = {}}),
             Catch::Contains("198.51.1.0/24") && !Catch::Contains("198.51.2.0/24"));

  CHECK_THAT(place.explained("europe:ES"),
             Catch::StartsWith("europe:ES: split, of europe, 1 target inside, weight 1\n") &&
                 Catch::Contains("it goes by europe again once loukkos no longer surely gains"));
  CHECK_THAT(place.explained("europe:ES:AS64496"),
             Catch::StartsWith("europe:ES:AS64496 goes by europe:ES: no targets besides those of "
                               "europe:ES are known to be there\n"));
  CHECK_THAT(place.explained("europe:FR"),
             Catch::StartsWith("europe:FR: as-whole, of europe, 1 target inside, weight 1\n") &&
                 Catch::Contains("europe:FR: keep (goes by europe)\n"));
  CHECK_THAT(place.explained("europe:PT:AS1:198.51.9.0/24"),
             Catch::StartsWith("europe:PT:AS1:198.51.9.0/24 goes by europe: "));
  CHECK_THAT(place.explained("198.51.1.0/24"), Catch::Contains("198.51.1.0/24"));

  const std::string lines =
      place.said(run_recommend, RecommendOptions{.source = place.source(true), .at = {}});
  std::istringstream in{lines};
  std::vector<boost::json::object> objects;
  for (std::string line; std::getline(in, line);) {
    objects.push_back(boost::json::parse(line).as_object());
  }
  REQUIRE(objects.size() == 3);
  CHECK(objects[1].at("class").as_string() == "europe:ES");
  CHECK(objects[1].at("whole").as_string() == "europe");
  const auto& part = objects[2].at("parts").as_array().at(0).as_object();
  CHECK(part.at("part").as_string() == "europe:ES");
  CHECK(part.at("grain").as_string() == "country");
  CHECK(part.at("path").as_string() == "loukkos");
  CHECK(part.at("gain_low_ns").as_int64() > 9'000'000);
  const auto& coverage = objects[2].at("coverage").as_array().at(0).as_object();
  CHECK(coverage.at("in_split_parts").as_int64() == 2);
  CHECK(coverage.at("weight_in_split_parts").as_double() == 0.5);
  CHECK(objects[2].at("unplaced").as_array().size() == 1);
}

TEST_CASE("a command finds that a part has joined again as the service would") {
  Place place;
  place.minutes(spain_differs, 8, 20);
  for (int age = 20; age > 0; --age) place.measure(all_alike, age);
  place.store();
  const std::string text =
      place.said(run_recommend, RecommendOptions{.source = place.source(), .at = {}});
  INFO(text);
  CHECK_THAT(text, Catch::Contains("europe:ES: keep (goes by europe), until now loukkos\n") &&
                       Catch::Contains("joined again: loukkos is no longer clearly better than "
                                       "atlas, by which europe goes"));
}
