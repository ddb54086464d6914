// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/prefix_patterns.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <string>

#include "routes/dialects/bird.hpp"

using namespace strait;
using namespace strait::routes;

namespace {

std::vector<Prefix> prefixes(std::initializer_list<const char*> texts) {
  std::vector<Prefix> all;
  for (const char* const text : texts) all.push_back(parse_prefix(text).value());
  std::ranges::sort(all);
  return all;
}

std::string words(std::span<const PrefixPattern> patterns) {
  std::string text;
  for (const PrefixPattern& each : patterns) {
    text += (text.empty() ? "" : " ") + to_string(each.network);
    if (!each.single()) text += "-" + std::to_string(each.from) + "-" + std::to_string(each.to);
  }
  return text;
}

// Prefixes near one another, so that there is much to join.
std::vector<Prefix> random_prefixes(std::mt19937& random, bool v6) {
  std::set<Prefix> all;
  const unsigned first = v6 ? 40 : 18;
  for (auto left = random() % 300; left > 0; --left) {
    const auto length = static_cast<std::uint8_t>(first + random() % 7);
    if (!v6) {
      const std::uint32_t bits = static_cast<std::uint32_t>(random()) % 128U << 7U;
      const std::uint32_t address = (0x0a000000U | bits) & (~0U << (32U - length));
      all.insert({boost::asio::ip::address_v4{address}, length});
      continue;
    }
    boost::asio::ip::address_v6::bytes_type octets{0x20, 0x01, 0x0d, 0xb8, 0};
    octets[5] = static_cast<unsigned char>(random() % 128U * 2U);
    for (unsigned bit = length; bit < 48; ++bit) {
      octets.at(bit / 8) &= static_cast<unsigned char>(~(0x80U >> bit % 8));
    }
    all.insert({boost::asio::ip::address_v6{octets}, length});
  }
  return {all.begin(), all.end()};
}

}  // namespace

TEST_CASE("what stands side by side is one pattern, and nothing else is in it") {
  struct Case {
    std::vector<Prefix> prefixes;
    const char* patterns;
  };
  const auto c = GENERATE(values<Case>({
      {prefixes({"10.0.0.0/24"}), "10.0.0.0/24"},
      {prefixes({"10.0.0.0/24", "10.0.1.0/24"}), "10.0.0.0/23-24-24"},
      {prefixes({"10.0.1.0/24", "10.0.2.0/24"}), "10.0.1.0/24 10.0.2.0/24"},
      {prefixes({"10.0.0.0/23", "10.0.0.0/24", "10.0.1.0/24"}), "10.0.0.0/23-23-24"},
      {prefixes({"10.0.0.0/23", "10.0.0.0/24"}), "10.0.0.0/23 10.0.0.0/24"},
      {prefixes({"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24", "10.0.0.0/22"}),
       "10.0.0.0/22 10.0.0.0/22-24-24"},
      {prefixes({"0.0.0.0/1", "128.0.0.0/1"}), "0.0.0.0/0-1-1"},
      {prefixes({"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"}), "0.0.0.0/0-0-1"},
      {prefixes({"10.0.0.0/32", "10.0.0.1/32"}), "10.0.0.0/31-32-32"},
      {prefixes({"2001:db8::/48", "2001:db8:1::/48"}), "2001:db8::/47-48-48"},
      {prefixes({"2001:db8::/128", "2001:db8::1/128"}), "2001:db8::/127-128-128"},
  }));
  CHECK(words(patterns_of(c.prefixes)) == c.patterns);
}

TEST_CASE("patterns match exactly the prefixes that they were made of, and are never more") {
  std::mt19937 random{3};  // NOLINT(bugprone-random-generator-seed)
  std::size_t joined = 0;
  for (int round = 0; round < 400; ++round) {
    const auto wanted = random_prefixes(random, round % 2 == 1);
    const auto patterns = patterns_of(wanted);
    CHECK(patterns.size() <= wanted.size());
    joined += wanted.size() - patterns.size();
    std::vector<Prefix> matched;
    for (const PrefixPattern& each : patterns) REQUIRE(expand(each, matched));
    std::ranges::sort(matched);
    REQUIRE(matched == wanted);
  }
  CHECK(joined > 1000);  // or the rounds have shown nothing
}

TEST_CASE("a pattern that is not ours is not expanded") {
  const Prefix network = parse_prefix("10.0.0.0/8").value();
  const auto pattern = GENERATE_COPY(values<PrefixPattern>(
      {{network, 7, 8}, {network, 9, 8}, {network, 8, 25}, {network, 8, 33}}));
  std::vector<Prefix> none;
  CHECK_FALSE(expand(pattern, none));
  CHECK(none.empty());
}

TEST_CASE("BIRD's file with patterns reads back as the prefixes, and so does one without") {
  Plan plan;
  plan.preferences.push_back(
      {.traffic_class = "europe",
       .path = "atlas",
       .protocol = "u1",
       .local_pref = LocalPref{200},
       .prefixes = prefixes({"10.0.0.0/24", "10.0.1.0/24", "10.0.0.0/22", "2001:db8::/48"}),
       .reason = "faster"});
  const std::string text = render_bird(plan).value();
  CHECK_THAT(text, Catch::Contains("\n  10.0.0.0/22,\n  10.0.0.0/23{24,24}\n]"));
  const Plan again = read_bird(text).value();
  REQUIRE(again.preferences.size() == 1);
  CHECK(again.preferences[0].prefixes == plan.preferences[0].prefixes);

  std::string earlier = text;
  const std::string pattern = "  10.0.0.0/23{24,24}\n";
  earlier.replace(earlier.find("  10.0.0.0/22,\n" + pattern), 15 + pattern.size(),
                  "  10.0.0.0/22,\n  10.0.0.0/24,\n  10.0.1.0/24\n");
  // As it sorted then: by network, then by length.
  const Plan plain = read_bird(earlier).value();
  CHECK(plain.preferences[0].prefixes == plan.preferences[0].prefixes);

  for (const char* const bad : {"{24,26}", "{23,24}", "{8,24}", "{24,99}", "{24}", "{,}"}) {
    std::string edited = text;
    edited.replace(edited.find("{24,24}"), 7, bad);
    CHECK_FALSE(read_bird(edited));
  }
}
