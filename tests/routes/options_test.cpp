// SPDX-License-Identifier: Apache-2.0
#include "routes/options.hpp"

#include <catch2/catch.hpp>

using namespace strait;
using namespace strait::routes;
using namespace std::chrono_literals;

namespace {

struct Read {
  SiteOptions site;
  std::vector<Path> paths;
  std::vector<RegionRules> regions;
  RoutesOptions routes;
  std::string errors;
};

Read read(const char* text) {
  auto document = ConfigDocument::parse(text, "t.toml");
  REQUIRE(document);
  const ConfigTable root = document->root();
  Read result{read_site(root), read_paths(root), read_regions(root), read_routes(root), ""};
  if (const auto error = document->errors()) result.errors = error->message;
  return result;
}

}  // namespace

TEST_CASE("the routes part of a configuration reads into plain structs") {
  const Read all = read(R"(
[site]
name = "casablanca-1"
asn = 64500
place = "casablanca"

[[path]]
name = "atlas-offshore"
segments = ["cas-asilah", "atlas-offshore"]
upstream_asn = 64501
neighbor_v4 = "10.0.1.2"
neighbor_v6 = "fd00::2"
protocol = "u1"
cost = 12.5
commit = "10 Gbit/s"

[[path]]
name = "old"
role = "peer"
forbidden = true
forbidden_reason = "contract ended"

[[region]]
name = "europe"
countries = ["FR", "ES"]
asns = ["AS3215", "12479"]
prefixes = ["203.0.113.0/24"]
communities = ["64501:33", "64501:1:2"]

[routes]
rib = "birdc:/run/bird/bird.ctl"
rpki = "vrps.json"
rpki_max_age = "2h"
accept = ["private-asn", "too-specific"]
decision = ["keep-oldest", "always-compare-med"]

[routes.bird]
include = "/etc/bird/strait.conf"
socket = "/run/bird/bird.ctl"
confirm_timeout = "20s"
apply = "automatic"

[routes.injector]
router = "2001:db8:9::1"
local_address = "2001:db8:9::2"
router_id = "192.0.2.77"
community = "64500:911"
)");
  CHECK(all.errors.empty());
  CHECK(all.site.asn == Asn{64500});
  CHECK(all.site.place == "casablanca");
  REQUIRE(all.paths.size() == 2);
  CHECK(all.paths[0].segments.size() == 2);
  CHECK(all.paths[0].upstream_asn == Asn{64501});
  CHECK(all.paths[0].neighbor_v6->to_string() == "fd00::2");
  CHECK(all.paths[0].protocol == "u1");
  CHECK(all.paths[0].cost == 12.5);
  CHECK(all.paths[0].commit == BitRate{1e10});
  CHECK_FALSE(all.paths[1].commit.has_value());
  CHECK(all.paths[1].forbidden_reason == "contract ended");
  CHECK(all.paths[0].role == NeighborRole::provider);
  CHECK(all.paths[1].role == NeighborRole::peer);
  REQUIRE(all.regions.size() == 1);
  CHECK(all.regions[0].asns == std::vector{Asn{3215}, Asn{12479}});
  CHECK(all.regions[0].prefixes.size() == 1);
  REQUIRE(all.regions[0].communities.size() == 2);
  CHECK(to_string(all.regions[0].communities[0]) == "64501:33");
  CHECK(to_string(all.regions[0].communities[1]) == "64501:1:2");
  CHECK(all.routes.modes.usual == ApplyMode::automatic);
  CHECK(all.routes.rpki == "vrps.json");
  CHECK(all.routes.rpki_max_age == Nanos{2h});
  Problems refused = Problems::all();
  refused.remove(Problem::private_asn);
  refused.remove(Problem::too_specific);
  CHECK(all.routes.refuse == refused);
  DecisionOptions decision;
  decision.keep_oldest = decision.always_compare_med = true;
  CHECK(all.routes.decision == decision);
  REQUIRE(all.routes.router);
  CHECK(all.routes.router->confirm_timeout == Nanos{20s});
  REQUIRE(all.routes.injector);
  CHECK(all.routes.injector->router.to_string() == "2001:db8:9::1");
  CHECK(all.routes.injector->local_address.to_string() == "2001:db8:9::2");
  CHECK(all.routes.injector->router_id.to_string() == "192.0.2.77");
  CHECK(all.routes.injector->community == (64500U << 16U | 911U));
}

TEST_CASE("each router that can be told has a table of its own") {
  struct Case {
    const char* text;
    RouterKind kind;
    const char* file;
    const char* control;
  };
  const auto c = GENERATE(values<Case>({
      {"[routes.bird]\ninclude = \"a\"", RouterKind::bird, "a", "/run/bird/bird.ctl"},
      {"[routes.frr]\nfile = \"b\"\nload_within = \"5s\"", RouterKind::frr, "b", "/run/frr"},
      {"[routes.gobgp]\nfile = \"c\"\noperators_file = \"d\"\nload_within = \"5s\"",
       RouterKind::gobgp, "c", "127.0.0.1:50051"},
      {"[routes.openbgpd]\ninclude = \"e\"\nload_within = \"5s\"", RouterKind::openbgpd, "e",
       "/run/openbgpd/bgpd.sock"},
  }));
  const Read all =
      read((std::string{c.text} +
            "\njournal = \"j\"\nread_back_within = \"2m\"\n[routes]\nmode = \"moderated\"")
               .c_str());
  CHECK(all.errors.empty());
  REQUIRE(all.routes.router);
  CHECK(all.routes.router->kind == c.kind);
  CHECK(all.routes.router->include_file == c.file);
  CHECK(all.routes.router->control_socket == c.control);
  CHECK(all.routes.router->journal_file == "j");
  CHECK(all.routes.router->load_within == (c.kind == RouterKind::bird ? Nanos{60s} : Nanos{5s}));
  CHECK(all.routes.router->read_back_within == Nanos{2min});
  CHECK(all.routes.modes.tell_the_router());
  if (c.kind != RouterKind::gobgp) return;
  CHECK(all.routes.router->operators_file == "d");
  CHECK(all.routes.router->configuration == "/etc/gobgpd.conf");
  CHECK(all.routes.router->reload == std::vector<std::string>{"systemctl", "reload", "gobgpd"});
}

TEST_CASE("a speaker of the injector is what is told, and the router's table says where to look") {
  const std::string injector =
      "\n[routes.injector]\nrouter = \"192.0.2.1\"\nlocal_address = \"192.0.2.2\"\n"
      "community = \"64500:911\"\nfile = \"f\"\njournal = \"j\"\nload_within = \"5s\"\nspeaker = ";
  const Read exabgp = read((std::string{"[routes.frr]\nsockets = \"s\""} + injector +
                            "\"exabgp\"\n[routes]\nmode = \"automatic\"")
                               .c_str());
  CHECK(exabgp.errors.empty());
  REQUIRE(exabgp.routes.router);
  CHECK(exabgp.routes.router->kind == RouterKind::exabgp);
  CHECK(exabgp.routes.router->injector == exabgp.routes.injector);
  CHECK(exabgp.routes.router->include_file == "f");
  CHECK(exabgp.routes.router->configuration == "/etc/exabgp/exabgp.conf");
  CHECK(exabgp.routes.router->reload == std::vector<std::string>{"systemctl", "reload", "exabgp"});
  CHECK(exabgp.routes.router->journal_file == "j");
  CHECK(exabgp.routes.router->load_within == Nanos{5s});
  CHECK(exabgp.routes.router->read_from == RouterKind::frr);
  CHECK(exabgp.routes.router->read_from_socket == "s");
  CHECK_FALSE(exabgp.routes.router->synchronised_clock);

  const Read gobgp = read((std::string{"[routes.bird]"} + injector +
                           "\"gobgp\"\napi = \"unix:///a\"\n[routes]\nsynchronised_clock = true")
                              .c_str());
  CHECK(gobgp.errors.empty());
  REQUIRE(gobgp.routes.router);
  CHECK(gobgp.routes.router->kind == RouterKind::gobgp_injector);
  CHECK(gobgp.routes.router->control_socket == "unix:///a");
  CHECK(gobgp.routes.router->read_from == RouterKind::bird);
  CHECK(gobgp.routes.router->read_from_socket == "/run/bird/bird.ctl");
  CHECK(gobgp.routes.router->synchronised_clock);
  CHECK_FALSE(same_router(*exabgp.routes.router, *gobgp.routes.router));
}

TEST_CASE("without a table there is advice only, with defaults") {
  const Read all = read("");
  CHECK(all.errors.empty());
  CHECK(all.paths.empty());
  CHECK_FALSE(all.routes.modes.tell_the_router());
  CHECK_FALSE(all.routes.router);
  CHECK(all.routes.rpki.empty());
  CHECK(all.routes.refuse == Problems::all());
}

TEST_CASE("a class has the mode of its policy, or that of all, whatever it is called") {
  const auto* const modes = GENERATE(
      "[routes]\nmode = \"moderated\"\nchanges_per_day = 7\napprove_within = "
      "\"20m\"\n[routes.bird]\n",
      "[routes]\nchanges_per_day = 7\napprove_within = \"20m\"\n[routes.bird]\napply = "
      "\"moderated\"\n");
  const Read all = read((std::string{modes} + "include = \"x\"\n[[policy]]\nclass = \"europe\"\n" +
                         "mode = \"automatic\"\nchanges_per_day = 2\n[[policy]]\n" +
                         "class = \"africa\"\nmode = \"advise\"\n")
                            .c_str());
  CHECK(all.errors.empty());
  CHECK(all.routes.modes.of("europe") == ApplyMode::automatic);
  CHECK(all.routes.modes.of("africa") == ApplyMode::advise);
  CHECK(all.routes.modes.of("middle-east") == ApplyMode::moderated);
  CHECK(all.routes.modes.changes_per_day == 7);
  CHECK(all.routes.modes.changes_by_class.at("europe") == 2);
  CHECK(all.routes.modes.approve_within == Nanos{20min});
}

TEST_CASE("mistakes are reported where they are") {
  struct Case {
    const char* text;
    const char* error;
  };
  const auto c = GENERATE(values<Case>({
      {"[[path]]\nsegments = []", "has no 'name'"},
      {"[[path]]\nname = \"Atlas Offshore\"", "want 1 to 64 of a-z"},
      {"[[path]]\nname = \"a\"\n[[path]]\nname = \"a\"",
       "t.toml:4:8: error: name 'a' is there twice"},
      {"[[path]]\nname = \"a\"\nneighbor_v4 = \"fd00::1\"", "is not IPv4"},
      {"[[path]]\nname = \"a\"\nforbidden = true", "forbidden_reason"},
      {"[[path]]\nname = \"a\"\ncommit = \"10G\"", "bit rate '10G': want a number above 0"},
      {"[[path]]\nname = \"a\"\nupstream_asn = 0", "want 1 to 4294967295"},
      {"[[path]]\nname = \"a\"\nprotcol = \"x\"", "did you mean 'protocol'?"},
      {"[[region]]\nname = \"a\"\ncountries = [\"France\"]", "country 'France'"},
      {"[[region]]\nname = \"a\"\nasns = [\"ASx\"]", "ASN 'ASx'"},
      {"[[region]]\nname = \"a\"\nprefixes = [\"10.0.0.1/8\"]", "host bits"},
      {"[[region]]\nname = \"a\"\ncommunities = [\"70000:1\"]", "community '70000:1': want A:B"},
      {"[[region]]\nname = \"none\"", "'none' stands for what is in no region"},
      {"[[path]]\nname = \"a\"\nrole = \"friend\"", "role 'friend': want one of provider, rs"},
      {"[routes]\naccept = [\"bogon\"]", "problem 'bogon': want one of bogon-prefix, default-"},
      {"[routes]\nrpki_max_age = \"0s\"", "rpki_max_age"},
      {"[routes]\ndecision = [\"med\"]", "decision step 'med': want one of always-compare-med, "},
      {"[routes]\nrtr = [\"[::1]\", \"host:x\"]", "RPKI cache 'host:x': want HOST:PORT"},
      {"[routes]\nrtr = [\"[::1]\", \"[::1]:323\"]", "RPKI cache '[::1]:323' is there twice"},
      {"[routes]\nrpki = \"x\"\nrtr = [\"[::1]\"]", "not both"},
      {"[routes.bird]\nsocket = \"x\"", "has no 'include'"},
      {"[routes]\nmode = \"automatic\"", "there must be one: [routes.bird]"},
      {"[[policy]]\nclass = \"a\"\nmode = \"moderated\"", "there must be one: [routes.bird]"},
      {"[routes.frr]\nsockets = \"x\"", "has no 'file'"},
      {"[routes.gobgp]\nfile = \"x\"", "has no 'operators_file'"},
      {"[routes.openbgpd]\nsocket = \"x\"", "has no 'include'"},
      {"[routes.frr]\nfile = \"x\"\nload_within = \"2h\"", "want 1s to 1h"},
      {"[routes.bird]\ninclude = \"x\"\n[routes.frr]\nfile = \"y\"",
       "[routes.bird] and [routes.frr]: one router is told"},
      {"[routes]\nmode = \"manual\"", "mode"},
      {"[routes]\nmode = \"advise\"\n[routes.bird]\ninclude = \"x\"\napply = \"advise\"",
       "t.toml:5:9: error: it is the older name of 'mode'"},
      {"[routes]\nchanges_per_day = -1", "changes_per_day"},
      {"[routes.bird]\ninclude = \"x\"\nconfirm_timeout = \"1s\"", "want 2s to 1h"},
      {"[routes.bird]\ninclude = \"x\"\nread_back_within = \"100ms\"", "want 1s to 1h"},
      {"[routes.injector]\nrouter = \"192.0.2.1\"", "has no 'community'"},
      {"[routes.injector]\ncommunity = \"65535:1\"", "community '65535:1': want A:B, A from 1 to"},
      {"[routes.injector]\ncommunity = \"0:1\"", "community '0:1': want A:B, A from 1 to"},
      {"[routes.injector]\ncommunity = \"1:2:3\"", "community '1:2:3': want A:B, A from 1 to"},
      {"[routes.injector]\nlocal_address = \"2001:db8::1\"", "needs 'router_id'"},
      {"[routes.bird]\n[routes.injector]\nspeaker = \"bird\"\nfile = \"f\"",
       "speaker 'bird': want exabgp or gobgp"},
      {"[routes.bird]\n[routes.injector]\nspeaker = \"gobgp\"", "has no 'file'"},
      {"[routes.injector]\nspeaker = \"gobgp\"\nfile = \"f\"",
       "wants [routes.bird] or [routes.frr]"},
      {"[routes.bird]\n[routes.frr]\n[routes.injector]\nspeaker = \"gobgp\"\nfile = \"f\"",
       "wants [routes.bird] or [routes.frr]"},
      {"[routes.injector]\nrouter_id = \"2001:db8::1\"", "want an IPv4 address"},
      {"[routes.injector]\nrouter = \"192.0.2.1\"\nlocal_address = \"2001:db8::1\"",
       "want the address family of 'local_address'"},
      {"[site]\nlatitude = 33.6", "both latitude and longitude"},
      {"[site]\nplace = \"x\"\nlatitude = 1\nlongitude = 1", "not both"},
  }));
  CAPTURE(c.text);
  CHECK_THAT(read(c.text).errors, Catch::Contains(c.error));
}

TEST_CASE("paths are completed from the catalogue, or refused by name") {
  const auto catalogue = Catalogue::load(STRAIT_DATA);
  REQUIRE(catalogue);
  Path path;
  path.name = "a";
  path.segments = {"atlas-offshore"};
  CHECK(complete_paths({path}, *catalogue)->at(0).length_km == 1634);
  path.segments = {"atlas"};
  CHECK_THAT(complete_paths({path}, *catalogue).error().message, Catch::Contains("path 'a'"));
}

TEST_CASE("what two regions claim is refused with the places of both") {
  struct Case {
    const char* key;
    const char* value;
    const char* what;
  };
  const auto c = GENERATE(values<Case>({
      {"countries", "FR", "country FR"},
      {"asns", "AS3215", "AS3215"},
      {"prefixes", "203.0.113.0/24", "prefix 203.0.113.0/24"},
      {"communities", "64501:33", "community 64501:33"},
  }));
  const std::string claim = std::string{c.key} + " = [\"" + c.value + "\"]\n";
  const std::string text =
      "[[region]]\nname = \"a\"\n" + claim + "[[region]]\nname = \"b\"\n" + claim;
  const Read all = read(text.c_str());
  CHECK_THAT(all.errors, Catch::Contains("t.toml:6:") && Catch::Contains(c.what) &&
                             Catch::Contains("is in region 'b' and, at t.toml:3:") &&
                             Catch::Contains("in region 'a': want one"));
  const Read once = read(("[[region]]\nname = \"a\"\n" + claim).c_str());
  CHECK(once.errors.empty());
}
