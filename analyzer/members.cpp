// SPDX-License-Identifier: Apache-2.0
#include "analyzer/members.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace strait::analyzer {
namespace {

constexpr Nanos least_gap = std::chrono::microseconds{500};
constexpr int least_gap_percent = 3;  // of the smaller round trip

FlowFigures figures_of(const FlowDelays& delays) {
  return {.flow = delays.flow,
          .samples = delays.rtt.count(),
          .lost = delays.lost,
          .minimum = delays.rtt.min(),
          .median = delays.rtt.quantile(0.5)};
}

EcmpMember member_of(std::span<const FlowDelays* const> flows) {
  EcmpMember member;
  Sketch rtt;
  for (const FlowDelays* flow : flows) {
    member.flows.push_back(flow->flow);
    rtt.merge(flow->rtt);
  }
  std::ranges::sort(member.flows);
  member.minimum = rtt.min().value_or(Nanos{0});
  member.median = rtt.quantile(0.5).value_or(Nanos{0});
  member.samples = rtt.count();
  return member;
}

bool apart(const FlowDelays* nearer, const FlowDelays* farther) {
  const Nanos minimum = nearer->rtt.min().value_or(Nanos{0});
  const Nanos gap = farther->rtt.min().value_or(Nanos{0}) - minimum;
  return gap > std::max(least_gap, minimum * least_gap_percent / 100);
}

}  // namespace

FlowMembers cluster_members(std::span<const FlowDelays> flows) {
  FlowMembers found;
  std::vector<const FlowDelays*> placed;
  for (const FlowDelays& flow : flows) {
    found.flows.push_back(figures_of(flow));
    if (flow.rtt.count() >= samples_to_place_flow) {
      placed.push_back(&flow);
    } else {
      found.unplaced.push_back(found.flows.back());
    }
  }
  std::ranges::sort(found.flows, {}, &FlowFigures::flow);
  std::ranges::sort(found.unplaced, {}, &FlowFigures::flow);
  std::ranges::sort(placed, {},
                    [](const FlowDelays* flow) { return std::pair{flow->rtt.min(), flow->flow}; });
  for (auto first = placed.begin(); first != placed.end();) {
    auto last = std::adjacent_find(first, placed.end(), apart);
    if (last != placed.end()) ++last;
    found.members.push_back(member_of({first, last}));
    first = last;
  }
  return found;
}

std::string flow_list(std::span<const std::uint16_t> flows) {
  std::string text;
  for (auto first = flows.begin(); first != flows.end();) {
    auto last = first;
    while (last + 1 != flows.end() && *(last + 1) == *last + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : " ", *first);
    if (last != first) text += fmt::format("{}{}", last == first + 1 ? " " : "-", *last);
    first = last + 1;
  }
  return text;
}

}  // namespace strait::analyzer
