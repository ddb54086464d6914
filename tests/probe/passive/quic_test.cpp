// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

#include "tests/probe/passive/conversation.hpp"
#include "tests/probe/passive/datagrams.hpp"
#include "tests/probe/passive/spin_world.hpp"

namespace strait::probe::passive {
namespace {

using Bytes = std::vector<std::byte>;
// Connection IDs, as their octets' value; 8 octets each.
constexpr unsigned chosen = 0x0a;  // by the client for its first packet
constexpr unsigned client_id = 0xc1;
constexpr unsigned server_id = 0x5e;
constexpr unsigned none = 0;  // an ID without an octet

void append_id(Bytes& packet, unsigned id) {
  const std::size_t length = id == none ? 0 : 8;
  packet.push_back(static_cast<std::byte>(length));
  packet.insert(packet.end(), length, static_cast<std::byte>(id));
}

struct Long {
  QuicKind kind = QuicKind::initial;
  unsigned to = chosen;
  unsigned from = client_id;
  std::size_t size = 1200;
  std::uint32_t version = 1;
};

Bytes long_packet(const Long& how) {
  unsigned type = static_cast<unsigned>(how.kind);
  if (how.version != 1) type = (type + 1) % 4;  // RFC 9369 section 3.2
  Bytes packet{static_cast<std::byte>(0xc0U | type << 4U)};
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    packet.push_back(static_cast<std::byte>(how.version >> (shift - 8)));
  }
  append_id(packet, how.to);
  append_id(packet, how.from);
  packet.resize(how.size, std::byte{0x77});
  return packet;
}

Bytes short_packet(unsigned to, bool spin) {
  Bytes packet{static_cast<std::byte>(spin ? 0x60 : 0x40)};
  if (to != none) packet.insert(packet.end(), 8, static_cast<std::byte>(to));
  packet.resize(60, std::byte{0x33});
  return packet;
}

Long answer(std::size_t size = 1200) {
  return {
      .kind = QuicKind::initial, .to = client_id, .from = server_id, .size = size, .version = 1};
}
Long completion(QuicKind kind = QuicKind::initial) {
  return {.kind = kind, .to = server_id, .from = client_id, .size = 1200, .version = 1};
}

struct Talk {
  std::int64_t at;  // ms
  bool client;
  Long packet;
};

// All but the first one without the bits of `cleared`.
Datagrams talk(std::initializer_list<Talk> all, unsigned cleared = 0) {
  Datagrams datagrams;
  for (const Talk& each : all) {
    Bytes packet = long_packet(each.packet);
    if (!datagrams.packets().empty()) packet[0] &= static_cast<std::byte>(~cleared);
    if (each.client) {
      datagrams.client(each.at * ms, packet);
    } else {
      datagrams.server(each.at * ms, packet);
    }
  }
  return datagrams;
}

TEST_CASE(
    "QUIC's handshake is split where it is captured, and what is ambiguous of it is refused") {
  const Long more{
      .kind = QuicKind::handshake, .to = client_id, .from = server_id, .size = 1100, .version = 1};
  const Long retry{
      .kind = QuicKind::retry, .to = client_id, .from = 0xee, .size = 100, .version = 1};
  const Long second{
      .kind = QuicKind::initial, .to = 0xee, .from = client_id, .size = 1200, .version = 1};
  const Long early{
      .kind = QuicKind::zero_rtt, .to = chosen, .from = client_id, .size = 900, .version = 1};
  struct Case {
    const char* what;
    Datagrams datagrams;
    Strings round_trips;
    std::uint64_t refused = 0;
  };
  const std::string server = "quic-handshake server 20000";
  const std::string client = "quic-handshake client 5000";
  const std::vector<Case> cases{
      {"as it should be",
       talk({{0, true, {}}, {20, false, answer()}, {25, true, completion()}}),
       {server, client}},
      {"a server's flight of three",
       talk({{0, true, {}},
             {20, false, answer()},
             {20, false, more},
             {21, false, more},
             {25, true, completion()}}),
       {server, client + "?"}},
      {"data before the answer",
       talk({{0, true, {}}, {1, true, early}, {20, false, answer()}, {25, true, completion()}}),
       {server, client}},
      {"asked twice before the answer: Karn, or a long ClientHello",
       talk({{0, true, {}}, {1, true, {}}, {20, false, answer()}, {25, true, completion()}}),
       {client},
       1},
      {"asked again behind the answer, before it arrived",
       talk({{0, true, {}},
             {20, false, answer()},
             {22, true, {}},
             {25, true, completion()},
             {42, false, answer()}}),
       {server, client}},
      {"two answers before the client's",
       talk(
           {{0, true, {}}, {20, false, answer()}, {23, false, answer()}, {25, true, completion()}}),
       {server},
       1},
      {"the server's first packet is missing",
       talk({{0, true, {}}, {20, false, more}, {25, true, completion()}}),
       {},
       1},
      {"the client goes on at once, or its first answer is missing",
       talk({{0, true, {}}, {20, false, answer()}, {25, true, completion(QuicKind::handshake)}}),
       {server, client + "?"}},
      {"answers so late that they may be repetitions",
       talk({{0, true, {}}, {1020, false, answer()}, {2030, true, completion()}}),
       {},
       2},
      {"the client's answers are missing but for early data",
       talk({{0, true, {}}, {20, false, answer()}, {90, true, completion(QuicKind::zero_rtt)}}),
       {server},
       1},
      {"ends that clear the second bit (RFC 9287)",
       talk({{0, true, {}}, {20, false, answer()}, {25, true, completion()}}, 0x40),
       {server, client}},
      {"a Retry, which the client answers with another Initial packet",
       talk({{0, true, {}}, {20, false, retry}, {25, true, second}, {45, false, answer()}}),
       {server, client}},
      {"an answer to somebody else",
       talk({{0, true, {}},
             {20, false, {.kind = QuicKind::initial, .to = 0x99, .from = server_id}}}),
       {}},
      {"only the server's part and what follows",
       talk({{20, false, answer()}, {25, true, completion()}, {30, false, answer()}}),
       {},
       1},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const auto result = metered(c.datagrams.packets(), {});
    CHECK(result.round_trips == c.round_trips);
    CHECK(result.tcp.refused == c.refused);
    REQUIRE(result.flows.size() == 1);
    const FlowReport& flow = result.flows[0];
    REQUIRE(flow.quic);
    CHECK(flow.quic->version == 1);
    CHECK(flow.client.end.port == 40000);
    CHECK(flow.client_known);
    if (c.round_trips == Strings{server, client}) CHECK(flow.handshake() == Nanos{25'000'000});
  }
}

TEST_CASE("version 2 numbers its packets otherwise") {
  const auto second = [](Long packet) {
    packet.version = 0x6b3343cf;
    return packet;
  };
  const auto result = metered(
      talk({{0, true, second({})}, {20, false, second(answer())}, {25, true, second(completion())}})
          .packets(),
      {});
  CHECK(result.round_trips == Strings{"quic-handshake server 20000", "quic-handshake client 5000"});
  CHECK(result.flows.at(0).quic.value_or(QuicReport{}).version == 2);
}

TEST_CASE("another connection of the same ends is another flow") {
  const auto result =
      metered(talk({{0, true, {}},
                    {20, false, answer()},
                    {25, true, completion()},
                    {1000, true, {.kind = QuicKind::initial, .to = 0x0b, .from = 0xc2}},
                    {1030, false, {.kind = QuicKind::initial, .to = 0xc2, .from = 0x5f}}})
                  .packets(),
              {});
  REQUIRE(result.flows.size() == 2);
  CHECK(result.flows[0].ending == FlowEnding::reused);
  CHECK(result.round_trips.back() == "quic-handshake server 30000");
}

TEST_CASE("what only looks like QUIC begins no flow") {
  Bytes cleared = long_packet({});
  cleared[0] &= std::byte{0xbf};
  Datagrams datagrams{Datagrams::Ports{.client = 40000, .server = 5000}};
  datagrams.client(0, short_packet(server_id, false))
      .client(1, long_packet({.kind = QuicKind::initial, .to = chosen, .from = none, .size = 1199}))
      .client(2, long_packet({.kind = QuicKind::initial, .to = none, .from = client_id}))
      .client(3, long_packet({.kind = QuicKind::handshake}))
      .client(3, cleared)
      .client(4,
              long_packet(
                  {.kind = QuicKind::initial, .to = chosen, .from = none, .version = 0xff00001d}))
      .client(5, Bytes(1, std::byte{0xc0}))
      .client(6, Bytes(20, std::byte{0x40}))
      .client(7, {});
  const auto result = metered(datagrams.packets(), {});
  CHECK(result.flows.empty());
  CHECK(result.tally.by_exchange.at(static_cast<std::size_t>(Exchange::none)) == 9);
  // Nor does a flow of something else become one.
  const Bytes query{std::byte{0}, std::byte{7}, std::byte{1}, std::byte{0},
                    std::byte{0}, std::byte{1}, std::byte{0}, std::byte{0},
                    std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}};
  const auto dns = metered(Datagrams{Datagrams::Ports{.client = 443, .server = 53}}
                               .client(0, query)
                               .server(10, short_packet(none, true))
                               .packets(),
                           {});
  REQUIRE(dns.flows.size() == 1);
  CHECK_FALSE(dns.flows[0].quic);
}

// The handshake, then what spin_packets() gives, between these connection IDs.
Datagrams spinning(const SpinWorld& world, unsigned to_server = server_id,
                   unsigned to_client = client_id) {
  Datagrams datagrams = talk({{0, true, {}}, {20, false, answer()}, {25, true, completion()}});
  for (const SpinPacket& packet : spin_packets(world)) {
    const std::int64_t at = 50 * ms + packet.time;
    if (packet.from_client) {
      datagrams.client(at, short_packet(to_server, packet.value));
    } else {
      datagrams.server(at, short_packet(to_client, packet.value));
    }
  }
  return datagrams;
}

TEST_CASE("a connection's spin bit times both halves") {
  const auto result = metered(spinning({}).packets(), {});
  REQUIRE(result.flows.size() == 1);
  const FlowReport& flow = result.flows[0];
  REQUIRE(flow.quic);
  CHECK(flow.quic->spin == SpinVerdict::spinning);
  CHECK(flow.quic->withheld == 0);
  CHECK(flow.client.best_method() == Method::spin);
  CHECK(flow.client.best().count() > 60);
  CHECK(flow.client.best().min() >= Nanos{20'000'000});
  CHECK(flow.client.best().max() <= Nanos{20'500'000});
  CHECK(flow.server.best().min() >= Nanos{5'000'000});
  CHECK(flow.server.best().max() <= Nanos{5'500'000});
  CHECK(result.tcp.by_spin.at(static_cast<std::size_t>(SpinVerdict::spinning)) == 1);
}

TEST_CASE("from the middle a connection is known by port 443, and the client by the other one") {
  const auto all = spinning({});
  const std::vector packets(all.packets().begin() + 200, all.packets().end());
  const auto result = metered(packets, {});
  REQUIRE(result.flows.size() == 1);
  const FlowReport& flow = result.flows[0];
  CHECK_FALSE(flow.client_known);
  REQUIRE(flow.quic);
  CHECK(flow.quic->version == 0);
  CHECK(flow.quic->spin == SpinVerdict::spinning);
  CHECK(flow.client.best().min() >= Nanos{20'000'000});
}

TEST_CASE("a new connection ID is followed, two at the same time are several connections") {
  SpinWorld brief;
  brief.lasts = 1'000'000;
  Datagrams moved = spinning(brief);
  Datagrams mixed = spinning(brief);
  for (const SpinPacket& packet : spin_packets(brief)) {
    if (packet.from_client) {
      moved.client(1'200 * ms + packet.time, short_packet(0x6f, packet.value));
      mixed.client(1'200 * ms + packet.time, short_packet(0x6f, packet.value));
      mixed.client(1'200 * ms + packet.time, short_packet(server_id, !packet.value));
    } else {
      moved.server(1'200 * ms + packet.time, short_packet(0xc9, packet.value));
      mixed.server(1'200 * ms + packet.time, short_packet(client_id, packet.value));
    }
  }
  const auto one = metered(moved.packets(), {});
  REQUIRE(one.flows.size() == 1);
  REQUIRE(one.flows[0].quic);
  CHECK(one.flows[0].quic->spin == SpinVerdict::spinning);
  CHECK(one.flows[0].quic->id_changes == 2);
  CHECK(one.flows[0].client.best().max() <= Nanos{20'500'000});
  const auto two = metered(mixed.packets(), {});
  REQUIRE(two.flows.size() == 1);
  REQUIRE(two.flows[0].quic);
  CHECK(two.flows[0].quic->spin == SpinVerdict::several);
  CHECK(two.flows[0].client.best().empty());
  CHECK(two.flows[0].quic->withheld > 0);
}

TEST_CASE("QUIC without a handshake seen and a snapshot that ends early does no harm") {
  Datagrams datagrams = talk({{0, true, {}}, {20, false, answer()}});
  std::vector<CapturedPacket> packets = datagrams.packets();
  for (CapturedPacket& packet : packets) packet.data = packet.data.first(28 + 8);
  CHECK(metered(packets, {}).flows.empty());
}

}  // namespace
}  // namespace strait::probe::passive
