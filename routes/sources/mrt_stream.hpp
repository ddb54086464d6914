// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "routes/sources/byte_source.hpp"

namespace strait::routes {

// RFC 6396 section 4: the types that this program knows the inside of.
inline constexpr std::uint16_t mrt_table_dump = 12;
inline constexpr std::uint16_t mrt_table_dump_v2 = 13;
inline constexpr std::uint16_t mrt_bgp4mp = 16;
inline constexpr std::uint16_t mrt_bgp4mp_et = 17;

// One record: RFC 6396 section 2 and, for the _ET types, section 3.
struct MrtRecord {
  std::uint64_t offset = 0;   // octets from the start of the unpacked file
  std::uint32_t seconds = 0;  // since 1970
  std::uint32_t microseconds = 0;
  std::uint16_t type = 0;  // mrt_bgp4mp for its _ET form too
  std::uint16_t subtype = 0;
  bool extended = false;            // an _ET type: the microseconds are there
  std::span<const std::byte> body;  // without the microseconds
};

// Octets that could not be read as records.
struct MrtGap {
  std::uint64_t offset = 0;
  std::string reason;
  std::optional<std::uint64_t> resumed;  // where records go on; nothing: nowhere
};

// Cuts octets into records. Where the framing is lost, it goes on at the next place where two
// plausible headers follow one another by the first one's length, and says so in take_gaps().
// Memory: twice the longest record that it accepts, at most.
class MrtStream {
 public:
  static constexpr std::uint32_t longest_record = 1U << 24U;

  explicit MrtStream(ByteSource& source) : source_{source} {}

  // Nothing at the end. The body is valid until the next call.
  [[nodiscard]] std::optional<MrtRecord> next();
  // The last record's body was not what its type promises: its length may be wrong.
  void broken() { broken_ = true; }
  [[nodiscard]] std::vector<MrtGap> take_gaps() { return std::exchange(gaps_, {}); }
  [[nodiscard]] std::uint64_t octets() const { return base_ + end_; }  // read so far

 private:
  struct Header {
    std::uint32_t seconds = 0;
    std::uint16_t type = 0;
    std::uint16_t subtype = 0;
    std::uint32_t length = 0;
  };

  // Makes octets available behind begin_, if there are so many; returns how many there are.
  std::size_t ensure(std::size_t count);
  [[nodiscard]] Header header_at(std::size_t at) const;  // behind begin_
  [[nodiscard]] bool plausible(const Header& header) const;
  // At the end of the octets, or in front of a plausible header.
  [[nodiscard]] bool boundary(std::size_t at);
  // In front of a header of any type that ever was.
  [[nodiscard]] bool followed(std::size_t at);
  // Looks for two chained headers from `skip` octets behind begin_ on; false at the end.
  bool resynchronise(std::size_t skip, const std::string& reason);
  std::string trouble();  // why no whole record begins at begin_, where a header is; or empty
  bool settle();          // puts begin_ in front of a record that is there whole
  MrtRecord take();

  ByteSource& source_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;  // of the last record that was given out, or of the next
  std::size_t end_ = 0;
  std::uint64_t base_ = 0;  // offset of buffer_[0]
  std::size_t last_ = 0;    // length of the record at begin_ that was given out
  std::uint32_t newest_ = 0;
  bool broken_ = false;
  bool ended_ = false;
  std::vector<MrtGap> gaps_;
};

}  // namespace strait::routes
