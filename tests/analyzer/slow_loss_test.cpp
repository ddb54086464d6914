// SPDX-License-Identifier: Apache-2.0
#include "analyzer/slow_loss.hpp"

#include <catch2/catch.hpp>
#include <optional>
#include <random>

#include "analyzer/change.hpp"
#include "tests/analyzer/windows.hpp"

using namespace strait;
using namespace strait::analyzer;
using test::minute;
using test::ms;
using test::start;

namespace {

// Windows of as many probes, a probe lost by chance; the first week is only learned.
class Session {
 public:
  Session(unsigned probes, double usual) : probes_{probes}, usual_{usual} {
    for (int i = 0; i < 10'000; ++i) slow_.learn(draw(usual));
  }
  LossCount draw(double loss) {
    std::binomial_distribution<std::uint64_t> lost{probes_, loss};
    return {.lost = lost(random_), .decided = probes_};
  }
  // The windows until it is told of; nothing within `most`.
  std::optional<int> until_begun(double more, int most) {
    for (int i = 0; i < most; ++i) {
      if (slow_.begins(start + minute * i, draw(usual_ + more))) return i + 1;
    }
    return std::nullopt;
  }
  SlowLoss& slow() { return slow_; }

 private:
  std::mt19937_64 random_{5};  // NOLINT(bugprone-random-generator-seed)
  unsigned probes_;
  double usual_;
  SlowLoss slow_;
};

}  // namespace

TEST_CASE("a tenth of a per cent more shows after some 16,000 probes, however they come") {
  struct Case {
    unsigned probes;
    int least;  // windows
    int most;
  };
  const auto c = GENERATE(values<Case>({{60, 60, 600}, {200, 20, 200}, {600, 8, 90}}));
  CAPTURE(c.probes);
  Session session{c.probes, 0.0003};
  const auto windows = session.until_begun(0.001, 10'000);
  REQUIRE(windows);
  CHECK(*windows >= c.least);
  CHECK(*windows <= c.most);
  CHECK(session.slow().since() < start + *windows * minute);
  CHECK(session.slow().counted().share() > 0.0008);
  CHECK(session.slow().counted().share() < 0.003);
}

TEST_CASE("the usual loss begins nothing in a year, rare or not") {
  const double usual = GENERATE(0.0, 0.0003, 0.002, 0.02, 0.2);
  CAPTURE(usual);
  Session session{60, usual};
  CHECK_FALSE(session.until_begun(0, 365 * 1440).has_value());
}

TEST_CASE("where much is usual, twice as much is looked for") {
  Session session{60, 0.02};
  CHECK(session.until_begun(0.02, 300).has_value());
}

TEST_CASE("a burst is one event, however many it takes") {
  Session session{60, 0.0003};
  for (int i = 0; i < 1000; ++i) {
    const LossCount window{.lost = i % 100 == 0 ? 40U : 0U, .decided = 60};
    REQUIRE_FALSE(session.slow().begins(start + minute * i, window));
  }
}

TEST_CASE("a loss that came by chance shortly before is no part of what begins") {
  Session session{60, 0.0003};
  bool begun = false;
  for (int i = 0; i < 100 && !begun; ++i) {
    const bool lossy = i == 0 || (i >= 16 && i % 2 == 0);
    begun = session.slow().begins(start + minute * i, {.lost = lossy ? 1U : 0U, .decided = 60});
  }
  REQUIRE(begun);
  CHECK(session.slow().since() == start + minute * 16);
  CHECK(session.slow().counted().share() == Approx(0.5 / 60).epsilon(0.1));
}

TEST_CASE("what has begun ends where the windows that speak for it begin") {
  Session session{60, 0.0003};
  REQUIRE(session.until_begun(0.003, 1000));
  session.slow().restart();
  int later = 0;
  for (; later < 30; ++later) {
    const LossCount lossy{.lost = later % 4 == 0 ? 1U : 0U, .decided = 60};
    REQUIRE_FALSE(session.slow().ends(start + minute * later, lossy));
  }
  const WallTime last_lossy = start + minute * 28;
  bool ended = false;
  for (; later < 200 && !ended; ++later) {
    ended = session.slow().ends(start + minute * later, {.lost = 0, .decided = 60});
  }
  CHECK(ended);
  CHECK(session.slow().since() == last_lossy + minute);
}

TEST_CASE("before anything is known of the usual loss nothing is more than that") {
  SlowLoss slow;
  for (int i = 0; i < 100; ++i) {
    CHECK_FALSE(slow.begins(start + minute * i, {.lost = 1, .decided = 60}));
  }
}

TEST_CASE("a larger loss within a slow one is told by itself, and ends that") {
  ChangeWatch watch;
  std::vector<Change> told;
  const auto see = [&](int from, int to, int lossy_every, std::uint64_t lost) {
    for (int i = from; i < to; ++i) {
      const std::uint64_t here = i % lossy_every == 0 ? lost : 0;
      for (Change& change : watch.see(
               test::WindowBuilder("atlas", "paris", i).replies(20 * ms, 60 - here).lost(here))) {
        told.push_back(std::move(change));
      }
    }
  };
  see(0, 3000, 100, 1);
  REQUIRE(told.empty());
  see(3000, 3300, 10, 1);
  REQUIRE(told.size() == 1);
  CHECK(told[0].loss < 0.003);
  CHECK(told[0].from == start + 3000 * minute);
  see(3300, 3320, 1, 6);
  REQUIRE(told.size() == 3);
  CHECK(told[1].from == told[0].from);
  CHECK(told[1].to == start + 3300 * minute);
  CHECK(told[2].from == start + 3300 * minute);
  CHECK(told[2].loss > 0.05);
  CHECK_FALSE(told[2].to.has_value());
}
