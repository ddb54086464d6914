// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>

#include "routes/sources/bzip2.hpp"

namespace strait::routes {
namespace {

constexpr std::uint64_t block_mark = 0x314159265359;
constexpr std::uint64_t end_mark = 0x177245385090;
constexpr std::size_t mark_bits = 48;
constexpr std::size_t crc_bits = 32;
constexpr std::size_t header_octets = 4;
constexpr std::size_t chunk = std::size_t{1} << 16U;
// A block of 900,000 octets that does not shrink at all is not much longer when it is packed.
constexpr std::size_t longest_block = std::size_t{2} << 20U;

// `bits`, at most 48, from a bit of the octets on; they must be there.
std::uint64_t bits_at(const std::vector<std::byte>& octets, std::size_t bit, std::size_t bits) {
  std::uint64_t value = 0;
  const std::size_t last = (bit + bits - 1) / 8;
  for (std::size_t i = bit / 8; i <= last; ++i)
    value = value << 8U | std::to_integer<std::uint64_t>(octets[i]);
  const std::size_t behind = (last + 1) * 8 - (bit + bits);
  return value >> behind & ((std::uint64_t{1} << bits) - 1);
}

std::vector<std::byte> cut(const std::vector<std::byte>& octets, std::size_t from, std::size_t to) {
  std::vector<std::byte> piece((to - from + 7) / 8);
  const auto shift = static_cast<unsigned>(from % 8);
  for (std::size_t i = 0; i < piece.size(); ++i) {
    const std::size_t at = from / 8 + i;
    const auto next = at + 1 < octets.size() ? std::to_integer<unsigned>(octets[at + 1]) : 0U;
    piece[i] = static_cast<std::byte>((std::to_integer<unsigned>(octets[at]) << 8U | next) >>
                                      (8U - shift));
  }
  return piece;
}

// Whether an octet can be the last but one that a mark touches, the marks being at any bit.
constexpr std::array<bool, 256> make_hints() {
  std::array<bool, 256> hints{};
  for (const std::uint64_t mark : {block_mark, end_mark}) {
    for (unsigned behind = 0; behind < 8; ++behind) hints.at(mark >> (8 - behind) & 0xffU) = true;
  }
  return hints;
}
constexpr std::array<bool, 256> hints = make_hints();

}  // namespace

// Reads on until the buffer has so many octets.
bool Bzip2Splitter::have(std::size_t octets) {
  while (buffer_.size() < octets) {
    const std::size_t before = buffer_.size();
    buffer_.resize(before + chunk);
    const std::size_t count = packed_.read(std::span{buffer_}.subspan(before));
    buffer_.resize(before + count);
    if (count == 0) return false;
  }
  return true;
}

std::optional<Bzip2Piece> Bzip2Splitter::stop(std::string why) {
  over_ = true;
  damage_ = packed_.damage().empty() ? std::move(why) : packed_.damage();
  return std::nullopt;
}

// Drops what lies before the octet of that bit.
void Bzip2Splitter::forget(std::size_t bits) {
  const std::size_t octets = bits / 8;
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(octets));
  place_ = bits - octets * 8;
}

// False at the end of everything; place_ is at a whole octet.
bool Bzip2Splitter::begin_stream() {
  forget(place_);
  if (!have(1)) {
    over_ = true;
    damage_ = packed_.damage();
    return false;
  }
  const bool whole = have(header_octets);
  if (!whole || buffer_[0] != std::byte{'B'} || buffer_[1] != std::byte{'Z'} ||
      buffer_[2] != std::byte{'h'} || buffer_[3] < std::byte{'1'} || buffer_[3] > std::byte{'9'}) {
    (void)stop("bzip2: octets behind the end of a stream that begin none");
    return false;
  }
  level_ = buffer_[3];
  place_ = header_octets * 8;
  in_stream_ = first_ = true;
  return true;
}

std::optional<Bzip2Splitter::Mark> Bzip2Splitter::mark_at(std::size_t bit) {
  if (!have((bit + mark_bits + 7) / 8)) return std::nullopt;
  const std::uint64_t bits = bits_at(buffer_, bit, mark_bits);
  if (bits == block_mark) return Mark::block;
  if (bits == end_mark) return Mark::end;
  return std::nullopt;
}

// A mark that ends in the last octet of the window, which ends at that bit; none that begins before
// `from_bit`. The earliest of several.
std::optional<Bzip2Splitter::Found> Bzip2Splitter::mark_in(std::uint64_t window, std::size_t end,
                                                           std::size_t from_bit) {
  constexpr std::uint64_t mask = (std::uint64_t{1} << mark_bits) - 1;
  for (unsigned behind = 8; behind-- > 0;) {
    const std::uint64_t bits = window >> behind & mask;
    if (bits != block_mark && bits != end_mark) continue;
    if (end - behind < from_bit + mark_bits) continue;
    return Found{.at = end - behind - mark_bits,
                 .mark = bits == block_mark ? Mark::block : Mark::end};
  }
  return std::nullopt;
}

// The first mark at or behind a bit.
std::optional<Bzip2Splitter::Found> Bzip2Splitter::find_mark(std::size_t from_bit) {
  std::uint64_t window = 0;  // the newest octets
  const std::size_t begin = from_bit / 8;
  for (std::size_t i = begin; i < longest_block && have(i + 1); ++i) {
    window = window << 8U | std::to_integer<std::uint64_t>(buffer_[i]);
    if (!hints[window >> 8U & 0xffU]) continue;
    const auto found = mark_in(window, (i + 1) * 8, from_bit);
    if (found) return found;
  }
  return std::nullopt;
}

// The CRC behind the mark of the end; nothing where the data ends before.
std::optional<std::uint32_t> Bzip2Splitter::end_stream(std::size_t bit) {
  const std::size_t end = bit + mark_bits + crc_bits;
  if (!have((end + 7) / 8)) return std::nullopt;
  const auto crc = static_cast<std::uint32_t>(bits_at(buffer_, bit + mark_bits, crc_bits));
  place_ = (end + 7) / 8 * 8;
  in_stream_ = false;
  return crc;
}

std::optional<Bzip2Piece> Bzip2Splitter::next() {
  if (over_ || (!in_stream_ && !begin_stream())) return std::nullopt;
  constexpr const char* truncated = "bzip2: the data ends in the middle of a stream";
  Bzip2Piece piece;
  piece.level = level_;
  piece.first = std::exchange(first_, false);
  const auto mark = mark_at(place_);
  if (!mark) {
    const bool there = have((place_ + mark_bits + 7) / 8);
    return stop(there ? "bzip2: a stream that begins with no block" : truncated);
  }
  std::size_t end = place_;
  if (*mark == Mark::block) {
    const auto found = find_mark(place_ + mark_bits);
    if (!found) {
      return stop(buffer_.size() < longest_block ? truncated : "bzip2: a block of more than 2 MiB");
    }
    piece.octets = cut(buffer_, place_, found->at);
    piece.bits = found->at - place_;
    end = found->at;
    if (found->mark == Mark::block) {
      forget(end);
      return piece;
    }
  }
  piece.stream_crc = end_stream(end);
  if (!piece.stream_crc) return stop(truncated);
  return piece;
}

}  // namespace strait::routes
