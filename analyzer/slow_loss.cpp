// SPDX-License-Identifier: Apache-2.0
#include "analyzer/slow_loss.hpp"

#include <algorithm>
#include <cmath>

namespace strait::analyzer {
namespace {

constexpr double memory = 10'000;       // windows: a week of minutes
constexpr double least_usual = 0.0001;  // of the probes
constexpr double least_more = 0.001;    // likewise
constexpr double sure_it_began = 11;    // a run without a cause comes so far once in e^11
constexpr double sure_it_ended = 4.6;   // once in a hundred
constexpr unsigned refresh_every = 10;
constexpr std::size_t most_remembered = 1000;  // lossy windows of a run
constexpr double most_lossy = 0.9;             // of the windows: above, one more tells nothing

// The chance that a window of so many probes loses any.
double any_of(double loss, std::uint64_t probes) {
  return -std::expm1(-loss * static_cast<double>(probes));
}

// The loss of a probe by itself that makes such a share of the windows lossy; 1 where that is
// nearly all of them, and nothing could be more.
double loss_of(double lossy_share, double probes) {
  return lossy_share > most_lossy ? 1 : -std::log1p(-lossy_share) / std::max(probes, 1.0);
}

}  // namespace

void SlowLoss::learn(const LossCount& window) {
  ++learned_;
  const double part = std::max(1 / memory, 1 / static_cast<double>(learned_));
  lossy_share_ += part * ((window.lost > 0 ? 1 : 0) - lossy_share_);
  probes_ += part * (static_cast<double>(window.decided) - probes_);
  if (learned_ % refresh_every != 0) return;
  // The upper bound of a Poisson count, at 90 %: what few windows have not shown yet is usual.
  const double windows = std::min(static_cast<double>(learned_), memory);
  const double some = lossy_share_ * windows + 1;
  usual_ = std::max(loss_of((some + 1.28 * std::sqrt(some)) / windows, probes_), least_usual);
}

// The log likelihood ratio of a window that lost any, and of one that lost none: that probes are
// lost with the chance `to`, over `from`.
const SlowLoss::Ratios& SlowLoss::ratios(double from, double to, std::uint64_t probes) {
  if (known_.from == from && known_.to == to && known_.probes == probes) return known_;
  known_ = {.from = from, .to = to, .probes = probes};
  known_.lossy = std::log(any_of(to, probes) / any_of(from, probes));
  known_.clean = (from - to) * static_cast<double>(probes);
  return known_;
}

// A run begins with the first window that lifts the sum above nothing.
void SlowLoss::add(WallTime from, const LossCount& window, const Ratios& ratios) {
  const bool lossy = window.lost > 0;
  const double sum = run_.sum + (lossy ? ratios.lossy : ratios.clean);
  if (sum <= 0) {
    run_ = {};
    return;
  }
  if (run_.part.windows == 0) run_.since = from;
  run_.sum = sum;
  if (lossy) {
    run_.before_lossy.emplace_back(from, run_.part);
    if (run_.before_lossy.size() > most_remembered) run_.before_lossy.pop_front();
  }
  run_.part.counted += window;
  ++run_.part.windows;
  run_.part.lossy += lossy ? 1 : 0;
}

// The lossy window from which on the run is the least likely by what is usual, whatever the loss
// (a generalised likelihood ratio): the sum alone looks for one of a given size, and goes back too
// far where it is larger.
void SlowLoss::find_beginning() {
  const auto& all = run_.part;
  const double usual =
      any_of(usual_, std::max<std::uint64_t>(all.counted.decided / all.windows, 1));
  double most = 0;
  Part before;
  for (const auto& [from, part] : run_.before_lossy) {
    const auto windows = static_cast<double>(all.windows - part.windows);
    const auto lossy = static_cast<double>(all.lossy - part.lossy);
    const double share = lossy / windows;
    double ratio = lossy * std::log(share / usual);
    if (share < 1) ratio += (windows - lossy) * std::log((1 - share) / (1 - usual));
    if (share <= usual || ratio <= most) continue;
    most = ratio;
    run_.since = from;
    before = part;
  }
  run_.part.windows -= before.windows;
  run_.part.lossy -= before.lossy;
  run_.part.counted.lost -= before.counted.lost;
  run_.part.counted.decided -= before.counted.decided;
}

bool SlowLoss::begins(WallTime from, const LossCount& window) {
  const double more = usual_ + std::max(least_more, usual_);
  add(from, window, ratios(usual_, more, window.decided));
  if (run_.sum < sure_it_began) return false;
  find_beginning();
  const auto windows = static_cast<double>(run_.part.windows);
  begun_ = std::max(loss_of(static_cast<double>(run_.part.lossy) / windows,
                            static_cast<double>(run_.part.counted.decided) / windows),
                    more);
  return true;
}

bool SlowLoss::ends(WallTime from, const LossCount& window) {
  add(from, window, ratios(begun_, usual_, window.decided));
  return run_.sum >= sure_it_ended;
}

}  // namespace strait::analyzer
