// SPDX-License-Identifier: Apache-2.0
// The classic format: draft-ietf-opsawg-pcap.
//    0-3   magic number: octet order, and micro- or nanoseconds
//    4-15  version, two unused words
//   16-19  snapshot length
//   20-23  link type in the low 16 bits
// Then for each packet: seconds, fraction, octets captured, octets on the wire; 4 octets each.
#include <fmt/format.h>

#include <algorithm>

#include "probe/passive/formats.hpp"

namespace strait::probe::passive {
namespace {

constexpr std::size_t record_header = 16;
constexpr std::uint32_t magic_micro = 0xa1b2c3d4;
constexpr std::uint32_t magic_nano = 0xa1b23c4d;
constexpr std::int64_t most_apart = std::int64_t{86400};  // seconds, after damage

struct RecordHeader {
  std::uint32_t seconds;
  std::uint32_t fraction;
  std::uint32_t captured;
  std::uint32_t length;
};

// What a file's header says.
struct FileHeader {
  bool swapped = false;
  bool nanos = false;
  LinkType link = LinkType::ethernet;
};

std::optional<FileHeader> file_header(std::span<const std::byte> head) {
  if (head.size() < pcap_header_size) return std::nullopt;
  for (const bool swapped : {false, true}) {
    const auto magic = load_as<std::uint32_t>(head, 0, swapped);
    if (magic != magic_micro && magic != magic_nano) continue;
    // The upper bits tell of a frame check sequence, which the IP length leaves out anyway.
    const auto link = static_cast<std::uint16_t>(load_as<std::uint32_t>(head, 20, swapped));
    return FileHeader{.swapped = swapped, .nanos = magic == magic_nano, .link = LinkType{link}};
  }
  return std::nullopt;
}

class PcapFormat final : public CaptureFormat {
 public:
  explicit PcapFormat(const FileHeader& header) : file_{header} {}

  Record read(std::span<const std::byte> held, ReadTally& /*tally*/) override {
    if (held.size() < record_header) return need(record_header);
    const RecordHeader header = header_at(held, 0);
    if (may_be_file(header)) {
      if (held.size() < pcap_header_size) return need(pcap_header_size);
      if (const auto file = file_header(held)) return begin_file(*file);
    }
    if (header.captured > largest_packet) return damage("a record claims more than 1 MiB");
    if (header.fraction >= fractions()) return damage("a time's fraction is more than a second");
    const std::uint64_t size = record_header + header.captured;
    if (held.size() < size) return need(size);
    if (header.captured > 0) last_seconds_ = header.seconds;
    Record record;
    record.kind = Record::Kind::packet;
    record.octets = size;
    record.packet = packet(header, held.subspan(record_header, header.captured));
    return record;
  }

  // Two record headers in a row, or one that ends where the file does.
  [[nodiscard]] Record look(std::span<const std::byte> held, bool last) const override {
    if (held.size() < record_header) return last ? damage("") : need(record_header);
    const RecordHeader header = header_at(held, 0);
    if (may_be_file(header)) return look_for_file(held, last);
    if (!plausible(header)) return damage("");
    const std::uint64_t size = record_header + header.captured;
    if (held.size() < size + record_header) {
      if (!last) return need(size + record_header);
      return held.size() == size ? found() : damage("");
    }
    return plausible(header_at(held, size)) ? found() : damage("");
  }

  [[nodiscard]] std::optional<CapturedPacket> cut_off(
      std::span<const std::byte> held) const override {
    if (held.size() <= record_header) return std::nullopt;
    const RecordHeader header = header_at(held, 0);
    if (header.captured == 0) return std::nullopt;
    return packet(header, held.subspan(record_header));
  }

 private:
  static Record need(std::uint64_t octets) {
    Record record;
    record.octets = octets;
    return record;
  }
  static Record damage(const char* what) {
    Record record;
    record.kind = Record::Kind::damage;
    record.what = what;
    return record;
  }
  static Record found() {
    Record record;
    record.kind = Record::Kind::packet;
    return record;
  }
  // Another file's header: somebody put two files into one. A record has such a time in 2055 only,
  // and never without an octet.
  static bool may_be_file(const RecordHeader& header) {
    return header.captured == 0 && header.length == 0 && header.fraction != 0;
  }
  static Record look_for_file(std::span<const std::byte> held, bool last) {
    if (held.size() < pcap_header_size && !last) return need(pcap_header_size);
    return file_header(held) ? found() : damage("");
  }
  Record begin_file(const FileHeader& header) {
    file_ = header;
    last_seconds_.reset();
    Record record;
    record.kind = Record::Kind::other;
    record.octets = pcap_header_size;
    return record;
  }
  [[nodiscard]] std::uint32_t fractions() const { return file_.nanos ? 1'000'000'000 : 1'000'000; }
  [[nodiscard]] RecordHeader header_at(std::span<const std::byte> held, std::size_t at) const {
    return {.seconds = load_as<std::uint32_t>(held, at, file_.swapped),
            .fraction = load_as<std::uint32_t>(held, at + 4, file_.swapped),
            .captured = load_as<std::uint32_t>(held, at + 8, file_.swapped),
            .length = load_as<std::uint32_t>(held, at + 12, file_.swapped)};
  }
  [[nodiscard]] bool plausible(const RecordHeader& header) const {
    const std::int64_t apart =
        std::int64_t{header.seconds} - last_seconds_.value_or(header.seconds);
    return header.captured > 0 && header.captured <= largest_packet &&
           header.captured <= header.length && header.length <= largest_packet &&
           header.fraction < fractions() && std::max(apart, -apart) <= most_apart;
  }
  [[nodiscard]] CapturedPacket packet(const RecordHeader& header,
                                      std::span<const std::byte> data) const {
    const std::int64_t unit = file_.nanos ? 1 : 1000;
    return {.time = WallTime{std::chrono::seconds{header.seconds} +
                             Nanos{std::int64_t{header.fraction} * unit}},
            .data = data,
            .length = std::max(header.length, static_cast<std::uint32_t>(data.size())),
            .interface = 0,
            .link = file_.link,
            .other_order = file_.swapped};
  }

  FileHeader file_;
  std::optional<std::uint32_t> last_seconds_;
};

}  // namespace

std::unique_ptr<CaptureFormat> pcap_format(std::span<const std::byte> head) {
  const auto header = file_header(head);
  if (!header) return nullptr;
  return std::make_unique<PcapFormat>(*header);
}

std::string first_octets(std::span<const std::byte> head) {
  std::string text;
  for (const std::byte octet : head.first(std::min<std::size_t>(head.size(), 4))) {
    text += fmt::format("{}{:02x}", text.empty() ? "" : " ", std::to_integer<unsigned>(octet));
  }
  return text;
}

}  // namespace strait::probe::passive
