// SPDX-License-Identifier: Apache-2.0
#include "core/window.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "core/passive_method.hpp"

namespace strait {
namespace {

// The numbers of captured traffic's protocols stand behind those of probes.
constexpr unsigned first_passive = 64;
constexpr std::string_view passive_word = "passive-";
// The names of an enumeration, each at the place of its value.
constexpr std::array<std::string_view, 10> passive_protocol_names{
    "passive-handshake", "passive-timestamp", "passive-sequence", "passive-sack",
    "passive-echo",      "passive-query",     "passive-stamp",    "passive-quic-handshake",
    "passive-spin",      "passive-spin-whole"};
constexpr std::array<std::string_view, 5> protocol_names{"stamp", "icmp", "udp-echo", "tcp",
                                                         "twamp"};
constexpr std::array<std::string_view, 4> source_names{"hardware", "kernel", "tsc", "user"};
constexpr std::array<std::string_view, 7> clock_state_names{"untold",      "usable",
                                                            "far-inexact", "far-unsynchronised",
                                                            "own-inexact", "own-unsynchronised",
                                                            "leap-second"};

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

void merge_far(FarView& into, const FarView& other, bool newer) {
  if (other.dscp && (newer || !into.dscp)) into.dscp = other.dscp;
  if (!other.seen_as.empty() && (newer || into.seen_as.empty())) into.seen_as = other.seen_as;
  if (!other.clock.empty() && (newer || into.clock.empty())) into.clock = other.clock;
  into.counts = into.counts || other.counts;
  if (other.left_late && (!into.left_late || *other.left_late > *into.left_late)) {
    into.left_late = other.left_late;
    into.left_by = other.left_by;
  }
}

void keep_least(std::optional<Nanos>& into, const std::optional<Nanos>& other) {
  if (other && (!into || *other < *into)) into = other;
}

void merge_clocks(Clocks& into, const Clocks& other) {
  into.state = std::max(into.state, other.state);
  into.error = std::max(into.error, other.error);
  keep_least(into.raw_forward, other.raw_forward);
  keep_least(into.raw_reverse, other.raw_reverse);
}

}  // namespace

std::string_view to_string(PassiveMethod method) {
  return passive_protocol_names.at(static_cast<std::size_t>(method)).substr(passive_word.size());
}

std::optional<PassiveMethod> parse_passive_method(std::string_view text) {
  const auto* const found = std::ranges::find_if(
      passive_protocol_names,
      [&](std::string_view name) { return name.substr(passive_word.size()) == text; });
  if (found == passive_protocol_names.end()) return std::nullopt;
  return static_cast<PassiveMethod>(found - passive_protocol_names.begin());
}

// Protocol has no names for these values: nothing but a session of captured traffic has one.
Protocol protocol_of(PassiveMethod method) {
  const auto number = static_cast<std::uint8_t>(first_passive + static_cast<unsigned>(method));
  return static_cast<Protocol>(number);  // NOLINT(clang-analyzer-optin.core.EnumCastOutOfRange)
}

std::optional<PassiveMethod> passive_method(Protocol protocol) {
  const auto number = static_cast<std::uint8_t>(protocol);
  if (number < first_passive) return std::nullopt;
  return static_cast<PassiveMethod>(number - first_passive);
}

std::string_view to_string(Protocol protocol) {
  if (const auto method = passive_method(protocol)) {
    return passive_protocol_names.at(static_cast<std::size_t>(*method));
  }
  return protocol_names.at(static_cast<std::size_t>(protocol));
}

Result<Protocol> parse_protocol(std::string_view text) {
  if (text.starts_with(passive_word)) {
    const auto method = parse_passive_method(text.substr(passive_word.size()));
    if (method) return protocol_of(*method);
  }
  return parse_name<Protocol>(protocol_names, "protocol", text);
}

std::string_view to_string(StampSource source) {
  return source_names.at(static_cast<std::size_t>(source));
}

Result<StampSource> parse_stamp_source(std::string_view text) {
  return parse_name<StampSource>(source_names, "timestamp source", text);
}

std::string_view to_string(ClockState state) {
  return clock_state_names.at(static_cast<std::size_t>(state));
}

Result<ClockState> parse_clock_state(std::string_view text) {
  return parse_name<ClockState>(clock_state_names, "clock state", text);
}

void merge(Window& into, const Window& other) {
  assert(into.session == other.session);
  merge_clocks(into.clocks, other.clocks);
  if (!other.far.empty()) merge_far(into.far, other.far, other.start >= into.start);
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
  into.ipdv.merge(other.ipdv);
  into.uncertainty = std::max(into.uncertainty, other.uncertainty);
}

}  // namespace strait
