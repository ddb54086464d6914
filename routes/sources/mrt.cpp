// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/mrt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "core/file.hpp"
#include "routes/prefix_map.hpp"
#include "routes/sources/attributes.hpp"
#include "routes/sources/byte_reader.hpp"
#include "routes/sources/unpack.hpp"

namespace strait::routes {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t header_size = 12;
constexpr std::size_t damage_listed = 100;
constexpr std::uint64_t unpacked_limit = std::uint64_t{8} << 30U;
constexpr std::uint16_t table_dump_v2 = 13;

// RFC 6396 section 4.3 and RFC 8050 section 4: which RIB a subtype of TABLE_DUMP_V2 holds.
struct RibKind {
  std::uint16_t subtype;
  bool v6;
  bool add_path;
};
constexpr std::array rib_kinds{RibKind{2, false, false}, RibKind{4, true, false},
                               RibKind{8, false, true}, RibKind{10, true, true}};
constexpr std::uint16_t peer_index_table = 1;

template <class IpAddress>
Address address_of(Bytes octets) {
  typename IpAddress::bytes_type bytes{};
  const auto count = std::min(octets.size(), bytes.size());
  std::ranges::transform(octets.first(count), bytes.begin(), std::to_integer<std::uint8_t>);
  return IpAddress{bytes};
}

Address address_of(Bytes octets, bool v6) {
  return v6 ? address_of<boost::asio::ip::address_v6>(octets)
            : address_of<boost::asio::ip::address_v4>(octets);
}

class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_{bytes} {}

  Result<RibDump> read() {
    while (offset_ < bytes_.size()) {
      if (!read_record()) break;
    }
    if (!has_peers_) {
      return fail(Errc::bad_input,
                  fmt::format("no PEER_INDEX_TABLE among {} MRT records in {} octets: want a "
                              "TABLE_DUMP_V2 dump",
                              dump_.report.records, bytes_.size()));
    }
    dump_.report.routes = dump_.routes.size();
    return std::move(dump_);
  }

 private:
  // False where the framing is lost: nothing behind it can be trusted.
  bool read_record() {
    record_ = offset_;
    ByteReader header{bytes_.subspan(offset_)};
    const std::uint32_t seconds = header.u32();
    const std::uint16_t type = header.u16();
    const std::uint16_t subtype = header.u16();
    const std::uint32_t length = header.u32();
    if (header.failed()) {
      damaged("the file ends inside a record header");
      return false;
    }
    const Bytes body = header.take(length);
    if (header.failed()) {
      damaged("the file ends inside a record");
      return false;
    }
    offset_ += header_size + length;
    ++dump_.report.records;
    dump_.taken = std::max(dump_.taken, WallTime{std::chrono::seconds{seconds}});
    read_body(type, subtype, body);
    return true;
  }

  void read_body(std::uint16_t type, std::uint16_t subtype, Bytes body) {
    if (type == table_dump_v2 && subtype == peer_index_table) {
      read_peers(body);
      return;
    }
    const auto* const kind = std::ranges::find(rib_kinds, subtype, &RibKind::subtype);
    if (type != table_dump_v2 || kind == rib_kinds.end()) {
      ++dump_.report.other_records;
      count(fmt::format("record type {} subtype {}", type, subtype));
      return;
    }
    read_rib(*kind, body);
  }

  // RFC 6396 section 4.3.1. An index is valid only for the latest table.
  void read_peers(Bytes body) {
    std::vector<MrtPeer> peers;
    ByteReader reader{body};
    dump_.collector_id = reader.u32();
    reader.take(reader.u16());  // view name
    const unsigned entries = reader.u16();
    for (unsigned i = 0; i < entries && !reader.failed(); ++i) peers.push_back(read_peer(reader));
    has_peers_ = true;
    if (reader.failed()) {
      damaged("a peer index table runs past its record");
      peers.clear();  // an index into a broken table could name the wrong upstream
    }
    dump_.peers = std::move(peers);
  }

  static MrtPeer read_peer(ByteReader& reader) {
    const unsigned type = reader.u8();
    const bool v6 = (type & 1U) != 0;
    const bool wide_asn = (type & 2U) != 0;
    MrtPeer peer;
    peer.bgp_id = reader.u32();
    peer.address = address_of(reader.take(v6 ? 16 : 4), v6);
    peer.asn = Asn{wide_asn ? reader.u32() : reader.u16()};
    return peer;
  }

  void read_rib(const RibKind& kind, Bytes body) {
    ByteReader reader{body};
    reader.take(4);  // sequence number
    const auto prefix = read_prefix(reader, kind.v6);
    const unsigned entries = reader.u16();
    if (!prefix) {
      damaged("prefix longer than its family allows");
      return;
    }
    if (reader.failed()) {
      damaged("a RIB record ends before its entries");
      return;
    }
    for (unsigned i = 0; i < entries; ++i) {
      const unsigned peer = reader.u16();
      reader.take(kind.add_path ? 8 : 4);  // originated; path identifier, which means nothing
      const Bytes attributes = reader.take(reader.u16());
      if (reader.failed()) {
        damaged("a RIB entry runs past its record", entries - i);
        return;
      }
      read_entry(*prefix, peer, attributes);
    }
    if (!reader.empty()) damaged("octets left over after the last RIB entry");
  }

  static std::optional<Prefix> read_prefix(ByteReader& reader, bool v6) {
    const std::uint8_t length = reader.u8();
    if (length > (v6 ? 128 : 32)) return std::nullopt;
    // The spare bits of the last octet are undefined (RFC 6396 section 4.3.2): cut them off.
    return network_of(address_of(reader.take((length + 7U) / 8U), v6), length);
  }

  void read_entry(const Prefix& prefix, unsigned index, Bytes attributes) {
    if (index >= dump_.peers.size()) {
      damaged(has_peers_ ? "peer index beyond the peer index table"
                         : "a RIB record before the peer index table");
      return;
    }
    const MrtPeer& peer = dump_.peers[index];
    Route route;
    route.prefix = prefix;
    route.neighbor = peer.address;
    route.neighbor_asn = peer.asn;
    route.neighbor_id = peer.bgp_id;
    if (const auto reason = read_attributes(attributes, route); !reason.empty()) {
      damaged(std::string{reason});
      return;
    }
    const bool local = peer.address.is_unspecified();
    if (attributes.empty() && !local) {
      damaged("a BGP route without attributes");
      return;
    }
    if (local) ++dump_.report.local;
    dump_.routes.push_back(std::move(route));
  }

  void count(const std::string& reason, std::uint64_t times = 1) {
    dump_.report.skipped[reason] += times;
  }

  void damaged(const std::string& reason, std::uint64_t times = 1) {
    dump_.report.damaged += times;
    count(reason, times);
    if (dump_.report.damage.size() < damage_listed) {
      dump_.report.damage.push_back({record_, reason});
    }
  }

  Bytes bytes_;
  std::size_t offset_ = 0;
  std::size_t record_ = 0;  // where the current record begins
  bool has_peers_ = false;
  RibDump dump_;
};

}  // namespace

Result<RibDump> read_mrt(std::span<const std::byte> bytes) { return Reader{bytes}.read(); }

Result<RibDump> load_mrt(const std::string& file) {
  const auto packed = read_file(file);
  if (!packed) return tl::make_unexpected(packed.error());
  const auto named = [&](const Error& error) {
    return fail(error.code, fmt::format("{}: {}", file, error.message));
  };
  const auto unpacked = unpack(std::as_bytes(std::span{*packed}), unpacked_limit);
  if (!unpacked) return named(unpacked.error());
  auto dump = read_mrt(unpacked->bytes);
  if (!dump) return named(dump.error());
  if (!unpacked->damage.empty()) {
    ++dump->report.damaged;
    ++dump->report.skipped[unpacked->damage];
    dump->report.damage.push_back({unpacked->bytes.size(), unpacked->damage});
  }
  return dump;
}

}  // namespace strait::routes
