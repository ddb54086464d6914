// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/mrt_tables.hpp"

#include <algorithm>

namespace strait::routes {
namespace {

using Octets = std::span<const std::byte>;

template <class IpAddress>
Address padded(Octets octets) {
  typename IpAddress::bytes_type bytes{};
  const auto count = std::min(octets.size(), bytes.size());
  std::ranges::transform(octets.first(count), bytes.begin(), std::to_integer<std::uint8_t>);
  return IpAddress{bytes};
}

MrtPeer read_peer(ByteReader& reader) {
  const unsigned type = reader.u8();
  const bool v6 = (type & 1U) != 0;
  const bool wide_asn = (type & 2U) != 0;
  MrtPeer peer;
  peer.bgp_id = reader.u32();
  peer.address = address_of_octets(reader.take(v6 ? 16 : 4), v6);
  peer.asn = Asn{wide_asn ? reader.u32() : reader.u16()};
  return peer;
}

}  // namespace

Address address_of_octets(Octets octets, bool v6) {
  return v6 ? padded<boost::asio::ip::address_v6>(octets)
            : padded<boost::asio::ip::address_v4>(octets);
}

std::optional<MrtPeerTable> read_peer_table(Octets body) {
  MrtPeerTable table;
  ByteReader reader{body};
  table.collector_id = reader.u32();
  reader.take(reader.u16());  // view name
  const unsigned entries = reader.u16();
  for (unsigned i = 0; i < entries && !reader.failed(); ++i) {
    table.peers.push_back(read_peer(reader));
  }
  if (reader.failed()) return std::nullopt;
  return table;
}

std::optional<RibKind> unicast_rib_kind(std::uint16_t subtype) {
  switch (subtype) {
    case 2:
      return RibKind{.v6 = false, .add_path = false};
    case 4:
      return RibKind{.v6 = true, .add_path = false};
    case 8:
      return RibKind{.v6 = false, .add_path = true};
    case 10:
      return RibKind{.v6 = true, .add_path = true};
    default:
      return std::nullopt;
  }
}

RibRecord::RibRecord(Octets body, RibKind kind) : kind_{kind}, reader_{body} {
  reader_.take(4);  // sequence number
  prefix_length_ = reader_.u8();
  if (prefix_length_ > (kind.v6 ? 128U : 32U)) {
    problem_ = "prefix longer than its family allows";
    return;
  }
  prefix_ = reader_.take((prefix_length_ + 7U) / 8U);
  left_ = reader_.u16();
  if (!reader_.failed()) return;
  problem_ = "a RIB record ends before its entries";
  left_ = 0;
}

std::string_view RibRecord::problem() const { return problem_; }

std::optional<RibRecordEntry> RibRecord::next() {
  if (left_ == 0) return std::nullopt;
  RibRecordEntry entry;
  entry.peer = reader_.u16();
  entry.originated = reader_.u32();
  if (kind_.add_path) entry.path_id = reader_.u32();
  entry.attributes = reader_.take(reader_.u16());
  if (reader_.failed()) return std::nullopt;
  --left_;
  return entry;
}

std::optional<OldTableEntry> read_old_table_entry(Octets body, bool v6) {
  ByteReader reader{body};
  const std::size_t width = v6 ? 16 : 4;
  reader.take(4);  // view and sequence number
  OldTableEntry entry;
  entry.network = address_of_octets(reader.take(width), v6);
  entry.length = reader.u8();
  reader.u8();  // status
  entry.originated = reader.u32();
  entry.peer = address_of_octets(reader.take(width), v6);
  entry.peer_asn = Asn{reader.u16()};
  entry.attributes = reader.take(reader.u16());
  if (reader.failed()) return std::nullopt;
  return entry;
}

}  // namespace strait::routes
