// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/anonymiser.hpp"

#include <sys/stat.h>

#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <random>
#include <span>
#include <string>

namespace strait::probe::passive {
namespace {

// Of the sample trace in Crypto-PAn's first distribution.
constexpr std::array<unsigned char, 32> sample_key{
    21,  34,  23,  141, 51,  164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16,
    216, 152, 143, 131, 121, 121, 101, 39,  98, 87, 76, 45, 42, 132, 34,  2};

Anonymiser sample() {
  auto made = Anonymiser::crypto_pan(std::as_bytes(std::span{sample_key}));
  REQUIRE(made.has_value());
  return std::move(*made);
}

TEST_CASE("Crypto-PAn gives the addresses of its sample trace, and of others' IPv6") {
  struct Case {
    const char* real;
    const char* shown;
  };
  const auto c = GENERATE(values<Case>({
      {"128.11.68.132", "135.242.180.132"},
      {"129.118.74.4", "134.136.186.123"},
      {"130.132.252.244", "133.68.164.234"},
      {"141.223.7.43", "141.167.8.160"},
      {"141.233.145.108", "141.129.237.235"},
      {"152.163.225.39", "151.140.114.167"},
      {"156.29.3.236", "147.225.12.42"},
      {"192.41.57.43", "252.222.221.184"},
      {"203.12.160.252", "244.248.163.4"},
      {"64.39.15.238", "0.219.7.41"},
      {"::1", "78ff:f001:9fc0:20df:8380:b1f1:704:ed"},
      {"::ffff", "78ff:f001:9fc0:20df:8380:b1f1:704:f838"},
      {"2001:db8::1", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e"},
      {"2001:db8::2", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c"},
  }));
  CAPTURE(c.real);
  Anonymiser anonymise = sample();
  CHECK(anonymise(parse_address(c.real).value()).to_string() == c.shown);
  CHECK(anonymise(parse_address(c.real).value()).to_string() == c.shown);  // and again
}

// How many bits two have in common.
template <class Octets>
unsigned common(const Octets& a, const Octets& b) {
  unsigned bits = 0;
  while (bits < a.size() * 8 && ((a[bits / 8] ^ b[bits / 8]) >> (7 - bits % 8) & 1) == 0) ++bits;
  return bits;
}

TEST_CASE("two addresses that begin with the same n bits do so behind Crypto-PAn, and not more") {
  Anonymiser anonymise = sample();
  std::mt19937 random{5};  // NOLINT(cert-msc51-cpp): the same each time
  for (unsigned length = 0; length < 128; ++length) {
    boost::asio::ip::address_v6::bytes_type one{};
    for (auto& octet : one) octet = static_cast<unsigned char>(random());
    auto other = one;
    other[length / 8] ^= static_cast<unsigned char>(0x80U >> (length % 8));
    for (std::size_t i = length / 8 + 1; i < other.size(); ++i) {
      other.at(i) = static_cast<unsigned char>(random());
    }
    const auto shown = [&](const auto& octets) {
      return anonymise(Address{boost::asio::ip::address_v6{octets}}).to_v6().to_bytes();
    };
    CHECK(common(shown(one), shown(other)) == length);
    if (length >= 32) continue;
    const auto shown_v4 = [&](const auto& octets) {
      boost::asio::ip::address_v4::bytes_type first{};
      std::copy_n(octets.begin(), first.size(), first.begin());
      return anonymise(Address{boost::asio::ip::address_v4{first}}).to_v4().to_bytes();
    };
    CHECK(common(shown_v4(one), shown_v4(other)) == length);
  }
}

TEST_CASE("a prefix holds behind Crypto-PAn what it held before") {
  Anonymiser anonymise = sample();
  for (const char* const text :
       {"0.0.0.0/0", "128.0.0.0/1", "198.51.100.0/24", "198.51.100.7/32"}) {
    CAPTURE(text);
    const Prefix shown = anonymise(parse_prefix(text).value());
    CHECK(parse_prefix(to_string(shown)).has_value());
    CHECK(contains(shown, anonymise(parse_address("198.51.100.7").value())));
  }
}

TEST_CASE("truncating keeps so many bits, of prefixes too") {
  auto made = make_anonymiser("truncate:20/48");
  REQUIRE(made.has_value());
  Anonymiser anonymise = std::move(*made);
  CHECK(anonymise(parse_address("198.51.127.9").value()).to_string() == "198.51.112.0");
  CHECK(anonymise(parse_address("2001:db8:1:2::3").value()).to_string() == "2001:db8:1::");
  CHECK(to_string(anonymise(parse_prefix("198.51.127.0/24").value())) == "198.51.112.0/20");
  CHECK(to_string(anonymise(parse_prefix("198.48.0.0/12").value())) == "198.48.0.0/12");
  Anonymiser all = Anonymiser::truncating(0, 0);
  CHECK(all(parse_address("198.51.127.9").value()).to_string() == "0.0.0.0");
  Anonymiser none = Anonymiser::truncating(32, 128);
  CHECK(none(parse_address("2001:db8:1:2::3").value()).to_string() == "2001:db8:1:2::3");
}

TEST_CASE("a key of another length than 32 octets is refused with the way to make one") {
  const auto room = std::filesystem::temp_directory_path() / "strait-anonymiser-key";
  const auto write = [&](const std::string& text) {
    std::ofstream{room} << text;
    REQUIRE(::chmod(room.c_str(), 0600) == 0);
    return make_anonymiser("crypto-pan:" + room.string());
  };
  CHECK(write("hex:" + std::string(64, '7')).has_value());
  const auto refused = write("hex:" + std::string(62, '7'));
  REQUIRE_FALSE(refused.has_value());
  CHECK_THAT(refused.error().message,
             Catch::Contains("31 octets: Crypto-PAn wants 32") && Catch::Contains("openssl rand"));
  REQUIRE(::chmod(room.c_str(), 0644) == 0);
  CHECK_FALSE(make_anonymiser("crypto-pan:" + room.string()).has_value());
  std::filesystem::remove(room);
}

}  // namespace
}  // namespace strait::probe::passive
