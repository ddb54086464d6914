// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace strait::routes {

struct Unpacked {
  std::vector<std::byte> bytes;
  std::string damage;  // empty, or why the packed data ended early
};

// The content of gzip or bzip2 data; other bytes as they are. More than `limit` octets are an
// error: a small file can unpack to anything.
[[nodiscard]] Result<Unpacked> unpack(std::span<const std::byte> packed, std::uint64_t limit);

}  // namespace strait::routes
