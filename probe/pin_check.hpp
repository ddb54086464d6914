// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/clock.hpp"
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

// Checks the pins of paths over the transport that measures them: at once, and then every
// `interval`, each path at a moment of its own, sooner while a pin fails. Wraps the transport and
// passes everything on, save what its own few probes bring back. Used by one thread, as the
// transport is; checks go on in wait().
class PinChecker final : public Transport {
 public:
  static constexpr unsigned tries = 3;  // of one check
  static constexpr Nanos try_gap = std::chrono::milliseconds{300};
  static constexpr unsigned patience = 3;  // checks without an answer until a proof is forgotten
  static constexpr Nanos recheck = std::chrono::seconds{30};  // of a pin that fails
  // An answer after this counts no more: it also bounds when a forged one could.
  static constexpr Nanos listening = std::chrono::seconds{3};

  // `inner` outlives it. `seed` 0: from the system.
  explicit PinChecker(Transport& inner, std::uint64_t seed = 0);
  PinChecker(const PinChecker&) = delete;
  PinChecker& operator=(const PinChecker&) = delete;
  PinChecker(PinChecker&&) = delete;
  PinChecker& operator=(PinChecker&&) = delete;
  ~PinChecker() override;  // closes its flows

  // From now on these. What was checked in the same way before keeps its state.
  void check(std::vector<PinCheck> checks, Nanos interval);
  // Until no state is pending, at most for `limit`. Whatever else arrives is dropped: it is for
  // before the first probe.
  void settle(Nanos limit);

  [[nodiscard]] const std::vector<PinState>& states() const { return states_; }
  // Grows when a standing has changed.
  [[nodiscard]] std::uint64_t changes() const { return changes_; }

  [[nodiscard]] Instant now() const override { return inner_.now(); }
  [[nodiscard]] Result<FlowId> open_flow(const FlowSpec& spec) override {
    return inner_.open_flow(spec);
  }
  void close_flow(FlowId flow) override { inner_.close_flow(flow); }
  [[nodiscard]] std::size_t send(std::span<Departure> burst) override { return inner_.send(burst); }
  [[nodiscard]] std::size_t receive(std::span<Arrival> burst) override;
  void wait(MonoTime until) override;
  void expect(MonoTime when) override { inner_.expect(when); }
  [[nodiscard]] std::size_t burst_size() const override { return inner_.burst_size(); }
  // Its own packets are taken out; answers that came too late, or to an earlier check, are ignored
  // as "late-pin-answer".
  [[nodiscard]] TransportCounters counters() override;

 private:
  struct Watch {  // of the state at the same index
    PinCheck check;
    FlowId flow = no_flow;
    MonoTime due;                 // of the next try, of giving up, or of the next check
    bool running = false;         // a check is
    MonoTime began;               // it did
    unsigned sent = 0;            // tries of it
    std::uint32_t first_tag = 0;  // of it
    std::uint32_t next_tag = 0;
    MonoTime deaf_from;    // answers to it count until then
    bool refuted = false;  // somebody else has answered it
    unsigned missed = 0;   // checks in a row without an answer
    std::string remark;    // why it got no answer
  };
  enum class Attempt : std::uint8_t { sent, later, never };

  void act(std::size_t index, MonoTime now);
  static void begin(Watch& watch, MonoTime now);
  [[nodiscard]] Attempt attempt(Watch& watch, MonoTime now);
  void give_up(std::size_t index, MonoTime now);
  void end(std::size_t index, MonoTime now);
  void step(MonoTime now);
  [[nodiscard]] MonoTime next_due() const;
  [[nodiscard]] bool is_mine(FlowId flow) const {
    return flow < mine_.size() && mine_[flow] != nobody;
  }
  [[nodiscard]] std::size_t pass_on(std::span<Arrival> burst);
  void take(const Arrival& arrival);
  void hear(std::size_t index, const Arrival& arrival);
  void set(std::size_t index, PinStanding standing, std::string reason);
  void open(Watch& watch, std::size_t index);
  void close(Watch& watch);
  [[nodiscard]] Nanos spread(Nanos around, double low, double high);

  static constexpr std::uint32_t nobody = 0xffffffff;

  Transport& inner_;
  std::uint64_t random_;
  Nanos interval_{std::chrono::minutes{5}};
  std::vector<Watch> watches_;
  std::vector<PinState> states_;
  std::vector<std::uint32_t> mine_;  // FlowId to index
  MonoTime next_due_ = MonoTime::max();
  std::uint64_t changes_ = 0;
  std::uint64_t stale_ = 0;  // answers
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

}  // namespace strait::probe
