// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/strong.hpp"
#include "routes/model/neighbor_role.hpp"
#include "routes/model/path_attributes.hpp"
#include "routes/rib.hpp"
#include "routes/rpki.hpp"

namespace strait::routes {

// Why a route should not be preferred, whatever its round-trip time.
enum class Problem : std::uint8_t {
  bogon_prefix,
  default_route,
  too_specific,
  bogon_asn,
  private_asn,
  long_path,
  otc_violation,
  rpki_invalid,
};

struct ProblemKind {
  Problem problem;
  std::string_view name;  // "bogon-prefix"
  std::string_view why;   // for people
};

// All of them, in the order of the enumeration.
[[nodiscard]] std::span<const ProblemKind> problem_kinds();
[[nodiscard]] std::optional<Problem> parse_problem(std::string_view name);

// A set of problems.
class Problems {
 public:
  [[nodiscard]] static Problems all();
  [[nodiscard]] bool has(Problem problem) const { return (bits_ & bit(problem)) != 0; }
  [[nodiscard]] bool none() const { return bits_ == 0; }
  void remove(Problem problem) { bits_ &= ~bit(problem); }
  void add(Problem problem) { bits_ |= bit(problem); }
  [[nodiscard]] Problems operator|(Problems other) const { return Problems{bits_ | other.bits_}; }
  [[nodiscard]] Problems operator&(Problems other) const { return Problems{bits_ & other.bits_}; }
  friend bool operator==(const Problems&, const Problems&) = default;

  Problems() = default;

 private:
  explicit Problems(std::uint32_t bits) : bits_{bits} {}
  [[nodiscard]] static std::uint32_t bit(Problem problem) {
    return 1U << static_cast<unsigned>(problem);
  }

  std::uint32_t bits_ = 0;
};

[[nodiscard]] std::optional<NeighborRole> parse_neighbor_role(std::string_view name);

struct HygieneLimits {
  std::uint8_t longest_v4 = 24;  // of prefixes; what most networks take
  std::uint8_t longest_v6 = 48;
  std::size_t longest_path = 100;  // AS numbers, prepends too
};

// A prefix of which nobody can be the origin: IANA's special-purpose address registries (RFC 6890),
// multicast, what is reserved, and IPv6 outside 2000::/3; or inside such a one.
[[nodiscard]] bool is_bogon(const Prefix& prefix);
// An AS number that stands for nobody: 0 (RFC 7607), 23456 (RFC 6793), documentation (RFC 5398),
// 65535 and 4294967295 (RFC 7300), and IANA's reserved block 65552 to 131071.
[[nodiscard]] bool is_bogon(Asn asn);
[[nodiscard]] bool is_private(Asn asn);  // RFC 6996

// What is wrong with the prefix alone, and with the path alone.
[[nodiscard]] Problems problems_of(const Prefix& prefix, const HygieneLimits& limits = {});
[[nodiscard]] Problems problems_of(const std::vector<AsSegment>& path,
                                   const HygieneLimits& limits = {});
// RFC 9234 section 5: a route that comes from a customer or a route server's client with OTC, or
// from a peer with another AS in it, is a leak.
[[nodiscard]] bool is_leak(std::optional<Asn> only_to_customer, NeighborRole role, Asn neighbor);

// How to look at routes.
struct HygieneOptions {
  HygieneLimits limits;
  const VrpSet* vrps = nullptr;  // none: no route is rpki-invalid
  std::map<Address, NeighborRole> roles;
  std::map<Asn, NeighborRole> roles_by_asn;
  NeighborRole other_role = NeighborRole::provider;  // of whoever is in neither
};

// Finds what is wrong with the routes of one RIB, and remembers what it found of attributes that
// many routes share. The RIB must outlive it. One thread at a time.
class RouteCheck {
 public:
  RouteCheck(const Rib& rib, HygieneOptions options);

  [[nodiscard]] Problems problems(const Prefix& prefix, const RibRoute& route);
  // Nothing without VRPs.
  [[nodiscard]] std::optional<RovVerdict> rov(const Prefix& prefix, const RibRoute& route);

 private:
  struct Known {
    Problems path;
    std::optional<Asn> only_to_customer;
    std::optional<Asn> origin;    // as rov_origin() has it, but for what the peer's AS gives
    bool peer_is_origin = false;  // the peer's AS
  };
  const Known& known(const RibRoute& route);

  const Rib& rib_;
  HygieneOptions options_;
  std::vector<NeighborRole> roles_;  // by peer
  std::vector<Known> known_;
  std::vector<std::uint32_t> places_;  // by AttributeStore::place(): one more than in known_, or 0
};

}  // namespace strait::routes
