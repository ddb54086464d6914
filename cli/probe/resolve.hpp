// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/probe/command.hpp"
#include "core/address.hpp"
#include "core/result.hpp"

namespace strait::cli {

[[nodiscard]] bool matches(const Address& address, Family family);

// The address itself, or the addresses of the name in the wanted family, each once, in the order
// that the system's resolver prefers. Blocks while the resolver asks.
[[nodiscard]] Result<std::vector<Address>> resolve(const std::string& target, Family family);

}  // namespace strait::cli
