// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tests/probe/passive/conversation.hpp"

namespace strait::probe::passive {
namespace {

TEST_CASE("both methods at once when that is asked for, and neither when it is not") {
  const Conversation talk = Conversation{}
                                .open()
                                .client(100 * ms, stamped(data(1, 100), 10, 5))
                                .server(120 * ms, stamped(ack(101), 7, 10));
  MeterOptions options;
  options.tcp.sequence_always = true;
  CHECK(metered(talk.packets(), options).round_trips ==
        opened({"timestamp server 20000?", "sequence server 20000?"}));
  options.tcp = {.timestamps = false, .sequence = true, .sequence_always = false};
  CHECK(metered(talk.packets(), options).round_trips == opened({"sequence server 20000?"}));
  options.tcp = {.timestamps = false, .sequence = false, .sequence_always = false};
  CHECK(metered(talk.packets(), options).round_trips == opened());
}

TEST_CASE("from the middle of a connection sequence numbers are trusted after two whole rounds") {
  Conversation conversation;
  for (std::uint32_t i = 0; i < 4; ++i) {
    conversation.client(i * 100 * ms, data(5001 + i * 100, 100))
        .server((i * 100 + 20) * ms, ack(5101 + i * 100));
  }
  // The first acknowledgment says where the rounds begin.
  CHECK(metered(conversation.packets(), {}).round_trips == Strings{"sequence server 20000?"});
  const auto flows = metered(conversation.packets(), {}).flows;
  REQUIRE(flows.size() == 1);
  CHECK(flows[0].start == FlowStart::middle);
  CHECK_FALSE(flows[0].client_known);
  CHECK(flows[0].client.end.port == 40000);
}

TEST_CASE("from the middle nothing is timed by a number that may have been sent before") {
  MeterOptions both;
  both.tcp.sequence_always = true;
  Conversation conversation;
  for (std::uint32_t i = 0; i < 2; ++i) {
    conversation.client(i * 100 * ms, stamped(data(5001 + i * 100, 100), 100 * (i + 1), 5))
        .server((i * 100 + 20) * ms, stamped(ack(5101 + i * 100), 7, 100 * (i + 1)));
  }
  CHECK(metered(conversation.packets(), both).round_trips == Strings{"timestamp server 20000?"});
}

TEST_CASE("a flow's report has both directions, its ending and its handshake") {
  const auto fin = [](std::uint32_t sequence, std::uint32_t acknowledgment) {
    return Segment{
        .flags = tcp::ack | tcp::fin, .sequence = sequence, .acknowledgment = acknowledgment};
  };
  const Conversation talk = Conversation{}
                                .open()
                                .client(100 * ms, data(1, 100))
                                .server(120 * ms, ack(101))
                                .client(200 * ms, fin(101, 1))
                                .server(220 * ms, fin(1, 102))
                                .client(225 * ms, ack(2, 102));
  const auto flows = metered(talk.packets(), {}).flows;
  REQUIRE(flows.size() == 1);
  const FlowReport& flow = flows[0];
  CHECK(flow.start == FlowStart::handshake);
  CHECK(flow.ending == FlowEnding::closed);
  CHECK(flow.client_known);
  CHECK(to_string(flow.client.end) == "192.0.2.1:40000");
  CHECK(to_string(flow.server.end) == "198.51.100.2:443");
  CHECK(flow.handshake() == Nanos{25'000'000});
  CHECK(flow.client.packets == 5);
  CHECK(flow.client.octets == 5 * 40 + 100);
  CHECK(flow.server.packets == 3);
  CHECK(flow.last - flow.first == Nanos{225'000'000});
  CHECK(flow.client.best_method() == Method::sequence);
  CHECK(flow.client.best().count() == 2);
  CHECK(flow.client.best().min() == Nanos{20'000'000});
  CHECK(flow.server.best().max() == Nanos{5'000'000});
}

TEST_CASE("a SYN with another number begins another connection between the same ends") {
  auto conversation = Conversation{}.open();
  const auto first = metered(conversation.packets(), {});
  REQUIRE(first.flows.size() == 1);
  CHECK(first.flows[0].ending == FlowEnding::open);
  conversation.client(5000 * ms, {.flags = tcp::syn, .sequence = 1'000'000})
      .server(5030 * ms, {.flags = syn_ack, .sequence = 7, .acknowledgment = 1'000'001})
      .client(5031 * ms, ack(8, 1'000'001));
  const auto both = metered(conversation.packets(), {});
  CHECK(both.round_trips == opened({"handshake server 30000", "handshake client 1000"}));
  REQUIRE(both.flows.size() == 2);
  CHECK(both.flows[0].ending == FlowEnding::reused);
  CHECK(both.flows[1].client.handshake == Nanos{30'000'000});
}

TEST_CASE("a flow that has been silent makes room for a new one, and is reported") {
  std::vector<CapturedPacket> packets;
  std::deque<Conversation> conversations;
  for (const unsigned port : {1000U, 1001U, 1002U, 1003U, 1001U, 1004U}) {
    const auto& all = conversations.emplace_back(static_cast<std::uint16_t>(port)).open().packets();
    packets.insert(packets.end(), all.begin(), all.end());
  }
  MeterOptions options;
  options.max_flows = 3;
  const auto result = metered(packets, options);
  CHECK(result.tally.flows == 5);
  CHECK(result.tally.evicted == 2);
  REQUIRE(result.flows.size() == 5);
  // 1001 had something to say in between.
  CHECK(result.flows[0].client.end.port == 1000);
  CHECK(result.flows[1].client.end.port == 1002);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(result.flows[i].ending == (i < 2 ? FlowEnding::evicted : FlowEnding::open));
  }
}

TEST_CASE("flows are found again among many, also when others have gone") {
  std::vector<CapturedPacket> packets;
  std::deque<Conversation> conversations;
  for (std::uint16_t port = 1; port <= 3000; ++port) {
    const auto& all = conversations.emplace_back(port).open().packets();
    packets.insert(packets.end(), all.begin(), all.end());
  }
  MeterOptions options;
  options.max_flows = 2000;
  const auto result = metered(packets, options);
  // One that was lost in the table would have begun anew at its next packet.
  CHECK(result.tally.flows == 3000);
  CHECK(result.round_trips.size() == 6000);
}

TEST_CASE("more segments on the way than there is room for are counted, not timed") {
  Conversation conversation;
  conversation.open();
  for (std::uint32_t i = 0; i < 300; ++i) conversation.client(100 * ms + i, data(1 + i * 10, 10));
  conversation.server(120 * ms + 255, ack(1 + 256 * 10)).server(130 * ms, ack(1 + 300 * 10));
  const auto result = metered(conversation.packets(), {});
  CHECK(result.round_trips == opened({"sequence server 20000"}));
  CHECK(result.flows.at(0).client.signs.untracked == 44);
  CHECK(result.tcp.untracked == 44);
}

TEST_CASE("no more senders than it is told to may have many segments on the way") {
  std::deque<Conversation> conversations;
  std::vector<CapturedPacket> packets;
  for (const std::uint16_t port : {std::uint16_t{1000}, std::uint16_t{1001}}) {
    auto& conversation = conversations.emplace_back(port).open();
    for (std::uint32_t i = 0; i < 20; ++i) {
      conversation.client(100 * ms + i, data(1 + i * 10, 10));
    }
    conversation.server(120 * ms, ack(1 + 20 * 10));
    const auto& all = conversation.packets();
    packets.insert(packets.end(), all.begin(), all.end());
  }
  MeterOptions options;
  CHECK(metered(packets, options).tcp.untracked == 0);
  options.max_busy = 1;
  const auto result = metered(packets, options);
  REQUIRE(result.flows.size() == 2);
  CHECK(result.flows[0].client.signs.untracked == 0);
  CHECK(result.flows[1].client.signs.untracked == 20 - 8);
  CHECK(result.tcp.untracked == 20 - 8);
}

TEST_CASE("the largest flows are told as they stand, and go on") {
  std::deque<Conversation> conversations;
  std::vector<FlowReport> ended;
  Meter meter{MeterOptions{}, [&](const FlowReport& flow) { ended.push_back(flow); }};
  for (const unsigned port : {1000U, 1001U, 1002U}) {
    auto& conversation = conversations.emplace_back(static_cast<std::uint16_t>(port)).open();
    for (unsigned i = 0; i < port - 999; ++i)
      conversation.client(100 * ms + i, data(1 + i * 10, 10));
    meter.add(conversation.packets());
  }
  const auto largest = meter.largest(2);
  REQUIRE(largest.size() == 2);
  CHECK(largest[0].client.end.port == 1002);
  CHECK(largest[1].client.end.port == 1001);
  CHECK(largest[0].ending == FlowEnding::open);
  CHECK(meter.largest(9).size() == 3);
  CHECK(ended.empty());
  meter.finish();
  CHECK(ended.size() == 3);
  CHECK(meter.largest(9).empty());
}

// Echo requests or replies between the ends of a Conversation, each 10 us after the one before.
Metered pinged(std::span<const std::pair<bool, std::uint16_t>> echoes) {
  std::vector<std::array<std::byte, 28>> octets(echoes.size());
  std::vector<CapturedPacket> packets;
  for (std::size_t i = 0; i < echoes.size(); ++i) {
    const auto [reply, number] = echoes[i];
    const std::span packet{octets[i]};
    store(packet, 0, std::uint32_t{0x4500001c});
    store(packet, 8, std::uint16_t{0x4001});
    store(packet, 12, reply ? std::uint32_t{0xc6336402} : std::uint32_t{0xc0000201});
    store(packet, 16, reply ? std::uint32_t{0xc0000201} : std::uint32_t{0xc6336402});
    store(packet, 20, reply ? std::uint16_t{0} : std::uint16_t{0x0800});
    store(packet, 24, std::uint16_t{77});
    store(packet, 26, number);
    packets.push_back({.time = WallTime{Nanos{static_cast<std::int64_t>(i) * 10'000}},
                       .data = packet,
                       .length = 28,
                       .interface = 0,
                       .link = LinkType::raw,
                       .other_order = false});
  }
  return metered(packets, {});
}

TEST_CASE("a question that nobody answers is counted, and makes room after many more") {
  std::vector<std::pair<bool, std::uint16_t>> echoes;
  for (std::uint16_t i = 0; i < 300; ++i) echoes.emplace_back(false, i);
  auto result = pinged(echoes);
  CHECK(result.round_trips.empty());
  CHECK(result.flows.at(0).client.signs.unanswered == 300);
  for (std::uint16_t i = 0; i < 299; ++i) echoes.emplace_back(true, i);
  result = pinged(echoes);
  CHECK(result.round_trips.size() == 255);
  CHECK(result.flows.at(0).client.by_question.min() == Nanos{3'000'000});
  CHECK(result.flows.at(0).client.signs.unanswered == 45);
  CHECK(result.flows.at(0).client.signs.unseen == 44);
}

TEST_CASE("an answer is of one question only") {
  // Asked twice; answered twice; answered without a question.
  CHECK(pinged(std::vector<std::pair<bool, std::uint16_t>>{{false, 1}, {false, 1}, {true, 1}})
            .flows.at(0)
            .client.signs.refused == 1);
  CHECK(pinged(std::vector<std::pair<bool, std::uint16_t>>{{false, 1}, {true, 1}, {true, 1}})
            .round_trips == Strings{"echo client 10"});
  CHECK(pinged(std::vector<std::pair<bool, std::uint16_t>>{{true, 1}, {false, 2}})
            .round_trips.empty());
}

TEST_CASE("the tick of a sender's timestamps is told where it sent for long enough") {
  const std::uint32_t per_tick = GENERATE(1U, 4U, 10U);  // ms
  Conversation conversation;
  conversation.open();
  for (std::uint32_t i = 0; i < 400; ++i) {
    const std::int64_t now = 100 * ms + i * 10 * ms;
    const std::uint32_t tsval = 1000 + i * 10 / per_tick;
    conversation.client(now, stamped(data(1 + i * 10, 10), tsval, 5))
        .server(now + 5 * ms, stamped(ack(11 + i * 10), 5, tsval));
  }
  const auto flows = metered(conversation.packets(), {}).flows;
  REQUIRE(flows.size() == 1);
  REQUIRE(flows[0].client.clock_tick);
  const auto tick = *flows[0].client.clock_tick;
  CHECK(tick > Nanos{per_tick * 980'000});
  CHECK(tick < Nanos{per_tick * 1'020'000});
  CHECK_FALSE(flows[0].server.clock_tick);
}

TEST_CASE("two gigabytes and the numbers' wraps leave no wrong round trip") {
  Conversation conversation;
  conversation.open();
  constexpr std::uint32_t step = 400'000'000;
  for (std::uint32_t i = 0; i < 30; ++i) {
    // 60 kB of every step are captured to begin with; the acknowledgment tells of the rest.
    const std::uint32_t at = 1 + i * step;
    conversation.client((100 + i * 100) * ms, data(at, 60'000))
        .server((120 + i * 100) * ms, ack(at + 60'000))
        .server((130 + i * 100) * ms, ack(at + step));
  }
  const auto result = metered(conversation.packets(), {});
  REQUIRE(result.round_trips.size() == 32);
  CHECK(std::ranges::count(result.round_trips, "sequence server 20000?") == 30);
  CHECK(result.flows.at(0).client.signs.unseen == 30);
}

TEST_CASE("a long series of round trips has the quantiles of a sketch, a short one exact ones") {
  const std::uint32_t count = GENERATE(3U, 6U, 7U, 500U);
  Conversation conversation;
  conversation.open();
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::int64_t now = 100 * ms + i * 100 * ms;
    conversation.client(now, data(1 + i * 10, 10)).server(now + (i + 1) * 100, ack(11 + i * 10));
  }
  const auto flows = metered(conversation.packets(), {}).flows;
  const Sketch& rtt = flows.at(0).client.best();
  CHECK(rtt.count() == count);
  CHECK(rtt.min() == Nanos{100'000});
  CHECK(rtt.max() == Nanos{100'000 * std::int64_t{count}});
  CHECK(flows.at(0).client.complete);
}

}  // namespace
}  // namespace strait::probe::passive
