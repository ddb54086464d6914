// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/as_path.hpp"

#include <algorithm>
#include <limits>

#include "routes/sources/byte_reader.hpp"

namespace strait::routes {
namespace {

using Octets = std::span<const std::byte>;

bool confederation(SegmentType type) {
  return type == SegmentType::confed_sequence || type == SegmentType::confed_set;
}

std::uint32_t number_at(Octets octets, std::size_t width) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    value = value << 8U | std::to_integer<std::uint32_t>(octets[i]);
  }
  return value;
}

// One segment that is sound but for its members.
struct Segment {
  SegmentType type;
  Octets members;
};

// The segment at the front of `rest`, which it is cut off from; nothing where RFC 7606 section 7.2
// finds an unknown type, an overrun or no members.
std::optional<Segment> take_segment(Octets& rest, std::size_t width) {
  if (rest.size() < 2) return std::nullopt;
  const auto type = std::to_integer<unsigned>(rest[0]);
  const std::size_t octets = std::to_integer<std::size_t>(rest[1]) * width;
  if (type < 1 || type > 4 || octets == 0 || octets > rest.size() - 2) return std::nullopt;
  const Segment segment{static_cast<SegmentType>(type), rest.subspan(2, octets)};
  rest = rest.subspan(2 + octets);
  return segment;
}

bool holds_zero(Octets members, std::size_t width) {
  for (std::size_t i = 0; i < members.size(); i += width) {
    if (number_at(members.subspan(i), width) == 0) return true;
  }
  return false;
}

void set_flag(AttributeHead& head, AttributeHead::Present what, bool there) {
  head.present = static_cast<std::uint8_t>(there ? head.present | what : head.present & ~what);
}

void note_segment(const Segment& segment, std::size_t width, bool first, AttributeHead& head) {
  const bool set = segment.type == SegmentType::set;
  set_flag(head, AttributeHead::origin_asn_there, !set);
  if (first) set_flag(head, AttributeHead::first_asn_there, !set);
  if (set) return;
  head.origin_asn = number_at(segment.members.last(width), width);
  if (first) head.first_asn = number_at(segment.members, width);
}

}  // namespace

std::string_view read_as_path(Octets value, bool wide, AttributeHead& head) {
  const std::size_t width = wide ? 4 : 2;
  std::size_t length = 0;
  bool first = true;
  set_flag(head, AttributeHead::origin_asn_there, false);
  set_flag(head, AttributeHead::first_asn_there, false);
  while (!value.empty()) {
    const auto segment = take_segment(value, width);
    if (!segment) return "malformed AS_PATH";
    if (holds_zero(segment->members, width)) return "AS 0 in AS_PATH";  // RFC 7607
    if (confederation(segment->type)) continue;
    length += segment->type == SegmentType::set ? 1 : segment->members.size() / width;
    note_segment(*segment, width, first, head);
    first = false;
  }
  head.as_path_length = static_cast<std::uint16_t>(
      std::min<std::size_t>(length, std::numeric_limits<std::uint16_t>::max()));
  return {};
}

std::vector<AsSegment> decode_as_path(Octets value, bool wide) {
  const std::size_t width = wide ? 4 : 2;
  std::vector<AsSegment> path;
  while (const auto segment = take_segment(value, width)) {
    AsSegment& added = path.emplace_back();
    added.type = segment->type;
    added.asns.reserve(segment->members.size() / width);
    for (std::size_t i = 0; i < segment->members.size(); i += width) {
      added.asns.emplace_back(number_at(segment->members.subspan(i), width));
    }
  }
  return path;
}

void encode_as_path(const std::vector<AsSegment>& path, std::vector<std::byte>& octets) {
  for (const AsSegment& segment : path) {
    octets.push_back(static_cast<std::byte>(segment.type));
    octets.push_back(static_cast<std::byte>(segment.asns.size()));
    for (const Asn asn : segment.asns) {
      for (const unsigned shift : {24U, 16U, 8U, 0U}) {
        octets.push_back(static_cast<std::byte>(asn.value() >> shift & 0xffU));
      }
    }
  }
}

std::size_t length_of(const std::vector<AsSegment>& path) {
  std::size_t length = 0;
  for (const AsSegment& segment : path) {
    if (segment.type == SegmentType::set) ++length;
    if (segment.type == SegmentType::sequence) length += segment.asns.size();
  }
  return length;
}

std::vector<AsSegment> merge_as4_path(const std::vector<AsSegment>& narrow,
                                      std::vector<AsSegment> wide) {
  // Section 6 of RFC 6793: confederation segments do not belong there.
  std::erase_if(wide, [](const AsSegment& segment) { return confederation(segment.type); });
  const std::size_t total = length_of(narrow);
  if (total < length_of(wide)) return narrow;
  std::size_t leading = total - length_of(wide);
  std::vector<AsSegment> merged;
  for (const AsSegment& segment : narrow) {
    if (confederation(segment.type)) {
      merged.push_back(segment);
      continue;
    }
    if (leading == 0) break;
    AsSegment taken = segment;
    if (segment.type == SegmentType::sequence && segment.asns.size() > leading) {
      taken.asns.resize(leading);
    }
    leading -= segment.type == SegmentType::set ? 1 : taken.asns.size();
    merged.push_back(std::move(taken));
  }
  // One sequence that was cut in two becomes one again, as long as a segment can hold it.
  if (!merged.empty() && !wide.empty() && merged.back().type == SegmentType::sequence &&
      wide.front().type == SegmentType::sequence &&
      merged.back().asns.size() + wide.front().asns.size() <= 255) {
    auto& asns = wide.front().asns;
    asns.insert(asns.begin(), merged.back().asns.begin(), merged.back().asns.end());
    merged.pop_back();
  }
  merged.insert(merged.end(), wide.begin(), wide.end());
  return merged;
}

}  // namespace strait::routes
