// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/byte_source.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/packing.hpp"

namespace strait::probe::passive {
namespace {

constexpr std::size_t usual_size = std::size_t{256} * 1024;

std::unique_ptr<OctetInput> unpacked(std::unique_ptr<OctetInput> input) {
  auto begun = std::make_unique<BegunInput>(std::move(input));
  const Packing packing = begun->packing();
  if (packing == Packing::gzip) return unpack_gzip(std::move(begun));
  if (packing == Packing::zstd) return unpack_zstd(std::move(begun));
  return begun;
}

}  // namespace

ByteSource::ByteSource(std::unique_ptr<OctetInput> input)
    : input_{unpacked(std::move(input))}, buffer_(usual_size) {}

Result<ByteSource> ByteSource::open(const std::string& file) {
  auto input = open_input(file);
  if (!input) return fail(std::move(input));
  ByteSource source{std::move(*input)};
  // A directory opens, and cannot be read: that is no empty file.
  if (source.peek(1).empty() && !source.failure().empty()) {
    return fail(Errc::io, "read " + file + ": " + source.failure());
  }
  return source;
}

std::span<const std::byte> ByteSource::peek(std::size_t wanted) {
  if (end_ - begin_ < wanted && !ended_) refill(wanted);
  return held();
}

void ByteSource::refill(std::size_t wanted) {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  // So much more than is asked for that moving the rest costs little.
  if (wanted > buffer_.size() / 4) buffer_.resize(wanted * 4);
  while (end_ < wanted) {
    const auto count = input_->read(std::span{buffer_}.subspan(end_));
    if (!count) failure_ = count.error().message;
    if (!count || *count == 0) {
      ended_ = true;
      return;
    }
    end_ += *count;
  }
}

void ByteSource::skip(std::uint64_t octets) {
  while (octets > end_ - begin_) {
    octets -= end_ - begin_;
    offset_ += end_ - begin_;
    begin_ = end_;
    if (peek(1).empty()) return;
  }
  begin_ += octets;
  offset_ += octets;
}

}  // namespace strait::probe::passive
