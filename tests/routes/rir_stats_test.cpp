// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/rir_stats.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <random>

#include "routes/prefix_map.hpp"
#include "routes/sources/registration_files.hpp"

using namespace strait;
using namespace strait::routes;

namespace {

Prefix prefix(std::string_view text) { return parse_prefix(text).value(); }

Result<RirStats> stats_of(std::string_view text) {
  const auto source = memory_source(std::as_bytes(std::span{text.data(), text.size()}));
  return read_rir_stats(*source, "delegated");
}

RirStats sound(std::string_view text) {
  auto stats = stats_of(text);
  if (!stats) FAIL(stats.error().message);
  return std::move(*stats);
}

Registrations registrations(RirStats stats) {
  return Registrations{std::move(stats.blocks), std::move(stats.registries)};
}

// "MA afrinic 2026-01-31", or "-".
std::string where(const Registrations& all, const char* text) {
  const auto match = all.find(prefix(text));
  if (!match) return "-";
  const RegistrationSource& source = all.source(*match);
  return std::string{match->country.text()} + " " + source.name + " " + source.date;
}

// As the registries begin them: AFRINIC's serial and start date, LACNIC's version 2.3, APNIC's
// comments, RIPE NCC's Unix time for a serial, ARIN's fields behind the status.
constexpr std::string_view afrinic =
    "2|afrinic|20260131|9|00000000|20260131|00000\r\n"
    "afrinic|*|asn|*|1|summary\r\n"
    "afrinic|*|ipv4|*|5|summary\r\n"
    "afrinic|*|ipv6|*|2|summary\r\n"
    "afrinic|MA|asn|6713|1|19970101|allocated|F3|e-stats\r\n"
    "afrinic|MA|ipv4|196.200.128.0|32768|20000101|allocated|F1\r\n"
    "afrinic|MA|ipv4|41.0.0.0|768|20000101|assigned|F1\r\n"
    "afrinic|SN|ipv4|41.0.3.0|256|20000101|assigned|F2\r\n"
    "afrinic|ZZ|ipv4|102.0.0.0|1024||available||e-stats\r\n"
    "afrinic|ZZ|ipv4|102.0.4.0|1024||reserved\r\n"
    "afrinic|MA|ipv6|2001:4278::|32|20000101|allocated|F1\r\n"
    "afrinic|ZZ|ipv6|2001:4279::|32||available\r\n";

}  // namespace

TEST_CASE("a statistics file registers ranges that need be no power of two") {
  const RirStats stats = sound(afrinic);
  CHECK(stats.damaged == 0);
  CHECK(stats.registries == std::vector<RegistrationSource>{{"afrinic", "2026-01-31"}});
  CHECK(stats.passed_over.at("available") == 2);
  CHECK(stats.passed_over.at("reserved") == 1);
  CHECK(stats.passed_over.at("AS number") == 1);
  const Registrations all = registrations(stats);
  CHECK(where(all, "196.200.128.0/17") == "MA afrinic 2026-01-31");
  CHECK(where(all, "196.200.255.255/32") == "MA afrinic 2026-01-31");
  CHECK(where(all, "196.200.0.0/16") == "-");
  CHECK(where(all, "41.0.0.0/23") == "MA afrinic 2026-01-31");
  CHECK(where(all, "41.0.2.0/24") == "MA afrinic 2026-01-31");
  CHECK(where(all, "41.0.2.0/23") == "-");  // half of it is in Senegal
  CHECK(where(all, "41.0.3.0/24") == "SN afrinic 2026-01-31");
  CHECK(where(all, "102.0.0.0/24") == "-");
  CHECK(where(all, "2001:4278:1::/48") == "MA afrinic 2026-01-31");
  CHECK(where(all, "2001:4278::1/128") == "MA afrinic 2026-01-31");
  CHECK(where(all, "2001:4279::/32") == "-");
}

TEST_CASE("the oddities of each registry's file are read") {
  struct Case {
    const char* text;
    const char* date;
    std::size_t blocks;
  };
  const auto c = GENERATE(values<Case>({
      {"2.3|lacnic|20260130|2|19870101|20260129|-0300\n"
       "lacnic|*|ipv4|*|2|summary\n"
       "lacnic|BR|ipv4|200.0.0.0|65536|19941231|allocated|1\n"
       "lacnic||ipv4|200.1.0.0|256||available\n",
       "2026-01-29", 1},
      {"#\n# APNIC's explanation | with bars\n#\n"
       "2|apnic|20260131|3|19830613|20260130|+1000\n\n"
       "apnic|AP|ipv4|1.0.0.0|256|20110811|assigned\n"
       "apnic|EU|ipv4|1.0.1.0|256|20110811|assigned\n"
       "apnic|au|ipv6|2001:200::|35|19990813|allocated\n",
       "2026-01-30", 3},
      {"2|ripencc|1704063599|2|19830705|20231231|+0100\n"
       "ripencc|EU|ipv6|2001:600::|29|19990826|allocated|id\n"
       "ripencc|FR|ipv4|2.0.0.0|1048576|20100712|allocated|id\n",
       "2023-12-31", 2},
      {"2|ripencc|20140801|1|19830705|00000000|+0200\n"
       "ripencc|FR|ipv4|2.0.0.0|256|20100712|allocated\n",
       "2014-08-01", 1},
      {"2|arin|1704063599|1|19700101||-0500\n"
       "arin|US|ipv4|3.0.0.0|16777216|19880223|assigned|hash|extra|fields|beyond|count\n",
       "", 1},
      {"2.3|nro|20260131|3|19830705|20260131|+0000\n"
       "iana|ZZ|ipv4|0.0.0.0|16777216|19810901|reserved|ietf|iana\n"
       "afrinic|MA|ipv4|41.0.0.0|256|20000101|assigned|F1|e-stats\n"
       "apnic|JP|ipv4|1.0.16.0|4096|20110412|allocated|A|e-stats\n",
       "2026-01-31", 2},
  }));
  CAPTURE(c.text);
  const RirStats stats = sound(c.text);
  CHECK(stats.damaged == 0);
  CHECK(stats.blocks.size() == c.blocks);
  REQUIRE_FALSE(stats.registries.empty());
  CHECK(stats.registries.front().date == c.date);
}

TEST_CASE("what is no record is counted with its line and the rest is read") {
  struct Case {
    const char* line;
    const char* reason;
  };
  const auto c = GENERATE(values<Case>({
      {"afrinic|MA|ipv4|41.0.0.0", "4 fields: want at least 7"},
      {"afrinic|MA|ipv4|41.0.0|256|20000101|assigned", "'41.0.0|256': want an IPv4 address"},
      {"afrinic|MA|ipv4|2001:db8::|256|20000101|assigned", "want an IPv4 address"},
      {"afrinic|MA|ipv4|41.0.0.0|0|20000101|assigned", "0 addresses from 41.0.0.0"},
      {"afrinic|MA|ipv4|255.255.255.0|257|20000101|assigned", "257 addresses from 255.255.255.0"},
      {"afrinic|MA|ipv4|41.0.0.0|99999999999999999999|20000101|assigned", "want an IPv4 address"},
      {"afrinic|MA|ipv6|2001:db8::|65|20000101|assigned", "a prefix length up to 64"},
      {"afrinic|MA|ipv6|2001:db8::|16|20000101|assigned", "host bits are set"},
      {"afrinic|MA|ipv6|41.0.0.0|16|20000101|assigned", "want an IPv6 address"},
      {"afrinic|MA|mac|41.0.0.0|16|20000101|assigned", "type 'mac'"},
      {"afrinic|*|mac|*|16|summary", "a summary of what is not known"},
      {"afrinic|*|ipv4|*|2|summary", "1 ipv4 records, but the summary promises 2"},
  }));
  CAPTURE(c.line);
  const RirStats stats = sound(std::string{"2|afrinic|20260131|9|0|20260131|0\n"} + c.line +
                               "\nafrinic|MA|ipv4|196.0.0.0|256|20000101|assigned\n");
  CHECK(stats.blocks.size() == 1);
  CHECK(stats.damaged == 1);
  REQUIRE(stats.reasons.size() == 1);
  CHECK_THAT(stats.reasons.front(), Catch::Contains(c.reason) && Catch::Contains("delegated:"));
}

TEST_CASE("a file that begins otherwise is refused") {
  for (const char* const text : {"", "prefix,country_iso2\n", "afrinic|MA|ipv4|a|1|1|assigned\n",
                                 "# only a comment\n", "2|afrinic\n"}) {
    CAPTURE(text);
    CHECK_FALSE(stats_of(text));
    CHECK_FALSE(looks_like_rir_stats(text));
  }
  CHECK(looks_like_rir_stats(afrinic));
}

TEST_CASE("a line without end takes no memory and costs one line") {
  const std::string text = "2|afrinic|20260131|9|0|20260131|0\n" + std::string(1U << 20U, 'x') +
                           "\nafrinic|MA|ipv4|196.0.0.0|256|20000101|assigned\n";
  const RirStats stats = sound(text);
  CHECK(stats.damaged == 1);
  CHECK(stats.blocks.size() == 1);
}

TEST_CASE("of two records of the same addresses the first file's counts, and both are named") {
  const auto block = [](const char* text, const char* country, std::uint16_t source) {
    auto made = block_of(prefix(text), parse_country(country).value()).value();
    made.source = source;
    return made;
  };
  const Registrations all{
      {block("10.0.0.0/8", "FR", 1), block("10.0.0.0/8", "MA", 0), block("10.1.0.0/16", "SN", 1),
       block("2001:db8::/32", "FR", 0), block("2001:db8::/32", "FR", 1)},
      {{"a", ""}, {"b", ""}}};
  CHECK(where(all, "10.0.0.0/16") == "MA a ");
  CHECK(where(all, "10.1.0.0/16") == "SN b ");
  CHECK(where(all, "10.255.0.0/16") == "MA a ");
  CHECK(all.conflict_count() == 1);
  REQUIRE(all.conflicts().size() == 1);
  CHECK(all.conflicts().front() == "2 records of 10.0.0.0 to 10.255.255.255: MA (a) and FR (b)");
}

TEST_CASE("neighbouring blocks of one country hold a prefix together") {
  const auto block = [](const char* text, const char* country) {
    return block_of(prefix(text), parse_country(country).value()).value();
  };
  const Registrations all{{block("10.0.0.0/24", "MA"), block("10.0.1.0/24", "MA"),
                           block("10.0.2.0/24", "FR"), block("255.255.255.0/24", "MA"),
                           block("ffff:ffff:ffff:ffff::/64", "MA"), block("::/0", "FR")},
                          {{"a", ""}}};
  CHECK(where(all, "10.0.0.0/23") == "MA a ");
  CHECK(where(all, "10.0.0.0/22") == "-");
  CHECK(where(all, "255.255.255.0/24") == "MA a ");
  CHECK(where(all, "ffff:ffff:ffff:ffff::/64") == "MA a ");
  CHECK(where(all, "8000::/2") == "FR a ");
  CHECK(where(all, "::/0") == "-");
}

// A block is found as a person would: look at every record, the smallest that holds the address.
TEST_CASE("any blocks, nested and overlapping, are found as by looking at each of them") {
  std::mt19937 random{7};
  const auto below = [&](std::uint32_t end) { return static_cast<std::uint32_t>(random() % end); };
  for (int round = 0; round < 300; ++round) {
    std::vector<RegisteredBlock> blocks;
    const std::vector<RegistrationSource> sources{{"a", ""}, {"b", ""}};
    const std::uint32_t count = below(12);
    for (std::uint32_t i = 0; i < count; ++i) {
      // Prefixes only: of ranges that cross, neither lies inside the other.
      const unsigned length = 24 + below(8);
      const auto made = block_of(network_of(boost::asio::ip::address_v4{0x0a000000U + below(512)},
                                            static_cast<std::uint8_t>(length)),
                                 parse_country(below(2) == 0 ? "MA" : "FR").value());
      REQUIRE(made);
      blocks.push_back(*made);
      blocks.back().source = static_cast<std::uint16_t>(below(2));
    }
    const Registrations all{blocks, sources};
    for (std::uint32_t at = 0x0a000000U; at < 0x0a000200U; ++at) {
      const RegisteredBlock* best = nullptr;
      for (const RegisteredBlock& each : blocks) {
        if (at < each.first || at > each.last) continue;
        const auto size = [](const RegisteredBlock& block) { return block.last - block.first; };
        if (best == nullptr || size(each) < size(*best) ||
            (size(each) == size(*best) && each.source <= best->source)) {
          best = &each;
        }
      }
      const auto found = all.find(KeyV4::of(at, 32));
      REQUIRE(found.has_value() == (best != nullptr));
      if (best == nullptr || !found) continue;
      CHECK(found->country == best->country);
      CHECK(found->source == best->source);
    }
  }
}

TEST_CASE("files of registrations are told apart by what they begin with") {
  const auto directory = std::filesystem::temp_directory_path() /
                         ("strait-registrations-" + std::to_string(std::random_device{}()));
  std::filesystem::create_directory(directory);
  const std::string rir = directory / "delegated";
  const std::string csv = directory / "own.csv";
  std::ofstream{rir} << afrinic;
  std::ofstream{csv} << "prefix,country_iso2\n41.0.0.0/24,FR\n41.0.1.0/24,MA\n";
  const std::vector<std::string> both{csv, rir};
  const auto files = load_registrations(both);
  const std::vector<std::string> absent{rir, directory / "absent"};
  CHECK_FALSE(load_registrations(absent));
  std::filesystem::remove_all(directory);
  if (!files) FAIL(files.error().message);
  CHECK(files->notes.empty());
  CHECK(files->complete);
  CHECK(where(files->registrations, "41.0.0.0/24") == "FR " + csv + " ");
  CHECK(where(files->registrations, "41.0.2.0/24") == "MA afrinic 2026-01-31");
  CHECK(where(files->registrations, "41.0.1.0/24") == "MA " + csv + " ");
}

TEST_CASE("a CSV of registrations names the row that is none") {
  struct Case {
    const char* rows;
    const char* error;
  };
  const auto c = GENERATE(values<Case>({
      {"10.0.0.0/8,MA\n10.0.0.1/8,MA\n", "t.csv: row 2: prefix '10.0.0.1/8': host bits"},
      {"10.0.0.0/8,Morocco\n", "row 1: country_iso2 'Morocco'"},
      {"2001:db8::/65,MA\n", "row 1: prefix 2001:db8::/65: want at most /64"},
      {"10.0.0.0/8,MA\n10.0.0.0/8,FR\n",
       "row 2: 10.0.0.0/8 is registered in FR, and in MA by row 1"},
  }));
  CAPTURE(c.rows);
  const auto table = CsvTable::parse(std::string{"prefix,country_iso2\n"} + c.rows, "t.csv");
  REQUIRE(table);
  const auto files = registrations_of(*table, "t.csv");
  REQUIRE_FALSE(files);
  CHECK_THAT(files.error().message, Catch::Contains(c.error));
}
