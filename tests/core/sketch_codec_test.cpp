// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "core/sketch.hpp"

using namespace std::chrono_literals;
using strait::decode_sketch;
using strait::Nanos;
using strait::Sketch;

namespace {

std::vector<std::byte> octets(std::initializer_list<unsigned> values) {
  std::vector<std::byte> bytes;
  for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

Sketch minute_of_probes(int probes) {
  std::mt19937_64 random{862};
  std::normal_distribution<double> normal;
  Sketch sketch;
  for (int i = 0; i < probes; ++i) {
    sketch.record(Nanos{std::llround(35e6 * std::exp(0.12 * normal(random)))});
  }
  return sketch;
}

}  // namespace

TEST_CASE("the encoding is what docs/METHOD.md says, octet by octet") {
  CHECK(encode(Sketch{}) == octets({1, 7, 0, 0, 0}));

  Sketch sketch{0};
  for (const Nanos value : {Nanos{-3}, Nanos{0}, Nanos{1s}, Nanos{1s}, Nanos{2s}, Nanos{5s}}) {
    sketch.record(value);
  }
  const auto expected = octets({
      1,    0,                       // version, schema
      2,    1,                       // zero bucket, of that negative
      2,                             // two runs
      0,    1,    4,    1,           // keys 0 and 1: counts 2 and 1
      4,    0,    0,                 // 2 keys on: count 1
      5,                             // minimum -3 ns
      0x83, 0xe4, 0x97, 0xd0, 0x12,  // maximum 5,000,000,003 ns above it
      0xfa, 0xe7, 0x88, 0x87, 0x43,  // sum 8,999,999,997 ns
  });
  CHECK(encode(sketch) == expected);
  CHECK(decode_sketch(expected).value() == sketch);
}

TEST_CASE("a minute of one session takes less than 1 kB when stored") {
  CHECK(encode(minute_of_probes(6000)).size() < 500);
  CHECK(encode(minute_of_probes(60)).size() < 200);
}

TEST_CASE("extreme sketches survive encoding") {
  Sketch sketch{GENERATE(0, 7, 8)};
  SECTION("the longest durations") {
    sketch.record(Nanos::max());
    sketch.record(Nanos::min());
  }
  SECTION("the shortest and the longest") {
    sketch.record(1ns);
    sketch.record(Nanos::max());
  }
  SECTION("counts over 32 bits, with a sum over 64") { sketch.record(Nanos::max(), 1ULL << 60U); }
  SECTION("only negative") { sketch.record(-1ns, 1ULL << 33U); }
  SECTION("only zero") { sketch.record(0ns); }
  const auto decoded = decode_sketch(encode(sketch));
  REQUIRE(decoded.has_value());
  CHECK(*decoded == sketch);
}

TEST_CASE("every truncation of a sketch is refused") {
  Sketch sketch = minute_of_probes(60);
  sketch.record(-1ms);
  const auto bytes = encode(sketch);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    REQUIRE_FALSE(decode_sketch(std::span{bytes}.first(size)).has_value());
  }
}

TEST_CASE("a corrupted sketch is refused with what is wrong at which octet") {
  struct Case {
    std::vector<std::byte> bytes;
    const char* error;
  };
  const auto c = GENERATE(values<Case>({
      {octets({}), "octet 0 of 0: version is cut short"},
      {octets({2, 7, 0, 0, 0}), "octet 0 of 5: version 2, want 1"},
      {octets({1, 9, 0, 0, 0}), "octet 1 of 5: schema is too large"},
      {octets({1, 7, 0, 1, 0}), "octet 3 of 5: negative count (a part of the zero count) is too"},
      {octets({1, 7, 0, 0, 0, 0}), "octet 5 of 6: more octets than the sketch needs"},
      {octets({1, 7, 0x80, 0, 0, 0}), "octet 2 of 6: zero count has needless octets"},
      {octets({1,    0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
               0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}),
       "octet 2 of 22: zero count is too large"},
      {octets({1, 0, 0, 0, 65}), "number of runs is too large"},
      {octets({1, 0, 0, 0, 1, 0x3b, 0, 2}), "octet 5 of 8: no key of schema 0"},  // -30
      {octets({1, 0, 0, 0, 1, 0x46, 0, 2}), "octet 5 of 8: no key of schema 0"},  // 35
      {octets({1, 0, 0, 0, 1, 0x44, 1, 2, 0}), "octet 6 of 9: length of a run is too large"},
      {octets({1, 0, 0, 0, 1, 0, 0, 0}), "octet 7 of 8: count of bucket 0 is not positive"},
      {octets({1, 0, 0, 0, 1, 0, 1, 2, 1}), "octet 8 of 9: count of bucket 1 is not positive"},
      {octets({1, 0, 0, 0, 2, 0, 0, 2, 2, 0, 0}), "octet 8 of 11: a run does not begin after"},
      {octets({1, 0, 0, 0, 2, 0, 0, 2, 1, 0, 0}), "octet 8 of 11: a run does not begin after"},
      {octets({1, 0, 0, 0, 1, 0, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 0}),
       "counts add up to more than 2^62"},
      // Between 1 and 2 ns nothing can have been recorded.
      {octets({1, 7, 0, 0, 1, 0xe1, 0x3b, 0, 2}), "bucket -3825 holds no whole nanosecond"},
      // One value of 1 s, then what cannot be its minimum, maximum and sum.
      {octets({1, 0, 0, 0, 1, 0, 0, 2, 2}), "octet 8 of 9: minimum is not in the lowest bucket"},
      {octets({1, 0, 1, 0, 0, 2}), "octet 5 of 6: minimum is not in the lowest bucket"},
      {octets({1, 0, 1, 1, 0, 0}), "octet 5 of 6: minimum is not in the lowest bucket"},
      {octets({1, 0, 1, 0, 0, 0, 1}), "octet 6 of 7: maximum is not in the highest bucket"},
      {octets({1, 0, 1, 1, 0, 1, 1}), "octet 6 of 7: maximum is not in the highest bucket"},
      {octets({1, 0, 1, 1, 0, 3, 1}), "octet 6 of 7: one value, but minimum and maximum differ"},
      {octets({1, 0, 1, 1, 0, 3, 0, 1}), "octet 7 of 8: sum is not one that these buckets allow"},
      {octets({1, 0, 1, 1, 0, 3, 0, 5}), "octet 7 of 8: sum is not one that these buckets allow"},
  }));
  const auto decoded = decode_sketch(c.bytes);
  REQUIRE_FALSE(decoded.has_value());
  CHECK_THAT(decoded.error().message, Catch::Contains(c.error));
  CHECK(decoded.error().code == strait::Errc::bad_input);
}
