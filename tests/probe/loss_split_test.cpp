// SPDX-License-Identifier: Apache-2.0
#include "probe/loss_split.hpp"

#include <rapidcheck.h>
#include <catch2/catch.hpp>
#include <functional>
#include <set>
#include <vector>

namespace strait::probe {
namespace {

struct Sum {
  std::int64_t forward = 0;
  std::int64_t reverse = 0;
  std::uint64_t restarts = 0;
};

void add(Sum& sum, const LossSplit::Step& step) {
  sum.forward += step.forward;
  sum.reverse += step.reverse;
  sum.restarts += step.restarted ? 1 : 0;
}

// Probes 1 to `count` past a reflector that numbers its replies from `next` on.
Sum run(LossSplit& split, std::uint32_t count, std::uint32_t next,
        const std::set<std::uint32_t>& lost_there, const std::set<std::uint32_t>& lost_back,
        std::uint32_t first = 1, bool counters = false) {
  Sum sum;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t sent = first + i;
    if (lost_there.contains(sent)) continue;
    const std::uint32_t number = next++;
    if (lost_back.contains(sent)) continue;
    add(sum,
        split.note({.sent = sent, .received = number, .replied = number, .counters = counters}));
  }
  return sum;
}

TEST_CASE("a count of the reflector's own tells the direction of each loss") {
  LossSplit split;
  const Sum sum = run(split, 1000, 0, {5, 100, 101, 400}, {7, 200, 500, 501, 502});
  CHECK(split.counts());
  CHECK(sum.forward == 4);
  CHECK(sum.reverse == 5);
}

TEST_CASE("before the first loss on the way there nothing proves that it counts") {
  LossSplit split;
  const Sum sum = run(split, 100, 0, {}, {50});
  CHECK_FALSE(split.counts());
  CHECK(sum.forward == 0);
  CHECK(sum.reverse == 0);
}

TEST_CASE("counters of a Direct Measurement TLV need no proof") {
  LossSplit split;
  const Sum sum = run(split, 100, 1, {}, {50}, 1, true);
  CHECK(split.counts());
  CHECK(sum.forward == 0);
  CHECK(sum.reverse == 1);
}

TEST_CASE("a reflector that does not count the session never tells a direction") {
  struct Case {
    const char* what;
    std::function<std::uint32_t(std::uint32_t)> number;  // of the reply to this probe
  };
  const std::vector<Case> cases{
      {"copies ours", [](std::uint32_t sent) { return sent; }},
      {"copies ours with an offset", [](std::uint32_t sent) { return sent + 77; }},
      {"always 0", [](std::uint32_t) { return 0U; }},
      {"counts for others too", [](std::uint32_t sent) { return 3 * sent; }},
      {"counts down", [](std::uint32_t sent) { return 0U - sent; }},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    LossSplit split;
    Sum sum;
    for (std::uint32_t sent = 1; sent <= 500; ++sent) {
      if (sent % 50 == 0) continue;
      const std::uint32_t number = c.number(sent);
      add(sum, split.note({.sent = sent, .received = number, .replied = number}));
    }
    CHECK_FALSE(split.counts());
    CHECK(sum.forward == 0);
    CHECK(sum.reverse == 0);
  }
}

TEST_CASE("counters that cannot be right are given up, and what they said is taken back") {
  struct Case {
    const char* what;
    std::function<LossSplit::Numbers(std::uint32_t)> counters;  // after this probe
  };
  const std::vector<Case> cases{
      {"stand still", [](std::uint32_t) { return LossSplit::Numbers{}; }},
      {"count no arrivals",
       [](std::uint32_t sent) { return LossSplit::Numbers{.sent = sent, .replied = sent}; }},
      {"count for others too",
       [](std::uint32_t sent) {
         return LossSplit::Numbers{.sent = sent, .received = 2 * sent, .replied = 2 * sent};
       }},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    LossSplit split;
    Sum sum;
    for (std::uint32_t sent = 1; sent <= 200; ++sent) {
      auto numbers = c.counters(sent);
      numbers.sent = sent;
      numbers.counters = true;
      add(sum, split.note(numbers));
    }
    CHECK_FALSE(split.counts());
    CHECK(sum.forward == 0);
    CHECK(sum.reverse == 0);
  }
}

TEST_CASE("a reflector that begins anew is noticed, and the losses before stay as they are") {
  LossSplit split;
  Sum sum = run(split, 100, 0, {10}, {20}, 1, true);
  CHECK(sum.reverse == 1);
  const Sum after = run(split, 100, 0, {150}, {170, 171}, 101, true);
  CHECK(after.restarts == 1);
  CHECK(sum.forward + after.forward == 2);
  CHECK(sum.reverse + after.reverse == 3);
}

TEST_CASE("overtaking and copies change no sum once all have come") {
  LossSplit split;
  Sum sum;
  const auto note = [&](std::uint32_t sent, std::uint32_t number, bool copy = false) {
    add(sum, split.note({.sent = sent,
                         .received = number,
                         .replied = number,
                         .counters = true,
                         .second_copy = copy}));
  };
  note(1, 1);
  note(2, 2);
  note(4, 4);  // its neighbour overtook it on the way back
  CHECK(sum.reverse == 1);
  note(3, 3);
  CHECK(sum.reverse == 0);
  note(6, 5);  // and here on the way there
  CHECK(sum.forward == 1);
  note(5, 6);
  CHECK(sum.forward == 0);
  note(6, 5, true);  // the network copied a reply
  note(7, 7);
  note(7, 8, true);  // the network copied a probe: the reflector answered twice
  note(8, 9);
  CHECK(sum.forward == 0);
  CHECK(sum.reverse == 0);
}

TEST_CASE("numbers may wrap") {
  LossSplit split;
  const Sum sum = run(split, 100, 0xffffffd0, {0xfffffff0, 5}, {0xfffffff8}, 0xffffffe0, true);
  CHECK(sum.forward == 2);
  CHECK(sum.reverse == 1);
}

TEST_CASE("a number without a probe is no loss") {
  LossSplit split;
  Sum sum = run(split, 50, 1, {}, {}, 1, true);
  split.skip(51);
  const Sum after = run(split, 50, 51, {60}, {}, 52, true);
  CHECK(sum.forward + after.forward == 1);
  CHECK(after.reverse == 0);
}

TEST_CASE("whatever is lost where, in-order replies give the exact sums") {
  CHECK(rc::check([](const std::set<std::uint8_t>& there, const std::set<std::uint8_t>& back) {
    std::set<std::uint32_t> lost_there;
    std::set<std::uint32_t> lost_back;
    for (const auto n : there) {
      if (n > 1) lost_there.insert(n);
    }
    for (const auto n : back) {
      if (n > 1 && !there.contains(n)) lost_back.insert(n);
    }
    LossSplit split;
    const Sum sum = run(split, 300, 1, lost_there, lost_back, 1, true);
    RC_ASSERT(sum.forward == static_cast<std::int64_t>(lost_there.size()));
    RC_ASSERT(sum.reverse == static_cast<std::int64_t>(lost_back.size()));
  }));
}

}  // namespace
}  // namespace strait::probe
