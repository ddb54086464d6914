// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "probe/passive/capture_reader.hpp"

namespace strait::probe::passive {

using Octets = std::vector<std::byte>;

// Writes integers of a chosen octet order, as a capture file has them.
class FileBuilder {
 public:
  explicit FileBuilder(bool swapped = false) : swapped_{swapped} {}

  template <class T>
  FileBuilder& put(T value) {
    if (swapped_) {
      if constexpr (sizeof(T) == 8) value = static_cast<T>(__builtin_bswap64(value));
      if constexpr (sizeof(T) == 4) value = static_cast<T>(__builtin_bswap32(value));
      if constexpr (sizeof(T) == 2) value = static_cast<T>(__builtin_bswap16(value));
    }
    Octets bytes(sizeof(T));
    std::memcpy(bytes.data(), &value, sizeof(T));
    return append(bytes);
  }
  FileBuilder& append(std::span<const std::byte> bytes) {
    octets_.insert(octets_.end(), bytes.begin(), bytes.end());
    return *this;
  }

  // pcap
  FileBuilder& header(std::uint32_t magic = 0xa1b2c3d4, std::uint32_t link = 1) {
    return put(magic)
        .put<std::uint16_t>(2)
        .put<std::uint16_t>(4)
        .put<std::uint64_t>(0)
        .put<std::uint32_t>(65535)
        .put(link);
  }
  FileBuilder& record(std::uint32_t seconds, std::uint32_t fraction,
                      std::span<const std::byte> data, std::uint32_t length = 0) {
    put(seconds).put(fraction).put(static_cast<std::uint32_t>(data.size()));
    return put(length == 0 ? static_cast<std::uint32_t>(data.size()) : length).append(data);
  }

  // pcapng
  FileBuilder& block(std::uint32_t type, Octets body) {
    while (body.size() % 4 != 0) body.push_back(std::byte{0});
    const auto length = static_cast<std::uint32_t>(body.size() + 12);
    return put(type).put(length).append(body).put(length);
  }
  FileBuilder& section() {
    return block(0x0a0d0d0a, FileBuilder{swapped_}
                                 .put<std::uint32_t>(0x1a2b3c4d)
                                 .put<std::uint32_t>(1)
                                 .put<std::uint64_t>(~std::uint64_t{0})
                                 .take());
  }
  FileBuilder& interface(std::uint16_t link, const Octets& options = {}) {
    return block(1, FileBuilder{swapped_}
                        .put(link)
                        .put<std::uint16_t>(0)
                        .put<std::uint32_t>(0)
                        .append(options)
                        .take());
  }
  FileBuilder& enhanced(std::uint32_t id, std::uint64_t ticks, std::span<const std::byte> data) {
    return block(6, packet_body(FileBuilder{swapped_}.put(id), ticks, data));
  }
  FileBuilder& old_packet(std::uint16_t id, std::uint64_t ticks, std::span<const std::byte> data) {
    return block(2, packet_body(FileBuilder{swapped_}.put(id).put<std::uint16_t>(0), ticks, data));
  }
  FileBuilder& option(std::uint16_t code, const Octets& value) {
    put(code).put(static_cast<std::uint16_t>(value.size())).append(value);
    while (octets_.size() % 4 != 0) octets_.push_back(std::byte{0});
    return *this;
  }

  [[nodiscard]] Octets take() { return std::move(octets_); }
  [[nodiscard]] std::size_t size() const { return octets_.size(); }

 private:
  [[nodiscard]] static Octets packet_body(FileBuilder begun, std::uint64_t ticks,
                                          std::span<const std::byte> data) {
    const auto size = static_cast<std::uint32_t>(data.size());
    return begun.put(static_cast<std::uint32_t>(ticks >> 32U))
        .put(static_cast<std::uint32_t>(ticks))
        .put(size)
        .put(size)
        .append(data)
        .take();
  }

  bool swapped_;
  Octets octets_;
};

// What a reader gave, its data copied.
struct Seen {
  std::int64_t time = 0;
  Octets data;
  std::uint32_t length = 0;
  std::uint32_t interface = 0;
  LinkType link = LinkType::ethernet;
};
struct ReadFile {
  std::vector<Seen> packets;
  ReadTally tally;
};

inline Result<ReadFile> read_all(std::span<const std::byte> file) {
  auto reader = CaptureReader::read_from(ByteSource{memory_input(file)}, "test");
  if (!reader) return tl::make_unexpected(reader.error());
  ReadFile all;
  std::vector<CapturedPacket> room(8);
  while (const std::size_t count = reader->read(room)) {
    for (const CapturedPacket& packet : std::span{room}.first(count)) {
      all.packets.push_back({.time = packet.time.time_since_epoch().count(),
                             .data = {packet.data.begin(), packet.data.end()},
                             .length = packet.length,
                             .interface = packet.interface,
                             .link = packet.link});
    }
  }
  all.tally = reader->tally();
  return all;
}

}  // namespace strait::probe::passive
