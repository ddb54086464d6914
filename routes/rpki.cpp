// SPDX-License-Identifier: Apache-2.0
#include "routes/rpki.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "routes/covering.hpp"
#include "routes/sources/as_path.hpp"

namespace strait::routes {
namespace {

constexpr std::array rov_names{std::pair{RovState::not_found, std::string_view{"not-found"}},
                               std::pair{RovState::valid, std::string_view{"valid"}},
                               std::pair{RovState::invalid, std::string_view{"invalid"}}};

}  // namespace

std::string_view to_string(RovState state) {
  return rov_names.at(static_cast<std::size_t>(state)).second;
}

std::optional<RovState> parse_rov_state(std::string_view text) {
  for (const auto& [state, name] : rov_names) {
    if (name == text) return state;
  }
  return std::nullopt;
}

template <class Key>
void VrpSet::Table<Key>::fill(std::vector<std::pair<Key, Claim>> all) {
  std::ranges::sort(all);
  const auto twice = std::ranges::unique(all);
  all.erase(twice.begin(), twice.end());
  for (const auto& [key, claim] : all) {
    if (keys.empty() || keys.back() != key) {
      keys.push_back(key);
      first.push_back(static_cast<std::uint32_t>(claims.size()));
    }
    claims.push_back(claim);
  }
  first.push_back(static_cast<std::uint32_t>(claims.size()));
  parents = parents_of(keys);
}

template <class Key>
template <class F>
void VrpSet::Table<Key>::for_each_covering(const Key& key, F f) const {
  const auto behind = std::ranges::upper_bound(keys, key);
  if (behind == keys.begin()) return;
  const auto last = static_cast<std::uint32_t>(behind - keys.begin() - 1);
  for (std::uint32_t i = climb(keys, parents, last, key); i != no_parent; i = parents[i]) {
    if (!f(i)) return;
  }
}

template <class Key>
RovVerdict VrpSet::Table<Key>::validate(const Key& key, std::optional<Asn> origin) const {
  RovVerdict verdict;
  for_each_covering(key, [&](std::uint32_t index) {
    if (verdict.state == RovState::not_found) {
      verdict = {.state = RovState::invalid, .reason = origin ? "asn" : "no origin"};
    }
    for (std::uint32_t i = first[index]; i < first[index + 1]; ++i) {
      // "No VRP can match an origin AS number of NONE", and none a VRP of AS 0 (RFC 6811 section
      // 2).
      if (!origin || claims[i].asn != *origin || claims[i].asn == Asn{0}) continue;
      if (key.length() <= claims[i].max_length) {
        verdict = {.state = RovState::valid, .reason = {}};
        return false;
      }
      verdict.reason = "length";
    }
    return true;
  });
  return verdict;
}

template <class Key>
void VrpSet::Table<Key>::add_covering(const Key& key, std::vector<Vrp>& found) const {
  for_each_covering(key, [&](std::uint32_t index) {
    for (std::uint32_t i = first[index]; i < first[index + 1]; ++i) {
      found.push_back({.prefix = keys[index].prefix(),
                       .max_length = claims[i].max_length,
                       .asn = claims[i].asn,
                       .expires = 0});
    }
    return true;
  });
}

VrpSet::VrpSet(const std::vector<Vrp>& vrps) {
  std::vector<std::pair<KeyV4, Claim>> v4;
  std::vector<std::pair<KeyV6, Claim>> v6;
  for (const Vrp& vrp : vrps) {
    const Claim claim{.asn = vrp.asn, .max_length = vrp.max_length};
    if (vrp.prefix.network.is_v4()) {
      v4.emplace_back(KeyV4::of(vrp.prefix), claim);
    } else {
      v6.emplace_back(KeyV6::of(vrp.prefix), claim);
    }
  }
  v4_.fill(std::move(v4));
  v6_.fill(std::move(v6));
}

RovVerdict VrpSet::validate(const Prefix& prefix, std::optional<Asn> origin) const {
  return prefix.network.is_v4() ? v4_.validate(KeyV4::of(prefix), origin)
                                : v6_.validate(KeyV6::of(prefix), origin);
}

std::vector<Vrp> VrpSet::covering(const Prefix& prefix) const {
  std::vector<Vrp> found;
  if (prefix.network.is_v4()) {
    v4_.add_covering(KeyV4::of(prefix), found);
  } else {
    v6_.add_covering(KeyV6::of(prefix), found);
  }
  return found;
}

std::optional<Asn> rov_origin(const Rib& rib, const RibRoute& route) {
  const AttributeHead& head = rib.head(route);
  const auto octets = rib.attributes().octets(route.attributes);
  const auto path = decode_as_path(octets.subspan(head.as_path_at, head.as_path_octets), true);
  if (path.empty()) return rib.peer(route).asn;
  switch (path.back().type) {
    case SegmentType::sequence:
      return head.origin_as();
    case SegmentType::set:
      return std::nullopt;
    case SegmentType::confed_sequence:
    case SegmentType::confed_set:
      break;
  }
  return rib.peer(route).asn;
}

}  // namespace strait::routes
