// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "routes/attribute_store.hpp"
#include "routes/model/path_attributes.hpp"
#include "routes/model/route.hpp"
#include "routes/prefix_key.hpp"

namespace strait::routes {

// Who offered routes. BIRD's first peer is all zeros and owns the routes that are not BGP's.
struct RibPeer {
  Address address;
  Asn asn;
  std::uint32_t bgp_id = 0;
  bool internal = false;  // in the site's own AS

  friend bool operator==(const RibPeer&, const RibPeer&) = default;
  [[nodiscard]] bool local() const { return address.is_unspecified(); }
};

// One route, small: a full table has millions.
struct RibRoute {
  AttributeId attributes{};
  std::uint32_t path_id = 0;  // RFC 7911; 0 without add-path
  std::uint16_t peer = 0;     // index into Rib::peers()
};

// A prefix and all routes to it: by peer, those of one peer in the order of the dump.
struct RibEntry {
  Prefix prefix;
  std::span<const RibRoute> routes;
  std::size_t ordinal = 0;  // of the prefix among all of the RIB, in order
};

// Prefixes of one family in order, and the routes of each side by side.
template <class Key>
struct RibTable {
  std::vector<Key> keys;             // ascending, none twice
  std::vector<std::uint32_t> first;  // of each key's routes; one more at the end
  std::vector<RibRoute> routes;

  [[nodiscard]] std::span<const RibRoute> routes_at(std::size_t index) const {
    return std::span{routes}.subspan(first[index], first[index + 1] - first[index]);
  }
  // `before`: how many prefixes of the RIB stand in front of this table.
  [[nodiscard]] RibEntry entry_at(std::size_t index, std::size_t before) const {
    return {.prefix = keys[index].prefix(), .routes = routes_at(index), .ordinal = before + index};
  }
};

// What BGP offers: every peer's routes to every prefix. Immutable: readers share it freely.
class Rib {
 public:
  Rib() : Rib({}, {}, {}, {}) {}
  // As RibBuilder makes it; `first` of each table without its end.
  Rib(std::vector<RibPeer> peers, AttributeStore attributes, RibTable<KeyV4> v4,
      RibTable<KeyV6> v6);

  [[nodiscard]] std::span<const RibPeer> peers() const { return peers_; }  // by address
  [[nodiscard]] std::size_t prefix_count() const { return v4_.keys.size() + v6_.keys.size(); }
  [[nodiscard]] std::size_t route_count() const { return v4_.routes.size() + v6_.routes.size(); }
  [[nodiscard]] const AttributeStore& attributes() const { return attributes_; }
  [[nodiscard]] const RibTable<KeyV4>& v4() const { return v4_; }
  [[nodiscard]] const RibTable<KeyV6>& v6() const { return v6_; }
  [[nodiscard]] std::size_t memory() const;  // octets that it takes

  // All routes to exactly this prefix.
  [[nodiscard]] std::span<const RibRoute> candidates(const Prefix& prefix) const;
  // The same with its place in the RIB; nothing if it is not there.
  [[nodiscard]] std::optional<RibEntry> entry(const Prefix& prefix) const;
  // The longest prefix that covers this one, itself included. For many look-ups see MatchIndex.
  [[nodiscard]] std::optional<RibEntry> longest(const Prefix& prefix) const;

  // Calls f(RibEntry) for each prefix in order, IPv4 first.
  template <class F>
  void for_each(F f) const {
    visit(v4_, 0, v4_.keys.size(), 0, f);
    visit(v6_, 0, v6_.keys.size(), v4_.keys.size(), f);
  }
  // Calls f(RibEntry, RibRoute) for each route of the peers with this address, in order.
  template <class F>
  void for_each_of(const Address& neighbor, F f) const {
    const auto at = [](const RibPeer& peer) { return peer.address; };
    const auto [from, to] = std::ranges::equal_range(peers_, neighbor, {}, at);
    const auto first = static_cast<std::size_t>(from - peers_.begin());
    const auto last = static_cast<std::size_t>(to - peers_.begin());
    if (first == last) return;
    for_each([&](const RibEntry& entry) {
      for (const RibRoute& route : entry.routes) {
        if (route.peer >= first && route.peer < last) f(entry, route);
      }
    });
  }
  // As for_each(), of the prefix itself and all more specific ones.
  template <class F>
  void for_each_covered(const Prefix& prefix, F f) const {
    if (prefix.network.is_v4()) {
      visit_covered(v4_, KeyV4::of(prefix), 0, f);
    } else {
      visit_covered(v6_, KeyV6::of(prefix), v4_.keys.size(), f);
    }
  }

  [[nodiscard]] const RibPeer& peer(const RibRoute& route) const { return peers_[route.peer]; }
  [[nodiscard]] const AttributeHead& head(const RibRoute& route) const {
    return attributes_.head(route.attributes);
  }
  [[nodiscard]] Contender contender(const RibRoute& route) const;
  [[nodiscard]] std::vector<Contender> contenders(std::span<const RibRoute> routes) const;
  [[nodiscard]] PathAttributes decode(const RibRoute& route) const;
  // Decoded as far as the decision and its explanation go.
  [[nodiscard]] Route route(const Prefix& prefix, const RibRoute& route) const;
  // Whether the AS is anywhere in the path, sets and confederation segments included.
  [[nodiscard]] bool path_holds(const RibRoute& route, Asn asn) const;
  [[nodiscard]] std::vector<Address> neighbors() const;  // sorted, none twice

 private:
  template <class Key, class F>
  static void visit(const RibTable<Key>& table, std::size_t from, std::size_t to,
                    std::size_t before, F& f) {
    for (std::size_t i = from; i < to; ++i) f(table.entry_at(i, before));
  }
  template <class Key, class F>
  static void visit_covered(const RibTable<Key>& table, const Key& key, std::size_t before, F& f) {
    const auto from = std::ranges::lower_bound(table.keys, key);
    const auto to = std::upper_bound(from, table.keys.end(), key.last_covered());
    visit(table, static_cast<std::size_t>(from - table.keys.begin()),
          static_cast<std::size_t>(to - table.keys.begin()), before, f);
  }

  std::vector<RibPeer> peers_;
  AttributeStore attributes_;
  RibTable<KeyV4> v4_;
  RibTable<KeyV6> v6_;
};

}  // namespace strait::routes
