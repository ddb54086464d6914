// SPDX-License-Identifier: Apache-2.0
#include "cli/probe_tally.hpp"

#include <map>
#include <string>
#include <utility>

namespace strait::cli {

void add_up(std::vector<TargetReport>& reports, std::span<const Window> windows, WallTime began) {
  using Stream = std::pair<std::string, std::string>;
  std::map<Stream, std::size_t> numbers;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const SessionKey& key = reports[i].window.session;
    numbers.emplace(Stream{key.target, key.path}, i);
    reports[i].window.start = began;
  }
  for (Window window : windows) {
    const auto found = numbers.find(Stream{window.session.target, window.session.path});
    if (found == numbers.end()) continue;
    TargetReport& report = reports[found->second];
    analyzer::FlowDelays& flow = report.flows[window.session.flow];
    flow.flow = std::exchange(window.session.flow, std::uint16_t{0});
    flow.rtt.merge(window.rtt);
    flow.lost += window.counts.lost;
    window.start = began;
    if (report.window.length == Nanos::zero()) {
      report.window = std::move(window);
      continue;
    }
    merge(report.window, window);
    report.window.start = began;
  }
}

}  // namespace strait::cli
