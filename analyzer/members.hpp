// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/window.hpp"

namespace strait::analyzer {

// What one flow of a session got over some span of time.
struct FlowDelays {
  std::uint16_t flow = 0;
  Sketch rtt;
  std::uint64_t lost = 0;
};

struct FlowFigures {
  std::uint16_t flow = 0;
  std::uint64_t samples = 0;
  std::uint64_t lost = 0;
  std::optional<Nanos> minimum;  // nothing without a sample, as the next one
  std::optional<Nanos> median;   // of the samples
};

// One of several ways that a network which balances by five-tuple (ECMP) gives to the flows.
struct EcmpMember {
  std::vector<std::uint16_t> flows;  // ascending
  Nanos minimum{};
  Nanos median{};
  std::uint64_t samples = 0;
};

// The flows of one session, every one either in one member or unplaced.
struct FlowMembers {
  std::vector<FlowFigures> flows;     // ascending
  std::vector<EcmpMember> members;    // by minimum
  std::vector<FlowFigures> unplaced;  // too few samples to say; ascending
};

// Below it a flow's minimum may be no minimum of its way.
inline constexpr std::uint64_t samples_to_place_flow = 20;

// Sorts the flows by their minimum; where the next one lies above by more than 0.5 ms and by more
// than 3 % of the smaller, another member begins (docs/METHOD.md).
[[nodiscard]] FlowMembers cluster_members(std::span<const FlowDelays> flows);

// "0 2-4 7"
[[nodiscard]] std::string flow_list(std::span<const std::uint16_t> flows);

}  // namespace strait::analyzer
