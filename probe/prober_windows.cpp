// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "probe/prober_impl.hpp"

namespace strait::probe {
namespace {

// Closing 10,000 windows takes milliseconds, which would be lag: a few per step.
constexpr std::size_t closed_per_step = 64;

WallTime window_start(WallTime time, Nanos length) {
  const auto since = time.time_since_epoch();
  return WallTime{since - since % length};
}

}  // namespace

void Prober::Impl::advance_epoch(Instant now) {
  if (!epochs_.empty()) {
    Epoch& current = epochs_.back();
    // A wall clock set back by less than a window lets the current one last longer, so that no two
    // windows start alike; one set back by more is obeyed.
    const bool over = now.wall >= current.start + current.length;
    const bool set_back = now.wall < current.start - options_.window;
    if (!over && !set_back) return;
    current.end = now.mono;
  }
  const WallTime aligned = window_start(now.wall, options_.window);
  if (epochs_.empty()) {
    // What was before us in this window is somebody else's: two runs in one minute give two
    // windows.
    const Nanos rest = aligned + options_.window - now.wall;
    epochs_.push_back({0, now.wall, rest, MonoTime::max()});
    return;
  }
  epochs_.push_back({++epoch_, aligned, options_.window, MonoTime::max()});
}

Tally& Prober::Impl::new_tally(std::uint32_t index) {
  auto tally = std::make_unique<Tally>();
  tally->epoch = epoch_;
  tally->start = epochs_.back().start;
  tally->length = epochs_.back().length;
  sessions_[index].current = tally.get();
  records_[index].tallies.push_back(std::move(tally));
  return *sessions_[index].current;
}

Tally& Prober::Impl::older_tally(std::uint32_t index, const Probe& probe) {
  for (const auto& tally : records_[index].tallies) {
    if (probe.belongs_to(tally->epoch)) return *tally;
  }
  return current_tally(index);  // its window is closed: only late and duplicate replies come here
}

MonoTime Prober::Impl::closing_time() const {
  if (epochs_.size() < 2) return MonoTime::max();
  return epochs_.front().end + longest_timeout_ + options_.stamp_grace + Nanos{1};
}

void Prober::Impl::close_some(MonoTime now) {
  if (!drained_ || now < closing_time() || epochs_.size() < 2) return;
  const std::size_t end = std::min(close_cursor_ + closed_per_step, sessions_.size());
  for (; close_cursor_ < end; ++close_cursor_) {
    close(static_cast<std::uint32_t>(close_cursor_), epochs_.front().number, now);
  }
  if (close_cursor_ < sessions_.size()) return;
  epochs_.pop_front();
  close_cursor_ = 0;
}

void Prober::Impl::close(std::uint32_t index, std::uint32_t epoch, MonoTime now) {
  Session& session = sessions_[index];
  if (!session.live) return;
  expire(index, now);
  SessionRecord& record = records_[index];
  const auto last =
      std::ranges::find_if(record.tallies, [&](const auto& tally) { return tally->epoch > epoch; });
  for (auto tally = record.tallies.begin(); tally != last; ++tally) {
    if (tally->get() == session.current) session.current = nullptr;
    closed_.push_back(to_window(std::move(**tally), record.key));
  }
  record.tallies.erase(record.tallies.begin(), last);
  if (session.removed && !session.active && !session.in_wheel && record.tallies.empty()) {
    release(index);
  }
}

void Prober::Impl::release(std::uint32_t index) {
  Session& session = sessions_[index];
  transport_.close_flow(session.flow);
  by_flow_[session.flow] = nobody;
  by_id_.erase(session.id);
  session.live = false;
  session.extension.reset();
  records_[index].rejections.reset();
  free_.push_back(index);
}

std::vector<Window> Prober::Impl::open_windows() const {
  std::vector<Window> windows;
  for (const SessionRecord& record : records_) {
    for (const auto& tally : record.tallies) {
      windows.push_back(to_window(std::as_const(*tally), record.key));
    }
  }
  return windows;
}

std::vector<Window> Prober::Impl::finish() {
  settle_pending(step_began_, true);
  closed_.reserve(closed_.size() + sessions_.size());
  for (std::uint32_t index = 0; index < sessions_.size(); ++index) {
    Session& session = sessions_[index];
    if (!session.live) continue;
    stop_sending(session);
    for (auto& tally : records_[index].tallies) {
      tally->count(ErrorKind::outstanding, static_cast<std::uint32_t>(tally->outstanding()));
      if (tally->epoch == epochs_.back().number) {  // cut off: it ends now
        tally->length = std::clamp(transport_.now().wall - tally->start, Nanos{1}, tally->length);
      }
      closed_.push_back(to_window(std::move(*tally), records_[index].key));
    }
    records_[index].tallies.clear();
    session.current = nullptr;
    if (session.active) --active_;
    session.active = false;
    session.in_wheel = false;
    release(index);
  }
  wheel_ = TimerWheel{step_began_};
  outstanding_ = 0;
  return take_closed();
}

Outcome Prober::Impl::outcome(std::uint32_t index, const Probe& probe, Fate fate) const {
  Outcome outcome;
  outcome.session = SessionId{sessions_[index].id};
  outcome.key = &records_[index].key;
  outcome.fate = fate;
  outcome.sequence = probe.sequence;
  outcome.sent = probe.sent_wall;
  outcome.source = probe.source;
  return outcome;
}

}  // namespace strait::probe
