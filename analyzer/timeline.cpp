// SPDX-License-Identifier: Apache-2.0
#include "analyzer/timeline.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace strait::analyzer {
namespace {

using StreamKey = std::tuple<std::string_view, Protocol, std::uint8_t>;

StreamKey stream_of(const SessionKey& session) {
  return {session.target, session.protocol, session.dscp};
}

WallTime window_end(const Window& window) { return window.start + window.length; }

auto order_of(const Lane::Entry& entry) {
  const SessionKey& session = entry.window->session;
  return std::tuple{entry.slot,       std::string_view{session.target},
                    session.protocol, session.dscp,
                    session.flow,     entry.window->start};
}

// Most are in order already, and to see that takes a comparison of names each where sorting takes
// the logarithm of their number.
template <class T, class Order>
void sort_if_needed(std::vector<T>& values, Order order) {
  if (!std::ranges::is_sorted(values, {}, order)) std::ranges::sort(values, {}, order);
}

// The commonest length; the longer one of two that are equally common.
Nanos commonest_length(std::span<const Window* const> windows) {
  std::map<Nanos, std::uint64_t> lengths;
  for (const Window* window : windows) ++lengths[window->length];
  const auto most = std::ranges::max_element(
      lengths, {}, [](const auto& each) { return std::pair{each.second, each.first}; });
  return most == lengths.end() ? Nanos{0} : most->first;
}

// Sorts by session and time, then drops each window that begins before the one kept last has ended:
// the probes of a repeated window must not count twice.
std::uint64_t drop_overlaps(std::vector<const Window*>& windows) {
  sort_if_needed(windows, [](const Window* window) {
    return std::tuple{std::cref(window->session), window->start, -window->length,
                      -static_cast<std::int64_t>(window->counts.sent)};
  });
  std::vector<const Window*> kept;
  for (const Window* window : windows) {
    const bool overlaps = !kept.empty() && kept.back()->session == window->session &&
                          window->start < window_end(*kept.back());
    if (!overlaps) kept.push_back(window);
  }
  const std::uint64_t dropped = windows.size() - kept.size();
  windows = std::move(kept);
  return dropped;
}

}  // namespace

Timeline::Timeline(std::span<const Window> windows, std::span<const Target> targets, WallTime now) {
  std::vector<const Window*> usable;
  for (const Window& window : windows) {
    if (window.length > Nanos{0}) usable.push_back(&window);
  }
  length_ = commonest_length(usable);
  left_out_.future = std::erase_if(
      usable, [&](const Window* window) { return window_end(*window) > now + length_; });
  left_out_.overlapping = drop_overlaps(usable);

  Targets by_name;
  for (const Target& target : targets) {
    if (target.weight > 0) by_name.emplace(target.name, &target);
  }
  place(usable, by_name);
}

Slot Timeline::slot_of(const Window& window) const {
  const Nanos since = window.start.time_since_epoch() + (std::min(window.length, length_) / 2);
  const Slot slot = since / length_;
  return since % length_ < Nanos{0} ? slot - 1 : slot;
}

void Timeline::place(std::span<const Window* const> windows, const Targets& targets) {
  for (const Window* window : windows) {
    const auto [first, last] = targets.equal_range(window->session.target);
    if (first == last) ++left_out_.unknown_target;
    for (auto target = first; target != last; ++target) {
      const Slot slot = slot_of(*window);
      newest_ = std::max(newest_.value_or(slot), slot);
      paths_.insert(window->session.path);
      classes_[target->second->traffic_class][window->session.path].entries_.push_back(
          {slot, window, target->second});
    }
  }
  for (auto& [name, lanes] : classes_) {
    for (auto& [path, lane] : lanes) sort_if_needed(lane.entries_, order_of);
  }
}

const Lane& Timeline::lane(std::string_view traffic_class, std::string_view path) const {
  static const Lane never_measured;
  const auto lanes = classes_.find(traffic_class);
  if (lanes == classes_.end()) return never_measured;
  const auto lane = lanes->second.find(path);
  return lane == lanes->second.end() ? never_measured : lane->second;
}

std::span<const Lane::Entry> Lane::within(const Span& span) const {
  const auto first = std::ranges::lower_bound(entries_, span.first, {}, &Entry::slot);
  const auto last = std::ranges::upper_bound(entries_, span.last, {}, &Entry::slot);
  return first < last ? std::span{first, last} : std::span<const Entry>{};
}

Pool Lane::pool(const Span& span) const {
  std::map<StreamKey, Stream> streams;
  std::map<const Target*, unsigned> per_target;
  for (const Entry& entry : within(span)) {
    const SessionKey& session = entry.window->session;
    auto [stream, fresh] = streams.try_emplace(stream_of(session));
    if (fresh) {
      stream->second.target = entry.target;
      stream->second.protocol = session.protocol;
      stream->second.dscp = session.dscp;
      stream->second.rtt = Sketch{entry.window->rtt.schema()};
      ++per_target[entry.target];
    }
    stream->second.rtt.merge(entry.window->rtt);
    stream->second.lost += entry.window->counts.lost;
    stream->second.kept_apart += entry.window->uncertain.count();
  }
  Pool pool;
  for (auto& [key, stream] : streams) {
    stream.weight = stream.target->weight / per_target[stream.target];
    pool.push_back(std::move(stream));
  }
  return pool;
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

std::set<std::string> drop_silent(std::span<Pool> pools) {
  std::set<const Target*> answered;
  std::set<std::string> silent;
  for (const Pool& pool : pools) {
    for (const Stream& stream : pool) {
      if (stream.answered() > 0) answered.insert(stream.target);
    }
  }
  if (answered.empty()) return silent;
  for (Pool& pool : pools) {
    std::erase_if(pool, [&](const Stream& stream) {
      if (answered.contains(stream.target)) return false;
      if (stream.lost > 0) silent.insert(stream.target->name);
      return true;
    });
  }
  return silent;
}

}  // namespace strait::analyzer
