// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/sliding.hpp"
#include "analyzer/slow_loss.hpp"
#include "core/window.hpp"
#include "routes/model/path.hpp"

namespace strait::analyzer {

// What happened to a session, as far as its windows tell (docs/METHOD.md has the thresholds).
enum class ChangeKind : std::uint8_t {
  outage,       // most probes are lost
  loss,         // certainly more are lost than before
  level_shift,  // the minimum has moved and the spread has not: another way
  queueing,     // the spread has grown: something is full
  clock,        // the far clock was set: the round trip knows nothing of it
};
[[nodiscard]] std::string_view to_string(ChangeKind kind);

struct Change {
  ChangeKind kind = ChangeKind::level_shift;
  SessionKey session;
  WallTime from;               // start of the first window that shows it
  std::optional<WallTime> to;  // nothing: it lasts; a level shift and a clock's step do not end
  WallTime noticed;            // end of the window that settled it
  Nanos size{};                // minimum, spread or clock: after less before
  Nanos size_low{};            // what the windows before and after leave open
  Nanos size_high{};
  double loss = 0;      // share of the probes up to the last window that lost any, so far
  double loss_low = 0;  // Wilson, 95 %, as if each were lost by itself
  double loss_high = 0;
};

// Watches one session, window by window in the order of time. Memory is bounded; a window costs
// about a microsecond.
class ChangeWatch {
 public:
  // What began with this window, and what ended: the same Change again, with `to`.
  std::vector<Change> see(const Window& window);
  // What began and has not ended, as it stands now.
  [[nodiscard]] std::vector<Change> lasting() const;

 private:
  struct Point {  // ns
    WallTime from;
    WallTime to;
    double minimum = 0;
    double spread = 0;  // p95 less minimum
    std::uint64_t sent = 0;
    std::uint64_t lost = 0;
    std::optional<double> offset;  // half the difference of the raw one-way delays
  };
  struct Reference {
    double level = 0;
    double level_low = 0;
    double level_high = 0;
    double noise = 0;  // of the minimum: 1.4826 x MAD
    double spread = 0;
    double spread_low = 0;   // of the emptiest twentieth of a day
    double spread_high = 0;  // and of the fullest
  };
  using Changes = std::vector<Change>;

  static void add_loss(Change& to, LossCount& sum, const LossCount& some);
  [[nodiscard]] bool see_outage(const Window& window, Changes& told);
  [[nodiscard]] LossCount newest_lost(std::size_t windows) const;
  [[nodiscard]] std::size_t lossy_windows() const;
  void see_loss(const Window& window, Changes& told);
  void begin_loss(const Window& window, WallTime from, const LossCount& so_far, Changes& told);
  void end_loss(WallTime to, Changes& told);
  [[nodiscard]] std::optional<WallTime> end_of_loss(const Window& window);
  void see_level(const Reference& before, Changes& told);
  void see_spread(const Reference& before, Changes& told);
  void see_clock(Changes& told);
  void remember(const Point& point);
  void refresh();
  [[nodiscard]] Change change(ChangeKind kind) const;
  [[nodiscard]] double middle_spread() const;
  [[nodiscard]] double level_threshold(const Reference& before) const;
  [[nodiscard]] static double spread_threshold(const Reference& before);

  SessionKey session_;
  std::deque<Point> recent_;  // the newest 3, which nothing has been judged by yet
  Sliding minima_{120};       // of the windows before, since the last shift
  Sliding spreads_{144};      // of a day, every tenth window
  Sliding drifts_{120};       // of the clock, from window to window
  unsigned drifts_seen_ = 0;
  double drift_ = 0;  // ns from window to window
  double drift_noise_ = 0;
  std::deque<LossCount> losses_;  // of the newest 120 windows
  LossCount during_outage_;
  LossCount during_loss_;
  SlowLoss slow_loss_;
  bool slow_ = false;      // it was that which told of `loss_`
  double loss_begun_ = 0;  // what was lost when it began to be told
  double usual_loss_ = 0;
  std::uint64_t seen_ = 0;
  unsigned stale_ = 0;  // windows since `reference_` was made
  std::optional<Reference> reference_;
  std::optional<Change> outage_;
  std::optional<Change> loss_;
  std::optional<Change> queueing_;
};

// Everything that happened in a history, by start; `windows` in any order.
[[nodiscard]] std::vector<Change> detect_changes(std::span<const Window> windows);

// Changes of one kind that began together (within 3 windows of the first), and what of the network
// would explain them.
struct Incident {
  ChangeKind kind = ChangeKind::level_shift;
  WallTime from;
  std::optional<WallTime> to;             // of the last; nothing: one of them lasts
  std::vector<Change> changes;            // by session
  std::vector<std::string> paths;         // that have it
  std::vector<std::string> explained_by;  // risk groups: all measured paths in them have it, and
                                          // there is no path outside of them that has it
  bool one_flow =
      false;  // of each session that has several flows, only some have it: an ECMP member
  bool one_target = false;  // every path to one target has it, and no other target: the far end
  bool diurnal = false;     // queueing that was there at this hour on two of the 7 days before
  std::vector<std::string> or_else;  // what else it could be (analyzer/alternatives.hpp)
};

[[nodiscard]] std::vector<Incident> group_changes(std::span<const Change> changes,
                                                  std::span<const SessionKey> sessions,
                                                  std::span<const routes::Path> paths,
                                                  Nanos window_length);

}  // namespace strait::analyzer
