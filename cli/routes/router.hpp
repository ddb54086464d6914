// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "routes/apply/apply.hpp"
#include "routes/apply/gate.hpp"
#include "routes/model/modes.hpp"
#include "routes/model/plan.hpp"
#include "routes/rib.hpp"

namespace strait::cli {

class RouterChores;

// What the router should do about a plan.
enum class RouterStep : std::uint8_t {
  nothing,   // it has the same preferences, and they do not expire soon
  apply,     // the preferences differ
  renew,     // the same ones, but half their time is over
  withdraw,  // what is in force has expired and the new plan must not be applied (fail open)
};

// `in_force`: what the include file says now; null: plain BGP. `wanted`: the newest plan; null:
// there is none. Pure.
[[nodiscard]] RouterStep next_step(const routes::Plan* in_force, const routes::Plan* wanted,
                                   WallTime now);

// Keeps a router on the newest plan, as far as the mode of each class lets it, on a thread of its
// own: a router may take seconds to answer, and neither a probe nor a decision waits for that.
class Router {
 public:
  struct State {
    std::shared_ptr<const routes::Plan> in_force;
    std::string last;  // what was done or refused, in words; empty: nothing yet
    std::uint64_t applied = 0;
    std::uint64_t refused = 0;  // by a guard, by the router, or rolled back
    bool waiting = false;       // a plan waits for an approval
  };

  Router(routes::RouterTarget target, routes::Modes modes, const Clock& clock);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;
  Router(Router&&) = delete;
  Router& operator=(Router&&) = delete;
  ~Router();

  // The newest plan wins; null when there is no plan to be had. Call it again and again: that also
  // lets what has expired be withdrawn. `fit`: what of the plan in force nothing speaks against,
  // beyond what is wanted; null: nothing. `traffic`: each class's share of it; empty: not known.
  // `rib`: what they were made from, for injection.
  void want(std::shared_ptr<const routes::Plan> plan,
            std::shared_ptr<const routes::Plan> fit = nullptr, routes::TrafficShares traffic = {},
            std::shared_ptr<const routes::Rib> rib = nullptr);
  // From the next plan on.
  void set_modes(routes::Modes modes);
  [[nodiscard]] State state() const;

  // Asks the thread to end and waits for `patience` at most. False: it is still busy with the
  // router. What it has not confirmed the router or the watchdog undoes, so the process may end
  // there and then; the destructor would wait.
  [[nodiscard]] bool stop(Nanos patience);

 private:
  void run();
  struct Wish {
    std::shared_ptr<const routes::Plan> plan;
    std::shared_ptr<const routes::Plan> fit;
    routes::Modes modes;
    routes::TrafficShares traffic;
    std::shared_ptr<const routes::Rib> rib;
  };
  void carry_out(const Wish& wish, RouterChores& chores);
  [[nodiscard]] bool stopped_by_hand();
  void put_in_force(const routes::Plan& plan, const std::vector<std::string>& changed,
                    std::shared_ptr<const routes::Rib> rib, RouterChores& chores);
  void report(std::string words, bool done);

  routes::RouterTarget target_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Wish wish_;  // guarded, as all below
  bool has_news_ = false;
  bool stopping_ = false;
  bool ended_ = false;
  State state_;
  std::optional<WallTime> not_before_;  // after a refusal, do not try again at once
  std::thread thread_;
};

}  // namespace strait::cli
