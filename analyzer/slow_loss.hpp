// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <utility>

#include "core/clock.hpp"

namespace strait::analyzer {

// Probes of some windows, and what became of them.
struct LossCount {
  std::uint64_t lost = 0;
  std::uint64_t decided = 0;

  LossCount& operator+=(const LossCount& other) {
    lost += other.lost;
    decided += other.decided;
    return *this;
  }
  [[nodiscard]] double share() const {
    return decided == 0 ? 0 : static_cast<double>(lost) / static_cast<double>(decided);
  }
};

// Whether a session has come to lose a little more than is usual, over hours: too little for any
// half hour to show. A cumulative sum (Page 1954) of log likelihood ratios: the usual loss against
// that and 0.1 points more, or twice as much. A window counts by whether it lost anything, not by
// how much: a burst is one event. A window costs some nanoseconds.
class SlowLoss {
 public:
  // True: more are lost than is usual, since() when counted() began.
  [[nodiscard]] bool begins(WallTime from, const LossCount& window);
  // After that. True: no more are lost than is usual, since() when.
  [[nodiscard]] bool ends(WallTime from, const LossCount& window);
  // Takes a window into what is usual.
  void learn(const LossCount& window);
  // Looks for a beginning anew.
  void restart() { run_ = {}; }

  [[nodiscard]] WallTime since() const { return run_.since; }
  [[nodiscard]] const LossCount& counted() const { return run_.part.counted; }

 private:
  struct Part {  // of the windows of a run, up to now
    LossCount counted;
    std::uint64_t windows = 0;
    std::uint64_t lossy = 0;
  };
  struct Run {  // of windows that speak for a change
    double sum = 0;
    WallTime since;
    Part part;
    std::deque<std::pair<WallTime, Part>> before_lossy;  // of each lossy window, what was before it
  };
  struct Ratios {  // of a window's log likelihoods, for `probes`
    double from = -1;
    double to = -1;
    std::uint64_t probes = 0;
    double lossy = 0;
    double clean = 0;
  };
  const Ratios& ratios(double from, double to, std::uint64_t probes);
  void add(WallTime from, const LossCount& window, const Ratios& ratios);
  void find_beginning();

  double lossy_share_ = 0;  // of the windows
  double probes_ = 0;       // of a window, mean
  std::uint64_t learned_ = 0;
  double usual_ = 1;  // share of the probes that are lost, each by itself; at most so much
  double begun_ = 1;  // likewise, of what has begun
  Run run_;
  Ratios known_;
};

}  // namespace strait::analyzer
