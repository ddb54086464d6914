// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "probe/icmp_packet.hpp"
#include "probe/self_test.hpp"
#include "probe/transport.hpp"
#include "probe/wire_time.hpp"

namespace strait::probe {

inline constexpr std::size_t small_mtu_payload = 44;  // of the control

// Octets of IP and UDP header, or of IP and ICMP echo header.
[[nodiscard]] constexpr std::size_t header_octets(bool v6) { return (v6 ? 40U : 20U) + 8U; }

enum class MtuStanding : std::uint8_t {
  pending,    // the first round is not over
  ok,         // a packet of the path's whole MTU was answered
  too_small,  // none was, but a small one, or somebody said that it is too big
  unknown,    // neither was: that says nothing
};
[[nodiscard]] std::string_view to_string(MtuStanding standing);

// One path and address family: a flow as its sessions have, whose `max_payload` makes the packet as
// long as the path's MTU.
struct MtuCheck {
  std::string path;
  FlowSpec flow;
  TimestampFormat timestamps = TimestampFormat::ntp;
  bool twamp_light = false;
  std::uint32_t session_octets = 0;  // of IP packet, of the path's own probes

  [[nodiscard]] std::uint32_t mtu() const {
    return static_cast<std::uint32_t>(flow.max_payload +
                                      header_octets(flow.destination.address.is_v6()));
  }
};

// What the checks of one path and address family have shown.
struct MtuState {
  std::string path;
  bool v6 = false;
  MtuStanding standing = MtuStanding::pending;
  std::uint32_t mtu = 0;  // as configured, and tested
  // Of IP packet: what was answered, or what the bottleneck is said to take.
  std::optional<std::uint32_t> octets;
  std::string reason;        // "1400 says 192.0.2.2"
  bool sessions_fit = true;  // as far as is known
  std::uint32_t session_octets = 0;
  std::optional<WallTime> checked;  // when a packet of the whole MTU was last answered or refused

  friend bool operator==(const MtuState&, const MtuState&) = default;
};

// Tests over the transport that measures whether each path takes packets of its MTU: one of exactly
// that many octets, never cut into fragments, and a small one beside it, so that its loss is not
// taken for the path's. A refusal (RFC 1191, RFC 4443 §3.2) settles it; silence does when the small
// one alone is answered, and after an earlier proof only when it is so twice.
class MtuChecker final : public SelfTest {
 public:
  // `inner` outlives it. `seed` 0: from the system.
  explicit MtuChecker(Transport& inner, std::uint64_t seed = 0);

  // From now on these. What was checked in the same way before keeps its state.
  void check(std::vector<MtuCheck> checks, Nanos interval);

  [[nodiscard]] const std::vector<MtuState>& states() const { return states_; }

 private:
  struct Watch {  // of the state at the same index
    MtuCheck check;
    std::uint32_t session = 0;   // of its echo requests: tells them from other checks'
    unsigned small_answers = 0;  // in this round
    unsigned suspicions = 0;     // rounds in a row with nothing but small answers
  };
  // Of a try the first tag, which is even, is the small probe's.
  [[nodiscard]] static bool is_padded(std::uint32_t tag) { return (tag & 1U) != 0; }

  void begin(std::size_t index) override;
  [[nodiscard]] Attempt attempt(std::size_t index) override;
  [[nodiscard]] bool hear(std::size_t index, const Arrival& arrival) override;
  void give_up(std::size_t index) override;
  [[nodiscard]] bool is_pending(std::size_t index) const override;
  [[nodiscard]] bool is_failing(std::size_t index) const override;

  void write(const Watch& watch, std::uint32_t tag, std::span<std::byte> payload) const;
  [[nodiscard]] std::optional<std::uint32_t> tag_of(std::size_t index, const Arrival& reply);
  void hear_error(std::size_t index, const Arrival& error);
  void too_small(std::size_t index, std::optional<std::uint32_t> octets, std::string reason);
  void set(std::size_t index, MtuState state);

  std::vector<Watch> watches_;
  std::vector<MtuState> states_;
  std::vector<std::byte> small_;
  std::vector<std::byte> padded_;
  CookieKey cookie_key_;
  std::uint32_t sequence_base_;  // of STAMP: even, and nobody's guess
  std::uint32_t next_session_ = 0;
};

}  // namespace strait::probe
