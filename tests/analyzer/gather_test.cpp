// SPDX-License-Identifier: Apache-2.0
#include "analyzer/gather.hpp"

#include <catch2/catch.hpp>

#include "analyzer/floor.hpp"
#include "analyzer/words.hpp"
#include "tests/analyzer/windows.hpp"

using namespace strait;
using namespace strait::analyzer;
using test::minute;
using test::ms;
using test::path;
using test::start;
using test::WindowBuilder;

namespace {

const std::vector<Target> europe{{.name = "paris", .traffic_class = "europe"}};

// Evidence of the path "atlas" for "europe", `minutes` after the start.
Evidence atlas(const std::vector<Window>& windows, int minutes = 1, double one_way_ms = 0,
               const std::vector<Target>& targets = europe) {
  const std::vector paths{path("atlas", one_way_ms)};
  const Network network{.targets = targets, .paths = paths, .far_ends = {}};
  const auto all = gather(windows, network, {}, start + (minutes * minute));
  REQUIRE(all.size() == 1);
  return all.front();
}

}  // namespace

TEST_CASE("evidence says in words what it cannot say in numbers") {
  struct Case {
    const char* what;
    std::vector<Window> windows;
    int minutes;
    const char* reason;
  };
  const auto c = GENERATE(values<Case>({
      {"no windows", {}, 1, "not measured"},
      {"an empty window", {WindowBuilder("atlas", "paris")}, 1, "no probe was sent"},
      {"one probe",
       {WindowBuilder("atlas", "paris").replies(20 * ms)},
       1,
       "1 probes, p95 needs 72"},
      {"too few",
       {WindowBuilder("atlas", "paris").replies(20 * ms, 71)},
       1,
       "71 probes, p95 needs 72"},
      {"all lost", {WindowBuilder("atlas", "paris").lost(300)}, 1, "p95 is infinite: 100.00 %"},
      {"a tenth lost",
       {WindowBuilder("atlas", "paris").replies(20 * ms, 270).lost(30)},
       1,
       "p95 is infinite: 10.00 %"},
      {"stale",
       {WindowBuilder("atlas", "paris").replies(20 * ms, 300)},
       10,
       "stale: the newest window ended"},
      {"a reply from the past",
       {WindowBuilder("atlas", "paris").replies(Nanos{-5}, 300)},
       1,
       "no time at all"},
      {"mostly kept apart",
       {WindowBuilder("atlas", "paris").replies(20 * ms, 299).kept_apart(9 * ms, 301)},
       1,
       "timestamps too uncertain: 301 of 600 replies are kept apart"},
      {"all kept apart",
       {WindowBuilder("atlas", "paris").kept_apart(20 * ms, 300)},
       1,
       "timestamps too uncertain: 300 of 300"},
  }));
  CAPTURE(c.what);
  const Evidence evidence = atlas(c.windows, c.minutes);
  CHECK(evidence.adequacy == Adequacy::insufficient);
  CHECK_THAT(evidence.adequacy_reason, Catch::Contains(c.reason));
}

TEST_CASE("evidence of good windows has every number") {
  std::vector<Window> windows;
  for (int i = 0; i < 8; ++i) {
    windows.push_back(WindowBuilder("atlas", "paris", i)
                          .replies(20 * ms, 95)
                          .replies(30 * ms, 4)
                          .lost(1)
                          .uncertain(Nanos{1000 * (i + 1)}));
  }
  const Evidence evidence = atlas(windows, 8, 9.5);
  CHECK(evidence.adequacy == Adequacy::adequate);
  CHECK(evidence.windows == 5);  // the newest five
  CHECK(evidence.samples == 495);
  CHECK(evidence.from == start + (3 * minute));
  CHECK(evidence.to == start + (8 * minute));
  CHECK(evidence.age == Nanos{0});
  CHECK(evidence.loss.hits == 5);
  CHECK(evidence.loss.trials == 500);
  CHECK(evidence.min == 20 * ms);
  CHECK(evidence.floor == 19 * ms);
  CHECK(*evidence.stretch == Approx(20.0 / 19.0));
  CHECK_FALSE(evidence.below_floor);
  CHECK(evidence.source == StampSource::kernel);
  CHECK(evidence.uncertainty == Nanos{8000});
  REQUIRE(evidence.rtt.size() == 4);
  CHECK(evidence.percentile(0.5)->value == 20 * ms);
  CHECK(evidence.percentile(0.5)->adequate());
  CHECK(evidence.percentile(0.99)->value.count() == Approx((30 * ms).count()).epsilon(0.003));
  CHECK(evidence.pdv->count() == Approx((10 * ms).count()).epsilon(0.01));
}

TEST_CASE("replies that are kept apart change neither loss nor percentiles, and are told of") {
  const Evidence evidence = atlas(
      {WindowBuilder("atlas", "paris").replies(20 * ms, 300).kept_apart(90 * ms, 270).lost(30)});
  CHECK(evidence.adequacy == Adequacy::adequate);
  CHECK(evidence.adequacy_reason == "315 probes, p95 needs 72");
  CHECK(evidence.percentile(0.95)->value == 20 * ms);
  CHECK(evidence.percentile(0.99)->infinite());
  CHECK(evidence.loss.trials == 600);
  CHECK(evidence.loss.value == Approx(0.05));
  CHECK(evidence.samples == 300);
  CHECK(evidence.kept_apart == 270);
  CHECK(evidence.percentile(0.90)->value == 20 * ms);
  CHECK(evidence.min == 20 * ms);
  REQUIRE(evidence.notes.size() == 1);
  CHECK_THAT(evidence.notes[0], Catch::Contains("270 of 570 replies are kept apart"));
}

TEST_CASE("a window without a reply does not change what timestamps the evidence has") {
  Window outage = WindowBuilder("atlas", "paris", 1).lost(60);
  outage.source = StampSource::user;
  const std::vector<Window> windows{WindowBuilder("atlas", "paris").replies(20 * ms, 60), outage};
  CHECK(atlas(windows, 2).source == StampSource::kernel);
  CHECK(atlas({outage}, 2).source == StampSource::user);
}

TEST_CASE("every path has evidence for every class, measured or not") {
  const std::vector<Target> targets{{.name = "paris", .traffic_class = "europe"},
                                    {.name = "lagos", .traffic_class = "africa"},
                                    {.name = "lagos", .traffic_class = "world"}};
  const std::vector paths{path("atlas"), path("loukkos")};
  const std::vector<Window> windows{WindowBuilder("atlas", "lagos").replies(90 * ms, 100),
                                    WindowBuilder("stranger", "nobody").replies(90 * ms, 100)};
  const auto all = gather(windows, {targets, paths, {}}, {}, start + minute);
  REQUIRE(all.size() == 6);
  CHECK(all[0].traffic_class == "africa");
  CHECK(all[0].samples == 100);
  CHECK(all[1].path == "loukkos");
  CHECK(all[1].windows == 0);
  CHECK(all[2].traffic_class == "europe");
  CHECK(all[2].windows == 0);
  CHECK(all[4].traffic_class == "world");
  CHECK(all[4].samples == 100);
}

TEST_CASE("a round trip below the fibre floor is refused, but not within the margin") {
  struct Case {
    double rtt_ms;
    double uncertainty_ms;
    bool below;
  };
  // Floor 19 ms, margin 0.5 ms.
  const auto c = GENERATE(values<Case>({
      {19.0, 0, false},
      {18.6, 0, false},
      {18.4, 0, true},
      {18.4, 0.2, false},
      {5.0, 0.2, true},
  }));
  CAPTURE(c.rtt_ms, c.uncertainty_ms);
  const Evidence evidence = atlas({WindowBuilder("atlas", "paris")
                                       .replies(test::millis(c.rtt_ms), 1)
                                       .replies(25 * ms, 299)
                                       .uncertain(test::millis(c.uncertainty_ms))},
                                  1, 9.5);
  CHECK(evidence.below_floor == c.below);
  CHECK((evidence.adequacy == Adequacy::adequate) == !c.below);
  if (c.below) CHECK_THAT(evidence.adequacy_reason, Catch::Contains("below the fibre floor of 19"));
}

TEST_CASE("the floor reaches beyond the landing where both positions are known") {
  const Position marseille{43.30, 5.37};
  const Position paris{48.86, 2.35};
  CHECK(great_circle_km(marseille, paris) == Approx(660).margin(5));
  // Casablanca to Frankfurt is 2269 km and 22.22 ms in the table of the method.
  CHECK(great_circle_km({33.59, -7.62}, {50.11, 8.68}) == Approx(2269).margin(10));
  const auto atlas_path = path("atlas", 8.0);
  CHECK(rtt_floor(atlas_path, {}, paris) == 16 * ms);
  CHECK(rtt_floor(atlas_path, marseille, paris)->count() == Approx(22.46e6).epsilon(0.01));
  CHECK_FALSE(rtt_floor(path("unknown"), marseille, paris));

  const std::vector<Target> targets{{"paris", "europe", 1, paris}};
  const std::vector paths{atlas_path};
  const std::vector<Window> windows{WindowBuilder("atlas", "paris").replies(20 * ms, 300)};
  const auto all = gather(windows, {targets, paths, {{"atlas", marseille}}}, {}, start + minute);
  CHECK(all.front().below_floor);
}

TEST_CASE("a target that is down everywhere says nothing, one that is down here counts as lost") {
  const std::vector<Target> targets{{.name = "paris", .traffic_class = "europe"},
                                    {.name = "rome", .traffic_class = "europe"}};
  const std::vector paths{path("atlas"), path("loukkos")};
  std::vector<Window> windows{WindowBuilder("atlas", "paris").replies(20 * ms, 300),
                              WindowBuilder("atlas", "rome").lost(300),
                              WindowBuilder("loukkos", "paris").replies(25 * ms, 300),
                              WindowBuilder("loukkos", "rome").lost(300)};
  auto all = gather(windows, {targets, paths, {}}, {}, start + minute);
  CHECK(all[0].loss.hits == 0);
  CHECK_THAT(all[0].notes.at(0), Catch::Contains("rome answered on no path"));

  windows[3] = WindowBuilder("loukkos", "rome").replies(30 * ms, 300);
  all = gather(windows, {targets, paths, {}}, {}, start + minute);
  CHECK(all[0].loss.hits == 300);
  CHECK(all[1].loss.hits == 0);
}

TEST_CASE("the minutes in which a target was down everywhere are nobody's loss, and are told of") {
  const std::vector<Target> targets{{.name = "paris", .traffic_class = "europe"},
                                    {.name = "rome", .traffic_class = "europe"}};
  const std::vector paths{path("atlas"), path("loukkos")};
  std::vector<Window> windows;
  for (int i = 0; i < 4; ++i) {
    for (const char* const name : {"atlas", "loukkos"}) {
      windows.push_back(WindowBuilder(name, "paris", i).replies(20 * ms, 60));
      WindowBuilder rome(name, "rome", i);
      windows.push_back(i < 3 ? rome.lost(60) : rome.replies(30 * ms, 57).lost(3));
    }
  }
  const auto all = gather(windows, {targets, paths, {}}, {}, start + 4 * minute);
  for (const Evidence& each : all) {
    CHECK(each.loss.hits == 3);
    CHECK(each.loss.trials == 5 * 60);
    REQUIRE(each.notes.size() == 1);
    CHECK_THAT(each.notes[0], Catch::Contains("rome answered on no path in 3 windows"));
  }
  // A few probes may all be lost by chance.
  windows = {WindowBuilder("atlas", "paris").replies(20 * ms, 60),
             WindowBuilder("atlas", "rome").replies(20 * ms, 60),
             WindowBuilder("atlas", "rome", 1).lost(7),
             WindowBuilder("atlas", "paris", 1).replies(20 * ms, 60)};
  CHECK(gather(windows, {targets, paths, {}}, {}, start + 2 * minute)[0].loss.hits == 7);
}

TEST_CASE("when nothing answers anywhere the loss stays visible") {
  const Evidence evidence = atlas({WindowBuilder("atlas", "paris").lost(300)});
  CHECK(evidence.loss.value == 1);
  CHECK(evidence.percentile(0.5)->infinite());
}

TEST_CASE("numbers that do not exist are words") {
  CHECK(to_text(Percentile{
            .q = 0.95, .value = Nanos{19'620'000}, .low = {}, .high = {}, .probes = 9}) ==
        "p95 19.62 ms [insufficient]");
  CHECK(
      to_text(Percentile{.q = 0.99, .value = infinite_delay, .low = {}, .high = {}, .probes = 9}) ==
      "p99 infinite");
  CHECK(to_text(Percentile{
            .q = 0.5, .value = 20 * ms, .low = 19 * ms, .high = infinite_delay, .probes = 9}) ==
        "p50 20.00 ms [19.00 ms, infinite]");
  CHECK(to_text(Proportion{}) == "nothing was sent");
}

TEST_CASE("what lies beyond the floor and the great circle is also said in kilometres of fibre") {
  const Position casablanca{33.59, -7.62};
  const Position frankfurt{50.11, 8.68};
  const std::vector<Target> targets{
      {.name = "paris", .traffic_class = "europe", .position = std::nullopt},
      {.name = "frankfurt", .traffic_class = "europe", .position = frankfurt}};
  const std::vector paths{path("atlas", 8.0), path("unknown")};
  const std::vector<Window> windows{WindowBuilder("atlas", "frankfurt").replies(44 * ms, 300),
                                    WindowBuilder("atlas", "paris").replies(20 * ms, 300),
                                    WindowBuilder("unknown", "paris").replies(20 * ms, 300)};
  const auto all =
      gather(windows, {.targets = targets, .paths = paths, .far_ends = {}, .site = casablanca}, {},
             start + minute);
  const Evidence& evidence = all[0];
  CHECK(*evidence.detour_km == Approx(4e6 / 9794.8).epsilon(0.001));  // 20 ms less 16 ms
  REQUIRE(evidence.great_circle);
  CHECK(evidence.great_circle->target == "frankfurt");
  CHECK(static_cast<double>(evidence.great_circle->round_trip.count()) ==
        Approx(22.22e6).epsilon(0.01));
  CHECK(evidence.great_circle->stretch == Approx(44 / 22.22).epsilon(0.01));
  CHECK(evidence.great_circle->detour_km == Approx(4492 - 2269).epsilon(0.01));
  CHECK_FALSE(all[1].detour_km);     // its segments are not known
  CHECK_FALSE(all[1].great_circle);  // nor where its target is
}

TEST_CASE("one-way delays have an asymmetry, which the clocks of both ends may make up") {
  Window window = WindowBuilder("atlas", "paris").replies(20 * ms, 300);
  window.forward.record(13 * ms, 300);
  window.reverse.record(7 * ms, 300);
  window.clocks.error = 2 * ms;
  Window off = WindowBuilder("atlas", "paris", 1).replies(20 * ms, 300);
  off.session.dscp = 46;
  off.forward.record(-1 * ms, 300);
  off.reverse.record(21 * ms, 300);
  const std::vector paths{path("atlas")};
  const Network network{.targets = europe, .paths = paths, .far_ends = {}};
  EvidenceOptions options;
  options.one_way = GENERATE(false, true);
  const auto all = gather(std::vector{window, off}, network, options, start + 2 * minute);
  REQUIRE(all.front().one_way.size() == (options.one_way ? 1 : 0));
  if (!options.one_way) return;
  const OneWayDelays& delays = all.front().one_way.front();
  CHECK((delays.target == "paris" && delays.dscp == 0 && delays.samples == 300));
  CHECK(std::chrono::abs(delays.asymmetry() - 6 * ms) < Nanos{100'000});
  CHECK(delays.asymmetry_error() == 4 * ms);
}
