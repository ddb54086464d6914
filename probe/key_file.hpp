// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace strait::probe {

// The octets of the key in a file, or, for "credential:NAME", in a credential that systemd passed
// to the service (LoadCredential= of systemd.exec(5)): the text of the file without its last line
// feed, or, behind "hex:", the octets that the digits stand for. A file that its group or others
// can read is refused. The caller wipes them.
[[nodiscard]] Result<std::vector<std::byte>> read_key_octets(const std::string& from);

}  // namespace strait::probe
