// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/dialect.hpp"

#include <algorithm>
#include <array>

#include "routes/dialects/bird.hpp"
#include "routes/dialects/exabgp.hpp"
#include "routes/dialects/gobgp.hpp"
#include "routes/dialects/gobgp_injector.hpp"
#include "routes/dialects/ios_xr.hpp"
#include "routes/dialects/junos.hpp"
#include "routes/dialects/openbgpd.hpp"
#include "routes/dialects/router_lists.hpp"

namespace strait::routes {
namespace {

Result<Rendering> render_for_bird(const Plan& plan, const Surroundings& /*around*/) {
  auto text = render_bird(plan);
  if (!text) return fail(std::move(text));
  return Rendering{.text = std::move(*text), .notes = {}};
}

constexpr std::array known_dialects{
    Dialect{.name = "bird",
            .router = "BIRD 2",
            .form = "an include file with a function for the import filters",
            .checker = "birdc configure check",
            .render = render_for_bird},
    Dialect{.name = "frr",
            .router = "FRR",
            .form = "prefix lists and a route map for each session; 500 prefixes at most",
            .checker = "vtysh -C -f FILE",
            .render = render_frr},
    Dialect{.name = "gobgp",
            .router = "GoBGP 3",
            .form = "sets and a policy, behind the operator's part of the file",
            .checker = "gobgpd -d -f FILE",
            .render = render_gobgp},
    Dialect{.name = "openbgpd",
            .router = "OpenBGPD",
            .form = "an include file with prefix sets and match rules",
            .checker = "bgpd -n -f FILE",
            .render = render_openbgpd},
    Dialect{.name = "exabgp",
            .router = "ExaBGP 4",
            .form = "a whole configuration that injects the routes over iBGP",
            .checker = "exabgp --validate FILE",
            .render = render_exabgp},
    Dialect{.name = "gobgp-injector",
            .router = "GoBGP 3 as the injector",
            .form = "a script of gobgp commands, and the file of the gobgpd that they are for; "
                    "2,000 prefixes at most",
            .checker = "",
            .render = render_gobgp_injector},
    Dialect{.name = "junos",
            .router = "Junos",
            .form = "prefix lists and a policy statement for each session",
            .checker = "",
            .render = render_junos},
    Dialect{.name = "ios-xr",
            .router = "Cisco IOS XR",
            .form = "prefix sets and a route policy for each session",
            .checker = "",
            .render = render_ios_xr},
    Dialect{.name = "eos",
            .router = "Arista EOS",
            .form = "prefix lists and a route map for each session",
            .checker = "",
            .render = render_eos},
};

}  // namespace

std::span<const Dialect> dialects() { return known_dialects; }

const Dialect* find_dialect(std::string_view name) {
  const auto* const found = std::ranges::find(known_dialects, name, &Dialect::name);
  return found == known_dialects.end() ? nullptr : found;
}

}  // namespace strait::routes
