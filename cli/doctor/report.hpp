// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "probe/doctor/finding.hpp"

namespace strait::cli {

// 0 unless there is a problem; then 3 if a permission or a device is missing, else 1.
[[nodiscard]] int exit_status(const probe::doctor::Findings& findings);

// By group, a line for each finding and one for its remedy, then the counts.
[[nodiscard]] std::string to_text(const probe::doctor::Findings& findings, bool colours);
// A line of type "finding" each, then one of type "doctor".
[[nodiscard]] std::string to_json(const probe::doctor::Findings& findings);

}  // namespace strait::cli
