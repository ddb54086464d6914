// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "core/result.hpp"
#include "probe/passive/byte_source.hpp"

namespace strait::probe::passive {

// A file; "-" is standard input.
[[nodiscard]] Result<std::unique_ptr<Input>> open_input(const std::string& file);

// The octets that gzip (RFC 1952) or zstd (RFC 8878) packed, several members or frames one after
// the other too; others come through as they are.
[[nodiscard]] std::unique_ptr<Input> unpacked(std::unique_ptr<Input> input);

}  // namespace strait::probe::passive
