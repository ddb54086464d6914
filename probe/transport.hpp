// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"
#include "core/window.hpp"

namespace strait::probe {

// How the probes of one path are kept on it. Which fields an engine uses is up to the engine; one
// that cannot honour a field that is set refuses the flow, it never ignores it.
struct PathPin {
  std::string device;                 // interface (socket) or port name (dpdk)
  std::optional<std::uint32_t> mark;  // SO_MARK, for policy routing
  std::optional<Address> source_v4;
  std::optional<Address> source_v6;
  std::optional<Address> next_hop_v4;  // layer 3 addresses of the upstream: dpdk resolves its MAC
  std::optional<Address> next_hop_v6;
  std::optional<MacAddress> next_hop_mac;  // known beforehand: nobody is asked
  // Tags and labels that dpdk writes in front of the packet: VLAN identifiers, outer first, at most
  // two (the outer of two is an S-tag, IEEE 802.1ad, unless `stacked_ctags`), then MPLS labels
  // (RFC 3032), top first, at most four.
  std::vector<std::uint16_t> vlans;
  bool stacked_ctags = false;
  std::vector<std::uint32_t> labels;
  std::uint16_t mtu = 1500;  // of the path, in octets of IP packet, tags and labels not counted

  [[nodiscard]] const std::optional<Address>& source(bool v6) const {
    return v6 ? source_v6 : source_v4;
  }
  [[nodiscard]] const std::optional<Address>& next_hop(bool v6) const {
    return v6 ? next_hop_v6 : next_hop_v4;
  }
  friend bool operator==(const PathPin&, const PathPin&) = default;
};

enum class FlowKind : std::uint8_t { udp, icmp_echo, tcp_syn };
// What a protocol's probes are on the wire.
[[nodiscard]] constexpr FlowKind flow_kind(Protocol protocol) {
  if (protocol == Protocol::icmp) return FlowKind::icmp_echo;
  return protocol == Protocol::tcp ? FlowKind::tcp_syn : FlowKind::udp;
}

// A five-tuple that stays constant for the life of a flow (Paris: one ECMP member).
struct FlowSpec {
  FlowKind kind = FlowKind::udp;
  PathPin pin;
  Endpoint destination;           // port 0 for icmp_echo
  std::uint16_t source_port = 0;  // 0: the transport chooses. For icmp_echo the identifier
  std::uint8_t dscp = 0;
  std::uint8_t hop_limit = 255;
  // Of IPv6 (RFC 6437). Absent: dpdk makes one from the five-tuple, the kernel as it is set up.
  std::optional<std::uint32_t> flow_label;
  // Octets of UDP payload, or of ICMP data after the 8-octet header. A tcp_syn has none on the
  // wire: what stands for it is the sequence number, 4 octets.
  std::size_t max_payload = 44;
  // It finds out what the path takes: nothing of it is ever cut into fragments, whatever the host
  // believes of the path, and a payload that the device does not take is refused by send() only.
  bool tests_mtu = false;
};

// Small and dense, from 0: an index into the caller's table of sessions.
using FlowId = std::uint32_t;
inline constexpr FlowId no_flow = 0xffffffff;

// One moment on the clock that took it. `mono` and `wall` are that clock's two readings; a kernel
// or hardware stamp that exists on one of them only has the other derived by the transport at once.
struct Stamp {
  MonoTime mono;
  WallTime wall;
  StampSource source = StampSource::user;
  Nanos uncertainty{};  // such as the gap between two polls of the device
};

// A probe to send. The payload is copied (or handed to the device) before send() returns.
struct Departure {
  FlowId flow = no_flow;
  // The caller's; comes back in the transmit stamp. For icmp_echo its low 16 bits are the sequence
  // number on the wire.
  std::uint32_t tag = 0;
  // UDP payload. For icmp_echo the data after the 8-octet header, which the transport writes (type,
  // checksum, the flow's identifier, sequence number) and takes off again. For tcp_syn the SYN's
  // sequence number, in network order.
  std::span<const std::byte> payload;
  // Set by send(): when it left, as far as is known by then.
  Stamp sent{};
  // Set by send(): an Arrival of kind `transmit_stamp` with a better stamp should follow.
  bool stamp_follows = false;
  // Set by send(): the transport went past this one because it cannot be sent (no route, no
  // neighbour). It was not sent; the reason is in the counters.
  bool refused = false;
  // Set by send() with `refused`: it is longer than the device takes, whose MTU is this (0:
  // unknown).
  bool too_long = false;
  std::uint32_t device_mtu = 0;
};

// Something that came back.
struct Arrival {
  enum class Kind : std::uint8_t {
    datagram,        // payload for a flow: from its destination, to its local address and port (or
                     // ICMP identifier); what fits no flow is counted in `ignored`, not delivered.
                     // Of tcp_syn a SYN-ACK or an RST: the number that it acknowledges, 4 octets,
                     // one more than the SYN's own
    transmit_stamp,  // the better send time of (flow, tag)
    icmp_error,      // the network refused a probe of this flow; `icmp_type`, `icmp_code`, `source`
  };
  Kind kind = Kind::datagram;
  FlowId flow = no_flow;
  // transmit_stamp: the departure's. icmp_echo: the sequence number of the echo reply, or of the
  // echo request that an ICMP error quotes. Otherwise 0.
  std::uint32_t tag = 0;
  // Of an icmp_error as quoted (of tcp_syn from the sequence number on); until the next receive().
  std::span<const std::byte> payload;
  Endpoint source;  // who sent it; port 0 for ICMP
  Stamp received;
  std::uint8_t hop_limit = 0;  // 0: unknown
  std::uint8_t dscp_ecn = 0;
  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
  // Of the link that did not take the probe, in octets of IP packet, as whoever sends
  // "fragmentation needed" (RFC 1191 §4) or "packet too big" (RFC 4443 §3.2) has it; 0: it does not
  // say, or another error.
  std::uint32_t icmp_mtu = 0;
};

// The clock of a transport that keeps time by a counter of the CPU.
struct CounterClock {
  double hertz = 0;
  double slew = 0;  // CLOCK_MONOTONIC's rate against CLOCK_MONOTONIC_RAW's, less one
  Nanos error{};    // of its times against CLOCK_MONOTONIC
};

// What the transport itself has seen; all counters only grow.
struct TransportCounters {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::map<std::string, std::uint64_t, std::less<>> errors;   // by kind: "send-would-block", ...
  std::map<std::string, std::uint64_t, std::less<>> ignored;  // foreign traffic, by reason
  Nanos largest_poll_gap{};                                   // since the last reading
  std::optional<CounterClock> clock;
};

// The one edge between the measuring logic and the wire: bursts of packets out and in, each with
// a timestamp that says where it was taken. One implementation per engine; a fake one in the tests.
// Used by one thread.
class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  Transport(Transport&&) = delete;
  Transport& operator=(Transport&&) = delete;
  virtual ~Transport() = default;

  // Both readings of the clock that this transport stamps with.
  [[nodiscard]] virtual Instant now() const = 0;

  [[nodiscard]] virtual Result<FlowId> open_flow(const FlowSpec& spec) = 0;
  virtual void close_flow(FlowId flow) = 0;

  // Works through a prefix of the burst and returns its length. Inside the prefix each departure
  // was sent or is marked `refused`, so that one dead flow never holds up the others; the rest was
  // not touched (a queue is full) and may be tried again. Never blocks.
  [[nodiscard]] virtual std::size_t send(std::span<Departure> burst) = 0;

  // Fills a prefix of `burst` and returns its length; 0 only when nothing is waiting. Never blocks.
  // Payloads stay valid until the next call. Transmit stamps go first where there is a choice.
  [[nodiscard]] virtual std::size_t receive(std::span<Arrival> burst) = 0;

  // Returns when something can be received, and at `until`, or after it by no more than what
  // tolerate() allows. A busy-polling transport returns at once.
  virtual void wait(MonoTime until) = 0;

  // A hint: what is due may be sent as late as this and no later slot is missed. A transport that
  // naps to save its processor naps so far over it. Optional.
  virtual void tolerate(Nanos lateness) { static_cast<void>(lateness); }

  // A hint: a reply to something sent should come at `when` or somewhat later (sent plus what the
  // flow's faster round trips took lately). A transport that sleeps between polls wakes ahead of
  // it. Optional.
  virtual void expect(MonoTime when) { static_cast<void>(when); }

  // Largest burst that send() and receive() handle well.
  [[nodiscard]] virtual std::size_t burst_size() const = 0;
  [[nodiscard]] virtual TransportCounters counters() = 0;
};

}  // namespace strait::probe
