// SPDX-License-Identifier: Apache-2.0
#include "routes/bgpdump_text.hpp"

#include <catch2/catch.hpp>

#include "core/file.hpp"
#include "tests/routes/mrt_builder.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

struct Written {
  std::string text;
  BgpdumpReport report;
};

Written written(std::span<const std::byte> octets, const RouteFilter& filter = {}) {
  Written all;
  const auto source = memory_source(octets);
  auto report = write_bgpdump_text(*source, filter, [&](std::string_view text) {
    all.text += text;
    return true;
  });
  if (!report) FAIL(report.error().message);
  all.report = std::move(*report);
  return all;
}

std::string golden(const char* name) {
  auto text = read_file(std::string{STRAIT_GOLDEN} + "/" + name);
  if (!text) FAIL(text.error().message);
  return std::move(*text);
}

std::string filtered(const RouteFilter& filter) {
  const std::string file = golden("bgpdump.mrt");
  return written(std::as_bytes(std::span{file}), filter).text;
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

}  // namespace

// golden/bgpdump.txt is what Debian's bgpdump 1.6.2 printed of golden/bgpdump.mrt: tables of both
// kinds and families, add-path, sets and confederations, local routes, updates of all forms.
TEST_CASE("the text is bgpdump's, byte for byte") {
  const std::string file = golden("bgpdump.mrt");
  const Written all = written(std::as_bytes(std::span{file}));
  CHECK(all.text == golden("bgpdump.txt"));
  CHECK(all.report.lines == lines_of(all.text));
  CHECK(all.report.damaged == 0);
  CHECK(all.report.skipped.at("record type 13 subtype 3") == 1);
}

TEST_CASE("attributes that were seen before are written as they were the first time") {
  Octets file = peer_table();
  for (unsigned i = 0; i < 5; ++i) {
    file.add(rib(2, Octets{8, 10 + i},
                 {entry(1, plain_attributes()), entry(2, plain_attributes("192.0.2.9"))}));
  }
  const std::string text = written(file.span()).text;
  CHECK(lines_of(text) == 10);
  CHECK_THAT(text, Catch::EndsWith("|14.0.0.0/8|65001 64496|IGP|192.0.2.9|0|0||NAG||\n"));
}

TEST_CASE("each line has the time and the kind of its own record") {
  const auto at = [](unsigned second, Octets one) {
    one.bytes()[3] = static_cast<std::byte>(second);  // 1700000000 ends in a 0
    return one;
  };
  const Octets plain = rib(2, Octets{8, 10}, {entry(1, plain_attributes())});
  const Octets twice = rib(8, Octets{8, 10}, {entry_add_path(1, 7, plain_attributes())});
  Octets file = peer_table();
  file.add(at(0, plain)).add(at(0, twice)).add(at(1, twice)).add(at(1, plain)).add(at(0, plain));
  const std::string line = "|B|192.0.2.1|65001|10.0.0.0/8";
  const std::string rest = "|65001 64496|IGP|192.0.2.1|0|0||NAG||\n";
  CHECK(written(file.span()).text ==
        "TABLE_DUMP2|1700000000" + line + rest + "TABLE_DUMP2_AP|1700000000" + line + "|7" + rest +
            "TABLE_DUMP2_AP|1700000001" + line + "|7" + rest + "TABLE_DUMP2|1700000001" + line +
            rest + "TABLE_DUMP2|1700000000" + line + rest);
}

TEST_CASE("where bgpdump is at fault the text is right") {
  const Octets host{20, 198, 51, 0xff};
  Octets aggregated = plain_attributes();
  aggregated.add(attribute(0xc0, 7, Octets{}.u32(65002).address("255.255.255.255")));
  const Octets file = Octets{peer_table()}.add(rib(2, host, {entry(1, aggregated)}));
  CHECK(
      written(file.span()).text ==
      "TABLE_DUMP2|1700000000|B|192.0.2.1|65001|198.51.240.0/20|65001 64496|IGP|192.0.2.1|0|0||NAG|"
      "65002 255.255.255.255|\n");
}

TEST_CASE("a route that RFC 7606 would not use is counted and not written") {
  Octets bad = plain_attributes();
  bad.add(attribute(0x80, 4, {1}));
  const Octets file = Octets{peer_table()}.add(
      rib(2, Octets{8, 10}, {entry(1, bad), entry(2, plain_attributes()), entry(9, bad)}));
  const Written all = written(file.span());
  CHECK(lines_of(all.text) == 1);
  CHECK(all.report.damaged == 2);
  CHECK(all.report.skipped.at("malformed MULTI_EXIT_DISC") == 1);
  CHECK(all.report.skipped.at("peer index beyond the peer index table") == 1);
}

TEST_CASE("filters let through what they name") {
  const std::size_t all = lines_of(golden("bgpdump.txt"));
  RouteFilter peer;
  peer.peers = {parse_address("192.0.2.2").value()};
  CHECK(lines_of(filtered(peer)) == 7);
  RouteFilter inside;
  inside.within = {{parse_prefix("2001:db8::/32").value(), true}};
  const std::string found = filtered(inside);
  CHECK(lines_of(found) < all);
  CHECK_THAT(found, Catch::Contains("2001:db8:1::/48"));
  CHECK_THAT(found, !Catch::Contains("|10.0.0.0/8|"));
  CHECK_THAT(found, !Catch::Contains("|STATE|"));
  inside.within.front().or_longer = false;
  CHECK_THAT(filtered(inside), !Catch::Contains("2001:db8:1::/48"));
  RouteFilter community;
  community.communities = {parse_community("65535:666").value()};
  CHECK(lines_of(filtered(community)) == 1);
  RouteFilter large;
  large.communities = {parse_community("65001:4:4294967295").value()};
  CHECK(lines_of(filtered(large)) == 1);
  RouteFilter path;
  path.as_path = parse_as_path_expression("^4200000001$").value();
  CHECK(lines_of(filtered(path)) == 1);
  path.as_path = parse_as_path_expression("_3_").value();
  CHECK(lines_of(filtered(path)) == 1);  // in a set, and not in 23456
  RouteFilter origin;
  origin.origins = {Asn{70001}};
  CHECK(lines_of(filtered(origin)) == 2);  // of AS4_PATH
}

TEST_CASE("words of a filter that do not parse say what is wanted") {
  struct Case {
    const char* text;
    const char* error;  // empty: good
  };
  const auto c = GENERATE(values<Case>({
      {"65001:1", ""},
      {"0:0", ""},
      {"4200000000:1:2", ""},
      {"65536:1", "want A:B, each up to 65535, or A:B:C"},
      {"1", "want A:B"},
      {"1:2:3:4", "want A:B"},
      {"1:-2", "want A:B"},
      {"1:2 ", "want A:B"},
      {"", "want A:B"},
  }));
  CAPTURE(c.text);
  const auto parsed = parse_community(c.text);
  CHECK(parsed.has_value() == (*c.error == '\0'));
  if (!parsed) CHECK_THAT(parsed.error().message, Catch::Contains(c.error));
  const auto expression = parse_as_path_expression("(1");
  REQUIRE_FALSE(expression);
  CHECK_THAT(expression.error().message, Catch::StartsWith("AS-path expression '(1': "));
}
