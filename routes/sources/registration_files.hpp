// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/csv.hpp"
#include "core/result.hpp"
#include "routes/registrations.hpp"

namespace strait::routes {

// What registries' statistics and CSV files say together.
struct RegistrationFiles {
  Registrations registrations;
  std::vector<std::string> notes;  // what was not read or contradicts itself; for people
  bool complete = true;            // all that was there was read
};

// Reads files of either kind: a registry's statistics (rir_stats.hpp), packed or not, or a CSV with
// columns `prefix` and `country_iso2`. Of two that register the same addresses the first one wins.
// An error for a file that is neither, and for a CSV with a row that is no registration or says of
// a prefix what another one does not.
[[nodiscard]] Result<RegistrationFiles> load_registrations(std::span<const std::string> files);

// The same of one CSV in memory.
[[nodiscard]] Result<RegistrationFiles> registrations_of(const CsvTable& table,
                                                         const std::string& name);

}  // namespace strait::routes
