// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "analyzer/traffic.hpp"
#include "core/result.hpp"

namespace strait::exporters {

// Traffic as JSON lines: one of type "traffic" with the span of time, then a "traffic_row" for each
// prefix. What `strait capture --weights` writes and [analyzer] weights names.
[[nodiscard]] std::string to_json_lines(const analyzer::Traffic& traffic);
// Refuses another version, a line of another kind, and what is not in it.
[[nodiscard]] Result<analyzer::Traffic> parse_traffic(std::string_view text);

}  // namespace strait::exporters
