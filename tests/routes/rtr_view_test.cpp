// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/rtr_view.hpp"

#include <array>
#include <catch2/catch.hpp>

using namespace strait;
using namespace strait::routes;
using namespace std::chrono_literals;

namespace {

constexpr MonoTime start{1h};
const WallTime noon{std::chrono::sys_days{std::chrono::year{2026} / 11 / 27} + 12h};

// One that told a VRP of this AS at `start`.
RtrStatus cache(const char* name, std::uint32_t asn, bool connected, const char* trouble = "") {
  const Vrp vrp{
      .prefix = parse_prefix("10.0.0.0/8").value(), .max_length = 8, .asn = Asn{asn}, .expires = 0};
  return {.name = name,
          .data = RtrData{.vrps = std::make_shared<const VrpSet>(std::vector{vrp}),
                          .damaged = 0,
                          .serial = 1,
                          .told = {.mono = start, .wall = noon},
                          .refresh = 1h,
                          .retry = 10min,
                          .expire = 2h},
          .connected = connected,
          .trouble = trouble};
}

RtrStatus silent(const char* name, const char* trouble = "") {
  return {.name = name, .data = std::nullopt, .connected = false, .trouble = trouble};
}

}  // namespace

TEST_CASE("a cache is a name or an address, and a port") {
  CHECK(to_string(parse_rtr_cache("rpki.example.net").value()) == "rpki.example.net:323");
  CHECK(to_string(parse_rtr_cache("rpki-1.example.net:8282").value()) == "rpki-1.example.net:8282");
  CHECK(to_string(parse_rtr_cache("192.0.2.1").value()) == "192.0.2.1:323");
  CHECK(to_string(parse_rtr_cache("192.0.2.1:8282").value()) == "192.0.2.1:8282");
  CHECK(to_string(parse_rtr_cache("[2001:db8::1]:8282").value()) == "[2001:db8::1]:8282");
  for (const char* const text : {"", ":323", "host:", "host:0", "host:65536", "host:x", "a b:1",
                                 "192.0.2.256:323", "192.0.2.1:0", "tcp://host:323", "host:1:2"}) {
    INFO(text);
    CHECK_FALSE(parse_rtr_cache(text));
  }
}

TEST_CASE("data is fresh, then stale, then not used, as the cache's own intervals say") {
  struct Row {
    const char* what;
    bool connected;
    Nanos age;
    Freshness freshness;
    const char* note;  // part of it
  };
  const auto row = GENERATE(
      Row{"just told", true, 0s, Freshness::fresh, ""},
      Row{"within refresh and retry", true, 70min, Freshness::fresh, ""},
      Row{"connected, but it does not answer", true, 70min + 1s, Freshness::stale,
          "told it at 2026-11-27T12:00:00Z; silent for longer than it asks to be asked; used until "
          "2026-11-27T14:00:00Z"},
      Row{"not connected", false, 0s, Freshness::stale, "stale RPKI data: a:323 told it at"},
      Row{"not connected, to the last moment", false, 2h, Freshness::stale, "used until"},
      Row{"past its expiry", false, 2h + 1ns, Freshness::none, "its data has expired; "},
      Row{"past its expiry, though connected", true, 2h + 1ns, Freshness::none,
          "nothing is checked"});
  INFO(row.what);
  const std::vector<RtrStatus> caches{cache("a:323", 1, row.connected)};
  const RtrView view = view_of(caches, start + row.age);
  CHECK(view.freshness == row.freshness);
  CHECK((view.vrps != nullptr) == (row.freshness != Freshness::none));
  CHECK(view.note.empty() == (row.freshness == Freshness::fresh));
  const std::array names{"expired", "stale", "fresh"};  // what the cache alone is called
  CHECK(to_string(state_of(caches[0], start + row.age)) ==
        names.at(static_cast<std::size_t>(row.freshness)));
  CHECK_THAT(view.note, Catch::Contains(row.note));
}

TEST_CASE("of several caches the first fresh one counts, else the first that is not expired") {
  const auto used = [](const std::vector<RtrStatus>& caches, Nanos age) -> std::uint32_t {
    const RtrView view = view_of(caches, start + age);
    if (!view.vrps) return 0;
    return view.vrps->covering(parse_prefix("10.0.0.0/8").value()).at(0).asn.value();
  };
  CHECK(used({cache("a:1", 1, true), cache("b:1", 2, true)}, 0s) == 1);
  CHECK(used({cache("a:1", 1, false), cache("b:1", 2, true)}, 0s) == 2);
  CHECK(used({silent("a:1"), cache("b:1", 2, false), cache("c:1", 3, false)}, 0s) == 2);
  CHECK(used({silent("a:1"), cache("b:1", 2, false)}, 3h) == 0);
}

TEST_CASE("without data every cache's trouble is told") {
  CHECK(to_string(state_of(silent("a:1"), start)) == "waiting");
  const std::vector<RtrStatus> caches{silent("a:1", "no connection"), silent("b:1"),
                                      cache("c:1", 1, false, "it has no data")};
  CHECK(
      view_of(caches, start + 3h).note ==
      "no RPKI data, nothing is checked with it: a:1: no connection; b:1: no answer yet; c:1: its "
      "data has expired; it has no data");
}

TEST_CASE("records that are no VRPs are told beside those that are") {
  std::vector<RtrStatus> caches{cache("a:1", 1, true)};
  caches[0].data->damaged = 3;
  CHECK(view_of(caches, start).note == "RPKI cache a:1: 3 of its records are no VRPs");
}
