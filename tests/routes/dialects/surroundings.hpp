// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>
#include <vector>

#include "routes/dialects/dialect.hpp"
#include "routes/rib_builder.hpp"
#include "routes/sources/attributes.hpp"
#include "tests/routes/mrt_builder.hpp"
#include "tests/routes/plan_examples.hpp"

namespace strait::testing {

// A RIB whose routes are given by their octets, as a dump would hold them.
class OctetRib {
 public:
  explicit OctetRib(Asn site) : builder_{site} {}
  OctetRib& put(const char* to, const char* neighbor, const Octets& octets) {
    static_cast<void>(reader_.read(octets.span(), {}));
    const auto canonical = reader_.octets(routes::NlriPlace::rib_entry);
    const auto id = builder_.attributes().add(reader_.head(), canonical);
    const auto peer = builder_.peer(parse_address(neighbor).value(), Asn{65001}, 1).value();
    const std::vector<routes::RibRoute> one{{.attributes = id, .path_id = 0, .peer = peer}};
    const Prefix key = prefix(to);
    if (key.network.is_v4()) {
      builder_.put(routes::KeyV4::of(key), one);
    } else {
      builder_.put(routes::KeyV6::of(key), one);
    }
    return *this;
  }
  routes::Rib finish() { return std::move(builder_).finish(); }

 private:
  routes::RibBuilder builder_;
  routes::AttributeReader reader_;
};

// MP_REACH_NLRI as a RIB entry has it: the next hop alone (RFC 6396 section 4.3.4).
inline Octets reach(std::string_view hop) {
  return attribute(0x80, 14, Octets{}.u8(16).address(hop));
}

inline routes::Path path(const char* name, const char* v4, const char* v6, const char* protocol,
                         const char* protocol_v6 = "") {
  routes::Path path;
  path.name = name;
  path.neighbor_v4 = parse_address(v4).value();
  path.neighbor_v6 = parse_address(v6).value();
  path.protocol = protocol;
  path.protocol_v6 = protocol_v6;
  return path;
}

// A site with three upstreams, the RIB that they fill, and an injector.
struct Site {
  std::vector<routes::Path> paths{
      path("atlas-offshore", "10.255.1.2", "fd00:255:1::2", "u1"),
      path("loukkos", "10.255.2.2", "fd00:255:2::2", "u2", "u2v6"),
      path("mtwa", "10.255.3.2", "fd00:255:3::2", "u3"),
  };
  routes::Rib rib = routes_of_upstreams();
  routes::Injector injector{.router = parse_address("fd00:255:9::1").value(),
                            .local_address = parse_address("fd00:255:9::2").value(),
                            .router_id = parse_address("10.255.9.2").value(),
                            .community = 64500U << 16U | 911U};

  [[nodiscard]] routes::Surroundings around() const {
    return {.site_asn = Asn{64500}, .paths = paths, .rib = &rib, .injector = injector};
  }

 private:
  static routes::Rib routes_of_upstreams() {
    const Octets med = attribute(0x80, 4, Octets{}.u32(70));
    const Octets communities = attribute(0xc0, 8, Octets{}.u32(65001U << 16U | 3U));
    const Octets large = attribute(0xc0, 32, Octets{}.u32(65001).u32(1).u32(2));
    const Octets otc = attribute(0xc0, 35, Octets{}.u32(65001));
    const Octets way = as_path(sequence({65001, 64496}));
    const auto v4 = [&](const char* hop) {
      return Octets{}.add(origin()).add(way).add(next_hop(hop));
    };
    const auto v6 = [&](const char* hop) {
      return Octets{}.add(origin(2)).add(way).add(reach(hop));
    };
    return OctetRib{Asn{64500}}
        .put("192.0.2.0/24", "10.255.1.2",
             v4("10.255.1.2").add(med).add(communities).add(large).add(otc))
        .put("203.0.113.0/24", "10.255.1.2", v4("10.255.1.2"))
        .put("198.51.100.0/24", "10.255.3.2", v4("10.255.3.2"))
        .put("2001:db8:a::/48", "fd00:255:3::2", v6("fd00:255:3::2"))
        .put("2001:db8::/32", "fd00:255:2::2", v6("fd00:255:2::2"))
        .finish();
  }
};

// Two classes at one session, two local-prefs, both families, a session of its own for IPv6.
inline routes::Plan all_kinds() {
  routes::Plan plan = two_classes();
  plan.preferences.push_back(preference("middle-east", "atlas-offshore", "u1", {"100.64.8.0/22"}));
  plan.preferences.push_back(preference("europe", "loukkos", "u2v6", {"2001:db8::/32"}));
  plan.preferences.back().local_pref = LocalPref{210};
  return plan;
}

}  // namespace strait::testing
