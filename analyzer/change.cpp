// SPDX-License-Identifier: Apache-2.0
#include "analyzer/change.hpp"

#include <algorithm>
#include <array>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>
#include <map>

#include "analyzer/quiet_math.hpp"
#include "analyzer/wilson.hpp"

namespace strait::analyzer {
namespace {

constexpr std::size_t confirming = 3;      // windows that must agree
constexpr std::size_t least_history = 10;  // windows before anything is judged
constexpr unsigned spread_every = 10;
constexpr unsigned refresh_every = 10;
constexpr std::size_t few_windows = 5;    // that a loss is looked for in
constexpr std::size_t many_windows = 30;  // likewise
constexpr std::size_t most_losses = 120;  // that its end is looked for in
constexpr double least_shift = 150e3;     // ns
constexpr double least_spread = 1e6;      // ns
constexpr double most_spread = 1.5e6;     // ns
constexpr double spread_margin = 4;       // times how far the day's fullest twentieth lies above
constexpr double least_step = 500e3;      // ns, of a clock
constexpr double stamp_error = 20e3;      // ns: stamps of software are no better
constexpr double loss_margin = 0.0005;
constexpr double usual_share = 0.001;  // of a window in the usual loss
constexpr double false_alarm = 1e-6;
constexpr double ended = 0.01;
constexpr std::uint64_t least_samples = 10;

double in_ns(Nanos time) { return static_cast<double>(time.count()); }
Nanos from_ns(double ns) { return Nanos{std::llround(ns)}; }

double middle_of(const std::array<double, confirming>& values) {
  return std::clamp(values[2], std::min(values[0], values[1]), std::max(values[0], values[1]));
}

// The chance of as many lost probes or more, if each is lost with the chance `p` (binomial).
double at_least(const LossCount& lost, double p) {
  if (lost.lost == 0) return 1;
  if (lost.lost > lost.decided) return 0;
  return boost::math::ibeta(static_cast<double>(lost.lost),
                            static_cast<double>(lost.decided - lost.lost) + 1, std::min(p, 1.0),
                            Quiet{});
}

// Whether so many would be lost once in a million by chance if each probe were with the chance `p`,
// which is loss_margin or more. Two of ten or more, or as many as are expected, never are: that
// spares nearly every window the beta function.
bool is_rare(const LossCount& lost, double p) {
  if (lost.lost <= 2 && lost.decided >= 10) return false;
  if (static_cast<double>(lost.lost) <= p * static_cast<double>(lost.decided)) return false;
  return at_least(lost, p) < false_alarm;
}

// The same change told again takes the place of what was told before.
void add_told(std::vector<Change>& all, std::ptrdiff_t of_session, std::vector<Change> told) {
  for (Change& change : told) {
    const auto same = std::find_if(all.begin() + of_session, all.end(), [&](const Change& other) {
      return other.kind == change.kind && other.from == change.from;
    });
    if (same == all.end()) {
      all.push_back(std::move(change));
    } else {
      *same = std::move(change);
    }
  }
}

template <class T>
void push(std::deque<T>& values, T value, std::size_t most) {
  values.push_back(std::move(value));
  if (values.size() > most) values.pop_front();
}

}  // namespace

std::string_view to_string(ChangeKind kind) {
  constexpr std::array<std::string_view, 5> names{"outage", "loss", "level-shift", "queueing",
                                                  "clock"};
  return names.at(static_cast<std::size_t>(kind));
}

Change ChangeWatch::change(ChangeKind kind) const {
  return {.kind = kind,
          .session = session_,
          .from = recent_.front().from,
          .to = std::nullopt,
          .noticed = recent_.back().to};
}

// Windows at its end that lose nothing are not part of it.
void ChangeWatch::add_loss(Change& to, LossCount& sum, const LossCount& some) {
  sum += some;
  if (some.lost == 0) return;
  const Proportion share = wilson(sum.lost, sum.decided);
  to.loss = share.value;
  to.loss_low = share.low;
  to.loss_high = share.high;
}

// One window is enough: a cut must not wait for the next.
bool ChangeWatch::see_outage(const Window& window, Changes& told) {
  const std::uint64_t decided = window.counts.received + window.counts.lost;
  const bool most = window.counts.lost > decided / 2;  // else no interval is needed
  const Proportion loss = most ? wilson(window.counts.lost, decided) : Proportion{};
  if (loss.low > 0.5) {
    if (!outage_) {
      outage_ = Change{.kind = ChangeKind::outage,
                       .session = session_,
                       .from = window.start,
                       .to = std::nullopt,
                       .noticed = window.start + window.length};
      during_outage_ = {};
    }
    const bool begins = during_outage_.decided == 0;
    add_loss(*outage_, during_outage_, {window.counts.lost, decided});
    if (begins) told.push_back(*outage_);
    return true;
  }
  if (outage_) {
    outage_->to = window.start;
    told.push_back(*outage_);
    outage_.reset();
    recent_.clear();
  }
  return false;
}

LossCount ChangeWatch::newest_lost(std::size_t windows) const {
  LossCount sum;
  const std::size_t some = std::min(windows, losses_.size());
  for (auto each = losses_.end() - static_cast<std::ptrdiff_t>(some); each != losses_.end();
       ++each) {
    sum.lost += each->lost;
    sum.decided += each->decided;
  }
  return sum;
}

// How many of the newest windows lose more than the usual loss would once in a million: a few, or,
// where that is too few probes to tell, many; 0 for none. While a slow loss lasts that is usual.
std::size_t ChangeWatch::lossy_windows() const {
  const double usual = 1.5 * (loss_ ? loss_->loss : usual_loss_) + loss_margin;
  for (const std::size_t windows : {few_windows, many_windows}) {
    if (losses_.size() >= few_windows && is_rare(newest_lost(windows), usual)) {
      return std::min(windows, losses_.size());
    }
  }
  return 0;
}

void ChangeWatch::begin_loss(const Window& window, WallTime from, const LossCount& so_far,
                             Changes& told) {
  loss_ = Change{.kind = ChangeKind::loss,
                 .session = session_,
                 .from = from,
                 .to = std::nullopt,
                 .noticed = window.start + window.length};
  during_loss_ = {};
  add_loss(*loss_, during_loss_, so_far);
  loss_begun_ = loss_->loss;
  slow_loss_.restart();
  told.push_back(*loss_);
}

void ChangeWatch::end_loss(WallTime to, Changes& told) {
  if (!loss_) return;
  loss_->to = to;
  told.push_back(*loss_);
  loss_.reset();
  slow_loss_.restart();
}

std::optional<WallTime> ChangeWatch::end_of_loss(const Window& window) {
  if (!loss_) return std::nullopt;
  if (slow_) {
    const bool ended_by_now = slow_loss_.ends(window.start, losses_.back());
    return ended_by_now ? std::optional{slow_loss_.since()} : std::nullopt;
  }
  // Of the windows since it began, so that those before do not speak for its end.
  const auto since = static_cast<std::size_t>((window.start - loss_->from) / window.length);
  const auto is_less = [&](std::size_t windows) {
    const LossCount some = newest_lost(windows);
    return since > windows && 1 - at_least({some.lost + 1, some.decided}, loss_begun_ / 2) < ended;
  };
  const bool less = is_less(2 * few_windows) || is_less(many_windows) || is_less(most_losses - 1);
  return less ? std::optional{window.start} : std::nullopt;
}

void ChangeWatch::see_loss(const Window& window, Changes& told) {
  push(losses_, {window.counts.lost, window.counts.received + window.counts.lost}, most_losses);
  const std::size_t lossy = !loss_ || slow_ ? lossy_windows() : 0;
  if (loss_ && lossy == 0) {
    add_loss(*loss_, during_loss_, losses_.back());
    if (const auto to = end_of_loss(window)) {
      end_loss(*to, told);
      losses_.clear();
    }
    return;
  }
  if (lossy > 0) {
    // It began with the first of them that lost more than is usual.
    const double usual = 1.5 * (loss_ ? loss_->loss : usual_loss_) + loss_margin;
    const auto first =
        std::find_if(losses_.end() - static_cast<std::ptrdiff_t>(lossy), losses_.end() - 1,
                     [&](const LossCount& each) { return each.share() > usual; });
    const auto begun = losses_.end() - first;
    const WallTime from = window.start - window.length * (begun - 1);
    end_loss(from, told);  // of a slow one, which this is more than
    slow_ = false;
    begin_loss(window, from, newest_lost(static_cast<std::size_t>(begun)), told);
    return;
  }
  slow_ = slow_loss_.begins(window.start, losses_.back());
  if (slow_) {
    begin_loss(window, slow_loss_.since(), LossCount{slow_loss_.counted()}, told);
    return;
  }
  // The mean of the first thousand windows, then with a memory of as many.
  const double share = std::max(usual_share, 1 / static_cast<double>(seen_));
  usual_loss_ += share * (losses_.back().share() - usual_loss_);
  slow_loss_.learn(losses_.back());
}

// Of the newest three windows.
double ChangeWatch::middle_spread() const {
  return middle_of({recent_[0].spread, recent_[1].spread, recent_[2].spread});
}

// Never below what a spread as wide as the newest would move the minimum by chance.
double ChangeWatch::level_threshold(const Reference& before) const {
  return std::max({least_shift, 0.003 * before.level, 8 * before.noise, 0.25 * middle_spread()});
}

void ChangeWatch::see_level(const Reference& before, Changes& told) {
  const auto [low, high] =
      std::ranges::minmax_element(recent_, {}, [](const Point& point) { return point.minimum; });
  const double up = low->minimum - before.level;
  const double down = before.level - high->minimum;
  if (std::max(up, down) <= level_threshold(before)) return;
  Change shift = change(ChangeKind::level_shift);
  const std::array minima{recent_[0].minimum, recent_[1].minimum, recent_[2].minimum};
  shift.size_low = from_ns(low->minimum - before.level_high);
  shift.size_high = from_ns(high->minimum - before.level_low);
  shift.size = from_ns(middle_of(minima) - before.level);
  told.push_back(shift);
  minima_.assign(minima);
  reference_.reset();
}

// Where some hours of the day are fuller than others, more than usual is less than a queue.
double ChangeWatch::spread_threshold(const Reference& before) {
  const double usual = before.spread;
  const double margin =
      std::clamp(spread_margin * (before.spread_high - usual), least_spread, most_spread);
  return std::max({3 * usual, usual + margin, usual + 0.005 * before.level});
}

void ChangeWatch::see_spread(const Reference& before, Changes& told) {
  const auto [low, high] =
      std::ranges::minmax_element(recent_, {}, [](const Point& point) { return point.spread; });
  const double usual = before.spread;
  if (!queueing_) {
    if (low->spread <= spread_threshold(before)) return;
    queueing_ = change(ChangeKind::queueing);
  } else if (high->spread < std::max(1.8 * usual, usual + 0.5 * least_spread)) {
    queueing_->to = recent_.front().from;
    told.push_back(*queueing_);
    queueing_.reset();
    return;
  } else if (from_ns(middle_spread() - usual) <= queueing_->size) {
    return;
  }
  const bool begins = queueing_->size == Nanos{};
  queueing_->size = from_ns(middle_spread() - usual);
  queueing_->size_low = from_ns(low->spread - before.spread_high);
  queueing_->size_high = from_ns(high->spread - before.spread_low);
  if (begins) told.push_back(*queueing_);
}

// What lies between the clocks moves by the drift, which is the same from window to window.
void ChangeWatch::see_clock(Changes& told) {
  const Point& newest = recent_.back();
  const Point& before = recent_[recent_.size() - 2];
  if (!newest.offset || !before.offset) return;
  const double moved = *newest.offset - *before.offset;
  if (drifts_.size() >= least_history) {
    if (drifts_seen_++ % refresh_every == 0) {
      drift_ = drifts_.quantile(0.5);
      drift_noise_ = drifts_.deviation();
    }
    const double level = std::abs(newest.minimum - before.minimum);
    if (std::abs(moved - drift_) > std::max({least_step, 10 * drift_noise_, 2 * level})) {
      Change step = change(ChangeKind::clock);
      step.from = newest.from;
      step.size = from_ns(moved - drift_);
      const double error = std::max(4 * drift_noise_, stamp_error);
      step.size_low = from_ns(moved - drift_ - error);
      step.size_high = from_ns(moved - drift_ + error);
      told.push_back(step);
      return;  // a step is no drift
    }
  }
  drifts_.push(moved);
}

void ChangeWatch::remember(const Point& point) {
  minima_.push(point.minimum);
  if (queueing_) return;  // it is not the usual spread
  if (spreads_.size() < least_history || seen_ % spread_every == 0) {
    spreads_.push(point.spread);
  }
}

void ChangeWatch::refresh() {
  if (minima_.size() < least_history || spreads_.size() < least_history) return;
  if (reference_ && ++stale_ < refresh_every) return;
  stale_ = 0;
  reference_ = Reference{.level = minima_.quantile(0.5),
                         .level_low = minima_.quantile(0.1),
                         .level_high = minima_.quantile(0.9),
                         .noise = minima_.deviation(),
                         .spread = spreads_.quantile(0.25),
                         .spread_low = spreads_.quantile(0.05),
                         .spread_high = spreads_.quantile(0.95)};
}

std::vector<Change> ChangeWatch::see(const Window& window) {
  Changes told;
  if (seen_++ == 0) session_ = window.session;
  if (window.counts.received + window.counts.lost == 0) return told;
  if (see_outage(window, told)) return told;
  see_loss(window, told);
  const auto minimum = window.rtt.min();
  const auto high = window.rtt.quantile(0.95);
  if (window.rtt.count() < least_samples || !minimum || !high) return told;

  Point point{.from = window.start,
              .to = window.start + window.length,
              .minimum = in_ns(*minimum),
              .spread = in_ns(*high - *minimum),
              .sent = window.counts.sent,
              .lost = window.counts.lost,
              .offset = std::nullopt};
  if (window.clocks.raw_forward && window.clocks.raw_reverse) {
    point.offset = in_ns(*window.clocks.raw_forward - *window.clocks.raw_reverse) / 2;
  }
  if (recent_.size() == confirming) {
    remember(recent_.front());
    recent_.pop_front();
  }
  recent_.push_back(point);
  if (recent_.size() < confirming) return told;
  refresh();
  see_clock(told);
  if (!reference_) return told;
  const Reference before = *reference_;  // a level shift begins a new one
  see_spread(before, told);
  see_level(before, told);
  return told;
}

std::vector<Change> ChangeWatch::lasting() const {
  Changes all;
  for (const auto* const each : {&outage_, &loss_, &queueing_}) {
    if (*each) all.push_back(**each);
  }
  return all;
}

std::vector<Change> detect_changes(std::span<const Window> windows) {
  std::map<SessionKey, std::vector<const Window*>> sessions;
  for (const Window& window : windows) sessions[window.session].push_back(&window);
  std::vector<Change> all;
  for (auto& [key, its] : sessions) {
    std::ranges::sort(its, {}, &Window::start);
    ChangeWatch watch;
    const auto begin = static_cast<std::ptrdiff_t>(all.size());
    for (const Window* const window : its) add_told(all, begin, watch.see(*window));
    add_told(all, begin, watch.lasting());
  }
  std::ranges::stable_sort(all, {}, &Change::from);
  return all;
}

}  // namespace strait::analyzer
