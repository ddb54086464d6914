// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"

namespace strait {

// The whole file. Errors name the file and the system's reason.
[[nodiscard]] Result<std::string> read_file(const std::string& file);

// Replaces the file in one step: whoever reads it, and whenever we die, sees the old bytes or the
// new ones. Writes beside it, syncs, renames, syncs the directory. Keeps the mode of a file that is
// there; a new one gets 0644 less the umask.
[[nodiscard]] Result<void> replace_file(const std::string& file, std::string_view bytes);

}  // namespace strait
