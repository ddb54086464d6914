// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/icmp_header.hpp"

#include <catch2/catch.hpp>
#include <numeric>
#include <vector>

using namespace strait::probe::kernel;

namespace {

// The sum of all 16-bit words, checksum included, is all ones for a good packet (RFC 1071).
unsigned checksum_of(std::vector<std::byte> packet) {
  if (packet.size() % 2 != 0) packet.push_back(std::byte{0});
  unsigned sum = 0;
  for (std::size_t i = 0; i < packet.size(); i += 2)
    sum += std::to_integer<unsigned>(packet[i]) * 256 + std::to_integer<unsigned>(packet[i + 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

}  // namespace

TEST_CASE("an echo request has a good checksum whatever the length of its data") {
  const auto length = GENERATE(values<std::size_t>({0, 1, 2, 55, 56, 8999, 9000}));
  CAPTURE(length);
  std::vector<std::byte> data(length);
  for (std::size_t i = 0; i < length; ++i) data[i] = static_cast<std::byte>(i * 31);
  const auto header = echo_request(false, 0xbeef, 0x0102, data);
  std::vector<std::byte> packet(header.begin(), header.end());
  packet.insert(packet.end(), data.begin(), data.end());
  CHECK(checksum_of(packet) == 0xffff);

  const auto echo = read_echo(packet);
  REQUIRE(echo.has_value());
  CHECK(echo->type == 8);
  CHECK(echo->identifier == 0xbeef);
  CHECK(echo->sequence == 0x0102);
}

TEST_CASE("an IPv4 header that lies about its length is refused") {
  struct Case {
    std::size_t octets;
    unsigned first;
    bool good;
  };
  const auto c = GENERATE(values<Case>({{0, 0x45, false},
                                        {19, 0x45, false},
                                        {20, 0x45, true},
                                        {20, 0x44, false},
                                        {28, 0x46, true},
                                        {20, 0x46, false},
                                        {60, 0x4f, true},
                                        {59, 0x4f, false}}));
  CAPTURE(c.octets, c.first);
  std::vector<std::byte> packet(c.octets);
  if (!packet.empty()) packet[0] = static_cast<std::byte>(c.first);
  const auto rest = skip_ipv4_header(packet);
  CHECK(rest.has_value() == c.good);
  if (rest) CHECK(rest->size() == c.octets - (c.first & 0xfU) * 4);
}

TEST_CASE("a message shorter than a header is no echo") {
  const std::vector<std::byte> seven(7);
  CHECK_FALSE(read_echo(seven).has_value());
}
