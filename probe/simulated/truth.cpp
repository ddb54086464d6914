// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "probe/simulated/world.hpp"

namespace strait::probe::simulated {
namespace {

constexpr Nanos step = std::chrono::minutes{10};

Truth truth_of(const EventModel& event) {
  return {.kind = event.kind,
          .paths = event.paths,
          .targets = event.targets,
          .from = event.from,
          .to = event.to,
          .size = event.size,
          .loss = event.loss,
          .words = event.words};
}

// One path's congestion, while it lasts.
class Congestion {
 public:
  explicit Congestion(std::string path) : path_{std::move(path)} {}

  void see(const Weather& weather, WallTime time, std::vector<Truth>& into) {
    const Nanos mean{std::llround(weather.queue_ns)};
    if (mean <= congested_queue) {
      end(time, into);
      return;
    }
    if (!open_) {
      open_ = Truth{.kind = Happening::congestion,
                    .paths = {path_},
                    .targets = {},
                    .from = time,
                    .to = time,
                    .words = {}};
    }
    open_->size = std::max(open_->size, mean);
    open_->loss = std::max(open_->loss, weather.loss);
  }
  void end(WallTime time, std::vector<Truth>& into) {
    if (!open_) return;
    open_->to = time;
    into.push_back(*std::move(open_));
    open_.reset();
  }

 private:
  std::string path_;
  std::optional<Truth> open_;
};

}  // namespace

std::vector<Truth> World::truths() const {
  std::vector<Truth> all;
  for (const EventModel& event : scenario_.events) {
    if (event.from >= scenario_.end()) continue;
    all.push_back(truth_of(event));
    all.back().to = std::min(event.to, scenario_.end());
  }
  std::vector<Congestion> congestion;
  congestion.reserve(scenario_.paths.size());
  for (const PathModel& path : scenario_.paths) congestion.emplace_back(path.name);
  for (WallTime time = scenario_.start; time < scenario_.end(); time += step) {
    const std::vector<Weather> now = weather(time);
    for (std::size_t i = 0; i < now.size(); ++i) {
      // A queue that an event has made is told as that event.
      const bool told = std::ranges::any_of(scenario_.events, [&](const EventModel& event) {
        return event.kind == Happening::queueing && event.active(time) &&
               event.of_path(scenario_.paths[i].name);
      });
      congestion[i].see(told ? Weather{} : now[i], time, all);
    }
  }
  for (Congestion& each : congestion) each.end(scenario_.end(), all);
  std::ranges::stable_sort(all, {}, &Truth::from);
  return all;
}

}  // namespace strait::probe::simulated
