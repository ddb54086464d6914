// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/frame/cli11_names.hpp"
#include "cli/probe/thresholds.hpp"
#include "core/address.hpp"
#include "core/duration.hpp"
#include "core/window.hpp"
#include "probe/dpdk/options.hpp"
#include "probe/options.hpp"

namespace strait::cli {

using probe::Engine;
enum class Family : std::uint8_t { any, v4, v6 };
// How times are drawn; `automatic`: as the terminal can, for a few targets.
enum class Histogram : std::uint8_t { automatic, unicode, ascii, off };

struct ProbeOptions {
  std::vector<std::string> targets;  // names, addresses, prefixes, "-"
  std::vector<std::string> files;    // with a target a line; "-": standard input
  std::string config;                // whose paths are measured side by side; empty: none
  std::vector<std::string> paths;    // of it; empty: all
  std::uint64_t count = 10;          // per target
  std::optional<Nanos> duration;     // which shortens the count
  Nanos interval{std::chrono::milliseconds{100}};
  Nanos timeout{std::chrono::seconds{3}};
  std::size_t size = 0;  // octets of UDP payload or ICMP data; 0: the protocol's default
  std::string device;
  std::optional<Address> source;
  std::optional<Address> next_hop;
  std::optional<MacAddress> next_hop_mac;
  std::vector<std::uint16_t> vlans;   // outer first
  std::vector<std::uint32_t> labels;  // MPLS, top first
  std::optional<std::uint32_t> flow_label;
  std::optional<std::uint32_t> mark;
  std::optional<std::uint16_t> port;  // of a target; by default the protocol's
  Protocol protocol = Protocol::icmp;
  std::uint8_t dscp = 0;
  std::uint8_t hop_limit = 255;
  bool all_addresses = false;  // of a name, not only the first
  bool by_address = false;     // names are shown as their addresses
  Family family = Family::any;
  Engine engine = Engine::socket;
  bool engine_given = false;
  std::optional<probe::dpdk::DpdkOptions> dpdk;  // as the configuration has it
  std::uint16_t flows = 1;                       // to each target, a five-tuple each
  bool realtime = false;  // socket engine: real-time priority, for intervals below 1 ms
  bool twamp_light = false;
  probe::TlvSet tlvs;  // of STAMP
  std::string key;     // a file or a credential; empty: unauthenticated
  bool loss_by_direction = false;
  std::optional<Nanos> own_clock_error;
  bool force_rate = false;  // more than one SYN a second to a foreign address
  bool json = false;
  bool csv = false;
  bool live = false;
  bool quiet = false;  // no progress
  Histogram histogram = Histogram::automatic;
  std::optional<Thresholds> warn;  // either: as a plugin of a monitoring system
  std::optional<Thresholds> critical;
  bool outcomes = false;           // a line for every probe
  std::optional<Nanos> max_rtt;    // a higher median fails the target
  std::optional<double> max_loss;  // per cent; a higher loss fails the target

  [[nodiscard]] bool is_plugin() const { return warn || critical; }
};

using RunProbe = std::function<int(const ProbeOptions&)>;  // returns the exit status

// Adds `strait probe TARGET...`. The command only reads words into ProbeOptions; `run` does the
// work.
CLI::App* add_probe_command(CLI::App& app, RunProbe run);

}  // namespace strait::cli
