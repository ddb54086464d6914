// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "probe/passive/flow_key.hpp"
#include "probe/passive/flow_report.hpp"

namespace strait::probe::passive {

// What is known of one end as a sender. The sequence numbers have a meaning where Flow::flags says.
struct Side {
  std::uint64_t octets = 0;   // of IP
  std::uint32_t packets = 0;  // held at 2^32 - 1
  std::uint32_t next = 0;     // one past the highest sequence number that it sent
  std::uint32_t acked = 0;    // how far the other end has acknowledged
  std::uint32_t detail = 0;   // a handle, taken with its first data
};

// Bits of Flow::flags; those of a side are shifted left by its number.
namespace flow_flag {
inline constexpr std::uint32_t next_known = 1U << 0U;   // 2 sides
inline constexpr std::uint32_t acked_known = 1U << 2U;  // 2 sides
inline constexpr std::uint32_t fin = 1U << 4U;          // 2 sides
inline constexpr std::uint32_t zero_window = 1U << 6U;  // 2 sides
inline constexpr std::uint32_t in_step = 1U << 8U;      // 2 sides: what it sends next is new
inline constexpr std::uint32_t client_known = 1U << 10U;
inline constexpr std::uint32_t client_second = 1U << 11U;  // the client is the key's second end
inline constexpr std::uint32_t syn = 1U << 12U;            // seen
inline constexpr std::uint32_t syn_ack = 1U << 13U;        // seen
inline constexpr std::uint32_t established = 1U << 14U;    // the SYN-ACK was acknowledged
inline constexpr std::uint32_t server_half = 1U << 15U;    // handshake[0] is a round trip
inline constexpr std::uint32_t client_half = 1U << 16U;    // handshake[1] is a round trip
inline constexpr std::uint32_t syn_again = 1U << 17U;      // before the SYN-ACK: not to be timed
inline constexpr std::uint32_t syn_ack_again = 1U << 18U;
inline constexpr std::uint32_t reset = 1U << 19U;
inline constexpr std::uint32_t visited = 1U << 20U;  // since the hand of the clock went by
inline constexpr std::uint32_t in_use = 1U << 21U;   // the record is of a flow
inline constexpr std::uint32_t quic = 1U << 22U;     // Flow::initial is a handle
}  // namespace flow_flag

// A flow, in two lines of the cache.
struct Flow {
  FlowKey key;
  std::int64_t first = 0;  // ns since 1970
  std::int64_t last = 0;
  // When SYN and SYN-ACK came; once answered, the round trips to server and client.
  std::array<std::int64_t, 2> handshake{};
  std::array<Side, 2> sides;
  std::uint32_t flags = 0;
  // The client's first sequence number, with flow_flag::syn; of QUIC the handle to a QuicFlow.
  std::uint32_t initial = 0;

  [[nodiscard]] bool has(std::uint32_t flag) const { return (flags & flag) != 0; }
  [[nodiscard]] bool has(std::uint32_t flag, unsigned side) const { return has(flag << side); }
  void set(std::uint32_t flag) { flags |= flag; }
  void set(std::uint32_t flag, unsigned side) { flags |= flag << side; }
  void clear(std::uint32_t flag, unsigned side) { flags &= ~(flag << side); }
  [[nodiscard]] unsigned client() const { return has(flow_flag::client_second) ? 1 : 0; }
  // Where nobody was seen to open it: the lower port is the server's.
  [[nodiscard]] unsigned likely_client() const {
    if (has(flow_flag::client_known)) return client();
    return key.ports[0] >= key.ports[1] ? 0 : 1;
  }
};
static_assert(sizeof(Flow) == 128);

// A segment that waits for its acknowledgment.
struct Outstanding {
  static constexpr std::uint32_t first_of_tsval = 1;  // no earlier one had its TSval, no echo yet
  static constexpr std::uint32_t tsval_again = 2;     // a retransmission had it too
  static constexpr std::uint32_t sent_again = 4;      // Karn: it may be either that is acknowledged
  static constexpr std::uint32_t not_cumulative = 8;  // a hole was open below it
  static constexpr std::uint32_t sacked = 16;         // acknowledged by a SACK block
  static constexpr unsigned flag_bits = 5;
  static constexpr std::int64_t latest = std::int64_t{1} << (63U - flag_bits);  // nine years

  std::uint64_t when = 0;  // ns since the flow's first packet, above the flags
  std::uint32_t end = 0;   // one past its last sequence number; of a question its number
  std::uint32_t tsval = 0;

  [[nodiscard]] std::int64_t since_first() const {
    return static_cast<std::int64_t>(when >> flag_bits);
  }
  [[nodiscard]] bool has(std::uint32_t flag) const { return (when & flag) != 0; }
  void set(std::uint32_t flag) { when |= flag; }
  void clear(std::uint32_t flag) { when &= ~std::uint64_t{flag}; }
};
static_assert(sizeof(Outstanding) == 16);

inline constexpr std::uint32_t few_outstanding = 8;
inline constexpr std::uint32_t many_outstanding = 256;

// What a sender of data needs beyond Side: four lines of the cache. What every segment and every
// acknowledgment looks at is in the first, the segments that wait in the two behind it.
struct alignas(64) Detail {
  std::uint16_t begin = 0;  // of the ring, counted without end
  std::uint16_t count = 0;
  std::uint32_t ring = 0;  // a handle to many, once the few below were not enough
  std::uint32_t newest_tsval = 0;
  std::uint32_t first_tsval = 0;
  std::uint16_t window = 0;  // of the other end's last acknowledgment, with has_window
  bool has_window = false;
  bool has_tsval = false;
  bool has_doubt = false;
  Method question = Method::echo;  // of what is not TCP
  // Which segment a cumulative acknowledgment up to here is due to cannot be told, with has_doubt.
  std::uint32_t doubt = 0;
  std::uint32_t hole_begin = 0;  // sequence numbers that were passed over; the newest hole
  std::uint32_t hole_end = 0;
  std::uint32_t maybe_delayed = 0;
  std::array<std::uint32_t, 2> series{};  // handles: by timestamps, by sequence numbers
  std::int64_t first_tsval_time = 0;
  std::int64_t newest_tsval_time = 0;
  std::array<Outstanding, few_outstanding> few;
  std::int64_t hole_time = 0;
  // Where flow_flag::in_step is not set: an acknowledgment from here on ends a round of those that
  // lead there.
  std::uint32_t mark = 0;
  std::uint32_t rounds = 0;
  // Signs, see SenderSigns; one more above.
  std::uint32_t retransmitted = 0;
  std::uint32_t filled_late = 0;
  std::uint32_t reordered = 0;
  std::uint32_t duplicate_acks = 0;
  std::uint32_t keep_alives = 0;
  std::uint32_t window_probes = 0;
  std::uint32_t unseen = 0;
  std::uint32_t refused = 0;
  std::uint32_t untracked = 0;
  std::uint32_t unanswered = 0;
};
static_assert(sizeof(Detail) == 256);

struct ManyOutstanding {
  std::array<Outstanding, many_outstanding> all;
};

}  // namespace strait::probe::passive
