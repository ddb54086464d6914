// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "cli/config/configuration.hpp"
#include "cli/routes/advice.hpp"
#include "cli/routes/router.hpp"
#include "cli/routes/target_weights.hpp"
#include "core/clock.hpp"
#include "core/window.hpp"
#include "exporters/json_file.hpp"
#include "exporters/snapshot.hpp"
#include "exporters/store.hpp"
#include "routes/sources/rtr_client.hpp"

namespace strait::cli {

// Takes closed windows, stores them, and decides: on a thread of its own, so that a slow disk or a
// large RIB delays no probe and no scrape.
class Adviser {
 public:
  struct State {
    Advice advice;
    std::vector<exporters::TargetWeight> weights;
    std::optional<exporters::StoreSnapshot> store;
    std::optional<WallTime> first_window;
    std::vector<exporters::CacheSnapshot> caches;
  };

  // Opens the store and the JSON file, and goes on from what the store remembers. `router` may be
  // null: then plans are only advice.
  [[nodiscard]] static Result<std::unique_ptr<Adviser>> start(
      std::shared_ptr<const Configuration> configuration, Router* router, const Clock& clock);
  Adviser(const Adviser&) = delete;
  Adviser& operator=(const Adviser&) = delete;
  Adviser(Adviser&&) = delete;
  Adviser& operator=(Adviser&&) = delete;
  ~Adviser();

  void tell(std::vector<Window> closed);
  // From the next windows on. The store and the JSON file stay what they were.
  void reconfigure(std::shared_ptr<const Configuration> configuration);
  // A path whose pin has failed has no evidence from now on, nor until then.
  void heed(analyzer::PinNotes pins);
  void reopen_json();  // after the file was rotated away
  [[nodiscard]] std::shared_ptr<const State> state() const;

  // Stores what it was told, decides nothing more, and ends.
  void stop();

 private:
  Adviser(std::shared_ptr<const Configuration> configuration, Router* router, const Clock& clock)
      : configuration_{std::move(configuration)}, router_{router}, clock_{clock} {}
  Result<void> open();
  void run();
  void keep(std::vector<Window> closed);
  void store(const std::vector<Window>& closed);
  void take_over(std::shared_ptr<const Configuration> configuration);
  [[nodiscard]] bool may_decide() const;
  void decide();
  void hear_caches();
  [[nodiscard]] std::optional<routes::RtrView> ask_caches();
  [[nodiscard]] std::vector<exporters::CacheSnapshot> caches() const;
  void refresh_rib(WallTime now);
  void write_verdicts(const std::vector<analyzer::Verdict>& verdicts);
  void forget(WallTime now);
  void publish(Advice advice, std::vector<exporters::TargetWeight> weights);
  void tell_of_weights(const analyzer::Weighed& weighed);
  void complain(const Error& error);

  // Of the adviser's thread:
  std::shared_ptr<const Configuration> in_use_;  // of this round
  std::unique_ptr<exporters::Store> store_;
  std::optional<exporters::JsonFile> json_;
  exporters::StoreSnapshot written_;
  std::vector<Window> recent_;
  analyzer::DecisionMemory memory_;
  analyzer::PinNotes pins_in_use_;
  std::unique_ptr<routes::RtrClient> caches_;  // of [routes] rtr, if it names any
  std::string last_cache_note_;
  std::shared_ptr<const KnownRib> rib_;
  std::optional<WallTime> rib_asked_;
  TargetWeights weights_;
  std::vector<std::string> told_of_weights_;
  std::optional<WallTime> first_window_;
  MonoTime started_;
  std::string last_complaint_;

  // Shared:
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Window> news_;
  analyzer::PinNotes pins_;
  bool pins_changed_ = false;
  std::shared_ptr<const Configuration> configuration_;
  std::shared_ptr<const State> state_ = std::make_shared<const State>();
  bool reopen_json_ = false;
  bool stopping_ = false;

  Router* router_;
  const Clock& clock_;
  std::thread thread_;
};

}  // namespace strait::cli
