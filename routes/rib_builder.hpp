// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "routes/rib.hpp"

namespace strait::routes {

// A table that grows. What comes in order is appended as it is; anything else goes to a log, which
// is sorted and merged once, or whenever it has become longer than the table.
template <class Key>
class RibTableBuilder {
 public:
  // Routes to one prefix, of one moment. They replace those of the same peers and path ids, but
  // not one another: a record may hold several of one peer.
  void put(const Key& key, std::span<const RibRoute> routes, std::uint32_t moment);
  void withdraw(const Key& key, std::uint16_t peer, std::uint32_t path_id, std::uint32_t moment);
  // `gone`: by peer, the moment before which all its routes are gone; 0 for none.
  void merge(std::span<const std::uint32_t> gone);
  // The log has become longer than the table, and than `least`.
  [[nodiscard]] bool overdue(std::size_t least) const;
  void no_more_appending() { appending_ = false; }  // until the next merge
  // Sorts each prefix' routes by what `rank` makes of their peers, and gives them those numbers.
  [[nodiscard]] RibTable<Key> finish(std::span<const std::uint16_t> rank);
  // The same of a copy.
  [[nodiscard]] RibTable<Key> snapshot(std::span<const std::uint16_t> rank) const;
  [[nodiscard]] std::size_t route_count() const { return table_.routes.size() + log_.size(); }
  // Gives each route the attributes that f makes of its own; after a merge.
  template <class F>
  void change_attributes(F f) {
    for (RibRoute& route : table_.routes) route.attributes = f(route.attributes);
  }
  [[nodiscard]] std::size_t memory() const;

 private:
  struct Event {
    Key key;
    RibRoute route;
    std::uint32_t moment = 0;
    bool withdrawn = false;

    [[nodiscard]] auto order() const {
      return std::tuple{key, route.peer, route.path_id, moment, withdrawn, route.attributes};
    }
  };
  using Events = std::span<const Event>;

  [[nodiscard]] bool in_order(const Key& key, std::span<const RibRoute> routes) const;
  // Appends what is left of one prefix' old routes and new events.
  static void merge_prefix(const Key& key, std::span<const RibRoute> old, Events events,
                           std::span<const std::uint32_t> gone, RibTable<Key>& to);
  static void append_survivors(Events events, std::span<const std::uint32_t> gone,
                               RibTable<Key>& to);

  RibTable<Key> table_;  // `first` without its end
  std::vector<Event> log_;
  bool appending_ = true;
};

// Makes a Rib of dumps and updates.
class RibBuilder {
 public:
  static constexpr std::size_t max_peers = 65535;
  // Changes that are gathered before they are merged: what they take in memory, once per family,
  // and what a merge of a small table costs.
  static constexpr std::size_t long_log = std::size_t{1} << 20U;
  static constexpr std::size_t short_log = std::size_t{1} << 15U;

  // Peers in `site_asn` are internal; 0: none is.
  explicit RibBuilder(Asn site_asn, std::size_t least_log = long_log)
      : site_asn_{site_asn}, least_log_{least_log} {}

  // The number of a peer, by all three; nothing when there are too many.
  [[nodiscard]] std::optional<std::uint16_t> peer(const Address& address, Asn asn,
                                                  std::uint32_t bgp_id);
  // The first peer of that address and AS, whatever its identifier.
  [[nodiscard]] std::optional<std::uint16_t> peer_at(const Address& address, Asn asn) const;
  [[nodiscard]] const RibPeer& peer(std::uint16_t number) const { return peers_[number]; }
  [[nodiscard]] AttributeStore& attributes() { return attributes_; }

  void put(const KeyV4& key, std::span<const RibRoute> routes) { put_in(v4_, key, routes); }
  void put(const KeyV6& key, std::span<const RibRoute> routes) { put_in(v6_, key, routes); }
  void withdraw(const KeyV4& key, std::uint16_t peer, std::uint32_t path_id) {
    withdraw_in(v4_, key, peer, path_id);
  }
  void withdraw(const KeyV6& key, std::uint16_t peer, std::uint32_t path_id) {
    withdraw_in(v6_, key, peer, path_id);
  }
  // The session went down: all routes of the peer are gone (RFC 4271 section 6.7 and 8).
  void flush(std::uint16_t peer);
  // The same of every peer of that address and AS, whatever its identifier. An AS that says nothing
  // stands for all: 0 (a session that has no peer's OPEN yet) and AS_TRANS (RFC 6793 section 9,
  // where MRT has two octets only).
  void flush_all(const Address& address, Asn asn);

  [[nodiscard]] std::size_t memory() const {
    return attributes_.memory() + v4_.memory() + v6_.memory();
  }
  // Forgets attributes that no route has any more, if they are many: updates that come for days
  // would fill the memory. AttributeIds from before are void then.
  void tidy();
  [[nodiscard]] Rib finish() &&;
  // What there is now, while more may come. It shares the octets of attributes with the builder.
  [[nodiscard]] Rib snapshot();

 private:
  template <class Key>
  void put_in(RibTableBuilder<Key>& table, const Key& key, std::span<const RibRoute> routes) {
    table.put(key, routes, ++moment_);
    if (table.overdue(least_log_)) merge();
  }
  template <class Key>
  void withdraw_in(RibTableBuilder<Key>& table, const Key& key, std::uint16_t peer,
                   std::uint32_t path_id) {
    table.withdraw(key, peer, path_id, ++moment_);
    if (table.overdue(least_log_)) merge();
  }
  void merge();
  [[nodiscard]] bool holds_too_many_attributes() const;
  // Peers in order, and by number the place of each in that order.
  struct Order {
    std::vector<RibPeer> peers;
    std::vector<std::uint16_t> rank;
  };
  [[nodiscard]] Order order_of_peers() const;

  Asn site_asn_;
  std::size_t least_log_;
  std::vector<RibPeer> peers_;
  std::map<std::tuple<Address, Asn, std::uint32_t>, std::uint16_t> numbers_;
  AttributeStore attributes_;
  RibTableBuilder<KeyV4> v4_;
  RibTableBuilder<KeyV6> v6_;
  std::uint32_t moment_ = 0;
  std::vector<std::uint32_t> gone_;  // by peer
};

}  // namespace strait::routes
