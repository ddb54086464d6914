// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/mrt_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "routes/sources/byte_reader.hpp"

namespace strait::routes {
namespace {

constexpr std::size_t header_size = 12;
constexpr std::size_t first_buffer = std::size_t{1} << 20U;
constexpr std::uint32_t ten_years = 10U * 366 * 86400;

// RFC 6396 section 4 with 5.4 and B: a type that can stand in a file, known or not.
bool known_type(std::uint16_t type) {
  return type <= mrt_table_dump_v2 || type == mrt_bgp4mp || type == mrt_bgp4mp_et || type == 32 ||
         type == 33 || type == 48 || type == 49;
}

// Types that are written today, with their subtypes (RFC 8050 section 5 included).
bool known_subtype(std::uint16_t type, std::uint16_t subtype) {
  switch (type) {
    case mrt_table_dump:
      return subtype == 1 || subtype == 2;
    case mrt_table_dump_v2:
      return subtype >= 1 && subtype <= 12;
    case mrt_bgp4mp:
    case mrt_bgp4mp_et:
      return subtype <= 11;
    case 11:  // OSPFv2, IS-IS, OSPFv3
    case 32:
    case 33:
    case 48:
    case 49:
      return subtype == 0;
    default:
      return false;
  }
}

}  // namespace

std::size_t MrtStream::ensure(std::size_t count) {
  while (end_ - begin_ < count && !ended_) {
    if (begin_ + count > buffer_.size()) {
      // Nothing is held before the first read, and there is no buffer then either.
      if (end_ > begin_) std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      base_ += begin_;
      end_ -= begin_;
      begin_ = 0;
      if (count > buffer_.size()) buffer_.resize(std::max(first_buffer, count * 2));
    }
    const std::size_t got = source_.read(std::span{buffer_}.subspan(end_));
    ended_ = got == 0;
    end_ += got;
  }
  return end_ - begin_;
}

MrtStream::Header MrtStream::header_at(std::size_t at) const {
  ByteReader reader{std::span{buffer_}.subspan(begin_ + at, header_size)};
  Header header;
  header.seconds = reader.u32();
  header.type = reader.u16();
  header.subtype = reader.u16();
  header.length = reader.u32();
  return header;
}

bool MrtStream::plausible(const Header& header) const {
  const std::uint32_t apart = std::max(header.seconds, newest_) - std::min(header.seconds, newest_);
  return known_subtype(header.type, header.subtype) && header.length <= longest_record &&
         (newest_ == 0 || apart < ten_years);
}

bool MrtStream::boundary(std::size_t at) {
  const std::size_t there = ensure(at + header_size);
  if (there == at) return true;
  return there >= at + header_size && plausible(header_at(at));
}

bool MrtStream::followed(std::size_t at) {
  if (ensure(at + header_size) < at + header_size) return false;
  const Header header = header_at(at);
  return known_type(header.type) && header.length <= longest_record;
}

bool MrtStream::resynchronise(std::size_t skip, const std::string& reason) {
  const std::uint64_t lost_at = base_ + begin_;
  begin_ += std::min(skip, end_ - begin_);
  while (ensure(header_size) >= header_size) {
    const Header header = header_at(0);
    const std::size_t behind = header_size + header.length;
    if (plausible(header) && ensure(behind) >= behind && boundary(behind)) {
      gaps_.push_back({lost_at, reason, base_ + begin_});
      return true;
    }
    ++begin_;
  }
  gaps_.push_back({lost_at, reason, std::nullopt});
  begin_ = end_;
  return false;
}

std::string MrtStream::trouble() {
  const Header header = header_at(0);
  const std::size_t size = header_size + header.length;
  if (header.length > longest_record) return fmt::format("a record of {} octets", header.length);
  if (ensure(size) < size) return "the file ends inside a record";
  if (plausible(header) || boundary(size)) return {};
  if (known_type(header.type) && followed(size)) return {};
  return fmt::format("no MRT record (type {})", header.type);
}

bool MrtStream::settle() {
  for (;;) {
    const std::size_t there = ensure(header_size);
    if (there == 0) return false;
    if (there < header_size) {
      return resynchronise(there, "the file ends inside a record header");
    }
    const std::string why = trouble();
    if (why.empty()) return true;
    if (!resynchronise(1, why)) return false;
  }
}

MrtRecord MrtStream::take() {
  const Header header = header_at(0);
  last_ = header_size + header.length;
  if (plausible(header)) newest_ = std::max(newest_, header.seconds);
  MrtRecord record;
  record.offset = base_ + begin_;
  record.seconds = header.seconds;
  record.type = header.type;
  record.subtype = header.subtype;
  record.body = std::span{buffer_}.subspan(begin_ + header_size, header.length);
  // RFC 6396 section 3: the microseconds stand in front and count in the length.
  if (header.type == mrt_bgp4mp_et && record.body.size() >= 4) {
    record.type = mrt_bgp4mp;
    record.extended = true;
    record.microseconds = ByteReader{record.body}.u32();
    record.body = record.body.subspan(4);
  }
  return record;
}

std::optional<MrtRecord> MrtStream::next() {
  const bool suspect = std::exchange(broken_, false);
  const std::size_t behind = std::exchange(last_, 0);
  if (suspect && !boundary(behind)) {
    // The length was wrong: real records may begin inside what it took for the body.
    if (!resynchronise(1, "the record's length is wrong")) return std::nullopt;
  } else {
    begin_ += behind;
  }
  if (!settle()) return std::nullopt;
  return take();
}

}  // namespace strait::routes
