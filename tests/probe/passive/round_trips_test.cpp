// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/probe/passive/conversation.hpp"

namespace strait::probe::passive {
namespace {

// A capture, the round trips that are in it, and what the client's and the server's data show.
struct Case {
  const char* what;
  Conversation conversation;
  Strings round_trips;
  SenderSigns client = {};
  SenderSigns server = {};
};

void check(const std::vector<Case>& cases, const MeterOptions& options = {}) {
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const auto result = metered(c.conversation.packets(), options);
    CHECK(result.round_trips == c.round_trips);
    REQUIRE_FALSE(result.flows.empty());
    CHECK(result.flows.front().client.signs == c.client);
    CHECK(result.flows.front().server.signs == c.server);
  }
}

TEST_CASE("a handshake is split where it is captured, and what is ambiguous of it is refused") {
  check({
      {"as it should be", Conversation{}.open(), opened()},
      {"a SYN sent again",
       Conversation{}
           .client(0, {.flags = tcp::syn})
           .client(1000 * ms, {.flags = tcp::syn})
           .server(1020 * ms, {.flags = syn_ack, .acknowledgment = 1})
           .client(1025 * ms, ack(1)),
       {"handshake client 5000"}},
      {"a SYN sent again that crosses its answer",
       Conversation{}
           .client(0, {.flags = tcp::syn})
           .server(20 * ms, {.flags = syn_ack, .acknowledgment = 1})
           .client(21 * ms, {.flags = tcp::syn})
           .client(25 * ms, ack(1))
           .server(41 * ms, {.flags = syn_ack, .acknowledgment = 1}),
       opened()},
      {"answers so late that they may be repetitions of what was lost before the capture",
       Conversation{}
           .client(0, {.flags = tcp::syn})
           .server(1020 * ms, {.flags = syn_ack, .acknowledgment = 1})
           .client(2030 * ms, ack(1)),
       {}},
      {"a SYN sent again behind its answer",
       Conversation{}
           .client(0, {.flags = tcp::syn})
           .server(20 * ms, {.flags = syn_ack, .acknowledgment = 1})
           .client(1000 * ms, {.flags = tcp::syn})
           .server(1020 * ms, {.flags = syn_ack, .acknowledgment = 1})
           .client(1025 * ms, ack(1)),
       {"handshake server 20000"}},
      {"a SYN-ACK sent again",
       Conversation{}
           .client(0, {.flags = tcp::syn})
           .server(20 * ms, {.flags = syn_ack, .acknowledgment = 1})
           .server(1020 * ms, {.flags = syn_ack, .acknowledgment = 1})
           .client(1025 * ms, ack(1)),
       {"handshake server 20000"}},
      {"a SYN-ACK of something else",
       Conversation{}
           .client(0, {.flags = tcp::syn})
           .server(20 * ms, {.flags = syn_ack, .acknowledgment = 77})
           .client(25 * ms, ack(1)),
       {}},
      {"the server's half only",
       Conversation{}
           .server(20 * ms, {.flags = syn_ack, .acknowledgment = 1})
           .client(25 * ms, ack(1)),
       {"handshake client 5000"}},
      {"data in the SYN (RFC 7413)",
       Conversation{}
           .client(0, {.flags = tcp::syn, .payload = 50})
           .server(20 * ms, {.flags = syn_ack, .acknowledgment = 51})
           .client(25 * ms, ack(1, 51)),
       opened()},
      {"SYNs of both ends (RFC 9293 section 3.5)",
       Conversation{}
           .client(0, {.flags = tcp::syn})
           .server(1 * ms, {.flags = tcp::syn})
           .server(20 * ms, {.flags = syn_ack, .acknowledgment = 1})
           .client(21 * ms, {.flags = syn_ack, .acknowledgment = 1}),
       {}},
      {"an answer that is older than the question",
       Conversation{}
           .client(20 * ms, {.flags = tcp::syn})
           .server(10 * ms, {.flags = syn_ack, .acknowledgment = 1})
           .client(15 * ms, ack(1)),
       {"handshake client 5000"}},
      {"refused",
       Conversation{}.client(0, {.flags = tcp::syn}).server(9 * ms, {.flags = tcp::rst}),
       {}},
  });
}

TEST_CASE("by sequence numbers a round trip is taken where one segment must be the cause") {
  const auto begun = [] { return Conversation{}.open(); };
  check({
      {"one segment, whose acknowledgment may have waited",
       begun().client(100 * ms, data(1, 100)).server(120 * ms, ack(101)),
       opened({"sequence server 20000?"}),
       {.maybe_delayed = 1}},
      {"the second of two is the cause",
       begun()
           .client(100 * ms, data(1, 1000))
           .client(103 * ms, data(1001, 1000))
           .server(123 * ms, ack(2001)),
       opened({"sequence server 20000"})},
      {"both directions",
       begun()
           .client(100 * ms, data(1, 100))
           .server(121 * ms, {.sequence = 1, .acknowledgment = 101, .payload = 500})
           .client(127 * ms, ack(501, 101)),
       opened({"sequence server 21000?", "sequence client 6000?"}),
       {.maybe_delayed = 1},
       {.maybe_delayed = 1}},
      {"a FIN counts as one",
       begun()
           .client(100 * ms, {.flags = tcp::ack | tcp::fin, .sequence = 1, .acknowledgment = 1})
           .server(120 * ms, ack(2)),
       opened({"sequence server 20000?"}),
       {.maybe_delayed = 1}},
      {"an acknowledgment within a segment is not yet one of it",
       begun()
           .client(100 * ms, data(1, 1000))
           .server(120 * ms, ack(501))
           .server(121 * ms, ack(1001)),
       opened({"sequence server 21000?"}),
       {.maybe_delayed = 1}},
      {"one between two segments' ends is of neither",
       begun()
           .client(100 * ms, data(1, 1000))
           .client(101 * ms, data(1001, 1000))
           .server(120 * ms, ack(1501))
           .server(121 * ms, ack(2001)),
       opened({"sequence server 20000?"}),
       {.refused = 1, .maybe_delayed = 1}},
      {"sent again: Karn",
       begun()
           .client(100 * ms, data(1, 100))
           .client(300 * ms, data(1, 100))
           .server(320 * ms, ack(101)),
       opened(),
       {.retransmitted = 1, .refused = 1}},
      {"sent again with more behind it",
       begun()
           .client(100 * ms, data(1, 100))
           .client(300 * ms, data(1, 200))
           .server(320 * ms, ack(201)),
       opened(),
       {.retransmitted = 1, .refused = 1}},
      {"what was on the way when something was sent again",
       begun()
           .client(100 * ms, data(1, 100))
           .client(101 * ms, data(101, 100))
           .client(300 * ms, data(1, 100))
           .server(320 * ms, ack(201)),
       opened(),
       {.retransmitted = 1, .refused = 1}},
      {"what is sent later is good again",
       begun()
           .client(100 * ms, data(1, 100))
           .client(300 * ms, data(1, 100))
           .server(320 * ms, ack(101))
           .client(400 * ms, data(101, 100))
           .server(420 * ms, ack(201)),
       opened({"sequence server 20000?"}),
       {.retransmitted = 1, .refused = 1, .maybe_delayed = 1}},
      {"a loss behind the capture, without SACK",
       begun()
           .client(100 * ms, data(1, 100))
           .client(101 * ms, data(101, 100))
           .server(121 * ms, ack(1))
           .client(122 * ms, data(1, 100))
           .server(142 * ms, ack(201)),
       opened(),
       {.retransmitted = 1, .duplicate_acks = 1, .refused = 1}},
      {"overtaken before the capture",
       begun()
           .client(101 * ms, data(101, 100))
           .client(102 * ms, data(1, 100))
           .server(122 * ms, ack(201)),
       opened(),
       {.reordered = 1, .refused = 1}},
      {"lost before the capture",
       begun()
           .client(101 * ms, data(101, 100))
           .client(300 * ms, data(1, 100))
           .server(320 * ms, ack(201)),
       opened(),
       {.filled_late = 1, .refused = 1}},
      {"overtaken behind the capture, without SACK",
       begun()
           .client(100 * ms, data(1, 100))
           .client(101 * ms, data(101, 100))
           .server(121 * ms, ack(1))
           .server(122 * ms, ack(201)),
       opened(),
       {.duplicate_acks = 1, .refused = 1}},
      {"a hole that the capture never fills",
       begun().client(101 * ms, data(101, 100)).server(122 * ms, ack(201)),
       opened(),
       {.refused = 1}},
      {"acknowledged one by one after something was sent again",
       begun()
           .client(100 * ms, data(1, 100))
           .client(101 * ms, data(101, 100))
           .client(300 * ms, data(1, 100))
           .server(320 * ms, ack(101))
           .server(321 * ms, ack(201)),
       opened(),
       {.retransmitted = 1, .refused = 2}},
      {"data that the capture does not have",
       begun().client(100 * ms, data(1, 100)).server(120 * ms, ack(301)),
       opened(),
       {.unseen = 1, .refused = 1}},
      {"a keep-alive, and its answer",
       begun()
           .client(100 * ms, data(1, 100))
           .server(120 * ms, ack(101))
           .client(9000 * ms, data(100, 0))
           .server(9020 * ms, ack(101))
           .client(18000 * ms, data(100, 1))
           .server(18020 * ms, ack(101)),
       opened({"sequence server 20000?"}),
       {.keep_alives = 2, .maybe_delayed = 1}},
      {"window probes, and the window's opening",
       begun()
           .client(100 * ms, data(1, 100))
           .server(120 * ms, {.sequence = 1, .acknowledgment = 101, .window = 0})
           .client(1000 * ms, data(101, 1))
           .server(1020 * ms, {.sequence = 1, .acknowledgment = 101, .window = 0})
           .client(2000 * ms, data(101, 1))
           .server(2020 * ms, {.sequence = 1, .acknowledgment = 101, .window = 500})
           .server(2021 * ms, {.sequence = 1, .acknowledgment = 102, .window = 500}),
       opened({"sequence server 20000?"}),
       {.window_probes = 2, .refused = 1, .maybe_delayed = 1}},
      {"news of the window is no duplicate acknowledgment",
       begun()
           .client(100 * ms, data(1, 100))
           .client(101 * ms, data(101, 100))
           .server(120 * ms, ack(101))
           .server(120 * ms, {.sequence = 1, .acknowledgment = 101, .window = 900})
           .server(121 * ms, {.sequence = 1, .acknowledgment = 201, .window = 900}),
       opened({"sequence server 20000?", "sequence server 20000?"}),
       {.maybe_delayed = 2}},
      {"an acknowledgment of long ago and one of nonsense",
       begun()
           .client(100 * ms, data(1, 100))
           .server(110 * ms, ack(0))
           .server(111 * ms, ack(0x50000000))
           .server(120 * ms, ack(101)),
       opened({"sequence server 20000?"}),
       {.maybe_delayed = 1}},
  });
}

TEST_CASE("a SACK block tells the segment that it ends, if that alone is new in it") {
  const auto holed = [] {
    return Conversation{}.open().client(100 * ms, data(1, 100)).client(101 * ms, data(101, 100));
  };
  const auto sack = [](std::uint32_t number,
                       std::vector<std::pair<std::uint32_t, std::uint32_t>> blocks) {
    return Segment{.sequence = 1, .acknowledgment = number, .sack = std::move(blocks)};
  };
  check({
      {"behind a hole",
       holed()
           .server(121 * ms, sack(1, {{101, 201}}))
           .client(122 * ms, data(1, 100))
           .server(142 * ms, ack(201)),
       opened({"sack server 20000"}),
       {.retransmitted = 1, .duplicate_acks = 1, .refused = 1}},
      {"a block that grows",
       holed()
           .client(103 * ms, data(201, 100))
           .server(121 * ms, sack(1, {{101, 201}}))
           .server(123 * ms, sack(1, {{101, 301}})),
       opened({"sack server 20000", "sack server 20000"}),
       {.duplicate_acks = 2}},
      {"two at once: either may be the cause",
       holed().client(103 * ms, data(201, 100)).server(123 * ms, sack(1, {{101, 301}})),
       opened(),
       {.duplicate_acks = 1, .refused = 1}},
      {"a duplicate below the acknowledgment (RFC 2883)",
       holed().server(120 * ms, ack(101)).server(125 * ms, sack(101, {{1, 101}})),
       opened({"sequence server 20000?"}),
       {.duplicate_acks = 1, .maybe_delayed = 1}},
      {"a duplicate within the second block (RFC 2883)",
       holed().server(125 * ms, sack(1, {{101, 201}, {101, 201}})),
       opened(),
       {.duplicate_acks = 1}},
      {"of what was sent again",
       holed().client(110 * ms, data(101, 100)).server(131 * ms, sack(1, {{101, 201}})),
       opened(),
       {.retransmitted = 1, .duplicate_acks = 1, .refused = 1}},
  });
}

TEST_CASE("by timestamps each value is timed once, from the first segment that has it") {
  const auto begun = [] { return Conversation{}.open(); };
  check({
      {"one segment",
       begun()
           .client(100 * ms, stamped(data(1, 100), 10, 5))
           .server(120 * ms, stamped(ack(101), 7, 10)),
       opened({"timestamp server 20000?"}),
       {.maybe_delayed = 1}},
      {"two of one tick",
       begun()
           .client(100 * ms, stamped(data(1, 100), 10, 5))
           .client(100 * ms + 300, stamped(data(101, 100), 10, 5))
           .server(120 * ms, stamped(ack(101), 7, 10))
           .server(120 * ms + 300, stamped(ack(201), 7, 10)),
       opened({"timestamp server 20000?"}),
       {.maybe_delayed = 1}},
      {"two at once: the first one's wait for the second is in it",
       begun()
           .client(100 * ms, stamped(data(1, 100), 10, 5))
           .client(103 * ms, stamped(data(101, 100), 13, 5))
           .server(123 * ms, stamped(ack(201), 7, 10)),
       opened({"timestamp server 23000"})},
      {"sent again in a later tick: the echo tells which",
       begun()
           .client(100 * ms, stamped(data(1, 100), 10, 5))
           .client(300 * ms, stamped(data(1, 100), 210, 5))
           .server(320 * ms, stamped(ack(101), 7, 210)),
       opened({"timestamp server 20000?"}),
       {.retransmitted = 1, .maybe_delayed = 1}},
      {"sent again needlessly: the echo is of the first",
       begun()
           .client(100 * ms, stamped(data(1, 100), 10, 5))
           .client(300 * ms, stamped(data(1, 100), 210, 5))
           .server(305 * ms, stamped(ack(101), 7, 10)),
       opened({"timestamp server 205000?"}),
       {.retransmitted = 1, .maybe_delayed = 1}},
      {"sent again in the same tick",
       begun()
           .client(100 * ms, stamped(data(1, 100), 10, 5))
           .client(100 * ms + 500, stamped(data(1, 100), 10, 5))
           .server(120 * ms, stamped(ack(101), 7, 10)),
       opened(),
       {.retransmitted = 1, .refused = 1}},
      {"an echo without news",
       begun()
           .client(100 * ms, stamped(data(1, 100), 10, 5))
           .server(110 * ms, stamped(ack(1), 7, 10)),
       opened(),
       {.duplicate_acks = 1}},
      {"an echo of what was never sent",
       begun()
           .client(100 * ms, stamped(data(1, 100), 10, 5))
           .server(120 * ms, stamped(ack(101), 7, 99)),
       opened()},
      {"over the end of the numbers",
       begun()
           .client(100 * ms, stamped(data(1, 100), 0xffffffff, 5))
           .client(101 * ms, stamped(data(101, 100), 0, 5))
           .server(120 * ms, stamped(ack(101), 7, 0xffffffff))
           .server(121 * ms, stamped(ack(201), 8, 0)),
       opened({"timestamp server 20000?", "timestamp server 20000?"}),
       {.maybe_delayed = 2}},
      {"a segment that the card cuts up later",
       begun()
           .client(100 * ms, stamped(data(1, 3000), 10, 5))
           .server(120 * ms, stamped(ack(1501), 7, 10))
           .server(121 * ms, stamped(ack(3001), 7, 10)),
       opened({"timestamp server 20000"})},
      {"from the middle: the second value of the sender is new for certain",
       Conversation{}
           .client(100 * ms, stamped(data(5001, 100), 10, 5))
           .server(120 * ms, stamped(ack(5101), 7, 10))
           .client(200 * ms, stamped(data(5101, 100), 110, 7))
           .server(220 * ms, stamped(ack(5201), 107, 110)),
       {"timestamp server 20000?"},
       {.maybe_delayed = 1}},
  });
}

}  // namespace
}  // namespace strait::probe::passive
