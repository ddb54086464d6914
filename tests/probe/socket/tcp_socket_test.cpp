// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/tcp_socket.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <random>
#include <vector>

#include "probe/octets.hpp"
#include "probe/socket/icmp_header.hpp"

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::kernel;

namespace {

using Octets = std::vector<std::byte>;
constexpr std::uint16_t our_port = 50000;

// RFC 1071 as written there.
unsigned plain_sum(std::span<const std::byte> octets, unsigned sum = 0) {
  for (std::size_t i = 0; i < octets.size(); i += 2) {
    sum += std::to_integer<unsigned>(octets[i]) << 8U;
    if (i + 1 < octets.size()) sum += std::to_integer<unsigned>(octets[i + 1]);
    sum = (sum & 0xffffU) + (sum >> 16U);
  }
  return sum;
}

// 192.0.2.1:443 acknowledges 0x01020305 to 10.0.0.1, as a raw IPv4 socket delivers it.
Octets answer(std::uint8_t flags, std::size_t ip_header = 20) {
  Octets packet(ip_header + tcp_header_size);
  packet[0] = static_cast<std::byte>(0x40U | ip_header / 4);
  store(packet, 12, std::uint32_t{0xc0000201});
  store(packet, 16, std::uint32_t{0x0a000001});
  const auto segment = std::span{packet}.subspan(ip_header);
  write_tcp({443, our_port, 77, 0x01020305, flags}, false, segment);
  const unsigned sum = plain_sum(segment, plain_sum(std::span{packet}.subspan(12, 8), 6 + 20));
  store(segment, tcp_checksum_at, static_cast<std::uint16_t>(~sum));
  return packet;
}

}  // namespace

TEST_CASE("the checksum of a SYN is right over IPv4") {
  const Address source = *parse_address("10.0.0.1");
  for (std::uint32_t number : {0U, 1U, 0x89abcdefU, 0xffffffffU}) {
    const auto segment = syn_segment(source, our_port, {*parse_address("192.0.2.1"), 443}, number);
    Octets addresses(8);
    store(addresses, 0, std::uint32_t{0x0a000001});
    store(addresses, 4, std::uint32_t{0xc0000201});
    CHECK(plain_sum(segment, plain_sum(addresses, 6 + 24)) == 0xffff);
    CHECK(read_tcp(segment)->sequence == number);
  }
}

TEST_CASE("of what a raw socket hears, only answers to our SYNs are taken") {
  struct Case {
    const char* what;
    std::uint8_t flags;
    std::function<void(Octets&)> change;
    bool taken;
  };
  constexpr std::uint8_t syn_ack = tcp_flag_syn | tcp_flag_ack;
  constexpr std::uint8_t reset = tcp_flag_rst | tcp_flag_ack;
  const auto none = [](Octets&) {};
  const auto c = GENERATE_COPY(values<Case>({
      {"a SYN-ACK", syn_ack, none, true},
      {"an RST", reset, none, true},
      {"the sum that is left to hardware", syn_ack,
       [](Octets& p) {
         const auto sum = plain_sum(std::span{p}.subspan(12, 8), 6 + 20);
         store(p, 20 + tcp_checksum_at, static_cast<std::uint16_t>(sum));
       },
       true},
      {"a SYN", tcp_flag_syn, none, false},
      {"an ACK", tcp_flag_ack, none, false},
      {"an RST that acknowledges nothing", tcp_flag_rst, none, false},
      {"SYN and RST at once", static_cast<std::uint8_t>(syn_ack | tcp_flag_rst), none, false},
      {"another port", syn_ack, [](Octets& p) { store(p, 22, std::uint16_t{50001}); }, false},
      {"a wrong checksum", syn_ack, [](Octets& p) { p[30] ^= std::byte{1}; }, false},
      {"cut in the segment", syn_ack, [](Octets& p) { p.resize(39); }, false},
      {"cut in the IP header", syn_ack, [](Octets& p) { p.resize(19); }, false},
      {"empty", syn_ack, [](Octets& p) { p.clear(); }, false},
      {"an IP header of 4 octets", syn_ack, [](Octets& p) { p[0] = std::byte{0x41}; }, false},
      {"an IP header beyond the end", syn_ack, [](Octets& p) { p[0] = std::byte{0x4f}; }, false},
      {"options beyond the end", syn_ack, [](Octets& p) { p[32] = std::byte{0xf0}; }, false},
  }));
  CAPTURE(c.what);
  Octets packet = answer(c.flags);
  c.change(packet);
  packet.shrink_to_fit();
  const auto read = read_answer(false, our_port, packet);
  REQUIRE(read.has_value() == c.taken);
  if (!read) return;
  CHECK(read->port == 443);
  REQUIRE(read->acknowledged.size() == 4);
  CHECK(load<std::uint32_t>(read->acknowledged, 0) == 0x01020305);
}

TEST_CASE("IP options stand before an answer, and nothing does over IPv6") {
  constexpr std::uint8_t syn_ack = tcp_flag_syn | tcp_flag_ack;
  CHECK(read_answer(false, our_port, answer(syn_ack, 24)).has_value());
  const Octets packet = answer(syn_ack);
  CHECK(read_answer(true, our_port, std::span{packet}.subspan(20)).has_value());
  CHECK_FALSE(read_answer(true, our_port, packet).has_value());
}

TEST_CASE("no octets make it read outside of the packet") {
  std::mt19937 random{20261126};
  const Octets good = answer(tcp_flag_syn | tcp_flag_ack);
  for (int i = 0; i < 20000; ++i) {
    Octets packet(good.begin(), good.begin() + static_cast<long>(random() % (good.size() + 1)));
    for (unsigned flips = random() % 4; flips > 0 && !packet.empty(); --flips) {
      packet[random() % packet.size()] = static_cast<std::byte>(random());
    }
    packet.shrink_to_fit();
    const auto read = read_answer(i % 2 == 0, our_port, packet);
    if (read) CHECK(read->acknowledged.data() + 4 <= packet.data() + packet.size());
  }
}

TEST_CASE("an ICMP error is ours if it quotes our port") {
  Octets quoted(8);
  store(quoted, 0, our_port);
  store(quoted, 2, std::uint16_t{443});
  CHECK(read_quoted_syn(our_port, quoted) == std::optional<std::uint16_t>{443});
  CHECK_FALSE(read_quoted_syn(50001, quoted).has_value());
  quoted.resize(7);
  CHECK_FALSE(read_quoted_syn(our_port, quoted).has_value());
}
