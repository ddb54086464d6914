// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/sketch.hpp"
#include "exporters/json_writer.hpp"
#include "probe/passive/capture_reader.hpp"
#include "probe/passive/flow_report.hpp"
#include "probe/passive/meter.hpp"

namespace strait::cli {

// What `strait capture` says: a flow, a round trip, and the sum, each for people or for programs.

inline constexpr std::array flow_quantiles{0.5, 0.9, 0.95, 0.99};

// An object of that name: count, quantiles and extremes.
void write_round_trips(exporters::JsonWriter& json, const char* name, const Sketch& rtt);

// Nothing where the round trips are too few to bound the quantile on both sides at 95 %.
[[nodiscard]] std::optional<Nanos> flow_quantile(const Sketch& rtt, double q);

// Sent again, or missing until later.
[[nodiscard]] std::uint64_t losses(const probe::passive::SenderSigns& signs);

struct FileTally {
  std::string file;
  probe::passive::ReadTally tally;
};

// All files together.
struct CaptureSum {
  std::vector<FileTally> files;
  probe::passive::MeterTally meter;
  probe::passive::TcpTally tcp;
  Sketch to_servers;  // the better method of each flow
  Sketch to_clients;
  std::size_t memory_bytes = 0;
};

[[nodiscard]] bool is_damaged(const CaptureSum& sum);

[[nodiscard]] std::string to_json(const probe::passive::RoundTrip& trip);
[[nodiscard]] std::string to_json(const probe::passive::FlowReport& flow);
[[nodiscard]] std::string to_json(const CaptureSum& sum);

[[nodiscard]] std::string flow_csv_header();
[[nodiscard]] std::string to_csv(const probe::passive::FlowReport& flow);

// A line each, with a header.
[[nodiscard]] std::string to_table(std::span<const probe::passive::FlowReport> flows, bool colours);
// Several lines.
[[nodiscard]] std::string to_text(const CaptureSum& sum);
// What is wrong with the files, a line each.
[[nodiscard]] std::string damage_text(const CaptureSum& sum);

}  // namespace strait::cli
