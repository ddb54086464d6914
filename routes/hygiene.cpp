// SPDX-License-Identifier: Apache-2.0
#include "routes/hygiene.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "routes/sources/attributes.hpp"

namespace strait::routes {
namespace {

constexpr std::array problem_table{
    ProblemKind{Problem::bogon_prefix, "bogon-prefix", "addresses that are nobody's (RFC 6890)"},
    ProblemKind{Problem::default_route, "default-route", "a default route says nothing of a place"},
    ProblemKind{Problem::too_specific, "too-specific", "longer than /24 or /48"},
    ProblemKind{Problem::bogon_asn, "bogon-asn", "an AS number in the path that is nobody's"},
    ProblemKind{Problem::private_asn, "private-asn", "a private AS number in the path (RFC 6996)"},
    ProblemKind{Problem::long_path, "long-path", "more than 100 AS numbers in the path"},
    ProblemKind{Problem::otc_violation, "otc-violation", "a leak by its OTC (RFC 9234 section 5)"},
    ProblemKind{Problem::rpki_invalid, "rpki-invalid", "invalid by RPKI (RFC 6811 section 2)"},
};

constexpr std::array role_table{
    std::pair{NeighborRole::provider, std::string_view{"provider"}},
    std::pair{NeighborRole::rs, std::string_view{"rs"}},
    std::pair{NeighborRole::rs_client, std::string_view{"rs-client"}},
    std::pair{NeighborRole::customer, std::string_view{"customer"}},
    std::pair{NeighborRole::peer, std::string_view{"peer"}},
};

struct BogonV4 {
  std::uint32_t network;
  std::uint8_t length;
};

constexpr std::array bogons_v4{
    BogonV4{0x00000000, 8},   // this network (RFC 791)
    BogonV4{0x0a000000, 8},   // private (RFC 1918), with 172.16.0.0/12 and 192.168.0.0/16
    BogonV4{0x64400000, 10},  // shared: 100.64.0.0/10 (RFC 6598)
    BogonV4{0x7f000000, 8},   // loopback (RFC 1122)
    BogonV4{0xa9fe0000, 16},  // link-local (RFC 3927)
    BogonV4{0xac100000, 12}, BogonV4{0xc0000000, 24},  // IETF protocol assignments (RFC 6890)
    BogonV4{0xc0000200, 24},  // documentation (RFC 5737), with two more below
    BogonV4{0xc0a80000, 16}, BogonV4{0xc6120000, 15},  // benchmarking (RFC 2544)
    BogonV4{0xc6336400, 24}, BogonV4{0xcb007100, 24},
    BogonV4{0xe0000000, 4},  // multicast (RFC 5771)
    BogonV4{0xf0000000, 4},  // reserved (RFC 1112 section 4), broadcast in it
};

struct BogonV6 {
  std::uint64_t high;  // the first 64 bits
  std::uint8_t length;
};

// Inside 2000::/3: all else is a bogon.
constexpr std::array bogons_v6{
    BogonV6{0x2001000200000000, 48},  // benchmarking (RFC 5180)
    BogonV6{0x2001001000000000, 28},  // ORCHID (RFC 4843), given back
    BogonV6{0x2001002000000000, 28},  // ORCHIDv2 (RFC 7343): not routed
    BogonV6{0x20010db800000000, 32},  // documentation (RFC 3849)
    BogonV6{0x2002000000000000, 16},  // 6to4 (RFC 7526)
    BogonV6{0x3ffe000000000000, 16},  // 6bone (RFC 3701)
    BogonV6{0x3fff000000000000, 20},  // documentation (RFC 9637)
};
constexpr unsigned global_unicast_top = 1;  // 2000::/3 (RFC 4291 section 2.4)

struct AsnRange {
  std::uint32_t first;
  std::uint32_t last;
};
constexpr std::array bogon_asns{
    AsnRange{0, 0},          AsnRange{23456, 23456},
    AsnRange{64496, 64511},  AsnRange{65535, 65551},  // 65535, and documentation from 65536 on
    AsnRange{65552, 131071}, AsnRange{4294967295, 4294967295},
};
constexpr std::array private_asns{AsnRange{64512, 65534}, AsnRange{4200000000, 4294967294}};

template <std::size_t Size>
bool in_ranges(const std::array<AsnRange, Size>& ranges, Asn asn) {
  return std::ranges::any_of(ranges, [&](const AsnRange& range) {
    return range.first <= asn.value() && asn.value() <= range.last;
  });
}

bool is_bogon_v4(const Prefix& prefix) {
  const KeyV4 key = KeyV4::of(prefix);
  return std::ranges::any_of(bogons_v4, [&](const BogonV4& bogon) {
    return bogon.length <= key.length() && key.shortened(bogon.length).network() == bogon.network;
  });
}

bool is_bogon_v6(const Prefix& prefix) {
  const KeyV6 key = KeyV6::of(prefix);
  if (key.length() >= 3 && key.high >> 61U != global_unicast_top) return true;
  return std::ranges::any_of(bogons_v6, [&](const BogonV6& bogon) {
    return bogon.length <= key.length() && key.shortened(bogon.length).high == bogon.high;
  });
}

}  // namespace

std::span<const ProblemKind> problem_kinds() { return problem_table; }

std::optional<Problem> parse_problem(std::string_view name) {
  const auto* const kind = std::ranges::find(problem_table, name, &ProblemKind::name);
  if (kind == problem_table.end()) return std::nullopt;
  return kind->problem;
}

std::optional<NeighborRole> parse_neighbor_role(std::string_view name) {
  for (const auto& [role, word] : role_table) {
    if (word == name) return role;
  }
  return std::nullopt;
}

Problems Problems::all() {
  Problems all;
  for (const ProblemKind& kind : problem_table) all.add(kind.problem);
  return all;
}

bool is_bogon(const Prefix& prefix) {
  return prefix.network.is_v4() ? is_bogon_v4(prefix) : is_bogon_v6(prefix);
}

bool is_bogon(Asn asn) { return in_ranges(bogon_asns, asn); }
bool is_private(Asn asn) { return in_ranges(private_asns, asn); }

Problems problems_of(const Prefix& prefix, const HygieneLimits& limits) {
  Problems found;
  if (prefix.length == 0) {
    found.add(Problem::default_route);
    return found;
  }
  if (is_bogon(prefix)) found.add(Problem::bogon_prefix);
  const auto longest = prefix.network.is_v4() ? limits.longest_v4 : limits.longest_v6;
  if (prefix.length > longest) found.add(Problem::too_specific);
  return found;
}

Problems problems_of(const std::vector<AsSegment>& path, const HygieneLimits& limits) {
  Problems found;
  std::size_t count = 0;
  for (const AsSegment& segment : path) {
    // A confederation's members are private by design and our own (RFC 5065 section 4).
    if (segment.type == SegmentType::confed_sequence || segment.type == SegmentType::confed_set) {
      continue;
    }
    count += segment.asns.size();
    if (std::ranges::any_of(segment.asns, [](Asn asn) { return is_bogon(asn); })) {
      found.add(Problem::bogon_asn);
    }
    if (std::ranges::any_of(segment.asns, is_private)) found.add(Problem::private_asn);
  }
  if (count > limits.longest_path) found.add(Problem::long_path);
  return found;
}

bool is_leak(std::optional<Asn> only_to_customer, NeighborRole role, Asn neighbor) {
  if (!only_to_customer) return false;
  switch (role) {
    case NeighborRole::customer:
    case NeighborRole::rs_client:
      return true;
    case NeighborRole::peer:
      return *only_to_customer != neighbor;
    case NeighborRole::provider:
    case NeighborRole::rs:
      break;
  }
  return false;
}

RouteCheck::RouteCheck(const Rib& rib, HygieneOptions options)
    : rib_{rib}, options_{std::move(options)} {
  for (const RibPeer& peer : rib.peers()) {
    const auto by_address = options_.roles.find(peer.address);
    const auto by_asn = options_.roles_by_asn.find(peer.asn);
    if (by_address != options_.roles.end()) {
      roles_.push_back(by_address->second);
    } else {
      roles_.push_back(by_asn != options_.roles_by_asn.end() ? by_asn->second
                                                             : options_.other_role);
    }
  }
}

const RouteCheck::Known& RouteCheck::known(const RibRoute& route) {
  if (places_.empty()) places_.resize(rib_.attributes().places());
  std::uint32_t& place = places_[AttributeStore::place(route.attributes)];
  if (place > 0) return known_[place - 1];
  Known& known = known_.emplace_back();
  place = static_cast<std::uint32_t>(known_.size());
  const PathAttributes attributes = rib_.decode(route);
  known.path = problems_of(attributes.as_path, options_.limits);
  known.only_to_customer = attributes.only_to_customer;
  known.peer_is_origin = attributes.as_path.empty() ||
                         attributes.as_path.back().type == SegmentType::confed_sequence ||
                         attributes.as_path.back().type == SegmentType::confed_set;
  if (!known.peer_is_origin) known.origin = rov_origin(rib_, route);
  return known;
}

Problems RouteCheck::problems(const Prefix& prefix, const RibRoute& route) {
  const Known& seen = known(route);
  Problems found = problems_of(prefix, options_.limits) | seen.path;
  const bool external = !rib_.peer(route).internal && !rib_.peer(route).local();
  if (external && is_leak(seen.only_to_customer, roles_[route.peer], rib_.peer(route).asn)) {
    found.add(Problem::otc_violation);
  }
  const auto verdict = rov(prefix, route);
  if (verdict && verdict->state == RovState::invalid) found.add(Problem::rpki_invalid);
  return found;
}

std::optional<RovVerdict> RouteCheck::rov(const Prefix& prefix, const RibRoute& route) {
  if (options_.vrps == nullptr) return std::nullopt;
  const Known& seen = known(route);
  return options_.vrps->validate(
      prefix, seen.peer_is_origin ? std::optional{rib_.peer(route).asn} : seen.origin);
}

}  // namespace strait::routes
