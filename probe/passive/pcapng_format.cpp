// SPDX-License-Identifier: Apache-2.0
// draft-ietf-opsawg-pcapng: blocks of type, total length, body, total length again. Sections begin
// with a Section Header Block, which tells the octet order; interfaces are numbered within it.
#include <algorithm>
#include <limits>

#include "probe/passive/formats.hpp"

namespace strait::probe::passive {
namespace {

constexpr std::uint32_t section_header = 0x0a0d0d0a;
constexpr std::uint32_t interface_description = 1;
constexpr std::uint32_t old_packet = 2;  // obsolete, section 4.7
constexpr std::uint32_t simple_packet = 3;
constexpr std::uint32_t interface_statistics = 5;
constexpr std::uint32_t enhanced_packet = 6;
constexpr std::uint32_t byte_order_magic = 0x1a2b3c4d;

constexpr std::uint16_t option_end = 0;
constexpr std::uint16_t if_tsresol = 9;    // section 4.2
constexpr std::uint16_t if_tsoffset = 14;  // likewise
constexpr std::uint16_t isb_ifdrop = 5;    // section 4.6
constexpr std::uint16_t isb_osdrop = 7;    // likewise

constexpr std::uint64_t block_overhead = 12;
constexpr std::uint64_t largest_block = largest_packet + 65536;  // a packet and its options
constexpr std::uint64_t packet_fields = 20;  // of both packet blocks, before the data
constexpr std::size_t most_interfaces = 65536;
constexpr std::int64_t nanos_per_second = 1'000'000'000;

__extension__ using Wide = unsigned __int128;

struct Interface {
  LinkType link = LinkType::ethernet;
  std::uint8_t resolution = 6;  // if_tsresol as it is written
  std::int64_t offset_seconds = 0;
  std::uint64_t dropped = 0;
};

// The body's options, one call of `take` each: code and value.
template <class Take>
void for_each_option(std::span<const std::byte> options, bool swapped, const Take& take) {
  while (options.size() >= 4) {
    const auto code = load_as<std::uint16_t>(options, 0, swapped);
    const auto length = load_as<std::uint16_t>(options, 2, swapped);
    if (code == option_end || options.size() - 4 < length) return;
    take(code, options.subspan(4, length));
    options = options.subspan(std::min<std::size_t>(options.size(), 4 + (length + 3U) / 4U * 4U));
  }
}

// Section 4.2, if_tsresol: a power of 10, or of 2 with the top bit set. Nothing where the time is
// beyond what nanoseconds since 1970 can say in 64 bits.
std::optional<std::int64_t> to_nanos(std::uint64_t ticks, std::uint8_t resolution) {
  const unsigned power = resolution & 0x7fU;
  Wide nanos = ticks;
  if ((resolution & 0x80U) != 0) {
    nanos = power >= 100 ? 0 : (nanos * nanos_per_second) >> power;
  } else {
    for (unsigned i = power; i < 9; ++i) nanos *= 10;
    for (unsigned i = 9; i < power && nanos > 0; ++i) nanos /= 10;
  }
  if (nanos > static_cast<Wide>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  return static_cast<std::int64_t>(nanos);
}

Record need(std::uint64_t octets) {
  Record record;
  record.octets = octets;
  return record;
}
Record damage(const char* what) {
  Record record;
  record.kind = Record::Kind::damage;
  record.what = what;
  return record;
}
Record other(std::uint64_t octets) {
  Record record;
  record.kind = Record::Kind::other;
  record.octets = octets;
  return record;
}

bool holds_packet(std::uint32_t type) { return type == enhanced_packet || type == old_packet; }

// Blocks that must be held whole; others are passed by.
bool is_read(std::uint32_t type) {
  return holds_packet(type) || type == simple_packet || type == interface_description ||
         type == interface_statistics;
}

class PcapngFormat final : public CaptureFormat {
 public:
  Record read(std::span<const std::byte> held, ReadTally& tally) override {
    if (held.size() < block_overhead) return need(block_overhead);
    if (load_as<std::uint32_t>(held, 0, false) == section_header) return section(held);
    const auto type = load_as<std::uint32_t>(held, 0, swapped_);
    const std::uint64_t length = load_as<std::uint32_t>(held, 4, swapped_);
    if (length < block_overhead || length % 4 != 0) return damage("a block's length cannot be");
    if (!is_read(type)) return other(length);
    if (length > largest_block) return damage("a block claims more than a packet can have");
    if (held.size() < length) return need(length);
    if (load_as<std::uint32_t>(held, length - 4, swapped_) != length) {
      return damage("a block's two lengths differ");
    }
    return whole(type, held.first(length), tally);
  }

  // A known type, and two lengths that agree.
  [[nodiscard]] Record look(std::span<const std::byte> held, bool last) const override {
    if (held.size() < block_overhead) return last ? damage("") : need(block_overhead);
    const auto type = load_as<std::uint32_t>(held, 0, swapped_);
    if (type == section_header) {
      const auto order = load_as<std::uint32_t>(held, 8, false);
      const bool good = order == byte_order_magic || order == __builtin_bswap32(byte_order_magic);
      return good ? found() : damage("");
    }
    const std::uint64_t length = load_as<std::uint32_t>(held, 4, swapped_);
    if (type == 0 || type > enhanced_packet || length < block_overhead || length % 4 != 0 ||
        length > largest_block) {
      return damage("");
    }
    if (held.size() < length) return last ? damage("") : need(length);
    return load_as<std::uint32_t>(held, length - 4, swapped_) == length ? found() : damage("");
  }

  [[nodiscard]] std::optional<CapturedPacket> cut_off(
      std::span<const std::byte> held) const override {
    constexpr std::uint64_t begin = 8 + packet_fields;
    if (held.size() <= begin || !holds_packet(load_as<std::uint32_t>(held, 0, swapped_))) {
      return std::nullopt;
    }
    const Record record = packet(held, held.size() - begin);
    if (record.kind != Record::Kind::packet) return std::nullopt;
    return record.packet;
  }

 private:
  static Record found() {
    Record record;
    record.kind = Record::Kind::packet;
    return record;
  }

  // Section 4.1. Its octet order is told before its length can be read.
  Record section(std::span<const std::byte> held) {
    const auto order = load_as<std::uint32_t>(held, 8, false);
    const bool swapped = order == __builtin_bswap32(byte_order_magic);
    if (order != byte_order_magic && !swapped) return damage("a section without an octet order");
    const std::uint64_t length = load_as<std::uint32_t>(held, 4, swapped);
    if (length < block_overhead + 16 || length % 4 != 0) {
      return damage("a section header's length cannot be");
    }
    swapped_ = swapped;
    first_interface_ += static_cast<std::uint32_t>(interfaces_.size());
    interfaces_.clear();
    return other(length);
  }

  Record whole(std::uint32_t type, std::span<const std::byte> block, ReadTally& tally) {
    const auto body = block.subspan(8, block.size() - block_overhead);
    if (type == interface_description) return describe(body);
    if (type == simple_packet) {
      ++tally.untimed;
      return other(block.size());
    }
    if (type == interface_statistics) {
      count_drops(body, tally);
      return other(block.size());
    }
    if (body.size() < packet_fields) return damage("a packet block is too short");
    Record record = packet(block, body.size() - packet_fields);
    record.octets = block.size();
    return record;
  }

  // Section 4.2.
  Record describe(std::span<const std::byte> body) {
    if (body.size() < 8) return damage("an interface description is too short");
    if (interfaces_.size() == most_interfaces) return damage("more than 65536 interfaces");
    Interface interface;
    interface.link = LinkType{load_as<std::uint16_t>(body, 0, swapped_)};
    for_each_option(body.subspan(8), swapped_,
                    [&](unsigned code, std::span<const std::byte> value) {
                      if (code == if_tsresol && !value.empty()) {
                        interface.resolution = std::to_integer<std::uint8_t>(value[0]);
                      } else if (code == if_tsoffset && value.size() >= 8) {
                        const auto seconds = load_as<std::uint64_t>(value, 0, swapped_);
                        interface.offset_seconds = static_cast<std::int64_t>(seconds);
                      }
                    });
    interfaces_.push_back(interface);
    return other(body.size() + block_overhead);
  }

  // Section 4.6: counts since the capture began, so the last block of an interface counts.
  void count_drops(std::span<const std::byte> body, ReadTally& tally) {
    if (body.size() < 12) return;
    const auto id = load_as<std::uint32_t>(body, 0, swapped_);
    if (id >= interfaces_.size()) return;
    std::uint64_t dropped = 0;
    for_each_option(body.subspan(12), swapped_,
                    [&](unsigned code, std::span<const std::byte> value) {
                      const bool counts = code == isb_ifdrop || code == isb_osdrop;
                      if (counts && value.size() >= 8) {
                        dropped += load_as<std::uint64_t>(value, 0, swapped_);
                      }
                    });
    Interface& interface = interfaces_[id];
    tally.dropped += dropped - std::min(dropped, interface.dropped);
    interface.dropped = std::max(dropped, interface.dropped);
  }

  // Sections 4.3 and 4.7: interface, time, octets captured, octets on the wire, data. The old block
  // has 16 bits of interface, then a count of drops. At most `room` octets of data are there.
  [[nodiscard]] Record packet(std::span<const std::byte> block, std::uint64_t room) const {
    const bool old = load_as<std::uint32_t>(block, 0, swapped_) == old_packet;
    const std::uint32_t id = old ? load_as<std::uint16_t>(block, 8, swapped_)
                                 : load_as<std::uint32_t>(block, 8, swapped_);
    if (id >= interfaces_.size()) return damage("a packet of an interface that is not described");
    const Interface& interface = interfaces_[id];
    const std::uint64_t ticks =
        (std::uint64_t{load_as<std::uint32_t>(block, 12, swapped_)} << 32U) |
        load_as<std::uint32_t>(block, 16, swapped_);
    const auto captured = load_as<std::uint32_t>(block, 20, swapped_);
    const auto length = load_as<std::uint32_t>(block, 24, swapped_);
    const bool whole = block.size() >= 12 && room + 8 + packet_fields + 4 == block.size();
    if (captured > room && whole) return damage("a packet is longer than its block");
    const auto nanos = to_nanos(ticks, interface.resolution);
    std::int64_t time = 0;
    std::int64_t offset = 0;
    if (!nanos || __builtin_mul_overflow(interface.offset_seconds, nanos_per_second, &offset) ||
        __builtin_add_overflow(*nanos, offset, &time) || time < 0) {
      return damage("a time before 1970 or beyond 2262");
    }
    Record record;
    record.kind = Record::Kind::packet;
    const auto size = std::min<std::uint64_t>(captured, room);
    record.packet = {.time = WallTime{Nanos{time}},
                     .data = block.subspan(8 + packet_fields, size),
                     .length = std::max(length, static_cast<std::uint32_t>(size)),
                     .interface = first_interface_ + id,
                     .link = interface.link,
                     .other_order = swapped_};
    return record;
  }

  bool swapped_ = false;
  std::uint32_t first_interface_ = 0;
  std::vector<Interface> interfaces_;
};

}  // namespace

std::unique_ptr<CaptureFormat> pcapng_format(std::span<const std::byte> head) {
  if (head.size() < block_overhead) return nullptr;
  if (load_as<std::uint32_t>(head, 0, false) != section_header) return nullptr;
  return std::make_unique<PcapngFormat>();
}

}  // namespace strait::probe::passive
