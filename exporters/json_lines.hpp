// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "analyzer/change.hpp"
#include "analyzer/evidence.hpp"
#include "analyzer/one_way_change.hpp"
#include "analyzer/verdict.hpp"
#include "core/result.hpp"
#include "core/window.hpp"
#include "probe/prober.hpp"

namespace strait::exporters {

// One JSON object without a line feed; docs/JSON.md explains each member. All begin with
// "strait":1, the version of the format, and "type".
inline constexpr int json_version = 1;

[[nodiscard]] std::string to_json(const probe::Outcome& outcome);
[[nodiscard]] std::string to_json(const Window& window);
[[nodiscard]] std::string to_json(const analyzer::Evidence& evidence);
[[nodiscard]] std::string to_json(const analyzer::OneWayChange& change);
[[nodiscard]] std::string to_json(const analyzer::Incident& incident);
[[nodiscard]] std::string to_json(const analyzer::Verdict& verdict);
[[nodiscard]] std::string to_json(const analyzer::DecisionMemory& memory);

// The member "far"; nothing where the far end told nothing.
class JsonWriter;
void write_far(JsonWriter& json, const FarView& far);

// The member "ipdv": an object, or null.
void write_packet_variation(JsonWriter& json,
                            const std::optional<analyzer::PacketVariation>& variation);

// The member "clocks"; nothing where no reply told of the far one.
void write_clocks(JsonWriter& json, const Clocks& clocks);

// The members "members", "flows" and "unplaced" of an object that is being written.
void write_members(JsonWriter& json, const analyzer::FlowMembers& by_flow);

// Counts by kind as a plain object: {"wrong-source":3}.
using CountsByKind = decltype(Counts::errors);
[[nodiscard]] std::string to_json(const CountsByKind& counts);
[[nodiscard]] Result<CountsByKind> parse_counts_by_kind(std::string_view text);

// The value of the member "far", which may be empty: {}.
[[nodiscard]] std::string to_json(const FarView& far);
[[nodiscard]] Result<FarView> parse_far_view(std::string_view text);

// The value of the member "clocks", which may be empty: {}.
[[nodiscard]] std::string to_json(const Clocks& clocks);
[[nodiscard]] Result<Clocks> parse_clocks(std::string_view text);

// The reverse, for what the store keeps as text. Refuses another version or type.
[[nodiscard]] Result<analyzer::Verdict> parse_verdict(std::string_view text);
[[nodiscard]] Result<analyzer::DecisionMemory> parse_memory(std::string_view text);

}  // namespace strait::exporters
