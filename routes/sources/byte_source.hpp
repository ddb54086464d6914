// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/result.hpp"

namespace strait::routes {

// Octets from somewhere, read once from front to back. One thread at a time.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  ByteSource(ByteSource&&) = delete;
  ByteSource& operator=(ByteSource&&) = delete;
  virtual ~ByteSource() = default;

  // Puts up to to.size() octets there and returns how many; 0 only at the end.
  [[nodiscard]] virtual std::size_t read(std::span<std::byte> to) = 0;
  // After the end: why it came early, such as damage in packed data. Empty if it did not.
  [[nodiscard]] virtual std::string damage() const { return {}; }
};

// Unpacked octets above this end a source, with damage(): a small file can unpack to anything.
inline constexpr std::uint64_t unpacked_limit = std::uint64_t{64} << 30U;

// A file, or the standard input for "-". What gzip or zstd packed is unpacked in a thread of its
// own, what bzip2 packed in several; the content says which it is.
[[nodiscard]] Result<std::unique_ptr<ByteSource>> open_source(const std::string& file);

// Octets in memory, which must stay there; unpacked likewise.
[[nodiscard]] std::unique_ptr<ByteSource> memory_source(std::span<const std::byte> octets,
                                                        std::uint64_t limit = unpacked_limit);

}  // namespace strait::routes
