// SPDX-License-Identifier: Apache-2.0
#include "analyzer/timeline.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "tests/analyzer/windows.hpp"

using namespace strait;
using namespace strait::analyzer;
using test::minute;
using test::ms;
using test::start;
using test::WindowBuilder;

namespace {

const std::vector<Target> europe{{.name = "paris", .traffic_class = "europe"}};
constexpr Nanos second{1'000'000'000};

std::uint64_t replies(const Timeline& timeline, const Span& span) {
  std::uint64_t count = 0;
  for (const Stream& stream : timeline.lane("europe", "atlas").pool(span)) {
    count += stream.rtt.count();
  }
  return count;
}

}  // namespace

TEST_CASE("a repeated or overlapping window counts once") {
  const std::vector<Window> windows{
      WindowBuilder("atlas", "paris", 0).replies(20 * ms, 10),
      WindowBuilder("atlas", "paris", 0).replies(20 * ms, 10),
      WindowBuilder("atlas", "paris").at(start + (30 * second)).replies(20 * ms, 7),
      WindowBuilder("atlas", "paris", 1).replies(20 * ms, 5),
  };
  const Timeline timeline{windows, europe, start + (2 * minute)};
  CHECK(timeline.left_out().overlapping == 2);
  CHECK(replies(timeline, {*timeline.newest() - 9, *timeline.newest()}) == 15);
}

TEST_CASE("windows from the future of a clock that was set back are left out") {
  const std::vector<Window> windows{WindowBuilder("atlas", "paris", 0).replies(20 * ms, 10),
                                    WindowBuilder("atlas", "paris", 60).replies(20 * ms, 10)};
  const Timeline timeline{windows, europe, start + minute};
  CHECK(timeline.left_out().future == 1);
  CHECK(timeline.end_of(*timeline.newest()) == start + minute);
}

TEST_CASE("a short window joins the slot of its middle") {
  std::vector<Window> windows{
      WindowBuilder("atlas", "paris", 0).replies(20 * ms, 10),
      WindowBuilder("atlas", "paris", 1).replies(20 * ms, 10),
      WindowBuilder("atlas", "paris").at(start + (2 * minute), 20 * second).replies(20 * ms, 3),
      WindowBuilder("atlas", "paris")
          .at(start + (2 * minute) + (20 * second), 40 * second)
          .replies(20 * ms, 4),
  };
  const Timeline timeline{windows, europe, start + (3 * minute)};
  CHECK(timeline.window_length() == minute);
  const Slot newest = *timeline.newest();
  CHECK(timeline.end_of(newest) == start + (3 * minute));
  CHECK(replies(timeline, {newest, newest}) == 7);
}

TEST_CASE("windows of no length or of unknown targets have no place") {
  const std::vector<Window> windows{
      WindowBuilder("atlas", "paris").at(start, Nanos{0}).replies(20 * ms, 10),
      WindowBuilder("atlas", "nowhere", 0).replies(20 * ms, 10)};
  const Timeline timeline{windows, europe, start + minute};
  CHECK(timeline.empty());
  CHECK(timeline.left_out().unknown_target == 1);
}

TEST_CASE("the order in which windows arrive changes nothing") {
  std::vector<Window> windows;
  for (int i = 0; i < 6; ++i) {
    windows.push_back(WindowBuilder("atlas", "paris", i).replies((20 + i) * ms, 10));
    windows.push_back(WindowBuilder("atlas", "paris", i).replies((30 + i) * ms, 5));
  }
  const Timeline before{windows, europe, start + (6 * minute)};
  std::mt19937 random{7};  // NOLINT(bugprone-random-generator-seed)
  std::vector<Window> shuffled = windows;
  std::ranges::shuffle(shuffled, random);
  const Timeline after{shuffled, europe, start + (6 * minute)};
  const Span all{*before.newest() - 9, *before.newest()};
  CHECK(before.lane("europe", "atlas").pool(all).front().rtt ==
        after.lane("europe", "atlas").pool(all).front().rtt);
}
