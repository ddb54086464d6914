// SPDX-License-Identifier: Apache-2.0
#include "cli/simulate/ahead.hpp"

#include <utility>

namespace strait::cli {

SimulateAhead::SimulateAhead(probe::simulated::Simulation simulation)
    : simulation_{std::move(simulation)},
      thread_{[this](const std::stop_token& stop) { work(stop); }} {}

SimulateAhead::~SimulateAhead() = default;  // the thread is told to stop, and waited for

SimulateAhead::Steps SimulateAhead::make() {
  const Nanos half = simulation_.world().scenario().window / 2;
  Steps steps;
  steps.reserve(steps_together);
  while (steps.size() < steps_together && !simulation_.done()) {
    Step step;
    step.middle = simulation_.time() + half;
    step.windows = simulation_.next();
    step.end = simulation_.time();
    steps.push_back(std::move(step));
  }
  return steps;
}

void SimulateAhead::work(const std::stop_token& stop) {
  std::exception_ptr failure;
  for (bool goes_on = true; goes_on;) {
    Steps steps;
    try {
      steps = make();
    } catch (...) {  // memory
      failure = std::current_exception();
    }
    std::unique_lock lock{mutex_};
    goes_on = !steps.empty();
    if (!goes_on) break;
    if (!changed_.wait(lock, stop, [this] { return ready_.size() < most_ahead; })) return;
    ready_.push_back(std::move(steps));
    changed_.notify_one();
  }
  const std::scoped_lock lock{mutex_};
  over_ = true;
  failure_ = failure;
  changed_.notify_one();
}

std::optional<SimulateAhead::Step> SimulateAhead::next() {
  if (position_ == taken_.size()) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return over_ || !ready_.empty(); });
    if (ready_.empty()) {
      if (failure_) std::rethrow_exception(failure_);
      return std::nullopt;
    }
    taken_ = std::move(ready_.front());
    ready_.pop_front();
    position_ = 0;
    changed_.notify_one();
  }
  return std::move(taken_[position_++]);
}

}  // namespace strait::cli
