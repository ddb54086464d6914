// SPDX-License-Identifier: Apache-2.0
#include "core/window.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

namespace strait {
namespace {

// The names of an enumeration, each at the place of its value.
constexpr std::array<std::string_view, 4> protocol_names{"stamp", "icmp", "udp-echo", "tcp"};
constexpr std::array<std::string_view, 4> source_names{"hardware", "kernel", "tsc", "user"};

template <class Enum, std::size_t n>
Result<Enum> parse_name(const std::array<std::string_view, n>& names, std::string_view what,
                        std::string_view text) {
  const auto found = std::ranges::find(names, text);
  if (found == names.end()) {
    return fail(Errc::bad_input,
                fmt::format("{} '{}': want one of {}", what, text, fmt::join(names, ", ")));
  }
  return static_cast<Enum>(found - names.begin());
}

void add(Counts& into, const Counts& other) {
  into.scheduled += other.scheduled;
  into.missed += other.missed;
  into.sent += other.sent;
  into.received += other.received;
  into.lost += other.lost;
  into.late += other.late;
  into.duplicate += other.duplicate;
  into.reordered += other.reordered;
  for (const auto& [kind, count] : other.errors) into.errors[kind] += count;
}

// A window without a reply says nothing about timestamps: the other one's count.
StampSource worst_source(const Window& a, const Window& b) {
  if (a.rtt.empty() && !b.rtt.empty()) return b.source;
  if (b.rtt.empty() && !a.rtt.empty()) return a.source;
  return std::max(a.source, b.source);
}

}  // namespace

std::string_view to_string(Protocol protocol) {
  return protocol_names.at(static_cast<std::size_t>(protocol));
}

Result<Protocol> parse_protocol(std::string_view text) {
  return parse_name<Protocol>(protocol_names, "protocol", text);
}

std::string_view to_string(StampSource source) {
  return source_names.at(static_cast<std::size_t>(source));
}

Result<StampSource> parse_stamp_source(std::string_view text) {
  return parse_name<StampSource>(source_names, "timestamp source", text);
}

void merge(Window& into, const Window& other) {
  assert(into.session == other.session);
  const WallTime end = std::max(into.start + into.length, other.start + other.length);
  into.start = std::min(into.start, other.start);
  into.length = end - into.start;
  add(into.counts, other.counts);
  into.source = worst_source(into, other);  // before the sketches change
  into.rtt.merge(other.rtt);
  into.forward.merge(other.forward);
  into.reverse.merge(other.reverse);
  into.lag.merge(other.lag);
  into.uncertain.merge(other.uncertain);
  into.uncertainty = std::max(into.uncertainty, other.uncertainty);
}

}  // namespace strait
