// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace strait::routes {

enum class GuardEffect : std::uint8_t {
  leaves_out,  // prefixes or a whole class stay with plain BGP
  blocks,      // nothing of the plan is rendered or applied
  tells,       // the plan stays as it is; there is less to judge it by
};

// Who may say no to a plan, in one table. A GuardNote bears one of these names, or that of a
// problem of a route (problem_kinds() in routes/hygiene.hpp), which leaves out.
struct Guard {
  std::string_view name;
  GuardEffect effect;
  std::string_view rule;  // in words, as strait-routes(1) has them
};

inline constexpr std::array guards{
    // Of a class.
    Guard{.name = "forbidden",
          .effect = GuardEffect::leaves_out,
          .rule = "of a class whose path is forbidden nothing is preferred"},
    Guard{.name = "no-session",
          .effect = GuardEffect::leaves_out,
          .rule = "of a class whose path is none, or names no neighbour and protocol, nothing is "
                  "preferred"},
    Guard{.name = "no-evidence",
          .effect = GuardEffect::leaves_out,
          .rule = "of a class whose path has no fresh, sufficient and consistent evidence nothing "
                  "is preferred"},
    Guard{.name = "daily-changes",
          .effect = GuardEffect::leaves_out,
          .rule = "a class that was changed as often as it may be in 24 hours, or as all may be, "
                  "waits for an approval"},
    Guard{.name = "change-budget",
          .effect = GuardEffect::leaves_out,
          .rule =
              "a class that would move more prefixes or traffic at once than may move waits for "
              "an approval"},
    Guard{.name = "rib-from-upstream",
          .effect = GuardEffect::leaves_out,
          .rule = "only exact prefixes that this very upstream offers in the RIB are preferred or "
                  "injected"},
    Guard{.name = "prefix-budget",
          .effect = GuardEffect::leaves_out,
          .rule = "a class that would take the plan above max_prefixes is left to plain BGP"},
    Guard{.name = "part-budget",
          .effect = GuardEffect::leaves_out,
          .rule = "parts beyond max_parts go by their class, whatever contradicts it there"},
    // Of a prefix.
    Guard{.name = "unmeasured-family",
          .effect = GuardEffect::leaves_out,
          .rule = "prefixes of a family in which the class has no target are not preferred"},
    Guard{.name = "marked-route",
          .effect = GuardEffect::leaves_out,
          .rule = "routes that carry 65535:0 or 65535:666 are not preferred"},
    Guard{.name = "own-as",
          .effect = GuardEffect::leaves_out,
          .rule = "routes with the site's own AS in their path are not preferred"},
    // Of a prefix that would be injected.
    Guard{.name = "rewritten-path",
          .effect = GuardEffect::leaves_out,
          .rule = "routes with an AS_SET or a confederation in their path are not injected"},
    Guard{.name = "next-hop",
          .effect = GuardEffect::leaves_out,
          .rule = "routes without a global next hop of their address family are not injected"},
    Guard{.name = "otc-lost",
          .effect = GuardEffect::leaves_out,
          .rule = "routes that carry OTC are not injected by a speaker that cannot give it on"},
    // Of the whole plan.
    Guard{.name = "damaged-rib",
          .effect = GuardEffect::blocks,
          .rule = "a plan from a RIB that was not read completely is not used, for a hole is not "
                  "an absence"},
    Guard{.name = "local-pref-bounds",
          .effect = GuardEffect::blocks,
          .rule = "a plan with a local preference out of bounds is not used"},
    Guard{.name = "old-plan",
          .effect = GuardEffect::blocks,
          .rule =
              "an old plan comes back only as far as RIB, RPKI data, policy and evidence of now "
              "allow"},
    // When it is applied. Plain BGP may come back whatever these say, but for the last five.
    Guard{.name = "stop-file",
          .effect = GuardEffect::blocks,
          .rule = "while the stop file is there no plan that prefers anything is applied"},
    Guard{.name = "plan-expired",
          .effect = GuardEffect::blocks,
          .rule = "a plan that prefers anything is not applied behind its expiry"},
    Guard{.name = "clock-set-back",
          .effect = GuardEffect::blocks,
          .rule = "a plan of tomorrow is not applied, nor any over one: the clock was set back"},
    Guard{.name = "clock-untrusted",
          .effect = GuardEffect::blocks,
          .rule = "where a synchronised clock is wanted, nothing is preferred by one that is not; "
                  "elsewhere the journal says so"},
    Guard{.name = "journal-chain",
          .effect = GuardEffect::blocks,
          .rule = "behind a journal that was changed or cannot be written nothing is preferred"},
    Guard{.name = "edited-file",
          .effect = GuardEffect::blocks,
          .rule = "an include file that somebody edited is not overwritten"},
    Guard{.name = "one-at-a-time",
          .effect = GuardEffect::blocks,
          .rule = "of two that apply at once the second one is refused"},
    Guard{.name = "router-down",
          .effect = GuardEffect::blocks,
          .rule = "a router that does not answer is told nothing"},
    Guard{.name = "no-watchdog",
          .effect = GuardEffect::blocks,
          .rule = "a router without a timer of its own is told nothing when the watchdog cannot be "
                  "started"},
    Guard{.name = "router-check",
          .effect = GuardEffect::blocks,
          .rule = "what the router's own check does not take is not loaded"},
    Guard{.name = "read-back",
          .effect = GuardEffect::blocks,
          .rule = "a plan that the router's routes do not follow is rolled back"},
    Guard{.name = "rpki-data",
          .effect = GuardEffect::tells,
          .rule = "without fresh VRPs no route is known to be invalid"},
    Guard{
        .name = "registration-data",
        .effect = GuardEffect::tells,
        .rule =
            "unreadable lines and contradictions of the registration files make regions less sure"},
};

}  // namespace strait::routes
