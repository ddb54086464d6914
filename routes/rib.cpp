// SPDX-License-Identifier: Apache-2.0
#include "routes/rib.hpp"

#include "routes/sources/attributes.hpp"
#include "routes/sources/byte_reader.hpp"

namespace strait::routes {
namespace {

template <class Key>
std::optional<std::size_t> index_of(const RibTable<Key>& table, const Key& key) {
  const auto at = std::ranges::lower_bound(table.keys, key);
  if (at == table.keys.end() || *at != key) return std::nullopt;
  return static_cast<std::size_t>(at - table.keys.begin());
}

template <class Key>
std::span<const RibRoute> exact(const RibTable<Key>& table, const Key& key) {
  const auto index = index_of(table, key);
  if (!index) return {};
  return table.routes_at(*index);
}

template <class Key>
std::optional<RibEntry> entry_in(const RibTable<Key>& table, const Key& key, std::size_t before) {
  const auto index = index_of(table, key);
  return index ? std::optional{table.entry_at(*index, before)} : std::nullopt;
}

template <class Key>
std::optional<RibEntry> longest_in(const RibTable<Key>& table, const Key& key, std::size_t before) {
  for (unsigned length = key.length() + 1U; length-- > 0;) {
    const Key outer = key.shortened(static_cast<std::uint8_t>(length));
    if (const auto found = entry_in(table, outer, before)) return found;
  }
  return std::nullopt;
}

template <class Key>
std::size_t octets_of(const RibTable<Key>& table) {
  return table.keys.capacity() * sizeof(Key) + table.first.capacity() * sizeof(std::uint32_t) +
         table.routes.capacity() * sizeof(RibRoute);
}

template <class Number>
std::optional<Number> where(bool there, std::uint32_t value) {
  return there ? std::optional{Number{value}} : std::nullopt;
}

}  // namespace

Rib::Rib(std::vector<RibPeer> peers, AttributeStore attributes, RibTable<KeyV4> v4,
         RibTable<KeyV6> v6)
    : peers_{std::move(peers)},
      attributes_{std::move(attributes)},
      v4_{std::move(v4)},
      v6_{std::move(v6)} {
  v4_.first.push_back(static_cast<std::uint32_t>(v4_.routes.size()));
  v6_.first.push_back(static_cast<std::uint32_t>(v6_.routes.size()));
}

std::size_t Rib::memory() const { return attributes_.memory() + octets_of(v4_) + octets_of(v6_); }

std::span<const RibRoute> Rib::candidates(const Prefix& prefix) const {
  return prefix.network.is_v4() ? exact(v4_, KeyV4::of(prefix)) : exact(v6_, KeyV6::of(prefix));
}

std::optional<RibEntry> Rib::longest(const Prefix& prefix) const {
  return prefix.network.is_v4() ? longest_in(v4_, KeyV4::of(prefix), 0)
                                : longest_in(v6_, KeyV6::of(prefix), v4_.keys.size());
}

std::optional<RibEntry> Rib::entry(const Prefix& prefix) const {
  return prefix.network.is_v4() ? entry_in(v4_, KeyV4::of(prefix), 0)
                                : entry_in(v6_, KeyV6::of(prefix), v4_.keys.size());
}

Contender Rib::contender(const RibRoute& route) const {
  const RibPeer& from = peer(route);
  const AttributeHead& fields = head(route);
  return {.neighbor = from.address,
          .neighbor_asn = from.asn,
          .neighbor_id = from.bgp_id,
          .as_path_length = fields.as_path_length,
          .first_asn = where<Asn>(fields.has(AttributeHead::first_asn_there), fields.first_asn),
          .origin = fields.origin,
          .local_pref =
              where<LocalPref>(fields.has(AttributeHead::local_pref_there), fields.local_pref),
          .med = where<Med>(fields.has(AttributeHead::med_there), fields.med),
          .originator_id = where<std::uint32_t>(fields.has(AttributeHead::originator_there),
                                                fields.originator_id),
          .cluster_list_length = fields.cluster_list_length,
          .internal = from.internal};
}

std::vector<Contender> Rib::contenders(std::span<const RibRoute> routes) const {
  std::vector<Contender> found;
  found.reserve(routes.size());
  for (const RibRoute& each : routes) found.push_back(contender(each));
  return found;
}

PathAttributes Rib::decode(const RibRoute& route) const {
  return decode_attributes(attributes_.octets(route.attributes));
}

Route Rib::route(const Prefix& prefix, const RibRoute& route) const {
  PathAttributes attributes = decode(route);
  Route found;
  static_cast<Contender&>(found) = contender(route);
  found.prefix = prefix;
  for (const AsSegment& segment : attributes.as_path) {
    if (segment.type != SegmentType::sequence) continue;
    found.as_path.insert(found.as_path.end(), segment.asns.begin(), segment.asns.end());
  }
  found.origin_asn = head(route).origin_as();
  found.next_hop = attributes.next_hop;
  found.communities = std::move(attributes.communities);
  return found;
}

bool Rib::path_holds(const RibRoute& route, Asn asn) const {
  const AttributeHead& fields = head(route);
  ByteReader path{
      attributes_.octets(route.attributes).subspan(fields.as_path_at, fields.as_path_octets)};
  while (!path.empty()) {
    path.u8();
    for (unsigned left = path.u8(); left > 0; --left) {
      if (path.u32() == asn.value()) return true;
    }
  }
  return false;
}

std::vector<Address> Rib::neighbors() const {
  std::vector<Address> all;
  for (const RibPeer& peer : peers_) {
    if (all.empty() || all.back() != peer.address) all.push_back(peer.address);
  }
  return all;
}

}  // namespace strait::routes
