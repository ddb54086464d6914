// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/probe_command.hpp"
#include "core/address.hpp"
#include "core/result.hpp"

namespace strait::cli {

// The address itself, or the first address of the name in the wanted family, in the order that the
// system's resolver prefers. Blocks while the resolver asks.
[[nodiscard]] Result<Address> resolve(const std::string& target, Family family);

}  // namespace strait::cli
