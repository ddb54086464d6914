// SPDX-License-Identifier: Apache-2.0
#include "probe/reply_rate.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <random>

namespace strait::probe {
namespace {

using namespace std::chrono_literals;

constexpr WallTime test_began{1'795'000'000s};

// What answers, given the time since the start.
using Answers = std::function<bool(Nanos)>;

// Probes with jitter, as the schedule sends them.
ReplyRate probed(Nanos interval, Nanos length, unsigned seed, const Answers& answers) {
  ReplyRate rate;
  std::mt19937 random{seed};
  std::uniform_real_distribution<double> jitter{-0.1, 0.1};
  for (Nanos slot{1}; slot < length; slot += interval) {
    const auto off =
        static_cast<std::int64_t>(jitter(random) * static_cast<double>(interval.count()));
    const Nanos at = std::max(Nanos{0}, slot + Nanos{off});
    rate.note(test_began + at, answers(at));
  }
  return rate;
}

Answers token_bucket(double per_second, double depth) {
  return [per_second, depth, tokens = depth, last = Nanos{0}](Nanos at) mutable {
    const double passed = std::chrono::duration<double>(at - last).count();
    tokens = std::min(depth, tokens + passed * per_second);
    last = at;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}

TEST_CASE("a limit on the reply rate is found, and at which rate") {
  struct Case {
    const char* description;
    Nanos interval;
    double per_second;
    double depth;
  };
  const auto c = GENERATE(values<Case>({{"10 of 20 a second", 50ms, 10, 4},
                                        {"10 of 100 a second", 10ms, 10, 5},
                                        {"a deep bucket that is emptied first", 50ms, 10, 100},
                                        {"1 of 5 a second", 200ms, 1, 6},
                                        {"90 of 100 a second", 10ms, 90, 10}}));
  CAPTURE(c.description);
  const auto rate = probed(c.interval, 60s, 1, token_bucket(c.per_second, c.depth));
  const auto limit = rate.looks_limited();
  REQUIRE(limit.has_value());
  CHECK(*limit == Approx(c.per_second).epsilon(0.1));
}

TEST_CASE("loss of other kinds does not look like a limit") {
  std::mt19937 random{7};
  const auto chance = [&random](double share) {
    return [&random, share](Nanos) { return std::bernoulli_distribution{share}(random); };
  };
  struct Case {
    const char* description;
    Nanos interval;
    Answers answers;
  };
  const std::vector<Case> cases{
      {"none", 50ms, [](Nanos) { return true; }},
      {"all", 50ms, [](Nanos) { return false; }},
      {"half of all, by chance", 50ms, chance(0.5)},
      {"nine of ten, by chance", 10ms, chance(0.1)},
      {"3 %, by chance", 10ms, chance(0.97)},
      {"all, for some seconds", 50ms, [](Nanos at) { return at < 40s || at > 45s; }},
      {"a bucket that is never empty", 200ms, token_bucket(10, 10)},
      {"too few probes to tell", 1s, token_bucket(0.5, 1)},
  };
  for (const Case& c : cases) {
    CAPTURE(c.description);
    CHECK_FALSE(probed(c.interval, 60s, 2, c.answers).looks_limited().has_value());
  }
  CHECK_FALSE(probed(50ms, 20s, 3, token_bucket(10, 1)).looks_limited().has_value());  // too short
}

TEST_CASE("chance is not taken for a limit in a thousand runs") {
  std::mt19937 random{11};
  int taken = 0;
  for (unsigned run = 0; run < 1000; ++run) {
    const double share = std::uniform_real_distribution<double>{0.05, 0.95}(random);
    const auto rate =
        probed(50ms, 40s, run, [&](Nanos) { return std::bernoulli_distribution{share}(random); });
    if (rate.looks_limited()) ++taken;
  }
  CHECK(taken == 0);
}

TEST_CASE("what is remembered of the replies is bounded, and the newest counts") {
  const auto bucket = token_bucket(10, 5);
  const auto rate = probed(50ms, 1000s, 5, [&bucket](Nanos at) { return at < 500s || bucket(at); });
  const auto limit = rate.looks_limited();
  REQUIRE(limit.has_value());
  CHECK(*limit == Approx(10).epsilon(0.05));
}

}  // namespace
}  // namespace strait::probe
