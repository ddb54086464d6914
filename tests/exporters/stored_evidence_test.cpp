// SPDX-License-Identifier: Apache-2.0
#include "exporters/stored_evidence.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "core/passive_method.hpp"
#include "exporters/sqlite_store.hpp"
#include "tests/exporters/samples.hpp"

using namespace strait;
using namespace strait::exporters;
using namespace std::chrono_literals;

namespace {

constexpr int minutes_stored = 20;

std::unique_ptr<SqliteStore> filled() {
  auto store = SqliteStore::open(":memory:");
  REQUIRE(store.has_value());
  std::vector<Window> windows;
  for (int i = 0; i < minutes_stored; ++i) {
    const WallTime start = samples::start + std::chrono::minutes{i};
    windows.push_back(samples::window("atlas", "192.0.2.1", start, 19ms));
    windows.push_back(samples::window("loukkos", "192.0.2.1", start, 31ms));
    windows.push_back(samples::window("atlas", "192.0.2.2", start, 60ms));
  }
  REQUIRE((*store)->append(windows).has_value());
  REQUIRE((*store)->set_regions({{"192.0.2.1", "europe"}}).has_value());
  return std::move(*store);
}

const WallTime now = samples::start + std::chrono::minutes{minutes_stored};

const analyzer::Evidence& of(const StoredEvidence& stored, const std::string& path,
                             const std::string& traffic_class) {
  const auto found = std::ranges::find_if(stored.evidence, [&](const analyzer::Evidence& e) {
    return e.path == path && e.traffic_class == traffic_class;
  });
  REQUIRE(found != stored.evidence.end());
  return *found;
}

}  // namespace

TEST_CASE("stored windows carry the evidence of the whole range, by region") {
  const auto store = filled();
  const auto stored = stored_evidence(*store, {}, {}, {}, now);
  REQUIRE(stored.has_value());
  CHECK(stored->windows == 3 * minutes_stored);
  CHECK(stored->damaged == 0);

  const auto& atlas = of(*stored, "atlas", "europe");
  CHECK(atlas.samples == 599 * minutes_stored);
  CHECK(atlas.loss.hits == minutes_stored);
  REQUIRE(atlas.percentile(0.5) != nullptr);
  CHECK(std::abs(atlas.percentile(0.5)->value.count() - 19'300'000) < 19'300'000 * 3 / 1000);
  CHECK(of(*stored, "loukkos", "europe").percentile(0.5)->value > 30ms);
  CHECK(of(*stored, "atlas", "unknown").percentile(0.5)->value > 59ms);
}

TEST_CASE("range and filter bound what the evidence rests on") {
  const auto store = filled();
  const auto half = stored_evidence(*store, {samples::start + 10min, now}, {}, {}, now);
  REQUIRE(half.has_value());
  CHECK(of(*half, "atlas", "europe").samples == 599 * 10);

  const WindowFilter filter{.path = "loukkos", .target = {}, .region = "europe"};
  const auto one = stored_evidence(*store, {}, filter, {}, now);
  REQUIRE(one.has_value());
  REQUIRE(one->evidence.size() == 1);
  CHECK(one->evidence[0].path == "loukkos");

  const auto none = stored_evidence(*store, {now, now + 1h}, {}, {}, now);
  REQUIRE(none.has_value());
  CHECK(none->evidence.empty());
}

TEST_CASE("a floor reaches to the target, as the service's does") {
  const auto store = filled();
  routes::Path path;
  path.name = "atlas";
  path.one_way_floor = 4ms;
  const std::vector paths{path};
  const analyzer::Position marseille{43.30, 5.37};
  const analyzer::Position paris{48.86, 2.35};
  Surroundings known;
  known.paths = paths;
  CHECK(of(*stored_evidence(*store, {}, {}, known, now), "atlas", "europe").floor == 8ms);
  known.far_ends["atlas"] = marseille;
  known.targets["192.0.2.1"] = paris;
  known.site = marseille;
  const auto stored = stored_evidence(*store, {}, {}, known, now);
  const auto& evidence = of(*stored, "atlas", "europe");
  CHECK(evidence.floor > 14ms);
  CHECK(evidence.floor < 15ms);
  REQUIRE(evidence.great_circle);
  CHECK(evidence.great_circle->round_trip == *evidence.floor - 8ms);
}

TEST_CASE("captured traffic is evidence of its own, without loss, and nobody sees it unawares") {
  const auto store = filled();
  const auto before = stored_evidence(*store, {}, {}, {}, now);
  Window seen = samples::window("atlas", "192.0.2.1", samples::start, 5ms);
  seen.session.protocol = protocol_of(PassiveMethod::timestamp);
  Window opened = samples::window("atlas", "192.0.2.1", samples::start, 9ms);
  opened.session.protocol = protocol_of(PassiveMethod::handshake);
  const std::vector<Window> windows{seen, opened};
  REQUIRE(store->append(windows).has_value());

  CHECK(store->windows({}, {})->windows.size() == 3 * minutes_stored);
  WindowFilter filter;
  filter.kind = WindowKind::passive;
  CHECK(store->windows({}, filter)->windows.size() == 2);

  const auto after = stored_evidence(*store, {}, {}, {}, now);
  REQUIRE(after.has_value());
  CHECK(after->windows == 3 * minutes_stored + 2);
  REQUIRE(after->evidence.size() == before->evidence.size() + 2);
  CHECK(of(*after, "atlas", "europe").samples == of(*before, "atlas", "europe").samples);
  std::vector<std::string> methods;
  for (const analyzer::Evidence& each : after->evidence) {
    if (each.method.empty()) continue;
    methods.push_back(each.method);
    CHECK(each.traffic_class == "europe");
    CHECK(each.loss.trials == 0);
    CHECK_FALSE(each.floor.has_value());
    CHECK((each.percentile(0.5)->value < 8ms) == (each.method == "timestamp"));
  }
  CHECK(methods == std::vector<std::string>{"handshake", "timestamp"});
}
