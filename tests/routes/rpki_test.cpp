// SPDX-License-Identifier: Apache-2.0
#include "routes/rpki.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "routes/sources/attributes.hpp"
#include "routes/sources/vrp_json.hpp"
#include "tests/routes/mrt_builder.hpp"
#include "tests/routes/rib_of.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

Vrp vrp(const char* prefix, unsigned max_length, std::uint32_t asn, std::int64_t expires = 0) {
  return {.prefix = parse_prefix(prefix).value(),
          .max_length = static_cast<std::uint8_t>(max_length),
          .asn = Asn{asn},
          .expires = expires};
}

Result<VrpFile> read_text(std::string_view text) {
  const auto source = memory_source(std::as_bytes(std::span{text}));
  return read_vrps(*source, "vrps.json");
}

VrpFile file_of(std::string_view text) {
  auto file = read_text(text);
  if (!file) FAIL(file.error().message);
  return std::move(*file);
}

// RFC 6811 section 2 read aloud, over all VRPs.
RovState reference(const std::vector<Vrp>& vrps, const Prefix& prefix, std::optional<Asn> origin) {
  bool covered = false;
  for (const Vrp& each : vrps) {
    if (!contains(each.prefix, prefix)) continue;
    covered = true;
    const bool matches = origin && each.asn == *origin && each.asn != Asn{0};
    if (matches && prefix.length <= each.max_length) return RovState::valid;
  }
  return covered ? RovState::invalid : RovState::not_found;
}

class Dice {
 public:
  // Below `limit`.
  std::uint32_t operator()(std::uint32_t limit) {
    return static_cast<std::uint32_t>(engine_() % limit);
  }

 private:
  std::mt19937 engine_{11};
};

// Few bits, so that prefixes nest.
Prefix crowded_prefix(Dice& dice, bool v6) {
  const std::uint32_t length = dice(v6 ? 129 : 33);
  if (v6) {
    const std::uint64_t high = 0x2001'0db8'0000'0000 | (std::uint64_t{dice(4)} << 40U);
    return KeyV6::of(high, std::uint64_t{dice(2)} << 63U, static_cast<std::uint8_t>(length))
        .prefix();
  }
  const std::uint32_t address = 0x0a000000U | dice(4) << 22U | dice(4) << 8U;
  return KeyV4::of(address, static_cast<std::uint8_t>(length)).prefix();
}

Vrp crowded_vrp(Dice& dice, bool v6) {
  Vrp made;
  made.prefix = crowded_prefix(dice, v6);
  const unsigned room = (v6 ? 128U : 32U) - made.prefix.length;
  made.max_length = static_cast<std::uint8_t>(made.prefix.length + dice(room + 1));
  made.asn = Asn{dice(4)};
  return made;
}

Rib rib_of_path(const Octets& segments) {
  RibBuilder builder{Asn{0}};
  AttributeReader reader;
  const Octets octets = Octets{}.add(origin(0)).add(as_path(segments)).add(next_hop("192.0.2.1"));
  static_cast<void>(reader.read(octets.span(), {}));
  const auto id = builder.attributes().add(reader.head(), reader.octets(NlriPlace::rib_entry));
  const auto peer = builder.peer(parse_address("192.0.2.1").value(), Asn{65001}, 1).value();
  const std::vector<RibRoute> one{{.attributes = id, .path_id = 0, .peer = peer}};
  builder.put(KeyV4::of(0x0a000000, 8), one);
  return std::move(builder).finish();
}

}  // namespace

TEST_CASE(
    "a route is valid, invalid or not found as RFC 6811 section 2 says, and invalid for a reason") {
  const VrpSet vrps{{vrp("10.0.0.0/16", 20, 64500), vrp("10.0.0.0/16", 16, 64501),
                     vrp("10.0.0.0/8", 8, 64502), vrp("10.9.0.0/16", 32, 0),
                     vrp("2001:db8::/32", 48, 64500)}};
  struct Case {
    const char* prefix;
    std::uint32_t origin;  // 0: none
    RovState state;
    const char* reason;
  };
  const auto c = GENERATE(values<Case>({
      {"10.0.0.0/16", 64500, RovState::valid, ""},
      {"10.0.16.0/20", 64500, RovState::valid, ""},
      {"10.0.16.0/21", 64500, RovState::invalid, "length"},
      {"10.0.16.0/20", 64501, RovState::invalid, "length"},
      {"10.0.0.0/16", 64501, RovState::valid, ""},
      {"10.0.0.0/16", 64502, RovState::invalid, "length"},
      {"10.0.0.0/8", 64502, RovState::valid, ""},
      {"10.0.0.0/16", 7, RovState::invalid, "asn"},
      {"10.0.0.0/16", 0, RovState::invalid, "no origin"},
      {"10.9.1.0/24", 64500, RovState::invalid, "asn"},
      {"10.0.0.0/7", 64502, RovState::not_found, ""},
      {"11.0.0.0/8", 64502, RovState::not_found, ""},
      {"0.0.0.0/0", 64502, RovState::not_found, ""},
      {"2001:db8::/48", 64500, RovState::valid, ""},
      {"2001:db8::/49", 64500, RovState::invalid, "length"},
      {"2001:db9::/48", 64500, RovState::not_found, ""},
  }));
  CAPTURE(c.prefix, c.origin);
  const auto origin = c.origin == 0 ? std::nullopt : std::optional{Asn{c.origin}};
  const RovVerdict verdict = vrps.validate(parse_prefix(c.prefix).value(), origin);
  CHECK(verdict.state == c.state);
  CHECK(verdict.reason == c.reason);
}

TEST_CASE("a VRP of AS 0 makes nobody valid, not even AS 0") {
  const VrpSet vrps{{vrp("10.0.0.0/8", 32, 0)}};
  CHECK(vrps.validate(parse_prefix("10.1.0.0/16").value(), Asn{0}).state == RovState::invalid);
}

TEST_CASE("the covering VRPs are all that RFC 6811 compares with, the longest first") {
  const VrpSet vrps{{vrp("10.0.0.0/8", 8, 1), vrp("10.0.0.0/16", 24, 2), vrp("10.0.0.0/16", 24, 2),
                     vrp("10.1.0.0/16", 16, 3)}};
  CHECK(vrps.size() == 3);
  CHECK(vrps.covering(parse_prefix("10.0.5.0/24").value()) ==
        std::vector{vrp("10.0.0.0/16", 24, 2), vrp("10.0.0.0/8", 8, 1)});
  CHECK(vrps.covering(parse_prefix("12.0.0.0/8").value()).empty());
  CHECK(VrpSet{}.covering(parse_prefix("10.0.0.0/8").value()).empty());
}

TEST_CASE("validation agrees with a search through all VRPs on random ones") {
  Dice dice;
  std::array<std::size_t, 3> seen{};
  for (int round = 0; round < 60; ++round) {
    const bool v6 = round % 2 == 1;
    std::vector<Vrp> vrps;
    for (auto left = dice(100); left > 0; --left) vrps.push_back(crowded_vrp(dice, v6));
    const VrpSet set{vrps};
    for (int i = 0; i < 500; ++i) {
      const Prefix prefix = crowded_prefix(dice, v6);
      const std::uint32_t asn = dice(5);
      const auto origin = asn == 4 ? std::nullopt : std::optional{Asn{asn}};
      const RovState want = reference(vrps, prefix, origin);
      CAPTURE(to_string(prefix), asn);
      REQUIRE(set.validate(prefix, origin).state == want);
      ++seen.at(static_cast<std::size_t>(want));
    }
  }
  for (const std::size_t count : seen) CHECK(count > 1000);
}

TEST_CASE(
    "the origin is the last AS, nobody after a set, and the peer's AS where the path is ours") {
  struct Case {
    const char* name;
    Octets segments;
    std::optional<Asn> origin;
  };
  const auto number = [](Octets octets, std::uint32_t asn) { return octets.u32(asn); };
  const Octets sequence = number(number(Octets{}.u8(2).u8(2), 7), 8);
  const std::vector<Case> cases{
      {"sequence", sequence, Asn{8}},
      {"empty", {}, Asn{65001}},
      {"set at the end", Octets{sequence}.add(number(Octets{}.u8(1).u8(1), 9)), std::nullopt},
      {"confederation at the end", Octets{sequence}.add(number(Octets{}.u8(3).u8(1), 9)),
       Asn{65001}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const Rib rib = rib_of_path(c.segments);
    CHECK(rov_origin(rib, rib.v4().routes.at(0)) == c.origin);
  }
}

TEST_CASE("VRPs are read as rpki-client and Routinator write them, old and new") {
  struct Case {
    const char* name;
    const char* text;
    std::vector<Vrp> vrps;
    const char* made;  // empty: not told
  };
  const std::vector<Case> cases{
      {"rpki-client 8",
       R"({"metadata": {"buildmachine": "a", "buildtime": "2023-03-01T10:00:00Z",
         "elapsedtime": "48", "roas": 1}, "roas": [
         {"asn": 13335, "prefix": "1.0.0.0/24", "maxLength": 24, "ta": "apnic",
          "expires": 1677700000}], "bgpsec_keys": [{"asn": 1, "ski": "x"}]})",
       {vrp("1.0.0.0/24", 24, 13335, 1677700000)},
       "2023-03-01T10:00:00Z"},
      {"rpki-client of 2021",
       R"({"metadata":{"buildtime":"2021-05-12T14:11:19Z"},"roas":[
         {"asn":"AS13335","prefix":"1.0.0.0/24","maxLength":24,"ta":"apnic"}]})",
       {vrp("1.0.0.0/24", 24, 13335)},
       "2021-05-12T14:11:19Z"},
      {"Routinator json",
       R"({"metadata":{"generated":1677664800,
         "generatedTime":"2023-03-01T10:00:00Z"},"roas":[
         {"asn":"AS0","prefix":"2001:db8::/32","maxLength":128,"ta":"ripe"}]})",
       {vrp("2001:db8::/32", 128, 0)},
       "2023-03-01T10:00:00Z"},
      {"Routinator jsonext",
       R"({"metadata":{"generated":1677664800},"roas":[
         {"asn":"AS7","prefix":"10.0.0.0/8","maxLength":9,"source":[{"type":"roa","uri":"rsync://x",
          "validity":{"notBefore":"a","expires":5},"asn":"AS9"}]}],"routerKeys":[],"aspas":[]})",
       {vrp("10.0.0.0/8", 9, 7)},
       "2023-03-01T10:00:00Z"},
      {"without metadata and maxLength",
       R"({"roas":[{"prefix":"10.0.0.0/8","asn":"7","maxLength":null}]})",
       {vrp("10.0.0.0/8", 8, 7)},
       ""},
      {"none at all", R"({"roas":[]})", {}, ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const VrpFile file = file_of(c.text);
    CHECK(file.vrps == c.vrps);
    CHECK(file.damaged == 0);
    CHECK((file.made ? to_string(*file.made) : "") == c.made);
  }
}

TEST_CASE("an entry that is no VRP is counted with its place and reason") {
  const VrpFile file = file_of(R"({"roas":[
    {"prefix":"10.0.0.0/8","maxLength":8}, {"asn":1,"maxLength":8},
    {"asn":4294967296,"prefix":"10.0.0.0/8","maxLength":8},
    {"asn":-1,"prefix":"10.0.0.0/8","maxLength":8}, {"asn":1.5,"prefix":"10.0.0.0/8","maxLength":8},
    {"asn":1,"prefix":"10.0.0.1/8","maxLength":8}, {"asn":1,"prefix":"10.0.0.0/8","maxLength":7},
    {"asn":1,"prefix":"10.0.0.0/8","maxLength":33}, {"asn":1,"prefix":"10.0.0.0/8","maxLength":8}]})");
  CHECK(file.vrps == std::vector{vrp("10.0.0.0/8", 8, 1)});
  REQUIRE(file.damaged == 8);
  CHECK(file.reasons.at(0) == "roas[0]: no 'asn'");
  CHECK(file.reasons.at(1) == "roas[1]: no 'prefix'");
  CHECK(file.reasons.at(2) == "roas[2]: asn '4294967296': want an AS number");
  CHECK(file.reasons.at(6) == "roas[6]: maxLength '7' of 10.0.0.0/8: want 8 to 32");
}

TEST_CASE("what is no VRP file is refused with the place where it stops being one") {
  struct Case {
    const char* text;
    const char* error;
  };
  const auto c = GENERATE(values<Case>({
      {"", "octet 0: "},
      {"{", "octet 1: "},
      {R"({"roas":[}]})", "octet 9: "},
      {R"({"roas":[]} x)", "something behind the end"},
      {"{}", "want an object with an array 'roas'"},
      {R"([{"asn":1}])", "want an object with an array 'roas'"},
      {R"({"roas":{"a":{"asn":1}}})", "want an object with an array 'roas'"},
      {R"({"roas":7})", "want an object with an array 'roas'"},
      {R"({"x":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[)", "octet "},
  }));
  CAPTURE(c.text);
  const auto file = read_text(c.text);
  REQUIRE_FALSE(file.has_value());
  CHECK_THAT(file.error().message, Catch::StartsWith("VRPs: vrps.json: "));
  CHECK_THAT(file.error().message, Catch::Contains(c.error));
}

TEST_CASE("values that lie on the border of two blocks are read whole") {
  std::string text = R"({"roas":[)";
  std::vector<Vrp> want;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    const std::string prefix = to_string(KeyV4::of(0x0a000000U + (i << 8U), 24).prefix());
    text += std::string{i == 0 ? "" : ","} + R"({"asn":)" + std::to_string(4'000'000'000U + i) +
            R"(,"prefix":")" + prefix + R"(","maxLength":24})";
    want.push_back(vrp(prefix.c_str(), 24, 4'000'000'000U + i));
  }
  CHECK(file_of(text + "]}").vrps == want);
}

TEST_CASE("a VRP past its expiry is dropped, one that tells none is kept") {
  std::vector<Vrp> vrps{vrp("10.0.0.0/8", 8, 1, 999), vrp("10.0.0.0/8", 8, 2, 1000),
                        vrp("10.0.0.0/8", 8, 3)};
  CHECK(drop_expired(vrps, WallTime{std::chrono::seconds{1000}}) == 1);
  CHECK(vrps.size() == 2);
}
