// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "analyzer/evidence.hpp"

namespace strait::exporters {

// One cell of a CSV line, quoted where it must be (RFC 4180 section 2, rules 5 to 7).
[[nodiscard]] std::string csv_cell(std::string_view text);

// A header and a line for each; what is not known is an empty cell, an infinite delay "inf".
[[nodiscard]] std::string to_csv(std::span<const analyzer::Evidence> evidence);

}  // namespace strait::exporters
