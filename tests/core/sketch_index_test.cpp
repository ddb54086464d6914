// SPDX-License-Identifier: Apache-2.0
#include "core/sketch_index.hpp"

#include <boost/multiprecision/cpp_bin_float.hpp>
#include <boost/multiprecision/cpp_int.hpp>
#include <catch2/catch.hpp>
#include <limits>
#include <map>
#include <random>

#include "core/sketch.hpp"

namespace {

using strait::Nanos;
using strait::Sketch;
namespace sketch_index = strait::sketch_index;

using Reference = boost::multiprecision::cpp_bin_float_100;

constexpr std::int64_t longest = std::numeric_limits<std::int64_t>::max();

// floor(1e9 * 2^(key/2^schema)) by other means, held at the longest duration. A bound of one schema
// is one of schema 8 too, and a hundred digits take long: each is computed once.
std::int64_t reference_bound(std::int32_t key, int schema) {
  static std::map<std::int32_t, std::int64_t> known;
  const std::int32_t in_256ths = key * (1 << (8 - schema));
  if (const auto found = known.find(in_256ths); found != known.end()) return found->second;
  const Reference bound = Reference{1'000'000'000} * exp2(Reference{in_256ths} / 256);
  return known[in_256ths] =
             bound >= Reference{longest} ? longest : static_cast<std::int64_t>(floor(bound));
}

// The one key whose bucket holds the value, by the definition.
bool is_key_of(std::int32_t key, std::int64_t nanos, int schema) {
  return reference_bound(key - 1, schema) < nanos && nanos <= reference_bound(key, schema);
}

std::int32_t key_of(std::int64_t nanos, int schema) { return Sketch::key_of(Nanos{nanos}, schema); }

}  // namespace

TEST_CASE("each bound of an octave equals a reference of 100 digits") {
  using boost::multiprecision::cpp_int;
  for (int i = 0; i < sketch_index::bounds_per_octave; ++i) {
    // The octave [2^63, 2^64) ns, where the table has all of its 64 bits.
    const std::int32_t key = sketch_index::first_octave_key + 63 * 256 + i;
    const Reference bound = Reference{1'000'000'000} * exp2(Reference{key} / 256);
    CAPTURE(i);
    CHECK(cpp_int{sketch_index::tables.bound.at(static_cast<std::size_t>(i))} ==
          static_cast<cpp_int>(floor(bound)));
  }
}

TEST_CASE("a value on a bucket's bound is in that bucket and the next nanosecond is not") {
  const int schema = GENERATE(range(0, 9));
  for (std::int32_t key = sketch_index::lowest_key(schema); key < sketch_index::highest_key(schema);
       ++key) {
    const std::int64_t bound = reference_bound(key, schema);
    if (bound == reference_bound(key - 1, schema)) continue;  // holds no whole nanosecond
    CAPTURE(schema, key, bound);
    REQUIRE(Sketch::upper_bound(key, schema) == Nanos{bound});
    REQUIRE(key_of(bound, schema) == key);
    REQUIRE(key_of(bound + 1, schema) > key);
  }
}

TEST_CASE("any whole number of nanoseconds gets the key of the definition") {
  std::mt19937_64 random{20261123};
  for (int i = 0; i < 4000; ++i) {
    const auto nanos = static_cast<std::int64_t>(random() >> (1 + random() % 62));
    if (nanos == 0) continue;
    const auto schema = static_cast<int>(random() % 9);
    CAPTURE(nanos, schema);
    REQUIRE(is_key_of(key_of(nanos, schema), nanos, schema));
  }
}

TEST_CASE("keys of known values are those of Prometheus native histograms") {
  struct Case {
    std::int64_t nanos;
    int schema;
    std::int32_t key;
  };
  const auto c = GENERATE(values<Case>({
      {1'000'000'000, 0, 0},  // 1 s is a bound in every schema
      {1'000'000'000, 7, 0},
      {1'000'000'001, 7, 1},
      {999'999'999, 7, 0},
      {2'000'000'000, 7, 128},
      {500'000'000, 7, -128},
      {500'000'001, 7, -127},
      {250'000'000, 8, -512},
      {1'953'125, 0, -9},  // 2^-9 s, the last bound that is a whole number of nanoseconds
      {1'953'126, 0, -8},
      {1, 0, -29},  // 2^-30 s < 1 ns < 2^-29 s
      {1, 7, -3826},
      {2, 7, -3698},
      {longest, 0, 34},  // 2^33 s < 292 years < 2^34 s
      {longest, 7, 4238},
  }));
  CAPTURE(c.nanos, c.schema);
  CHECK(key_of(c.nanos, c.schema) == c.key);
  CHECK(is_key_of(c.key, c.nanos, c.schema));
}

TEST_CASE("bounds outside the range of durations are 0 and the longest duration") {
  const int schema = GENERATE(0, 7, 8);
  CHECK(Sketch::upper_bound(sketch_index::lowest_key(schema) - 1, schema) == Nanos{0});
  CHECK(Sketch::upper_bound(std::numeric_limits<std::int32_t>::min(), schema) == Nanos{0});
  CHECK(Sketch::upper_bound(sketch_index::highest_key(schema), schema) == Nanos{longest});
  CHECK(Sketch::upper_bound(std::numeric_limits<std::int32_t>::max(), schema) == Nanos{longest});
}
