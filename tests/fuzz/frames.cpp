// SPDX-License-Identifier: Apache-2.0
// Frames from the wire, through everything that the dpdk engine does with what it receives.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "probe/dpdk/flow_table.hpp"
#include "probe/dpdk/parse.hpp"
#include "probe/dpdk/station.hpp"

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::dpdk;

namespace {

constexpr MacAddress own_mac{{2, 0, 0, 0, 0, 1}};

FlowTable flows() {
  FlowTable table;
  FlowSpec spec;
  spec.pin.source_v4 = *parse_address("10.0.0.1");
  spec.pin.source_v6 = *parse_address("2001:db8::1");
  for (const char* const target : {"192.0.2.1", "2001:db8:2::1"}) {
    for (const FlowKind kind : {FlowKind::udp, FlowKind::icmp_echo, FlowKind::tcp_syn}) {
      spec.kind = kind;
      spec.destination = {*parse_address(target), 862};
      spec.source_port = 50000;
      static_cast<void>(table.open(spec, {.source_mac = own_mac, .destination_mac = own_mac}));
    }
  }
  return table;
}

// What is accepted must be inside the frame.
void check_payload(std::span<const std::byte> frame, std::span<const std::byte> payload) {
  if (payload.empty()) return;
  if (payload.data() < frame.data() ||
      payload.data() + payload.size() > frame.data() + frame.size()) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const FlowTable table = flows();
  const auto frame = std::as_bytes(std::span{data, size});
  const ParsedFrame parsed = parse_frame(frame);
  check_payload(frame, parsed.payload);
  static_cast<void>(to_string(parsed.kind));
  static_cast<void>(table.find_reply(0, parsed.tuple));
  static_cast<void>(table.find_request(0, parsed.tuple));

  Station station{own_mac, parsed.link.vlan, false};
  station.add_local(*parse_address("10.0.0.1"));
  station.add_local(*parse_address("2001:db8::1"));
  static_cast<void>(station.add_neighbor(*parse_address("10.0.0.254"), *parse_address("10.0.0.1")));
  if (parsed.kind == FrameKind::arp || parsed.kind == FrameKind::neighbor) {
    const auto emit = [](std::span<const std::byte> sent) {
      if (sent.size() < shortest_frame) std::abort();
      return parse_frame(sent).kind != FrameKind::truncated;
    };
    static_cast<void>(station.hear(frame, parsed, MonoTime{std::chrono::hours{1}}, emit));
  }
  if (parsed.kind == FrameKind::udp || parsed.kind == FrameKind::icmp_echo_request) {
    std::vector<std::byte> room(frame.begin(), frame.end());
    room.resize(size + shortest_frame);
    const ParsedFrame request = parse_frame(std::span{room}.first(size));
    const auto reply = turn_around(room, request, request.payload.size());
    // A reply of ours is one that we would accept, unless its source was no address to answer.
    if (!reply.empty() && parse_frame(reply).kind == FrameKind::bad_checksum) std::abort();
  }
  return 0;
}
