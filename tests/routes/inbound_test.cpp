// SPDX-License-Identifier: Apache-2.0
#include "routes/inbound.hpp"

#include <catch2/catch.hpp>

using namespace strait;
using namespace strait::routes;

namespace {

struct Read {
  InboundOptions options;
  std::string errors;
};

Read read(const char* text) {
  auto document = ConfigDocument::parse(text, "t.toml");
  REQUIRE(document);
  ConfigTable root = document->root();
  Read read{read_inbound(root), ""};
  for (ConfigTable& table : root.tables("path")) static_cast<void>(table.text("name"));
  if (const auto error = document->errors()) read.errors = error->message;
  return read;
}

const InboundTraffic traffic{.traffic_class = "europe",
                             .prefixes = {parse_prefix("198.51.100.0/24").value()},
                             .by = std::nullopt};

InboundStep step(const WayIn& way, bool same_neighbor_as = false) {
  return inbound_step(traffic, way, "atlas", same_neighbor_as, Asn{64500});
}

}  // namespace

TEST_CASE("what a configuration says of the way in reads into plain structs") {
  const auto [options, errors] = read(R"(
[[path]]
name = "atlas"
levers = ["community 64501:70", "prepend 2", "med 4294967295", "withhold"]
levers_pulled = ["prepend 2"]
[[path]]
name = "loukkos"
comes_back = true
[[inbound]]
class = "europe"
prefixes = ["198.51.100.0/24", "2001:db8::/32"]
by = "atlas"
)");
  CHECK(errors.empty());
  const WayIn& atlas = options.ways.at("atlas");
  CHECK_FALSE(atlas.comes_back);
  CHECK(atlas.levers == std::vector<Lever>{{Lever::Kind::community, "community 64501:70", false},
                                           {Lever::Kind::prepend, "prepend 2", true},
                                           {Lever::Kind::med, "med 4294967295", false},
                                           {Lever::Kind::withhold, "withhold", false}});
  CHECK(options.ways.at("loukkos").comes_back);
  REQUIRE(options.traffic.size() == 1);
  CHECK(options.traffic[0].prefixes.size() == 2);
  CHECK(options.traffic[0].by == "atlas");
}

TEST_CASE("a mistake about the way in is an error at its place") {
  struct Case {
    const char* text;
    const char* words;
  };
  const Case row = GENERATE(values<Case>({
      {"[[path]]\nname = \"a\"\nlevers = [\"prepend 0\"]\n", "lever 'prepend 0': want"},
      {"[[path]]\nname = \"a\"\nlevers = [\"prepend 11\"]\n", "from 1 to 10"},
      {"[[path]]\nname = \"a\"\nlevers = [\"prepend\"]\n", "lever 'prepend': want"},
      {"[[path]]\nname = \"a\"\nlevers = [\"med 4294967296\"]\n", "lever 'med 4294967296'"},
      {"[[path]]\nname = \"a\"\nlevers = [\"community x\"]\n", "lever 'community x'"},
      {"[[path]]\nname = \"a\"\nlevers_pulled = [\"med 1\"]\n", "'med 1' is not among the levers"},
      {"[[inbound]]\nclass = \"europe\"\n", "prefixes"},
      {"[[inbound]]\nprefixes = [\"198.51.100.0/24\"]\n", "class"},
      {"[[inbound]]\nclass = \"e\"\nprefixes = [\"198.51.100.1/24\"]\n", "198.51.100.1/24"},
      {"[[inbound]]\nclass = \"e\"\nprefixes = []\nby = \"x\"\n", "no [[path]] has the name 'x'"},
      {"[[inbound]]\nclass = \"e\"\nprefixes = []\n[[inbound]]\nclass = \"e\"\nprefixes = []\n",
       "class 'e' is there twice"},
  }));
  CAPTURE(row.text);
  CHECK_THAT(read(row.text).errors, Catch::Contains(row.words));
}

TEST_CASE("the next step is the first lever that is not pulled and can work") {
  WayIn way{.comes_back = false,
            .levers = {{Lever::Kind::med, "med 50", false},
                       {Lever::Kind::community, "community 64501:70", false},
                       {Lever::Kind::prepend, "prepend 1", false},
                       {Lever::Kind::withhold, "withhold", false}}};
  CHECK(step(way, true).words == "announce 198.51.100.0/24 to the upstream of atlas with med 50");
  // Between two neighbouring ASes nobody compares it.
  CHECK(step(way).words ==
        "announce 198.51.100.0/24 to the upstream of atlas with community 64501:70");
  way.levers[1].pulled = true;
  CHECK(step(way).words ==
        "announce 198.51.100.0/24 to the upstream of atlas with AS64500 prepended (prepend 1)");
  way.levers[2].pulled = true;
  CHECK_THAT(step(way).words, Catch::StartsWith("stop announcing 198.51.100.0/24") &&
                                  Catch::Contains("covering prefix"));
  way.levers[3].pulled = true;
  CHECK_FALSE(step(way).possible);
  CHECK_THAT(step(way).words, Catch::Contains("is pulled"));
  CHECK_THAT(step(WayIn{}).words, Catch::Contains("no 'levers'"));
}
