// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/router_control.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <tuple>

#include "routes/apply/bird_router.hpp"
#include "routes/apply/frr_router.hpp"
#include "routes/apply/gobgp_router.hpp"
#include "routes/apply/injector_router.hpp"
#include "routes/apply/openbgpd_router.hpp"

namespace strait::routes {
namespace {

struct Kind {
  std::string_view name;
  std::string_view table;
  Result<std::unique_ptr<RouterControl>> (*reach)(const RouterTarget& target,
                                                  const ApplyLock* lock);
};

// By RouterKind.
constexpr std::array<Kind, router_kinds> kinds{
    Kind{.name = "BIRD", .table = "routes.bird", .reach = reach_bird},
    Kind{.name = "FRR", .table = "routes.frr", .reach = reach_frr},
    Kind{.name = "GoBGP", .table = "routes.gobgp", .reach = reach_gobgp},
    Kind{.name = "OpenBGPD", .table = "routes.openbgpd", .reach = reach_openbgpd},
    Kind{.name = "ExaBGP", .table = "routes.injector", .reach = reach_injector},
    Kind{.name = "GoBGP as the injector", .table = "routes.injector", .reach = reach_injector},
};

const Kind& kind_of(RouterKind kind) { return kinds[static_cast<std::size_t>(kind)]; }

}  // namespace

std::string_view to_string(RouterKind kind) { return kind_of(kind).name; }
std::string_view table_of(RouterKind kind) { return kind_of(kind).table; }

Result<std::unique_ptr<RouterControl>> reach(const RouterTarget& target, const ApplyLock* lock) {
  return kind_of(target.kind).reach(target, lock);
}

bool same_router(const RouterTarget& one, const RouterTarget& other) {
  const auto how = [](const RouterTarget& target) {
    return std::tie(target.kind, target.include_file, target.control_socket, target.configuration,
                    target.operators_file, target.reload, target.injector, target.read_from,
                    target.read_from_socket, target.programs, target.confirm_timeout,
                    target.reply_timeout, target.load_within, target.read_back_within,
                    target.sample, target.journal_file, target.synchronised_clock, target.site_asn);
  };
  const auto session = [](const Path& path) {
    return std::tie(path.neighbor_v4, path.neighbor_v6, path.protocol, path.protocol_v6);
  };
  return how(one) == how(other) &&
         (one.kind == RouterKind::bird ||
          std::ranges::equal(one.paths, other.paths, {}, session, session));
}

Result<std::vector<Prefix>> RouterControl::heard_from(const Address& /*neighbor*/) {
  return fail(Errc::unsupported,
              fmt::format("{}: what comes from one neighbour is not read from it", name()));
}

std::string session_of(const std::vector<Path>& paths, const Address& neighbor) {
  for (const Path& path : paths) {
    if (path.neighbor_v4 == neighbor) return path.protocol;
    if (path.neighbor_v6 == neighbor) {
      return path.protocol_v6.empty() ? path.protocol : path.protocol_v6;
    }
  }
  return neighbor.to_string();
}

}  // namespace strait::routes
