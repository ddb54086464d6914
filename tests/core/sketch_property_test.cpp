// SPDX-License-Identifier: Apache-2.0
#include <rapidcheck.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "core/sketch.hpp"

namespace {

using strait::decode_sketch;
using strait::Nanos;
using strait::Sketch;

struct Entry {
  Nanos value;
  std::uint64_t times;
};

// Durations of every magnitude, from 1 ns to 292 years.
rc::Gen<Nanos> positive_duration() {
  return rc::gen::map(rc::gen::pair(rc::gen::resize(1000, rc::gen::arbitrary<std::uint64_t>()),
                                    rc::gen::inRange<unsigned>(1, 63)),
                      [](const std::pair<std::uint64_t, unsigned>& drawn) {
                        return Nanos{static_cast<std::int64_t>(std::max<std::uint64_t>(
                            (drawn.first | 1ULL << 63U) >> drawn.second, 1))};
                      });
}

// What clocks that disagree produce as well: nothing, and negative durations.
rc::Gen<Nanos> duration() {
  return rc::gen::weightedOneOf<Nanos>(
      {{8, positive_duration()},
       {1, rc::gen::just(Nanos{0})},
       {1, rc::gen::map(positive_duration(), [](Nanos value) { return -value; })}});
}

// Mostly single values, now and then a count that needs more than 32 bits.
rc::Gen<Entry> entry() {
  const auto times = rc::gen::weightedOneOf<std::uint64_t>(
      {{8, rc::gen::just<std::uint64_t>(1)},
       {1, rc::gen::inRange<std::uint64_t>(1, 1000)},
       {1, rc::gen::inRange<std::uint64_t>(1ULL << 30U, 1ULL << 40U)}});
  return rc::gen::construct<Entry>(duration(), times);
}

rc::Gen<int> schema() { return rc::gen::inRange(Sketch::min_schema, Sketch::max_schema + 1); }

Sketch record(const std::vector<Entry>& entries, int schema) {
  Sketch sketch{schema};
  for (const Entry& one : entries) sketch.record(one.value, one.times);
  return sketch;
}

rc::Gen<Sketch> sketch_of_schema(int schema) {
  return rc::gen::map(rc::gen::container<std::vector<Entry>>(entry()),
                      [schema](const std::vector<Entry>& list) { return record(list, schema); });
}

rc::Gen<Sketch> any_sketch() { return rc::gen::mapcat(schema(), sketch_of_schema); }

Sketch merged(Sketch a, const Sketch& b) {
  a.merge(b);
  return a;
}

}  // namespace

TEST_CASE("merging is commutative, between any schemas") {
  CHECK(rc::check([] {
    const Sketch a = *any_sketch();
    const Sketch b = *any_sketch();
    RC_ASSERT(merged(a, b) == merged(b, a));
  }));
}

TEST_CASE("merging is associative, between any schemas") {
  CHECK(rc::check([] {
    const Sketch a = *any_sketch();
    const Sketch b = *any_sketch();
    const Sketch c = *any_sketch();
    RC_ASSERT(merged(merged(a, b), c) == merged(a, merged(b, c)));
  }));
}

TEST_CASE("merging sketches equals recording all their values in one") {
  CHECK(rc::check([] {
    const auto entries = *rc::gen::container<std::vector<Entry>>(entry());
    const auto cut = *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(entries) + 1);
    const int at = *schema();
    const auto middle = entries.begin() + cut;
    RC_ASSERT(merged(record({entries.begin(), middle}, at), record({middle, entries.end()}, at)) ==
              record(entries, at));
  }));
}

TEST_CASE("an empty sketch of the same schema changes nothing when merged") {
  CHECK(rc::check([] {
    const Sketch a = *any_sketch();
    const Sketch none{a.schema()};
    RC_ASSERT(merged(a, none) == a);
    RC_ASSERT(merged(none, a) == a);
  }));
}

TEST_CASE("folding commutes with merging, composes, and equals recording at the coarser schema") {
  CHECK(rc::check([] {
    const auto entries = *rc::gen::container<std::vector<Entry>>(entry());
    const int fine = *schema();
    const int coarse = *rc::gen::inRange(Sketch::min_schema, fine + 1);
    const int between = *rc::gen::inRange(coarse, fine + 1);
    const Sketch a = record(entries, fine);
    const Sketch b = *sketch_of_schema(fine);
    RC_ASSERT(merged(a, b).folded(coarse) == merged(a.folded(coarse), b.folded(coarse)));
    RC_ASSERT(a.folded(between).folded(coarse) == a.folded(coarse));
    RC_ASSERT(a.folded(coarse) == record(entries, coarse));
  }));
}

TEST_CASE("every quantile is within half a bucket of the exact value, and half a nanosecond") {
  CHECK(rc::check([] {
    auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<Nanos>>(positive_duration()));
    const int at = *schema();
    const double q = *rc::gen::inRange(0, 1001) / 1000.0;
    Sketch sketch{at};
    for (const Nanos value : values) sketch.record(value);

    std::ranges::sort(values);
    const Nanos exact = values.at(strait::nearest_rank(q, values.size()) - 1);
    const Nanos estimate = sketch.quantile(q).value();
    const double bound = std::exp2(std::ldexp(0.5, -at)) - 1;
    const auto nanos = static_cast<double>(exact.count());
    // The last term is the rounding of a double near 2^63.
    RC_ASSERT(std::abs(static_cast<double>((estimate - exact).count())) <=
              nanos * bound + 0.5 + nanos * 1e-13);
  }));
}

TEST_CASE("quantiles never decrease and stay between minimum and maximum") {
  CHECK(rc::check([] {
    const Sketch sketch = *any_sketch();
    RC_PRE(!sketch.empty());
    Nanos last = sketch.min().value();
    for (int i = 0; i <= 50; ++i) {
      const Nanos value = sketch.quantile(i / 50.0).value();
      RC_ASSERT(value >= last);
      last = value;
    }
    RC_ASSERT(last == sketch.max().value());
  }));
}

TEST_CASE("counts at bucket bounds are those of the values themselves") {
  CHECK(rc::check([] {
    const auto entries = *rc::gen::container<std::vector<Entry>>(entry());
    const int at = *schema();
    const Nanos bound = Sketch::upper_bound(Sketch::key_of(*positive_duration(), at), at);
    std::uint64_t exact = 0;
    for (const Entry& one : entries) exact += one.value <= bound ? one.times : 0;
    RC_ASSERT(record(entries, at).count_at_or_below(bound) == exact);
  }));
}

TEST_CASE("an encoded sketch decodes to an equal one, and equal sketches encode to equal bytes") {
  CHECK(rc::check([] {
    const Sketch a = *any_sketch();
    const Sketch b = *sketch_of_schema(a.schema());
    const auto decoded = decode_sketch(encode(a));
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(*decoded == a);
    RC_ASSERT(encode(*decoded) == encode(a));
    RC_ASSERT(encode(merged(a, b)) == encode(merged(b, a)));
  }));
}

TEST_CASE("a sketch with one octet changed is refused or encodes to those very octets") {
  CHECK(rc::check([] {
    auto bytes = encode(*any_sketch());
    const auto index = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes.at(index) ^= static_cast<std::byte>(*rc::gen::inRange(1, 256));
    const auto decoded = decode_sketch(bytes);
    if (decoded.has_value()) RC_ASSERT(encode(*decoded) == bytes);
  }));
}
