// SPDX-License-Identifier: Apache-2.0
#include "routes/model/decision.hpp"

#include <rapidcheck.h>

#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "core/sanitizer.hpp"

using namespace strait;
using namespace strait::routes;

namespace {

// A route of neighbour n: identifier, address and AS all follow from n.
Contender from(std::uint32_t n) {
  Contender route;
  route.neighbor = boost::asio::ip::make_address_v4(0x0a000000U + n);
  route.neighbor_asn = Asn{65000 + n};
  route.neighbor_id = n;
  route.first_asn = route.neighbor_asn;
  route.as_path_length = 3;
  return route;
}

template <class Change>
Contender from(std::uint32_t n, Change change) {
  Contender route = from(n);
  change(route);
  return route;
}

// RFC 4271 section 9.1.2.2 read aloud: a route survives a rung unless one that is still considered
// beats it there. Slow, and shares nothing with the code under test but the Contender.
std::size_t reference(const std::vector<Contender>& all) {
  using Beats = bool (*)(const Contender&, const Contender&);
  const Beats rungs[] = {
      [](const Contender& a, const Contender& b) {
        return a.neighbor.is_unspecified() && !b.neighbor.is_unspecified();
      },
      [](const Contender& a, const Contender& b) {
        return a.local_pref.value_or(LocalPref{100}) > b.local_pref.value_or(LocalPref{100});
      },
      [](const Contender& a, const Contender& b) { return a.as_path_length < b.as_path_length; },
      [](const Contender& a, const Contender& b) { return a.origin < b.origin; },
      [](const Contender& a, const Contender& b) {
        return a.first_asn == b.first_asn && a.med.value_or(Med{0}) < b.med.value_or(Med{0});
      },
      [](const Contender& a, const Contender& b) { return !a.internal && b.internal; },
      [](const Contender& a, const Contender& b) {
        return a.originator_id.value_or(a.neighbor_id) < b.originator_id.value_or(b.neighbor_id);
      },
      [](const Contender& a, const Contender& b) {
        return a.cluster_list_length < b.cluster_list_length;
      },
      [](const Contender& a, const Contender& b) { return a.neighbor < b.neighbor; },
  };
  std::vector<bool> in(all.size(), true);
  for (const Beats beats : rungs) {
    std::vector<bool> next = in;
    for (std::size_t m = 0; m < all.size(); ++m) {
      for (std::size_t n = 0; n < all.size(); ++n) {
        if (in[m] && in[n] && beats(all[n], all[m])) next[m] = false;
      }
    }
    in = next;
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (in[i]) return i;
  }
  return all.size();
}

// Few values, so that every rung has to decide. `small(n)` is a random number below n.
template <class Small>
std::vector<Contender> random_routes(Small small, std::size_t count) {
  std::vector<Contender> routes;
  for (std::size_t i = 0; i < count; ++i) {
    Contender route = from(small(4));
    if (small(3) == 0) route.local_pref = LocalPref{99 + small(3)};
    route.as_path_length = small(3);
    route.origin = static_cast<Origin>(small(3));
    if (small(2) == 0) route.med = Med{small(3)};
    if (small(4) == 0) route.first_asn.reset();
    route.internal = small(2) == 0;
    if (small(3) == 0) route.originator_id = small(4);
    route.cluster_list_length = small(2);
    if (small(16) == 0) route.neighbor = Address{};
    routes.push_back(route);
  }
  return routes;
}

#ifdef STRAIT_ADDRESS_SANITIZER
constexpr std::size_t cases = 100'000;
#else
constexpr std::size_t cases = 1'000'000;
#endif

}  // namespace

TEST_CASE("each rung decides what the rungs above it left open, and says its name") {
  struct Case {
    const char* rung;
    std::vector<Contender> routes;  // the second is the best
    bool assumes_equal_cost;
  };
  const auto c = GENERATE(values<Case>({
      {"protocol",
       {from(1, [](Contender& r) { r.local_pref = LocalPref{500}; }),
        from(2, [](Contender& r) { r.neighbor = Address{}; })},
       false},
      {"local-pref",
       {from(1, [](Contender& r) { r.as_path_length = 1; }),
        from(2, [](Contender& r) { r.local_pref = LocalPref{101}; })},
       false},
      {"as-path-length", {from(1), from(2, [](Contender& r) { r.as_path_length = 2; })}, false},
      {"origin",
       {from(1, [](Contender& r) { r.origin = Origin::incomplete; }),
        from(2, [](Contender& r) { r.origin = Origin::egp; })},
       false},
      {"med",
       {from(1, [](Contender& r) { r.med = Med{10}; }),
        from(2, [](Contender& r) { r.first_asn = Asn{65001}; })},
       false},
      {"external", {from(1, [](Contender& r) { r.internal = true; }), from(2)}, false},
      {"router-id", {from(3), from(2)}, true},
      {"router-id", {from(3), from(4, [](Contender& r) { r.originator_id = 2; })}, true},
      {"cluster-list",
       {from(1,
             [](Contender& r) {
               r.neighbor_id = 7;
               r.cluster_list_length = 1;
             }),
        from(2, [](Contender& r) { r.neighbor_id = 7; })},
       true},
      {"peer-address",
       {from(3, [](Contender& r) { r.neighbor_id = 7; }),
        from(2, [](Contender& r) { r.neighbor_id = 7; })},
       true},
  }));
  CAPTURE(c.rung);
  const auto decision = decide(c.routes);
  REQUIRE(decision);
  CHECK(decision->best == 1);
  CHECK(decision->rung == c.rung);
  CHECK(decision->rival == std::size_t{0});
  CHECK(decision->assumes_equal_cost == c.assumes_equal_cost);
}

TEST_CASE("MED does not compare routes of different neighbour ASes") {
  const std::vector routes{from(1, [](Contender& r) { r.med = Med{1000}; }),
                           from(2, [](Contender& r) { r.med = Med{1}; })};
  const auto decision = decide(routes);
  REQUIRE(decision);
  CHECK(decision->best == 0);
  CHECK(decision->rung == "router-id");
}

TEST_CASE("MED compares all pairs, not neighbours in a list") {
  // Two by two, c beats b (identifier), a beats c (identifier) and a wins; but b removes a by MED
  // before identifiers count, and c is left.
  const std::vector routes{
      from(1, [](Contender& r) { r.med = Med{10}; }),
      from(3,
           [](Contender& r) {
             r.first_asn = Asn{65001};
             r.med = Med{5};
           }),
      from(2),
  };
  const auto decision = decide(routes);
  REQUIRE(decision);
  CHECK(decision->best == 2);
}

TEST_CASE("no candidates have no best, one has no rival, equal ones are told by their order") {
  CHECK_FALSE(decide({}));
  const std::vector one{from(1)};
  CHECK(decide(one)->rung == "only-route");
  CHECK_FALSE(decide(one)->rival);
  const std::vector twins{from(1), from(1)};
  CHECK(decide(twins)->best == 0);
  CHECK(decide(twins)->rung == "order-of-dump");
}

TEST_CASE("what routers are told to do otherwise decides otherwise") {
  struct Case {
    const char* step;
    std::vector<Contender> routes;
    std::size_t plain;  // the best by RFC 4271
    std::size_t best;   // and with the step
    const char* rung;
  };
  const auto med = [](std::uint32_t n, std::uint32_t value) {
    return from(n, [value](Contender& r) { r.med = Med{value}; });
  };
  const auto of_one_as = [](std::uint32_t n) {
    return from(n, [](Contender& r) { r.first_asn = Asn{65001}; });
  };
  auto late = of_one_as(2);
  late.med = Med{7};
  auto shorter = from(2, [](Contender& r) { r.as_path_length = 1; });
  const auto inside = [](std::uint32_t n) {
    return from(n, [](Contender& r) { r.internal = true; });
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"always-compare-med", {med(1, 10), med(2, 5)}, 0, 1, "med"},
      {"missing-med-is-worst", {of_one_as(1), late}, 0, 1, "med"},
      {"ignore-as-path-length", {from(1), shorter}, 1, 0, "router-id"},
      {"keep-oldest", {from(2), from(1)}, 1, 0, "oldest"},
      {"keep-oldest", {inside(2), inside(1)}, 1, 1, "router-id"},
      {"keep-oldest", {med(2, 10), med(2, 5), from(3)}, 1, 1, "oldest"},
  }));
  CAPTURE(c.step, c.rung);
  DecisionOptions options;
  REQUIRE(take_decision_step(c.step, options));
  CHECK(decide(c.routes)->best == c.plain);
  const auto decision = decide(c.routes, options);
  CHECK(decision->best == c.best);
  CHECK(decision->rung == c.rung);
  CHECK(decision->open() == (decision->rung == "oldest"));
  CHECK_FALSE(take_decision_step("oldest", options));
}

TEST_CASE("the decision is the slow reference's on random candidates") {
  const bool ok = rc::check("decide == reference", [] {
    const auto small = [](std::uint32_t n) { return *rc::gen::inRange<std::uint32_t>(0, n); };
    const auto routes = random_routes(small, *rc::gen::inRange<std::size_t>(1, 9));
    RC_ASSERT(decide(routes)->best == reference(routes));
  });
  CHECK(ok);
}

TEST_CASE("the decision is the slow reference's on a million sets of candidates") {
  std::mt19937 dice{3};
  std::map<std::string_view, std::size_t> decided;  // by the rung
  for (std::size_t i = 0; i < cases; ++i) {
    const auto small = [&](std::uint32_t n) { return static_cast<std::uint32_t>(dice() % n); };
    const auto routes = random_routes(small, 2 + small(4));
    const auto decision = decide(routes);
    if (!decision || decision->best != reference(routes)) FAIL("case " << i);
    ++decided[decision->rung];
  }
  // Each of the nine rungs, and none at all for equal routes, had its part.
  CHECK(decided.size() >= 10);
  for (const auto& [rung, times] : decided) {
    INFO(rung);
    CHECK(times > 100);
  }
}
