// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "routes/sources/byte_source.hpp"

namespace strait::routes {

// A block of a bzip2 stream, as it was packed: blocks know nothing of one another, so that several
// can be unpacked at once. The format has no RFC; what counts is what bzip2 1.0 writes: a header
// "BZh1" to "BZh9", blocks that each begin with 48 bits (pi in decimal) and a CRC and end at any
// bit, another 48 bits (its square root), the CRCs together, and bits up to a whole octet.
struct Bzip2Piece {
  std::byte level{};              // '1' to '9'
  std::vector<std::byte> octets;  // from its first bit on
  std::size_t bits = 0;           // so many of them
  bool first = false;             // of its stream
  // What its stream says of all its blocks, where it is the last one. A stream may have no block
  // (then there are no bits either).
  std::optional<std::uint32_t> stream_crc;
};

// Cuts streams that follow one another into their blocks.
class Bzip2Splitter {
 public:
  explicit Bzip2Splitter(ByteSource& packed) : packed_{packed} {}

  // Nothing at the end, or before it: see damage().
  [[nodiscard]] std::optional<Bzip2Piece> next();
  [[nodiscard]] const std::string& damage() const { return damage_; }

 private:
  enum class Mark : std::uint8_t { block, end };
  struct Found {
    std::size_t at = 0;  // a bit of the buffer
    Mark mark = Mark::block;
  };
  [[nodiscard]] bool have(std::size_t octets);
  [[nodiscard]] std::optional<Bzip2Piece> stop(std::string why);
  [[nodiscard]] bool begin_stream();
  [[nodiscard]] std::optional<Mark> mark_at(std::size_t bit);
  [[nodiscard]] static std::optional<Found> mark_in(std::uint64_t window, std::size_t end,
                                                    std::size_t from_bit);
  [[nodiscard]] std::optional<Found> find_mark(std::size_t from_bit);
  [[nodiscard]] std::optional<std::uint32_t> end_stream(std::size_t bit);
  void forget(std::size_t bits);

  ByteSource& packed_;
  std::vector<std::byte> buffer_;
  std::size_t place_ = 0;  // the bit of the buffer where the next piece begins
  bool in_stream_ = false;
  bool first_ = false;
  bool over_ = false;
  std::byte level_{};
  std::string damage_;
};

// Unpacks pieces in `workers` threads at once, besides the one that asks for them, and gives their
// octets in order. Two pieces that make sense only together are one block that has the mark of a
// block by chance. Each block's CRC is checked, and each stream's.
[[nodiscard]] std::unique_ptr<ByteSource> unpack_bzip2(
    std::function<std::optional<Bzip2Piece>()> next_piece, std::function<std::string()> damage,
    std::uint64_t limit, unsigned workers);

// Of a whole file. At most `limit` octets, then damage().
[[nodiscard]] std::unique_ptr<ByteSource> bzip2_source(std::unique_ptr<ByteSource> packed,
                                                       std::uint64_t limit);

}  // namespace strait::routes
