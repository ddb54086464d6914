// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/clock.hpp"
#include "probe/self_test.hpp"
#include "probe/transport.hpp"

namespace strait::probe {

enum class PinMode : std::uint8_t {
  enforce,  // a path whose pin fails is not probed until it holds again
  warn,     // it is only said
  off,
};

enum class PinStanding : std::uint8_t {
  pending,     // the first check is not over
  ok,          // the path's upstream answered
  failed,      // somebody else did
  unverified,  // nobody answers, or there is nobody to compare with: no proof, and no objection
};
[[nodiscard]] std::string_view to_string(PinStanding standing);

// One path and address family to check: a flow as its sessions have, with a hop limit that ends at
// the upstream.
struct PinCheck {
  std::string path;
  FlowSpec flow;
  std::vector<Address> accepted;  // whose answer proves the pin
};

// What the checks of one path and address family have shown.
struct PinState {
  std::string path;
  bool v6 = false;
  PinStanding standing = PinStanding::pending;
  std::string reason;               // "192.0.2.99 answered, not 192.0.2.2"
  std::optional<WallTime> checked;  // when a check was last answered
  std::optional<WallTime> proven;   // when the upstream last answered

  friend bool operator==(const PinState&, const PinState&) = default;
};

// Whether the pin of any address family of the path stands so.
[[nodiscard]] bool any_pin(std::span<const PinState> states, std::string_view path,
                           PinStanding standing);

// What an answer to a check says of the pin. Any ICMP error (RFC 792, RFC 4443) or reply from an
// accepted address shows that the probe came to the upstream first. From another address only "time
// exceeded in transit" counts, or the target's own answer: an unreachable may come from this very
// host, or from whatever guards it. `unknown`: somebody answered, and no address is known to
// compare with; a link-local one is none, because routers answer from a global one (RFC 4443 §2.2).
enum class PinAnswer : std::uint8_t { nothing, upstream, other, unknown };
[[nodiscard]] PinAnswer judge_answer(const PinCheck& check, const Arrival& arrival);

// Checks the pins of paths over the transport that measures them, each at once, and then every
// `interval`, sooner while it fails.
class PinChecker final : public SelfTest {
 public:
  // `inner` outlives it. `seed` 0: from the system.
  explicit PinChecker(Transport& inner, std::uint64_t seed = 0);

  // From now on these. What was checked in the same way before keeps its state.
  void check(std::vector<PinCheck> checks, Nanos interval);

  [[nodiscard]] const std::vector<PinState>& states() const { return states_; }

 private:
  struct Watch {  // of the state at the same index
    PinCheck check;
    bool refuted = false;  // somebody else has answered this round
  };

  void begin(std::size_t index) override;
  [[nodiscard]] Attempt attempt(std::size_t index) override;
  [[nodiscard]] bool hear(std::size_t index, const Arrival& arrival) override;
  void give_up(std::size_t index) override;
  [[nodiscard]] bool is_pending(std::size_t index) const override;
  [[nodiscard]] bool is_failing(std::size_t index) const override;
  void set(std::size_t index, PinStanding standing, std::string reason);

  std::vector<Watch> watches_;
  std::vector<PinState> states_;
};

}  // namespace strait::probe
