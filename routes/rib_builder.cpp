// SPDX-License-Identifier: Apache-2.0
#include "routes/rib_builder.hpp"

#include <algorithm>
#include <numeric>

#include "routes/sources/as_path.hpp"

namespace strait::routes {
namespace {

// Above it a search through a prefix' routes would cost more than the log.
constexpr std::size_t searched_routes = 64;
// Sets of attributes without a route that are let be.
constexpr std::size_t unused_attributes = std::size_t{1} << 16U;

bool same_source(const RibRoute& a, const RibRoute& b) {
  return a.peer == b.peer && a.path_id == b.path_id;
}

bool by_peer(const RibRoute& a, const RibRoute& b) { return a.peer < b.peer; }

// `first` of the table is without its end.
template <class Key>
void rank_peers(std::span<const std::uint16_t> rank, RibTable<Key>& table) {
  for (RibRoute& route : table.routes) route.peer = rank[route.peer];
  for (std::size_t i = 0; i < table.keys.size(); ++i) {
    const auto from = table.routes.begin() + table.first[i];
    const auto to =
        i + 1 < table.keys.size() ? table.routes.begin() + table.first[i + 1] : table.routes.end();
    if (!std::is_sorted(from, to, by_peer)) std::stable_sort(from, to, by_peer);
  }
}

}  // namespace

template <class Key>
bool RibTableBuilder<Key>::in_order(const Key& key, std::span<const RibRoute> routes) const {
  if (!appending_ || !log_.empty()) return false;
  if (table_.keys.empty() || table_.keys.back() < key) return true;
  if (table_.keys.back() != key) return false;
  const auto there = std::span{table_.routes}.subspan(table_.first.back());
  return there.size() * routes.size() <= searched_routes &&
         std::ranges::none_of(routes, [&](const RibRoute& fresh) {
           return std::ranges::any_of(there, [&](auto& old) { return same_source(old, fresh); });
         });
}

template <class Key>
void RibTableBuilder<Key>::put(const Key& key, std::span<const RibRoute> routes,
                               std::uint32_t moment) {
  if (!in_order(key, routes)) {
    for (const RibRoute& route : routes) log_.push_back({key, route, moment, false});
    return;
  }
  if (table_.keys.empty() || table_.keys.back() != key) {
    table_.keys.push_back(key);
    table_.first.push_back(static_cast<std::uint32_t>(table_.routes.size()));
  }
  table_.routes.insert(table_.routes.end(), routes.begin(), routes.end());
}

template <class Key>
void RibTableBuilder<Key>::withdraw(const Key& key, std::uint16_t peer, std::uint32_t path_id,
                                    std::uint32_t moment) {
  log_.push_back({key, {.attributes = {}, .path_id = path_id, .peer = peer}, moment, true});
}

template <class Key>
bool RibTableBuilder<Key>::overdue(std::size_t least) const {
  return log_.size() >= std::max(least, table_.routes.size());
}

template <class Key>
void RibTableBuilder<Key>::append_survivors(Events events, std::span<const std::uint32_t> gone,
                                            RibTable<Key>& to) {
  // Sorted by peer, path id and moment: of each source the newest moment counts, all of it.
  for (std::size_t i = 0; i < events.size(); ++i) {
    std::size_t last = i;
    while (last + 1 < events.size() && same_source(events[last + 1].route, events[i].route)) ++last;
    const std::uint32_t newest = events[last].moment;
    for (; i <= last; ++i) {
      const Event& event = events[i];
      if (event.moment != newest || event.withdrawn || newest < gone[event.route.peer]) continue;
      to.routes.push_back(event.route);
    }
    i = last;
  }
}

template <class Key>
void RibTableBuilder<Key>::merge_prefix(const Key& key, std::span<const RibRoute> old,
                                        Events events, std::span<const std::uint32_t> gone,
                                        RibTable<Key>& to) {
  const auto start = static_cast<std::uint32_t>(to.routes.size());
  const auto source = [](const auto& route) { return std::pair{route.peer, route.path_id}; };
  for (const RibRoute& route : old) {
    if (gone[route.peer] > 0) continue;
    const bool renewed = std::ranges::binary_search(
        events, source(route), {}, [&](const Event& event) { return source(event.route); });
    if (!renewed) to.routes.push_back(route);
  }
  append_survivors(events, gone, to);
  if (to.routes.size() == start) return;
  to.keys.push_back(key);
  to.first.push_back(start);
}

template <class Key>
void RibTableBuilder<Key>::merge(std::span<const std::uint32_t> gone) {
  const bool flushed = std::ranges::any_of(gone, [](auto moment) { return moment > 0; });
  appending_ = true;
  if (log_.empty() && !flushed) return;
  std::ranges::sort(log_, {}, &Event::order);
  RibTable<Key> merged;
  merged.keys.reserve(table_.keys.size());
  merged.first.reserve(table_.keys.size() + 1);
  merged.routes.reserve(table_.routes.size() + log_.size());
  table_.first.push_back(static_cast<std::uint32_t>(table_.routes.size()));
  std::size_t at = 0;
  for (std::size_t event = 0; event < log_.size() || at < table_.keys.size();) {
    const bool from_log =
        event < log_.size() && (at == table_.keys.size() || log_[event].key <= table_.keys[at]);
    const Key key = from_log ? log_[event].key : table_.keys[at];
    const std::size_t begin = event;
    while (event < log_.size() && log_[event].key == key) ++event;
    std::span<const RibRoute> old;
    if (at < table_.keys.size() && table_.keys[at] == key) old = table_.routes_at(at++);
    merge_prefix(key, old, Events{log_}.subspan(begin, event - begin), gone, merged);
  }
  table_ = std::move(merged);
  log_.clear();
  log_.shrink_to_fit();
}

template <class Key>
RibTable<Key> RibTableBuilder<Key>::finish(std::span<const std::uint16_t> rank) {
  rank_peers(rank, table_);
  return std::move(table_);
}

template <class Key>
RibTable<Key> RibTableBuilder<Key>::snapshot(std::span<const std::uint16_t> rank) const {
  RibTable<Key> copy = table_;
  rank_peers(rank, copy);
  return copy;
}

template <class Key>
std::size_t RibTableBuilder<Key>::memory() const {
  return table_.keys.capacity() * sizeof(Key) + table_.first.capacity() * sizeof(std::uint32_t) +
         table_.routes.capacity() * sizeof(RibRoute) + log_.capacity() * sizeof(Event);
}

template class RibTableBuilder<KeyV4>;
template class RibTableBuilder<KeyV6>;

std::optional<std::uint16_t> RibBuilder::peer(const Address& address, Asn asn,
                                              std::uint32_t bgp_id) {
  const auto it = numbers_.find({address, asn, bgp_id});
  if (it != numbers_.end()) return it->second;
  if (peers_.size() == max_peers) return std::nullopt;
  const auto number = static_cast<std::uint16_t>(peers_.size());
  numbers_.emplace(std::tuple{address, asn, bgp_id}, number);
  peers_.push_back({.address = address,
                    .asn = asn,
                    .bgp_id = bgp_id,
                    .internal = asn == site_asn_ && site_asn_ != Asn{0}});
  gone_.push_back(0);
  return number;
}

std::optional<std::uint16_t> RibBuilder::peer_at(const Address& address, Asn asn) const {
  const auto it = numbers_.lower_bound({address, asn, 0});
  if (it == numbers_.end() || std::get<0>(it->first) != address || std::get<1>(it->first) != asn) {
    return std::nullopt;
  }
  return it->second;
}

void RibBuilder::flush(std::uint16_t peer) {
  gone_[peer] = ++moment_;
  v4_.no_more_appending();
  v6_.no_more_appending();
}

void RibBuilder::flush_all(const Address& address, Asn asn) {
  const bool any = asn == Asn{0} || asn == as_trans;
  const auto from = numbers_.lower_bound({address, Asn{0}, 0});
  for (auto it = from; it != numbers_.end() && std::get<0>(it->first) == address; ++it) {
    if (any || std::get<1>(it->first) == asn) flush(it->second);
  }
}

void RibBuilder::merge() {
  v4_.merge(gone_);
  v6_.merge(gone_);
  std::ranges::fill(gone_, 0U);
  moment_ = 0;
}

bool RibBuilder::holds_too_many_attributes() const {
  return attributes_.size() > 2 * (v4_.route_count() + v6_.route_count()) + unused_attributes;
}

void RibBuilder::tidy() {
  if (!holds_too_many_attributes()) return;
  merge();
  if (!holds_too_many_attributes()) return;
  AttributeStore used;
  const auto keep = [&](AttributeId id) {
    return used.add(attributes_.head(id), attributes_.octets(id));
  };
  v4_.change_attributes(keep);
  v6_.change_attributes(keep);
  attributes_ = std::move(used);
}

RibBuilder::Order RibBuilder::order_of_peers() const {
  std::vector<std::uint16_t> order(peers_.size());
  std::iota(order.begin(), order.end(), std::uint16_t{0});
  std::ranges::sort(order, {}, [&](std::uint16_t i) {
    return std::tuple{peers_[i].address, peers_[i].asn, peers_[i].bgp_id};
  });
  Order found{.peers = std::vector<RibPeer>(peers_.size()),
              .rank = std::vector<std::uint16_t>(peers_.size())};
  for (std::size_t i = 0; i < order.size(); ++i) {
    found.rank[order[i]] = static_cast<std::uint16_t>(i);
    found.peers[i] = peers_[order[i]];
  }
  return found;
}

Rib RibBuilder::finish() && {
  merge();
  Order order = order_of_peers();
  auto v4 = v4_.finish(order.rank);
  auto v6 = v6_.finish(order.rank);
  return {std::move(order.peers), std::move(attributes_), std::move(v4), std::move(v6)};
}

Rib RibBuilder::snapshot() {
  merge();
  tidy();
  Order order = order_of_peers();
  return {std::move(order.peers), attributes_.view(), v4_.snapshot(order.rank),
          v6_.snapshot(order.rank)};
}

}  // namespace strait::routes
