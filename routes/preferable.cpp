// SPDX-License-Identifier: Apache-2.0
#include "routes/preferable.hpp"

#include <algorithm>

namespace strait::routes {
namespace {

// By peer: whether it is a path's neighbour.
std::vector<bool> neighbors_among(std::span<const RibPeer> peers, std::span<const Path> paths) {
  std::vector<bool> found;
  found.reserve(peers.size());
  for (const RibPeer& peer : peers) {
    found.push_back(std::ranges::any_of(paths, [&](const Path& path) {
      return path.neighbor_v4 == peer.address || path.neighbor_v6 == peer.address;
    }));
  }
  return found;
}

// Where the offers of a peer and a region are; a peer of a RIB stays in its place of the map.
class Places {
 public:
  Places(std::span<const RibPeer> peers,
         std::map<std::pair<Address, RegionNumber>, Preferable::Offered>& offered)
      : peers_{peers}, offered_{offered}, places_(peers.size()) {}

  [[nodiscard]] Preferable::Offered& at(std::uint16_t peer, RegionNumber region) {
    auto& of_peer = places_[peer];
    if (of_peer.size() <= region) of_peer.resize(region + std::size_t{1}, nullptr);
    if (of_peer[region] == nullptr) of_peer[region] = &offered_[{peers_[peer].address, region}];
    return *of_peer[region];
  }

 private:
  std::span<const RibPeer> peers_;
  std::map<std::pair<Address, RegionNumber>, Preferable::Offered>& offered_;
  std::vector<std::vector<Preferable::Offered*>> places_;
};

}  // namespace

Preferable::Preferable(const Rib& rib, const RibClasses& classes, std::span<const Path> paths,
                       const PlanLimits& limits) {
  RouteGuard guard{rib, paths, limits};
  const std::vector<bool> is_neighbor = neighbors_among(rib.peers(), paths);
  Places places{rib.peers(), offered_};
  rib.for_each([&](const RibEntry& entry) {
    const RegionNumber region = classes.at(entry);
    if (region == no_region) return;
    const auto ordinal = static_cast<std::uint32_t>(entry.ordinal);
    for (const RibRoute& route : entry.routes) {
      if (!is_neighbor[route.peer]) continue;
      Offered& offered = places.at(route.peer, region);
      if (const auto against = guard.objection(entry.prefix, route)) {
        offered.refused.push_back({.ordinal = ordinal, .why = number_of(*against)});
      } else if (offered.prefixes.empty() || offered.prefixes.back() != ordinal) {
        offered.prefixes.push_back(ordinal);
      }
    }
  });
}

std::uint8_t Preferable::number_of(const Objection& objection) {
  const auto known = std::ranges::find(objections_, objection);
  if (known != objections_.end()) return static_cast<std::uint8_t>(known - objections_.begin());
  objections_.push_back(objection);  // a dozen kinds at most
  return static_cast<std::uint8_t>(objections_.size() - 1);
}

const Preferable::Offered& Preferable::from(const Address& neighbor, RegionNumber region) const {
  static const Offered nothing;
  const auto found = offered_.find({neighbor, region});
  return found == offered_.end() ? nothing : found->second;
}

std::size_t Preferable::memory() const {
  std::size_t octets = 0;
  for (const auto& [key, offered] : offered_) {
    octets += offered.prefixes.capacity() * sizeof(std::uint32_t) +
              offered.refused.capacity() * sizeof(Refused);
  }
  return octets;
}

}  // namespace strait::routes
