// SPDX-License-Identifier: Apache-2.0
// The protocols that need no agent at the far end, prober and engine together, over net_ring.
#include <catch2/catch.hpp>
#include <thread>

#include "probe/octets.hpp"
#include "probe/prober.hpp"
#include "probe/tcp_packet.hpp"
#include "tests/probe/dpdk/far_end.hpp"

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::dpdk;
using namespace std::chrono_literals;

namespace {

SessionSpec session_on(const FarEnd& far, Protocol protocol, bool v6, std::uint64_t count) {
  SessionSpec spec;
  spec.flow = spec_on(far.wire.left());
  spec.key = {"ring", "far", protocol, 0};
  spec.flow.destination = {v6 ? target_v6 : Address{Ipv4{0xc0000201}}, 7};
  spec.flow.max_payload = 56;
  spec.schedule = {ScheduleKind::periodic, 5ms, 0};
  spec.timeout = 300ms;
  spec.count = count;
  return spec;
}

// A crowded machine polls seldom; how certain its times are is another test's.
ProberOptions patient() {
  ProberOptions options;
  options.uncertainty_limit = 10s;
  return options;
}

// Until all probes are decided; the far end has its turn between any two steps.
Window run(Prober& prober, DpdkTransport& transport, FarEnd& far,
           const std::function<void()>& answer = {}) {
  const MonoTime end = transport.now().mono + 10s;
  while (prober.active() > 0 && transport.now().mono < end) {
    prober.step();
    far.carry();
    if (answer) answer();
    std::this_thread::sleep_for(100us);
  }
  CHECK(prober.active() == 0);
  const auto windows = prober.finish();
  Window sum = windows.front();
  for (std::size_t i = 1; i < windows.size(); ++i) merge(sum, windows[i]);
  return sum;
}

}  // namespace

TEST_CASE("UDP echo over the dpdk engine: every probe comes back to its session") {
  const bool v6 = GENERATE(false, true);
  CAPTURE(v6);
  auto far = FarEnd::make("udpecho");
  auto transport = open_transport();
  open_flow(*transport, spec_on(far.wire.left()));
  if (v6) {
    FlowSpec six = spec_on(far.wire.left());
    six.destination.address = target_v6;
    open_flow(*transport, six);
  }
  resolve(*transport, far);
  Prober prober{*transport, patient()};
  REQUIRE(prober.add(session_on(far, Protocol::udp_echo, v6, 20)).has_value());
  const Window total = run(prober, *transport, far);
  CHECK(total.counts.sent + total.counts.missed == 20);
  CHECK(total.counts.sent > 0);
  CHECK(total.counts.received == total.counts.sent);
  CHECK(total.counts.errors.empty());
  CHECK(total.source == StampSource::tsc);
  CHECK(total.forward.empty());
  REQUIRE_FALSE(far.seen.empty());
  CHECK(parse_frame(far.seen.front()).tuple.destination_port == 7);
}

namespace {

enum class Says { syn_ack, reset, challenge };

// What a host answers to a SYN.
Octets answer_to(const Octets& frame, const ParsedFrame& syn, Says says, bool v6) {
  const FrameTemplate back{{.kind = FlowKind::tcp_syn,
                            .source_mac = load_mac(frame, 0),
                            .destination_mac = load_mac(frame, 6),
                            .encapsulation = {},
                            .source = syn.receiver,
                            .destination = syn.sender,
                            .source_port = syn.tuple.destination_port,
                            .destination_port = syn.tuple.source_port,
                            .dscp = 0,
                            .hop_limit = 61,
                            .flow_label = 1}};
  Octets reply(128);
  reply.resize(back.write_segment(reply.data(), says == Says::reset ? 0 : 1000, tcp_flag_rst));
  const std::span<std::byte> packet = std::span{reply}.subspan(14, v6 ? 60 : 40);
  const auto segment = packet.last(tcp_header_size);
  const std::size_t at = 14 + (v6 ? 40 : 20);
  const auto number = load<std::uint32_t>(frame, at + 4);
  store(segment, tcp_acknowledgment_at, number + 1);
  constexpr std::uint8_t syn_ack = tcp_flag_syn | tcp_flag_ack;
  constexpr std::uint8_t reset = tcp_flag_rst | tcp_flag_ack;
  const std::uint8_t answer = says == Says::syn_ack ? syn_ack : reset;
  store(segment, 13, says == Says::challenge ? tcp_flag_ack : answer);
  finish_packet(packet);
  return reply;
}

// The SYNs of this wire, answered; whatever else our end sends is kept.
struct Host {
  FarEnd& far;
  Says says = Says::syn_ack;
  std::size_t looked_at = 0;
  std::vector<ParsedFrame> resets;
  std::vector<std::uint32_t> numbers;  // of the SYNs, and of the resets

  void answer() {
    for (; looked_at < far.seen.size(); ++looked_at) {
      const Octets& frame = far.seen[looked_at];
      ParsedFrame parsed = parse_frame(frame);
      const std::size_t at = 14 + (parsed.v6 ? 40 : 20);
      numbers.push_back(load<std::uint32_t>(frame, at + 4));
      const auto flags = load<std::uint8_t>(frame, at + 13);
      // Neither acknowledges anything, so the parser has no tuple for it.
      parsed.tuple.source_port = load<std::uint16_t>(frame, at);
      parsed.tuple.destination_port = load<std::uint16_t>(frame, at + 2);
      CHECK(to_string(parsed.kind) == "other-tcp");
      if (flags == tcp_flag_rst) resets.push_back(parsed);
      if (flags != tcp_flag_syn) continue;
      REQUIRE(far.wire.inject(answer_to(frame, parsed, says, parsed.v6), false));
    }
  }
};

SessionSpec syn_session(const FarEnd& far, bool v6, std::uint64_t count) {
  SessionSpec spec = session_on(far, Protocol::tcp, v6, count);
  spec.flow.destination.port = 443;
  spec.flow.max_payload = tcp_probe_size;
  return spec;
}

void resolve_both(DpdkTransport& transport, FarEnd& far) {
  open_flow(transport, spec_on(far.wire.left()));
  FlowSpec six = spec_on(far.wire.left());
  six.destination.address = target_v6;
  open_flow(transport, six);
  resolve(transport, far);
}

}  // namespace

TEST_CASE("TCP over the dpdk engine: a SYN-ACK counts and is reset, an RST counts and is not") {
  const bool v6 = GENERATE(false, true);
  const Says says = GENERATE(Says::syn_ack, Says::reset);
  CAPTURE(v6, says == Says::reset);
  auto far = FarEnd::make("tcp");
  far.answers_probes = false;
  auto transport = open_transport();
  resolve_both(*transport, far);
  Host host{far, says, 0, {}, {}};
  Prober prober{*transport, patient()};
  REQUIRE(prober.add(syn_session(far, v6, 10)).has_value());
  const Window total = run(prober, *transport, far, [&] { host.answer(); });
  far.carry();
  host.answer();
  CHECK(total.counts.sent + total.counts.missed == 10);
  CHECK(total.counts.received == total.counts.sent);
  CHECK(total.counts.duplicate == 0);
  CHECK(total.counts.errors.empty());
  CHECK(host.resets.size() == (says == Says::syn_ack ? total.counts.sent : 0));
  for (const ParsedFrame& reset : host.resets) CHECK(reset.tuple.destination_port == 443);
  // A SYN's number, then the RST with the one that follows it (RFC 9293 §3.10.7.1).
  if (says == Says::syn_ack) {
    for (std::size_t i = 0; i + 1 < host.numbers.size(); i += 2) {
      CHECK(host.numbers[i + 1] == host.numbers[i] + 1);
    }
  }
}

TEST_CASE("a segment that answers no SYN is reset, counted, and no reply") {
  auto far = FarEnd::make("challenge");
  far.answers_probes = false;
  auto transport = open_transport();
  resolve_both(*transport, far);
  Host host{far, Says::challenge, 0, {}, {}};
  Prober prober{*transport, patient()};
  REQUIRE(prober.add(syn_session(far, false, 5)).has_value());
  const Window total = run(prober, *transport, far, [&] { host.answer(); });
  far.carry();
  host.answer();
  CHECK(total.counts.received == 0);
  CHECK(total.counts.lost == total.counts.sent);
  CHECK(host.resets.size() == total.counts.sent);
  CHECK(transport->counters().ignored.at("other-tcp") == total.counts.sent);
}
