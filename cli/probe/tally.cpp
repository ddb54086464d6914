// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/tally.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace strait::cli {
namespace {

using Stream = std::pair<std::string, std::string>;  // target and path

std::map<Stream, std::size_t> numbers_of(const std::vector<TargetReport>& reports) {
  std::map<Stream, std::size_t> numbers;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const SessionKey& key = reports[i].window.session;
    numbers.emplace(Stream{key.target, key.path}, i);
  }
  return numbers;
}

// Finds reports by target and path. Windows mostly come in the order of the reports, so the next
// one is tried before an index of all is made.
class Finder {
 public:
  explicit Finder(std::vector<TargetReport>& reports) : reports_{reports} {}

  [[nodiscard]] TargetReport* operator()(const SessionKey& key) {
    for (const std::size_t guess : {last_, last_ + 1}) {
      if (guess < reports_.size() && is(reports_[guess], key)) return &reports_[last_ = guess];
    }
    if (numbers_.empty()) numbers_ = numbers_of(reports_);
    const auto found = numbers_.find(Stream{key.target, key.path});
    return found == numbers_.end() ? nullptr : &reports_[last_ = found->second];
  }

 private:
  static bool is(const TargetReport& report, const SessionKey& key) {
    const SessionKey& known = report.window.session;
    return known.target == key.target && known.path == key.path;
  }

  std::vector<TargetReport>& reports_;
  std::map<Stream, std::size_t> numbers_;
  std::size_t last_ = 0;
};

}  // namespace

void add_up(std::vector<TargetReport>& reports, std::vector<Window> windows, WallTime began) {
  Finder find{reports};
  for (TargetReport& report : reports) report.window.start = began;
  for (Window& window : windows) {
    TargetReport* const report = find(window.session);
    if (report == nullptr) continue;
    analyzer::FlowDelays& flow = report->flows[window.session.flow];
    flow.flow = std::exchange(window.session.flow, std::uint16_t{0});
    flow.rtt.merge(window.rtt);
    flow.lost += window.counts.lost;
    window.start = began;
    if (report->window.length == Nanos::zero()) {
      report->window = std::move(window);
      continue;
    }
    merge(report->window, window);
    report->window.start = began;
  }
}

bool all_decided(std::span<const TargetReport> reports,
                 std::span<const probe::SessionSpec> sessions) {
  std::map<Stream, std::uint64_t> planned;
  for (const probe::SessionSpec& spec : sessions) {
    planned[{spec.key.target, spec.key.path}] += spec.count;
  }
  return std::ranges::all_of(reports, [&](const TargetReport& report) {
    const SessionKey& key = report.window.session;
    const auto found = planned.find({key.target, key.path});
    if (found == planned.end()) return true;
    const Counts& counts = report.window.counts;
    return counts.scheduled >= found->second && counts.received + counts.lost >= counts.sent;
  });
}

void add_rejections(std::vector<TargetReport>& reports,
                    std::span<const probe::SessionRejections> rejections) {
  if (rejections.empty()) return;
  const auto numbers = numbers_of(reports);
  for (const auto& [key, counts] : rejections) {
    const auto found = numbers.find(Stream{key.target, key.path});
    if (found == numbers.end()) continue;
    for (const auto& [rejection, count] : counts) {
      reports[found->second].rejections[rejection] += count;
    }
  }
}

bool ReplyRates::can_tell(Nanos interval, std::uint64_t count) {
  using Seconds = std::chrono::duration<double>;
  const Seconds whole = Seconds{interval} * static_cast<double>(count);
  const bool dense = Seconds{interval} * probe::ReplyRate::least_per_second <= Seconds{1};
  return dense && whole >= Seconds{2 * probe::ReplyRate::least_seconds};
}

void ReplyRates::note(const probe::Outcome& outcome) {
  const SessionKey& key = *outcome.key;
  if (key.protocol != Protocol::icmp) return;
  const bool received = outcome.fate == probe::Fate::received;
  if (!received && outcome.fate != probe::Fate::lost) return;
  rates_[{key.target, key.path}].note(outcome.sent, received);
}

void ReplyRates::move_to(std::vector<TargetReport>& reports) {
  for (TargetReport& report : reports) {
    const SessionKey& key = report.window.session;
    const auto found = rates_.find(Stream{key.target, key.path});
    if (found != rates_.end()) report.reply_rate = std::move(found->second);
  }
}

}  // namespace strait::cli
