// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/frame/cli11_names.hpp"
#include "core/address.hpp"
#include "core/duration.hpp"
#include "probe/passive/path_rules.hpp"

namespace strait::cli {

// What makes a flow one of the first.
enum class FlowRank : std::uint8_t { octets, p95, retransmissions };

// What is added up: nothing, or the ends of flows by address, prefix (of a RIB, else /24 and /48),
// origin AS, country of registration or region; or what goes by each path.
enum class GroupBy : std::uint8_t { flow, host, prefix, as, country, region, path };

// Of prefixes where no RIB tells them: the longest that are routed nearly everywhere.
struct PrefixLengths {
  std::uint8_t v4 = 24;
  std::uint8_t v6 = 48;
};

// --path NAME=RULE
struct NamedPathRule {
  std::string path;
  probe::passive::PathRule rule;
};

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
  std::optional<PrefixLengths> prefix_length;  // of GroupBy::prefix, instead of a RIB's
  std::vector<Prefix> local;                   // whose addresses are ours
  std::vector<std::string> rib;                // MRT files
  std::string config;                          // whose regions, RIB and paths count; empty: none
  std::vector<std::string> registrations;      // files; none: the configuration's
  std::vector<NamedPathRule> paths;            // none: the configuration's
  std::string weights;                         // a file for [analyzer] weights; empty: none
  std::string store;                           // of windows; empty: none
  std::vector<Endpoint> listen;                // for who scrapes
  Nanos window = std::chrono::minutes{1};      // of both
  std::string anonymise;                       // see make_anonymiser(); empty: nothing
  std::uint32_t max_flows = 1'000'000;         // at once
  // Senders with many segments on the way or many round trips, at once; else by max_flows.
  std::optional<std::uint32_t> max_busy;
  bool all_methods = false;  // sequence numbers also where there are timestamps
  bool gre = false;
  bool vxlan = false;
  std::vector<std::uint16_t> stamp_ports{862};
  bool json = false;
  bool samples = false;  // each round trip too
  bool windows = false;  // instead of flows or groups
  bool csv = false;
  bool live = false;  // the largest flows on the terminal while it runs
  bool histogram = false;

  // What must be read before the capture.
  [[nodiscard]] bool wants_rib() const {
    return (group == GroupBy::prefix && !prefix_length) || group == GroupBy::as ||
           group == GroupBy::region || !weights.empty();
  }
  [[nodiscard]] bool classifies() const {
    return group == GroupBy::country || group == GroupBy::region ||
           ((!weights.empty() || exports()) && (!config.empty() || !registrations.empty()));
  }
  [[nodiscard]] bool wants_paths() const { return group == GroupBy::path || exports(); }
  [[nodiscard]] bool exports() const { return !store.empty() || !listen.empty() || windows; }
};

using RunCapture = std::function<int(const CaptureOptions&)>;
CLI::App* add_capture_command(CLI::App& app, RunCapture run);

}  // namespace strait::cli
