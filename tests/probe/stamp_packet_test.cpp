// SPDX-License-Identifier: Apache-2.0
#include "probe/stamp_packet.hpp"

#include <sys/timex.h>

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cctype>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace strait::probe {
namespace {

using namespace std::chrono_literals;

std::vector<std::byte> octets(std::string_view hex) {
  std::vector<std::byte> bytes;
  unsigned value = 0;
  int digits = 0;
  for (const char c : hex) {
    if (c == ' ') continue;
    value = value << 4 | static_cast<unsigned>(c <= '9' ? c - '0' : c - 'A' + 10);
    if (++digits % 2 == 0) bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

WallTime at(std::int64_t seconds, std::int64_t nanos = 0) {
  return WallTime{Nanos{seconds * 1'000'000'000 + nanos}};
}

TEST_CASE("a STAMP request has the octets of the published example") {
  std::vector<std::byte> packet(stamp_packet_size, std::byte{0xff});
  const ErrorEstimate estimate{true, TimestampFormat::ntp, 0x12, 0x34};
  write_stamp_request({0x1234, 0x000004D2915B573E, encode(estimate), 1357}, packet);
  auto expected = octets("00001234 000004D2 915B573E 9234 054D");
  expected.resize(stamp_packet_size);
  CHECK(packet == expected);

  const auto read = read_stamp_request(packet);
  REQUIRE(read.has_value());
  CHECK(read->sequence == 0x1234);
  CHECK(read->ssid == 1357);
  CHECK(decode_error_estimate(read->error_estimate) == estimate);
}

TEST_CASE("a STAMP reply has the octets of the published example, both ways") {
  const auto expected = octets(
      "00001234000004D2915B573E9234054D000010E1E0624DD2000043210000085FA8A0902D214300006F000000");
  const auto reply = read_stamp_reply(expected);
  REQUIRE(reply.has_value());
  CHECK(reply->sequence == 0x1234);
  CHECK(reply->timestamp == 0x000004D2915B573E);
  CHECK(reply->ssid == 1357);
  CHECK(reply->receive_timestamp == 0x000010E1E0624DD2);
  CHECK(reply->sender_sequence == 0x4321);
  CHECK(reply->sender_timestamp == 0x0000085FA8A0902D);
  CHECK(reply->sender_error_estimate == 0x2143);
  CHECK(reply->sender_ttl == 111);

  std::vector<std::byte> packet(stamp_packet_size, std::byte{0xff});
  write_stamp_reply(*reply, packet);
  CHECK(packet == expected);
}

TEST_CASE("a timestamp decodes to the nanosecond it was made from, in any era") {
  const auto seconds = GENERATE(values<std::int64_t>({
      0,
      1,
      1'795'000'000,
      2'085'978'495,  // the last second of NTP era 0
      2'085'978'496,  // 2036-02-07 06:28:16, the first of era 1
      4'000'000'000,
  }));
  const auto nanos = GENERATE(values<std::int64_t>({0, 1, 567'800'000, 999'999'999}));
  const auto format = GENERATE(TimestampFormat::ntp, TimestampFormat::ptp);
  const auto drift = GENERATE(values<std::int64_t>({-86400, 0, 86400}));
  CAPTURE(seconds, nanos, static_cast<int>(format), drift);

  const WallTime time = at(seconds, nanos);
  const auto decoded = decode_time(encode_time(time, format), format, at(seconds + drift));
  REQUIRE(decoded.has_value());
  CHECK(*decoded == time);
}

TEST_CASE("timestamps stand on the wire as their formats say") {
  CHECK(encode_time(at(0), TimestampFormat::ntp) == std::uint64_t{2'208'988'800} << 32);
  CHECK(encode_time(at(0, 500'000'000), TimestampFormat::ntp) >> 31 ==
        ((std::uint64_t{2'208'988'800} << 1) | 1));
  // PTP counts TAI, which is 37 s ahead of UTC.
  CHECK(encode_time(at(100, 7), TimestampFormat::ptp) == (std::uint64_t{137} << 32 | 7));
}

TEST_CASE("a timestamp of zero is no time, and none is written") {
  const auto near = GENERATE(values<std::int64_t>({1'795'000'000, 2'085'978'496, 4'294'967'259}));
  const auto format = GENERATE(TimestampFormat::ntp, TimestampFormat::ptp);
  CAPTURE(near, static_cast<int>(format));
  CHECK_FALSE(decode_time(0, format, at(near)).has_value());
  CHECK(decode_time(1, format, at(near)).has_value());
  CHECK(encode_time(at(near), format) != 0);
}

TEST_CASE("a PTP timestamp with a whole second of nanoseconds is no time") {
  CHECK_FALSE(decode_time(1'000'000'000, TimestampFormat::ptp, at(0)).has_value());
  CHECK(decode_time(999'999'999, TimestampFormat::ptp, at(0)).has_value());
}

TEST_CASE("an Error Estimate is at least the clock's error and never corrupt") {
  struct Case {
    Nanos error;
    std::uint16_t bits;
  };
  const auto c = GENERATE(values<Case>({
      {0ns, 0x8001},
      {1ns, 0x8005},  // 4.29 units of 2^-32 s
      {500us, 0x8000 | 14 << 8 | 132},
      {16s, 0x8000 | 29 << 8 | 128},
      {Nanos::max(), 0x8000 | 55 << 8 | 138},
  }));
  CAPTURE(c.error.count());
  const ErrorEstimate estimate = error_estimate({true, c.error}, TimestampFormat::ntp);
  CHECK(encode(estimate) == c.bits);
  CHECK_FALSE(estimate.corrupt());
  if (c.error < 24h) CHECK(estimate.error() >= c.error);
  CHECK(decode_error_estimate(encode(estimate)) == estimate);
}

TEST_CASE("Error Estimates seen in the field read as what they are") {
  struct Case {
    std::uint16_t bits;
    bool synchronised;
    bool ptp;
    Nanos error;
  };
  const auto c = GENERATE(values<Case>({
      {0x0001, false, false, 1ns},
      {0x8001, true, false, 1ns},
      {0x3fff, false, false, Nanos::max()},
      {0x4000, false, true, 0ns},
      {0x9234, true, false, Nanos{52'000'000'000 >> 14}},
  }));
  CAPTURE(c.bits);
  const ErrorEstimate estimate = decode_error_estimate(c.bits);
  CHECK(estimate.synchronised == c.synchronised);
  CHECK((estimate.format == TimestampFormat::ptp) == c.ptp);
  CHECK(estimate.error().count() == Approx(static_cast<double>(c.error.count())).margin(1));
}

TEST_CASE("packets of every length up to 9000 octets are read or refused") {
  const std::vector<std::byte> octets_of_noise(9000, std::byte{0xa5});
  for (std::size_t size = 0; size <= octets_of_noise.size(); ++size) {
    // A copy of exactly this size, so that a sanitizer sees a read beyond it.
    const std::vector<std::byte> packet(
        octets_of_noise.begin(), octets_of_noise.begin() + static_cast<std::ptrdiff_t>(size));
    REQUIRE(read_stamp_request(packet).has_value() == (size >= 14));
    REQUIRE(read_stamp_reply(packet).has_value() == (size >= 44));
    REQUIRE(read_stamp_reply(packet, shortest_twamp_reply).has_value() == (size >= 38));
    REQUIRE(read_stamp_reply(packet, 0).has_value() == (size >= 38));
  }
}

TEST_CASE("a longer request carries one Extra Padding TLV over the rest") {
  std::vector<std::byte> packet(100);
  write_stamp_request({}, packet);
  write_extra_padding(packet);
  CHECK(packet[44] == std::byte{0x80});
  CHECK(packet[45] == std::byte{1});
  CHECK(packet[46] == std::byte{0});
  CHECK(packet[47] == std::byte{52});
}

TEST_CASE("padding is pseudorandom, and nothing of what stood there before is sent") {
  std::vector<std::byte> zeros(9000);
  std::vector<std::byte> ones(9000, std::byte{0xff});
  for (auto* packet : {&zeros, &ones}) {
    write_stamp_request({}, *packet);
    write_extra_padding(*packet);
  }
  CHECK(zeros == ones);
  // As often 0 as 1: of 71616 bits, within six standard deviations.
  int bits = 0;
  for (const std::byte octet : std::span{zeros}.subspan(48)) {
    bits += std::popcount(std::to_integer<std::uint8_t>(octet));
  }
  CHECK(std::abs(bits - 35'808) < 803);
  std::vector<std::byte> longer(40'000);
  fill_padding(longer);
  CHECK(std::ranges::count(longer, std::byte{0}) < 300);
}

TEST_CASE("adjtimex's answer becomes a clock quality") {
  struct Case {
    const char* what;
    int state;
    int status;
    long maxerror;
    bool synchronised;
    bool leap_second = false;
  };
  const auto c = GENERATE(values<Case>({
      {"disciplined", TIME_OK, STA_PLL, 250, true},
      {"leap second ahead", TIME_INS, STA_PLL | STA_INS, 250, true, true},
      {"a second to be left out", TIME_DEL, STA_PLL | STA_DEL, 250, true, true},
      {"leap second under way", TIME_OOP, STA_PLL | STA_INS, 250, true, true},
      {"leap second over", TIME_WAIT, STA_PLL | STA_INS, 250, true, true},
      {"not disciplined", TIME_ERROR, STA_UNSYNC, 16'000'000, false},
      {"flag alone", TIME_OK, STA_UNSYNC, 250, false},
      {"no answer", -1, 0, 0, false},
  }));
  CAPTURE(c.what);
  timex clock{};
  clock.status = c.status;
  clock.maxerror = c.maxerror;
  const ClockQuality quality = clock_quality(clock, c.state);
  CHECK(quality.synchronised == c.synchronised);
  CHECK(quality.max_error == std::chrono::microseconds{c.maxerror});
  CHECK(quality.leap_second == c.leap_second);
}

}  // namespace
}  // namespace strait::probe
