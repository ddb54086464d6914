// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/result.hpp"
#include "core/window.hpp"
#include "probe/mtu_check.hpp"
#include "probe/pin_check.hpp"
#include "probe/prober.hpp"
#include "probe/transport.hpp"

namespace strait::cli {

// What the probing thread has to tell: all of one moment.
struct Harvest {
  std::vector<Window> closed;  // since the last harvest
  std::vector<Window> open;    // as they stand
  probe::TransportCounters counters;
  probe::StrayCounts strays;
  std::vector<probe::PinState> pins;
  std::vector<probe::MtuState> mtus;
  std::vector<Nanos> cpu;                            // that each probing thread has used
  std::vector<probe::SessionRejections> rejections;  // only once the thread has stopped
};

// The checks of the paths' pins, and of their MTU.
struct PinPlan {
  probe::PinMode mode = probe::PinMode::off;
  std::vector<probe::PinCheck> checks;
  std::vector<probe::MtuCheck> mtus;
  Nanos interval{std::chrono::minutes{5}};
};

// A Prober on a thread of its own, so that nothing else that the service does delays a probe. All
// members may be called from any one other thread.
class ProbeWorker {
 public:
  // Makes the transport; called on the probing thread, which is the only one that touches it.
  using MakeTransport = std::function<Result<std::unique_ptr<probe::Transport>>()>;

  // What the transport needs between opening the first flows and sending the first probe, such as
  // to find its next hops; on the probing thread too.
  using Prepare = std::function<void(probe::Transport&)>;

  // Returns when every session is open, or with the first error. Before that the pins are checked,
  // for at most a second or so: where they are enforced, no session of a path whose pin fails
  // begins until it holds.
  [[nodiscard]] static Result<std::unique_ptr<ProbeWorker>> start(
      MakeTransport make_transport, probe::ProberOptions options,
      std::vector<probe::SessionSpec> sessions, Prepare prepare = {}, PinPlan pins = {});

  ProbeWorker(const ProbeWorker&) = delete;
  ProbeWorker& operator=(const ProbeWorker&) = delete;
  ProbeWorker(ProbeWorker&&) = delete;
  ProbeWorker& operator=(ProbeWorker&&) = delete;
  ~ProbeWorker();  // stops

  [[nodiscard]] Harvest harvest();

  // From now on these sessions: unchanged ones go on undisturbed, others end or begin. If one of
  // the new ones cannot begin, the error says which; the old ones are gone all the same. An error
  // after stop().
  [[nodiscard]] Result<void> replace(std::vector<probe::SessionSpec> sessions, PinPlan pins = {});

  // Stops at once and gives every window that was not harvested, open ones too.
  [[nodiscard]] std::vector<Window> stop();

 private:
  struct Running {
    probe::SessionSpec spec;
    std::optional<probe::SessionId> id;  // nothing: it waits for its path's pin
  };
  struct Order {
    std::vector<probe::SessionSpec> sessions;
    PinPlan pins;
    std::promise<Result<void>> done;
  };
  // What works on the probing thread.
  struct Bench;

  ProbeWorker() = default;
  void run(const MakeTransport& make_transport, probe::ProberOptions options, Order first,
           const Prepare& prepare);
  [[nodiscard]] std::optional<Order> take_order();
  void publish(Bench& bench, std::vector<Window> closed, std::vector<Window> open,
               std::vector<probe::SessionRejections> rejections = {});
  [[nodiscard]] static Result<void> carry_out(const Order& order, Bench& bench);
  static void obey_pins(Bench& bench);

  std::thread thread_;
  std::atomic<bool> stopping_{false};
  // The newest harvest that was not fetched: given and taken by exchange, so that neither side ever
  // waits for the other. Owns what it points to.
  std::atomic<Harvest*> mailbox_{nullptr};
  Harvest newest_;  // the other thread's: what it fetched last
  std::mutex mutex_;
  std::optional<Order> order_;  // guarded by mutex_
  std::atomic<bool> has_order_{false};
};

// The same stream, measured in the same way: such a session goes on when the configuration changes.
[[nodiscard]] bool same_session(const probe::SessionSpec& a, const probe::SessionSpec& b);

}  // namespace strait::cli
