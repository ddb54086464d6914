// SPDX-License-Identifier: Apache-2.0
#include "probe/twamp/test_packet.hpp"

#include <catch2/catch.hpp>
#include <numeric>

#include "tests/probe/twamp/wire.hpp"

namespace strait::probe::twamp {
namespace {

using test::octets;

constexpr WallTime received{std::chrono::seconds{1'700'000'000}};
constexpr WallTime transmit = received + std::chrono::milliseconds{500};

// 14 octets and a padding whose octets tell their places.
std::vector<std::byte> request(std::size_t size, std::string_view estimate = "00 01") {
  auto packet = octets("00 00 00 2a e9 00 11 22 33 44 55 66");
  test::append(packet, octets(estimate));
  for (std::size_t at = packet.size(); at < size; ++at)
    packet.push_back(static_cast<std::byte>(at));
  packet.resize(size);
  return packet;
}

std::vector<std::byte> reply_to(const std::vector<std::byte>& asked, const ReplyForm& form) {
  Reflector reflector{ClockQuality{.synchronised = true, .max_error = Nanos{1'000'000}}};
  std::vector<std::byte> reply(9216, std::byte{0xee});
  const auto made = reflect_test(reflector, asked, {received, transmit, 63}, form, reply);
  CHECK(made.refusal == Refusal::none);
  reply.resize(made.size);

  // Over its own request it is the same.
  auto memory = asked;
  memory.resize(9216, std::byte{0xee});
  const auto again = reflect_test(reflector, std::span{memory}.first(asked.size()),
                                  {received, transmit, 63}, form, memory);
  memory.resize(again.size);
  CHECK(memory == reply);
  return reply;
}

TEST_CASE("a TWAMP-Test reply has the layout of RFC 5357, octet by octet") {
  const auto reply = reply_to(request(14), {.sequence = 7});
  // NTP of 2023-11-14T22:13:20Z is e8fe6f80; the estimate of 1 ms: S, scale 15, multiplier 132.
  auto wanted = octets("00 00 00 07 e8 fe 6f 80 80 00 00 00");
  const auto estimate = std::vector(reply.begin() + 12, reply.begin() + 14);
  test::append(wanted, estimate);
  test::append(wanted, octets("00 00 e8 fe 6f 80 00 00 00 00 00 00 00 2a"));
  test::append(wanted, octets("e9 00 11 22 33 44 55 66 00 01 00 00 3f"));
  CHECK(reply == wanted);
  CHECK(reply.size() == test_reply_size);
  CHECK((std::to_integer<int>(estimate[0]) & 0xc0) == 0x80);  // S, and NTP
}

TEST_CASE("a reply is as long as its request, at least 41 octets, and carries its padding") {
  const auto size = GENERATE(as<std::size_t>{}, 14, 40, 41, 42, 43, 44, 45, 48, 100, 1472, 9000);
  const bool symmetrical = GENERATE(false, true);
  CAPTURE(size, symmetrical);
  const auto asked = request(size);
  const auto reply = reply_to(asked, {.sequence = 1, .symmetrical = symmetrical});
  REQUIRE(reply.size() == std::max(size, test_reply_size));
  // RFC 5357 section 4.2.1: the highest octets of the padding go.
  const std::size_t from = symmetrical ? 41 : 14;
  for (std::size_t at = test_reply_size; at < size; ++at) {
    REQUIRE(reply[at] == asked[from + at - test_reply_size]);
  }
}

TEST_CASE("where a STAMP packet has its identifier a TWAMP-Test reply has zeros") {
  const auto reply = reply_to(request(44), {.sequence = 1, .symmetrical = true});
  CHECK(std::to_integer<int>(reply[14]) == 0);
  CHECK(std::to_integer<int>(reply[15]) == 0);
}

TEST_CASE("padding that looks like a TLV stays padding") {
  auto asked = request(60);
  const auto tlv = octets("80 01 00 0c 11*12");
  std::ranges::copy(tlv, asked.begin() + 44);
  const auto reply = reply_to(asked, {.sequence = 1, .symmetrical = true});
  CHECK(std::vector(reply.begin() + 44, reply.end()) == tlv);
}

TEST_CASE("a Z bit that was not agreed on changes no format and comes back as it was") {
  const auto plain = reply_to(request(44, "80 05"), {.sequence = 1});
  const auto marked = reply_to(request(44, "c0 05"), {.sequence = 1});
  CHECK(std::vector(marked.begin(), marked.begin() + 36) ==
        std::vector(plain.begin(), plain.begin() + 36));
  CHECK(std::to_integer<int>(marked[36]) == 0xc0);
}

TEST_CASE("what is no test packet gets no reply") {
  Reflector reflector{ClockQuality{}};
  std::vector<std::byte> memory(9216);
  for (std::size_t size = 0; size < twamp_request_size; ++size) {
    CHECK(reflect_test(reflector, std::vector<std::byte>(size), {}, {}, memory).refusal ==
          Refusal::too_short);
  }
  CHECK(reflect_test(reflector, request(14, "00 00"), {}, {}, memory).refusal ==
        Refusal::corrupt_error_estimate);
  CHECK(reflect_test(reflector, request(14), {}, {}, std::span{memory}.first(40)).refusal ==
        Refusal::no_room);
}

}  // namespace
}  // namespace strait::probe::twamp
