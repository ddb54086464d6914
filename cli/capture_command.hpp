// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/cli11_names.hpp"
#include "core/duration.hpp"

namespace strait::cli {

// What makes a flow one of the first.
enum class FlowRank : std::uint8_t { octets, p95, retransmissions };

// What is added up: nothing, or the ends of flows by address or by prefix (/24, /48).
enum class GroupBy : std::uint8_t { flow, host, prefix };

// `strait capture`: the round trips of traffic that others captured.
struct CaptureOptions {
  std::vector<std::string> files;       // "-": the standard input
  std::vector<std::string> interfaces;  // instead
  std::string filter;
  std::uint32_t snapshot = 192;  // octets
  bool promiscuous = false;
  std::optional<Nanos> duration;     // else until somebody asks to stop
  std::optional<std::uint32_t> top;  // so many flows; else all, and of the table the first 20
  FlowRank by = FlowRank::octets;
  GroupBy group = GroupBy::flow;
  std::uint32_t max_flows = 1'000'000;  // at once
  bool all_methods = false;             // sequence numbers also where there are timestamps
  bool gre = false;
  bool vxlan = false;
  std::vector<std::uint16_t> stamp_ports{862};
  bool json = false;
  bool samples = false;  // each round trip too
  bool csv = false;
  bool histogram = false;
};

using RunCapture = std::function<int(const CaptureOptions&)>;
CLI::App* add_capture_command(CLI::App& app, RunCapture run);

}  // namespace strait::cli
