// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "core/result.hpp"

namespace strait {

// Where octets come from, one after the other; 0 at the end. A failure ends the input, and says
// why. One thread at a time.
class OctetInput {
 public:
  OctetInput() = default;
  OctetInput(const OctetInput&) = delete;
  OctetInput& operator=(const OctetInput&) = delete;
  OctetInput(OctetInput&&) = delete;
  OctetInput& operator=(OctetInput&&) = delete;
  virtual ~OctetInput() = default;
  [[nodiscard]] virtual Result<std::size_t> read(std::span<std::byte> room) = 0;
};

// A file; "-" is standard input. What cannot be opened is not_found, no_permission or io.
[[nodiscard]] Result<std::unique_ptr<OctetInput>> open_input(const std::string& file);

// Octets in memory, for tests and the fuzzer. They must outlive the input.
[[nodiscard]] std::unique_ptr<OctetInput> memory_input(std::span<const std::byte> octets);

}  // namespace strait
