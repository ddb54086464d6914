// SPDX-License-Identifier: Apache-2.0
#include "cli/service/adviser.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "analyzer/gather.hpp"
#include "exporters/json_lines.hpp"
#include "exporters/sqlite_store.hpp"

namespace strait::cli {
namespace {

// A table is dumped and read again at most this often; a decision in between uses the last one.
constexpr Nanos rib_refresh = std::chrono::seconds{10};
constexpr std::uint64_t forget_at_once = 10'000;  // rows, so that a clean-up never takes long

std::vector<exporters::TargetWeight> weights_in_use(const analyzer::Weighed& weighed,
                                                    bool asks_for_traffic) {
  std::vector<exporters::TargetWeight> weights;
  weights.reserve(weighed.targets.size());
  for (const analyzer::Target& target : weighed.targets) {
    exporters::TargetWeight weight{.target = target.name,
                                   .traffic_class = target.traffic_class,
                                   .weight = target.weight,
                                   .by_traffic = std::nullopt};
    if (asks_for_traffic) {
      weight.by_traffic =
          std::ranges::find(weighed.classes, target.traffic_class) != weighed.classes.end();
    }
    weights.push_back(std::move(weight));
  }
  return weights;
}

}  // namespace

Result<std::unique_ptr<Adviser>> Adviser::start(std::shared_ptr<const Configuration> configuration,
                                                Router* router, const Clock& clock) {
  std::unique_ptr<Adviser> adviser{new Adviser{std::move(configuration), router, clock}};
  if (auto opened = adviser->open(); !opened) return tl::make_unexpected(opened.error());
  adviser->started_ = clock.now().mono;
  adviser->thread_ = std::thread{[raw = adviser.get()] { raw->run(); }};
  return adviser;
}

Adviser::~Adviser() { stop(); }

Result<void> Adviser::open() {
  const exporters::ExporterOptions& options = configuration_->exporters;
  if (!options.json.empty()) {
    auto json = exporters::JsonFile::open(options.json);
    if (!json) return tl::make_unexpected(json.error());
    json_ = std::move(*json);
  }
  if (options.store.empty()) return {};
  auto store = exporters::SqliteStore::open(options.store);
  if (!store) return tl::make_unexpected(store.error());
  store_ = std::move(*store);
  auto memory = store_->last_memory();
  if (!memory) return tl::make_unexpected(memory.error());
  memory_ = std::move(*memory);
  const WallTime now = clock_.now().wall;
  auto stored = store_->windows({.from = now - look_back(*configuration_)}, {});
  if (!stored) return tl::make_unexpected(stored.error());
  if (stored->damaged > 0) {
    spdlog::warn("store: {} damaged windows left out, first: {}", stored->damaged,
                 stored->first_problem);
  }
  recent_ = std::move(stored->windows);
  return {};
}

void Adviser::tell(std::vector<Window> closed) {
  {
    const std::scoped_lock lock{mutex_};
    std::ranges::move(closed, std::back_inserter(news_));
  }
  wake_.notify_all();
}

void Adviser::reconfigure(std::shared_ptr<const Configuration> configuration) {
  const std::scoped_lock lock{mutex_};
  configuration_ = std::move(configuration);
}

void Adviser::heed(analyzer::PinNotes pins) {
  {
    const std::scoped_lock lock{mutex_};
    if (pins == pins_) return;
    pins_ = std::move(pins);
    pins_changed_ = true;
  }
  wake_.notify_all();  // a preference that has lost its evidence does not wait for a window
}

void Adviser::reopen_json() {
  const std::scoped_lock lock{mutex_};
  reopen_json_ = true;
}

std::shared_ptr<const Adviser::State> Adviser::state() const {
  const std::scoped_lock lock{mutex_};
  return state_;
}

void Adviser::stop() {
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Adviser::run() {
  bool last_round = false;
  while (!last_round) {
    std::unique_lock lock{mutex_};
    // Wakes without windows too: evidence that goes stale must be noticed.
    wake_.wait_for(lock, configuration_->probe.window,
                   [this] { return stopping_ || !news_.empty() || pins_changed_; });
    last_round = stopping_;
    std::vector<Window> closed = std::exchange(news_, {});
    const bool reopen = std::exchange(reopen_json_, false);
    auto configuration = configuration_;
    pins_changed_ = false;
    pins_in_use_ = pins_;
    lock.unlock();
    take_over(std::move(configuration));

    if (reopen && json_) {
      if (auto reopened = json_->reopen(); !reopened) complain(reopened.error());
    }
    if (!closed.empty()) keep(std::move(closed));
    std::erase_if(recent_, [&](const Window& window) {
      const auto note = pins_in_use_.find(window.session.path);
      return note != pins_in_use_.end() && note->second.failed;
    });
    if (!last_round && may_decide()) decide();
  }
}

void Adviser::take_over(std::shared_ptr<const Configuration> configuration) {
  if (configuration == in_use_) return;
  const bool same_caches = in_use_ && in_use_->routes.rtr == configuration->routes.rtr;
  in_use_ = std::move(configuration);
  if (!same_caches) hear_caches();
  if (!store_) return;
  if (auto set = store_->set_regions(in_use_->region_of_targets()); !set) complain(set.error());
}

// After a start there is nothing fresh to judge by, and a preference that an earlier run put in
// force must not be taken back for that alone. If nothing comes for as long as evidence stays
// fresh, silence itself is the evidence.
bool Adviser::may_decide() const {
  if (first_window_) return true;
  const Nanos patience =
      analyzer::freshness(in_use_->analyzer.decision.evidence, in_use_->probe.window);
  return clock_.now().mono - started_ > patience;
}

void Adviser::keep(std::vector<Window> closed) {
  store(closed);
  if (json_) {
    for (const Window& window : closed) {
      if (auto written = json_->write(exporters::to_json(window)); !written) {
        complain(written.error());
      }
    }
  }
  if (!first_window_) first_window_ = clock_.now().wall;
  std::ranges::move(closed, std::back_inserter(recent_));
  const WallTime oldest = clock_.now().wall - look_back(*in_use_);
  std::erase_if(recent_, [&](const Window& w) { return w.start + w.length < oldest; });
}

void Adviser::store(const std::vector<Window>& closed) {
  if (!store_) return;
  if (auto appended = store_->append(std::span<const Window>{closed}); !appended) {
    ++written_.write_failures;
    complain(appended.error());
    return;
  }
  written_.windows_written += closed.size();
  written_.last_write = clock_.now().wall;
  if (const auto size = store_->size()) written_.bytes = *size;
  forget(clock_.now().wall);
}

void Adviser::forget(WallTime now) {
  const auto& retention = in_use_->exporters.retention;
  if (!retention) return;
  if (auto gone = store_->forget_before(now - *retention, forget_at_once); !gone) {
    complain(gone.error());
  }
}

// Without them nothing is checked, and the plans say so.
void Adviser::hear_caches() {
  caches_.reset();
  last_cache_note_.clear();
  if (in_use_->routes.rtr.empty()) return;
  auto client = routes::RtrClient::start(in_use_->routes.rtr, clock_);
  if (!client) {
    complain(client.error());
    return;
  }
  caches_ = std::move(*client);
}

std::optional<routes::RtrView> Adviser::ask_caches() {
  if (in_use_->routes.rtr.empty()) return std::nullopt;
  routes::RtrView view;
  view.note = "no RPKI data, nothing is checked with it: the caches cannot be heard";
  if (caches_) view = caches_->view();
  if (view.note != last_cache_note_ && !view.note.empty()) spdlog::warn("{}", view.note);
  if (view.note.empty() && !last_cache_note_.empty()) {
    spdlog::info("RPKI data is fresh: {} VRPs", view.vrps ? view.vrps->size() : 0);
  }
  last_cache_note_ = view.note;
  return view;
}

std::vector<exporters::CacheSnapshot> Adviser::caches() const {
  std::vector<exporters::CacheSnapshot> all;
  if (!caches_) return all;
  for (const routes::RtrStatus& cache : caches_->status()) {
    exporters::CacheSnapshot& one = all.emplace_back();
    one.name = cache.name;
    one.state = routes::to_string(routes::state_of(cache, clock_.now().mono));
    if (!cache.data) continue;
    one.vrps = cache.data->vrps->size();
    one.told = cache.data->told.wall;
  }
  return all;
}

void Adviser::refresh_rib(WallTime now) {
  if (rib_asked_ && now - *rib_asked_ < rib_refresh && now >= *rib_asked_) return;
  rib_asked_ = now;
  const auto live = ask_caches();
  auto read = read_rib(*in_use_, now, live ? &*live : nullptr);
  if (read) {
    rib_ = std::move(*read);
    return;
  }
  complain(read.error());
  const bool unchecked = live && live->freshness == routes::Freshness::none;
  if (rib_ && rib_->vrps && unchecked) rib_.reset();  // what it was checked with has expired
  // What BGP offered a while ago says little about now. Without a RIB there is no plan, and what is
  // in force runs out.
  if (rib_ && now - rib_->read > in_use_->analyzer.plan.expiry / 2) rib_.reset();
}

void Adviser::decide() {
  const WallTime now = clock_.now().wall;
  refresh_rib(now);
  const auto in_force = router_ != nullptr ? router_->state().in_force : nullptr;
  const analyzer::Weighed& weighed = weights_.of(*in_use_, now);
  tell_of_weights(weighed);
  Advice advice =
      advise(*in_use_, recent_, rib_.get(), in_force.get(), memory_, now, pins_in_use_, &weighed);
  memory_ = advice.memory;
  if (router_ != nullptr) {
    router_->want(advice.plan, advice.fit, weighed.shares, routes_of(rib_));
  }
  write_verdicts(advice.verdicts);
  publish(std::move(advice), weights_in_use(weighed, !in_use_->analyzer.weights.file.empty()));
}

void Adviser::write_verdicts(const std::vector<analyzer::Verdict>& verdicts) {
  if (store_) {
    auto appended = store_->append(std::span<const analyzer::Verdict>{verdicts});
    if (appended) appended = store_->remember(analyzer::lasting(memory_));
    if (!appended) {
      ++written_.write_failures;
      complain(appended.error());
    }
  }
  if (!json_) return;
  for (const analyzer::Verdict& verdict : verdicts) {
    if (auto written = json_->write(exporters::to_json(verdict)); !written) {
      complain(written.error());
    }
  }
}

void Adviser::publish(Advice advice, std::vector<exporters::TargetWeight> weights) {
  auto next = std::make_shared<State>();
  next->advice = std::move(advice);
  next->weights = std::move(weights);
  if (store_) next->store = written_;
  next->first_window = first_window_;
  next->caches = caches();
  const std::scoped_lock lock{mutex_};
  state_ = std::move(next);
}

void Adviser::tell_of_weights(const analyzer::Weighed& weighed) {
  std::vector<std::string> notes = weighed.notes;
  if (weighed.used) notes.emplace_back("targets are weighted by their traffic");
  if (notes == told_of_weights_) return;
  for (const std::string& note : notes) spdlog::warn("{}", note);
  told_of_weights_ = std::move(notes);
}

// The same trouble at every window is told once, until another one comes.
void Adviser::complain(const Error& error) {
  if (error.message == last_complaint_) return;
  spdlog::error("{}", error.message);
  last_complaint_ = error.message;
}

}  // namespace strait::cli
