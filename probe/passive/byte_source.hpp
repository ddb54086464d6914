// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/octet_input.hpp"
#include "core/result.hpp"

namespace strait::probe::passive {

// The octets of a file, of standard input or of memory, unpacked where they are gzip or zstd
// (told by their first octets, not by the name). Holds a part at a time: a quarter of a megabyte,
// or four times the most that was asked for.
class ByteSource {
 public:
  // "-" is standard input.
  [[nodiscard]] static Result<ByteSource> open(const std::string& file);
  explicit ByteSource(std::unique_ptr<OctetInput> input);

  // What is held from offset() on; valid until peek() or skip() is called.
  [[nodiscard]] std::span<const std::byte> held() const {
    return std::span{buffer_}.subspan(begin_, end_ - begin_);
  }
  // The same with at least `wanted` octets in it; fewer only where the input ends.
  std::span<const std::byte> peek(std::size_t wanted);
  // Goes on by that many octets, or to the end. What is held stays where it is in memory as long as
  // no more is skipped than is held.
  void skip(std::uint64_t octets);

  // Of the unpacked octets.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  // Why the input ended before its end; empty while nothing is wrong.
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  void refill(std::size_t wanted);

  std::unique_ptr<OctetInput> input_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;
  bool ended_ = false;
  std::string failure_;
};

}  // namespace strait::probe::passive
