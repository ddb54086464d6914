// SPDX-License-Identifier: Apache-2.0
#include "routes/injection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

namespace strait::routes {
namespace {

// Why a route is not injected; of several routes to a prefix the reason that stands first is told.
struct Objection {
  std::string_view guard;
  std::string_view why;
};
constexpr std::array<Objection, 6> objections{{
    {.guard = "otc-lost", .why = "they carry OTC (RFC 9234), and the injector cannot give it on"},
    {.guard = "next-hop", .why = "they have no global next hop of their address family"},
    {.guard = "rewritten-path", .why = "an AS_SET or a confederation is in their path"},
    {.guard = "own-as", .why = "our own AS is in the path"},
    {.guard = "marked-route", .why = "they carry 65535:0 or 65535:666"},
    {.guard = "rib-from-upstream", .why = "the upstream does not offer them in this RIB"},
}};
constexpr std::size_t otc_objection = 0;
constexpr std::size_t next_hop_objection = 1;
constexpr std::size_t rewritten_objection = 2;
constexpr std::size_t own_as_objection = 3;
constexpr std::size_t marked_objection = 4;
constexpr std::size_t absence_objection = 5;

class Chooser {
 public:
  Chooser(const Path& path, const Rib& rib, Asn site_asn, const Carries& carries)
      : path_{path}, rib_{rib}, site_asn_{site_asn}, carries_{carries} {}

  // The route to inject; else `objection` says why none of them.
  [[nodiscard]] std::optional<InjectedRoute> route_to(const Prefix& prefix,
                                                      std::size_t& objection) const {
    objection = absence_objection;
    for (const RibRoute& route : rib_.candidates(prefix)) {
      const Address& from = rib_.peer(route).address;
      if (from != path_.neighbor_v4 && from != path_.neighbor_v6) continue;
      const auto found = objection_to(prefix, route);
      if (!found) return InjectedRoute{.prefix = prefix, .attributes = rib_.decode(route)};
      objection = std::min(objection, *found);
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] std::optional<std::size_t> objection_to(const Prefix& prefix,
                                                        const RibRoute& route) const {
    if (rib_.head(route).marked()) return marked_objection;
    if (rib_.path_holds(route, site_asn_)) return own_as_objection;
    const PathAttributes attributes = rib_.decode(route);
    const auto plain = [](const AsSegment& part) { return part.type == SegmentType::sequence; };
    if (!std::ranges::all_of(attributes.as_path, plain)) return rewritten_objection;
    const Address& hop = attributes.next_hop;
    const bool link_local = hop.is_v6() && hop.to_v6().is_link_local();
    const bool same_family = hop.is_v4() == prefix.network.is_v4();
    if (hop.is_unspecified() || link_local || !same_family) return next_hop_objection;
    if (attributes.only_to_customer && !carries_.only_to_customer) return otc_objection;
    return std::nullopt;
  }

  const Path& path_;
  const Rib& rib_;
  Asn site_asn_;
  const Carries& carries_;
};

InjectedPreference inject(const Preference& preference, const Path& path, const Rib& rib,
                          Asn site_asn, const Carries& carries, std::vector<GuardNote>& notes) {
  const Chooser chooser{path, rib, site_asn, carries};
  std::array<std::size_t, objections.size()> left_out{};
  InjectedPreference injected{.preference = preference, .routes = {}};
  for (const Prefix& prefix : preference.prefixes) {
    std::size_t objection = absence_objection;
    if (auto route = chooser.route_to(prefix, objection)) {
      injected.routes.push_back(std::move(*route));
    } else {
      ++left_out.at(objection);
    }
  }
  for (std::size_t i = 0; i < objections.size(); ++i) {
    if (left_out.at(i) == 0) continue;
    notes.push_back({.guard = std::string{objections.at(i).guard},
                     .message = fmt::format("class {}: {} prefixes from {} not injected: {}",
                                            preference.traffic_class, left_out.at(i),
                                            preference.path, objections.at(i).why),
                     .blocks = false});
  }
  return injected;
}

}  // namespace

Injection injection_of(std::span<const Preference> preferences, std::span<const Path> paths,
                       const Rib& rib, Asn site_asn, const Carries& carries) {
  Injection injection;
  for (const Preference& preference : preferences) {
    const auto path = std::ranges::find(paths, preference.path, &Path::name);
    if (path == paths.end()) {
      injection.notes.push_back({.guard = "no-session",
                                 .message = fmt::format("class {}: there is no path '{}'",
                                                        preference.traffic_class, preference.path),
                                 .blocks = false});
      continue;
    }
    injection.preferences.push_back(
        inject(preference, *path, rib, site_asn, carries, injection.notes));
  }
  return injection;
}

Plan injected_part(Plan plan, std::span<const Path> paths, const Rib& rib, Asn site_asn,
                   const Carries& carries) {
  Injection injection = injection_of(plan.preferences, paths, rib, site_asn, carries);
  plan.preferences.clear();
  for (InjectedPreference& injected : injection.preferences) {
    if (injected.routes.empty()) continue;
    Preference& kept = plan.preferences.emplace_back(std::move(injected.preference));
    kept.prefixes.clear();
    for (const InjectedRoute& route : injected.routes) kept.prefixes.push_back(route.prefix);
  }
  std::ranges::move(injection.notes, std::back_inserter(plan.notes));
  return plan;
}

}  // namespace strait::routes
