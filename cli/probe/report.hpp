// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>

#include "analyzer/evidence.hpp"
#include "analyzer/members.hpp"
#include "cli/probe/command.hpp"
#include "cli/terminal/histogram.hpp"
#include "core/window.hpp"
#include "probe/prober.hpp"
#include "probe/rejections.hpp"
#include "probe/reply_rate.hpp"
#include "probe/transport.hpp"

namespace strait::cli {

// What one target has come to, over one path.
struct TargetReport {
  std::string target;  // as the user wrote it
  Address address;
  std::size_t size = 0;        // octets of UDP payload or ICMP data; 0: TCP
  Window window;               // of the whole run, all flows; its session from the beginning
  Nanos limit{};               // of the uncertainty, beyond which samples are kept apart
  std::optional<Nanos> floor;  // the round trip that fibre allows, where positions are known
  std::map<std::uint16_t, analyzer::FlowDelays> flows;  // by number
  probe::RejectionCounts rejections;                    // of all flows
  probe::ReplyRate reply_rate;                          // of all flows, ICMP echo only
};

// A quantile over all probes that were decided, a lost one counting as infinitely late (RFC 2681
// section 4.1), and samples standing for the replies that are kept apart. Absent where the probes
// are too few to bound it on both sides at 95 %.
struct ReportedQuantile {
  double q = 0;
  std::uint64_t needed = 0;  // probes for a bound on both sides
  bool enough = false;
  bool infinite = false;  // it falls on lost probes
  std::optional<Nanos> value;
  // The bounds of its 95 % interval, if there are enough; infinite_delay among the lost.
  std::optional<Nanos> low;
  std::optional<Nanos> high;
};
[[nodiscard]] ReportedQuantile reported_quantile(const Window& window, double q);

// How the round trips of neighbouring probes differ; nothing without a pair.
[[nodiscard]] std::optional<analyzer::PacketVariation> packet_variation_of(const Window& window);

inline constexpr std::array reported_quantiles{0.5, 0.9, 0.95, 0.99};
[[nodiscard]] std::string quantile_label(double q);  // "p95"

// The ECMP members that the report's flows are spread over.
[[nodiscard]] analyzer::FlowMembers members_of(const TargetReport& report);

// The share of the decided probes that were lost, in per cent; 0 without one.
[[nodiscard]] double loss_percent(const Counts& counts);
// How many times the floor the least round trip is.
[[nodiscard]] std::optional<double> stretch(const TargetReport& report);

// Protocol and size: "icmp, 56 octets".
[[nodiscard]] std::string what_text(const TargetReport& report);

// How the reports look for people.
struct ReportStyle {
  bool colour = false;
  bool histogram = true;
  Canvas canvas;
};
// Several lines, with a small histogram.
[[nodiscard]] std::string to_text(const TargetReport& report, const ReportStyle& style);
// One line.
[[nodiscard]] std::string to_json(const TargetReport& report);
[[nodiscard]] std::string to_text(const probe::Outcome& outcome);
[[nodiscard]] std::string to_json(const probe::Outcome& outcome);

// What went wrong at our own end, a line each; empty when nothing did.
[[nodiscard]] std::string to_text(const probe::TransportCounters& counters);

// Lost everything, or above a threshold of the options.
[[nodiscard]] bool failed(const TargetReport& report, const ProbeOptions& options);

}  // namespace strait::cli
