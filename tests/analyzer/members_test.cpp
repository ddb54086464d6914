// SPDX-License-Identifier: Apache-2.0
#include "analyzer/members.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "analyzer/words.hpp"
#include "tests/analyzer/windows.hpp"

using namespace strait;
using namespace strait::analyzer;
using test::minute;
using test::ms;
using test::start;
using test::WindowBuilder;

namespace {

FlowDelays flow(std::uint16_t number, Nanos minimum, std::uint64_t samples = 30) {
  FlowDelays delays{.flow = number, .rtt = Sketch{}, .lost = 0};
  if (samples > 0) delays.rtt.record(minimum);
  if (samples > 1) delays.rtt.record(minimum + ms, samples - 1);
  return delays;
}

std::vector<std::vector<std::uint16_t>> groups(const FlowMembers& found) {
  std::vector<std::vector<std::uint16_t>> all;
  for (const EcmpMember& member : found.members) all.push_back(member.flows);
  return all;
}

using Groups = std::vector<std::vector<std::uint16_t>>;

Evidence atlas(const std::vector<Window>& windows) {
  static const std::vector<Target> europe{{.name = "paris", .traffic_class = "europe"}};
  const std::vector paths{test::path("atlas")};
  const auto all =
      gather(windows, {.targets = europe, .paths = paths, .far_ends = {}}, {}, start + minute);
  REQUIRE(all.size() == 1);
  return all.front();
}

Window of_flow(std::uint16_t flow, Nanos rtt, std::uint64_t probes, std::uint64_t lost = 0) {
  Window window = WindowBuilder("atlas", "paris").replies(rtt, probes).lost(lost);
  window.session.flow = flow;
  return window;
}

}  // namespace

TEST_CASE("flows form a new member where the next minimum is clearly farther, and only there") {
  struct Case {
    const char* what;
    std::vector<FlowDelays> flows;
    Groups groups;
  };
  const auto c = GENERATE(values<Case>({
      {"no flows", {}, {}},
      {"one flow", {flow(0, 20 * ms)}, {{0}}},
      {"alternating",
       {flow(0, 20 * ms), flow(1, 23 * ms), flow(2, 20 * ms), flow(3, 23 * ms)},
       {{0, 2}, {1, 3}}},
      {"half a millisecond is not more than half a millisecond",
       {flow(0, 2 * ms), flow(1, 2 * ms + Nanos{500'000})},
       {{0, 1}}},
      {"a nanosecond more is", {flow(0, 2 * ms), flow(1, 2 * ms + Nanos{500'001})}, {{0}, {1}}},
      {"3 % of 100 ms are 3 ms", {flow(0, 100 * ms), flow(1, 103 * ms)}, {{0, 1}}},
      {"and a nanosecond more is apart",
       {flow(0, 100 * ms), flow(1, 103 * ms + Nanos{1})},
       {{0}, {1}}},
      {"three ways, one flow each",
       {flow(5, 30 * ms), flow(6, 10 * ms), flow(7, 20 * ms)},
       {{6}, {7}, {5}}},
      {"19 samples place no flow", {flow(0, 20 * ms), flow(1, 30 * ms, 19)}, {{0}}},
      {"nothing but losses", {flow(0, 20 * ms, 0), flow(1, 20 * ms, 0)}, {}},
  }));
  CAPTURE(c.what);
  const FlowMembers found = cluster_members(c.flows);
  CHECK(groups(found) == c.groups);
  CHECK(found.flows.size() == c.flows.size());
}

TEST_CASE("a member's minimum and median are those of all its samples") {
  const std::vector<FlowDelays> flows{flow(0, 20 * ms, 100), flow(1, 20 * ms + Nanos{1000}, 20)};
  const FlowMembers found = cluster_members(flows);
  REQUIRE(found.members.size() == 1);
  CHECK(found.members[0].minimum == 20 * ms);
  CHECK(found.members[0].samples == 120);
  CHECK(found.members[0].median.count() == Approx((21 * ms).count()).epsilon(0.003));
}

TEST_CASE("members and unplaced flows partition the flows, whatever their delays") {
  CHECK(rc::check([] {
    std::mt19937_64 random{*rc::gen::arbitrary<std::uint64_t>()};
    const auto count = *rc::gen::inRange<std::uint16_t>(0, 65);
    std::vector<FlowDelays> flows;
    for (std::uint16_t i = 0; i < count; ++i) {
      const auto delay = *rc::gen::inRange<std::int64_t>(-1000, 200'000'000);
      flows.push_back(flow(i, Nanos{delay}, *rc::gen::inRange<std::uint64_t>(0, 60)));
    }
    std::ranges::shuffle(flows, random);
    const FlowMembers found = cluster_members(flows);
    std::vector<std::uint16_t> seen;
    for (const EcmpMember& member : found.members) {
      RC_ASSERT(!member.flows.empty());
      RC_ASSERT(member.samples >= samples_to_place_flow);
      std::ranges::copy(member.flows, std::back_inserter(seen));
    }
    for (const FlowFigures& each : found.unplaced) {
      RC_ASSERT(each.samples < samples_to_place_flow);
      seen.push_back(each.flow);
    }
    std::ranges::sort(seen);
    RC_ASSERT(seen.size() == count);
    for (std::uint16_t i = 0; i < count; ++i) RC_ASSERT(seen[i] == i);
    RC_ASSERT(std::ranges::is_sorted(found.members, {}, &EcmpMember::minimum));
  }));
}

TEST_CASE("flow numbers are listed in runs") {
  const std::vector<std::uint16_t> flows{0, 2, 3, 4, 6, 7, 63};
  CHECK(flow_list(flows) == "0 2-4 6 7 63");
  CHECK(flow_list({}).empty());
}

TEST_CASE("evidence of flows over two members says that its percentiles mix them") {
  std::vector<Window> windows;
  for (std::uint16_t i = 0; i < 4; ++i) {
    windows.push_back(of_flow(i, (i % 2 == 0 ? 20 : 23) * ms, 60));
  }
  const Evidence evidence = atlas(windows);
  CHECK(evidence.adequacy == Adequacy::adequate);
  CHECK(evidence.samples == 240);
  CHECK(evidence.mixed_members() == 2);
  CHECK(mixture_text(evidence) == ", mixed over 2 ECMP members");
  REQUIRE(evidence.flows.size() == 1);
  CHECK(evidence.flows[0].target == "paris");
  CHECK(groups(evidence.flows[0].by_flow) == Groups{{0, 2}, {1, 3}});
  REQUIRE(evidence.notes.size() == 1);
  CHECK_THAT(evidence.notes[0],
             Catch::Contains("mixed over 2 ECMP members; flows 0 2: min 20.00 ms, median 20.00 ms; "
                             "flows 1 3: min 23.00 ms, median 23.00 ms"));
}

TEST_CASE("a member that drops everything is named, and one flow alone has no members") {
  std::vector<Window> windows{of_flow(0, 20 * ms, 100), of_flow(1, 20 * ms, 0, 100),
                              of_flow(2, 20 * ms, 5)};
  const Evidence evidence = atlas(windows);
  CHECK(evidence.mixed_members() == 1);
  CHECK(mixture_text(evidence).empty());
  REQUIRE(evidence.notes.size() == 1);
  CHECK_THAT(evidence.notes[0],
             Catch::Contains("fewer than 20 samples: flows 1 2; every probe lost: flows 1"));

  const Evidence single = atlas({of_flow(0, 20 * ms, 100)});
  CHECK(single.flows.empty());
  CHECK(single.mixed_members() == 0);
  CHECK(single.notes.empty());
}
