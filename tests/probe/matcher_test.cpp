// SPDX-License-Identifier: Apache-2.0
#include "probe/matcher.hpp"

#include <catch2/catch.hpp>

namespace strait::probe {
namespace {

using namespace std::chrono_literals;
using State = Probe::State;

TEST_CASE("ten bits never understate an uncertainty, nor overstate it by more than 3.2 %") {
  std::vector<std::int64_t> values{0, 1, 31, 32, 33, 63, 64, 65, 250'000, 67'645'734'912};
  for (std::int64_t value = 1; value < 60'000'000'000; value += value / 97 + 1) {
    values.push_back(value);
  }
  for (const std::int64_t value : values) {
    const std::uint16_t code = CoarseUncertainty::encode(Nanos{value});
    const std::int64_t read = CoarseUncertainty::decode(code).count();
    CAPTURE(value, code, read);
    REQUIRE(code < 1024);
    REQUIRE(read >= value);
    REQUIRE(static_cast<double>(read - value) <= 0.032 * static_cast<double>(value));
    if (value < 64) REQUIRE(read == value);
  }
  CHECK(CoarseUncertainty::decode(CoarseUncertainty::encode(Nanos{-5})) == 0ns);
  CHECK(CoarseUncertainty::decode(CoarseUncertainty::encode(Nanos::max())) > 67s);
}

TEST_CASE("a sequence number tells first, late, duplicate, replayed and unknown apart") {
  const auto first = GENERATE(values<std::uint32_t>({0, 1000, 0xfffffff0, 0xffffffff}));
  CAPTURE(first);
  Matcher matcher{8, first};
  for (int i = 0; i < 20; ++i) {
    REQUIRE_FALSE(matcher.full());
    matcher.push().state = State::answered;
    CHECK(matcher.oldest() == nullptr);
  }
  matcher.find(first + 18)->state = State::lost;
  matcher.find(first + 19)->state = State::outstanding;

  CHECK(matcher.match(first + 19).match == Match::first);
  CHECK(matcher.match(first + 18).match == Match::late);
  CHECK(matcher.match(first + 12).match == Match::duplicate);
  CHECK(matcher.match(first + 11).match == Match::replayed);
  CHECK(matcher.match(first).match == Match::replayed);
  CHECK(matcher.match(first + 20).match == Match::unknown);
  CHECK(matcher.match(first - 1).match == Match::unknown);
  CHECK(matcher.match(first + 0x80000000).match == Match::unknown);
}

TEST_CASE("a fresh matcher knows no number") {
  Matcher matcher{8, 0};
  CHECK(matcher.match(0).match == Match::unknown);
  CHECK(matcher.match(0xffffffff).match == Match::unknown);
  CHECK(matcher.find(0) == nullptr);
}

TEST_CASE("a full matcher says so rather than forget a probe whose fate is open") {
  Matcher matcher{8, 0xfffffffc};
  for (int i = 0; i < 8; ++i) {
    REQUIRE_FALSE(matcher.full());
    matcher.push();
  }
  CHECK(matcher.full());
  matcher.find(0xfffffffd)->state = State::answered;
  REQUIRE(matcher.oldest() != nullptr);
  CHECK(matcher.full());  // the oldest is still open
  matcher.oldest()->state = State::lost;
  CHECK(matcher.oldest()->sequence == 0xfffffffe);
  CHECK_FALSE(matcher.full());
}

TEST_CASE("what is decided at once and what is found decided later move the oldest probe alike") {
  const auto first = GENERATE(values<std::uint32_t>({0, 0xfffffffe}));
  CAPTURE(first);
  Matcher matcher{8, first};
  for (int i = 0; i < 4; ++i) matcher.push();
  const auto answer = [&](std::uint32_t sequence) {
    matcher.find(sequence)->state = State::answered;
    matcher.decided(sequence);
  };
  answer(first + 1);  // out of turn
  CHECK(matcher.span() == 4);
  CHECK(matcher.oldest() == matcher.find(first));
  answer(first);
  CHECK(matcher.oldest() == matcher.find(first + 2));
  answer(first + 2);
  answer(first + 3);
  CHECK(matcher.span() == 0);
  CHECK(matcher.oldest() == nullptr);
  answer(first + 3);  // again: nothing is open that could be forgotten
  CHECK(matcher.span() == 0);
}

TEST_CASE("a ring that grows forgets neither an open probe nor what it remembered of others") {
  const auto first = GENERATE(values<std::uint32_t>({0, 0xfffffff0}));
  CAPTURE(first);
  Matcher matcher{64, first};
  matcher.push().state = State::answered;
  matcher.decided(first);
  for (std::uint32_t i = 1; i <= 64; ++i) {
    REQUIRE_FALSE(matcher.full());
    Probe& probe = matcher.push();
    CHECK(probe.sequence == first + i);
    CHECK(probe.state == State::outstanding);
    probe.wire_time = i;
    for (std::uint32_t open = 1; open <= i; ++open) {
      const auto [match, found] = matcher.match(first + open);
      REQUIRE(match == Match::first);
      REQUIRE(found->wire_time == open);
      REQUIRE(&matcher.newest(first + open) == found);
    }
    CHECK(matcher.oldest()->sequence == first + 1);
    CHECK(matcher.match(first).match == (i < 64 ? Match::duplicate : Match::replayed));
    CHECK(matcher.match(first + i + 1).match == Match::unknown);
  }
  CHECK(matcher.full());
}

TEST_CASE("a number that a small ring has forgotten is replayed, also once the ring has grown") {
  Matcher matcher{64, 0};
  const auto answer_next = [&] {
    Probe& probe = matcher.push();
    probe.state = State::answered;
    matcher.decided(probe.sequence);
  };
  for (int i = 0; i < 40; ++i) answer_next();
  CHECK(matcher.match(40 - 16).match == Match::duplicate);
  CHECK(matcher.match(40 - 17).match == Match::replayed);
  for (int i = 0; i < 9; ++i) matcher.push();  // more than half of it is open: it doubles
  CHECK(matcher.match(40 - 16).match == Match::replayed);
  CHECK(matcher.match(39).match == Match::duplicate);
  CHECK(matcher.match(40 - 17).match == Match::replayed);
  CHECK(matcher.match(17).match == Match::replayed);
  CHECK(matcher.find(17) == nullptr);
  CHECK(matcher.match(48).match == Match::first);
}

TEST_CASE("probes that are answered soon need no room for a time-out of them") {
  Matcher matcher{Matcher::capacity_for(100ms, 3s), 0};
  for (std::uint32_t i = 0; i < 1000; ++i) {
    matcher.push().state = State::answered;
    matcher.decided(i);
  }
  CHECK(matcher.memory_bytes() <= 16 * sizeof(Probe));
  for (std::uint32_t i = 0; i < 31; ++i) matcher.push();  // nobody answers for three seconds
  CHECK(matcher.memory_bytes() == 64 * sizeof(Probe));
}

TEST_CASE("reordering follows RFC 4737 NextExp across the wrap") {
  Matcher matcher{64, 0xfffffffe};
  CHECK_FALSE(matcher.reordered(0xfffffffe));
  CHECK_FALSE(matcher.reordered(1));  // NextExp is 2 now: gaps are no reordering
  CHECK(matcher.reordered(0xffffffff));
  CHECK(matcher.reordered(0));
  CHECK_FALSE(matcher.reordered(2));
}

TEST_CASE("capacity covers two time-outs and is bounded") {
  CHECK(Matcher::capacity_for(100ms, 3s) == 128);
  CHECK(Matcher::capacity_for(60s, 3s) == 16);
  CHECK(Matcher::capacity_for(100us, 3s) == 65536);
  CHECK(Matcher::capacity_for(1ns, 24h) == std::uint64_t{1} << 22);
}

}  // namespace
}  // namespace strait::probe
