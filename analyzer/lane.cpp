// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <tuple>

#include "analyzer/timeline.hpp"

namespace strait::analyzer {
namespace {

using StreamKey = std::tuple<std::string_view, Protocol, std::uint8_t>;

StreamKey stream_of(const SessionKey& session) {
  return {session.target, session.protocol, session.dscp};
}

// One stream per (target, protocol, DSCP), in that order, of what each window has in `delays`. Only
// of round trips are the lost ones counted, and those that are kept apart.
Pool pool_of(std::span<const Lane::Entry> entries, Sketch Window::* delays) {
  Pool pool;
  std::vector<StreamKey> keys;  // of the streams, in the same order
  for (const Lane::Entry& entry : entries) {
    const SessionKey& session = entry.window->session;
    const StreamKey key = stream_of(session);
    const auto place = std::ranges::lower_bound(keys, key);
    const auto at = place - keys.begin();
    const bool known = place != keys.end() && *place == key;
    if (!known) {
      keys.insert(place, key);
      pool.insert(pool.begin() + at, Stream{.target = entry.target,
                                            .protocol = session.protocol,
                                            .dscp = session.dscp,
                                            .rtt = entry.window->*delays});
    }
    Stream& stream = pool[static_cast<std::size_t>(at)];
    if (known) stream.rtt.merge(entry.window->*delays);
    if (delays != &Window::rtt) continue;
    stream.lost += entry.window->counts.lost;
    stream.kept_apart += entry.window->uncertain.count();
  }
  // Those of one target stand together.
  for (auto first = pool.begin(); first != pool.end();) {
    const auto last = std::find_if(
        first, pool.end(), [&](const Stream& each) { return each.target != first->target; });
    const double weight = first->target->weight / static_cast<double>(last - first);
    for (; first != last; ++first) first->weight = weight;
  }
  return pool;
}

}  // namespace

std::span<const Lane::Entry> Lane::within(const Span& span) const {
  const auto first = std::ranges::lower_bound(entries_, span.first, {}, &Entry::slot);
  const auto last = std::ranges::upper_bound(entries_, span.last, {}, &Entry::slot);
  return first < last ? std::span{first, last} : std::span<const Entry>{};
}

Pool Lane::pool(const Span& span) const { return pool_of(within(span), &Window::rtt); }

std::optional<PacketVariation> Lane::packet_variation(const Span& span) const {
  return analyzer::packet_variation(pool_of(within(span), &Window::ipdv));
}

std::vector<StreamFlows> Lane::flows(const Span& span) const {
  const auto entries = within(span);
  const bool several = std::ranges::any_of(
      entries, [](const Entry& entry) { return entry.window->session.flow != 0; });
  if (!several) return {};
  std::map<StreamKey, std::map<std::uint16_t, FlowDelays>> streams;
  for (const Entry& entry : entries) {
    const Window& window = *entry.window;
    FlowDelays& delays = streams[stream_of(window.session)][window.session.flow];
    delays.flow = window.session.flow;
    delays.rtt.merge(window.rtt);
    delays.lost += window.counts.lost;
  }
  std::vector<StreamFlows> found;
  for (auto& [key, by_flow] : streams) {
    if (by_flow.size() < 2) continue;
    std::vector<FlowDelays> flows;
    for (auto& [flow, delays] : by_flow) flows.push_back(std::move(delays));
    const auto& [target, protocol, dscp] = key;
    found.push_back({std::string{target}, protocol, dscp, cluster_members(flows)});
  }
  return found;
}

std::vector<OneWayDelays> Lane::one_way(const Span& span) const {
  struct Directions {
    Sketch forward;
    Sketch reverse;
    Nanos error{};
  };
  std::map<StreamKey, Directions> streams;
  for (const Entry& entry : within(span)) {
    const Window& window = *entry.window;
    if (window.forward.empty() || window.reverse.empty()) continue;
    Directions& both = streams[stream_of(window.session)];
    both.forward.merge(window.forward);
    both.reverse.merge(window.reverse);
    both.error = std::max(both.error, window.clocks.error);
  }
  std::vector<OneWayDelays> found;
  found.reserve(streams.size());
  for (const auto& [key, both] : streams) {
    // Among negative ones, which clocks that are off make, no median is known.
    const auto hidden = [](const Sketch& one) { return 2 * one.negative_count() >= one.count(); };
    if (hidden(both.forward) || hidden(both.reverse)) continue;
    const auto& [target, protocol, dscp] = key;
    found.push_back({.target = std::string{target},
                     .protocol = protocol,
                     .dscp = dscp,
                     .samples = std::min(both.forward.count(), both.reverse.count()),
                     .forward = both.forward.quantile(0.5).value_or(Nanos{0}),
                     .reverse = both.reverse.quantile(0.5).value_or(Nanos{0}),
                     .error = both.error});
  }
  return found;
}

}  // namespace strait::analyzer
