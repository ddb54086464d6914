// SPDX-License-Identifier: Apache-2.0
#include "core/address.hpp"

#include <catch2/catch.hpp>

using namespace strait;

TEST_CASE("parse_prefix accepts networks and says what is wrong with the rest") {
  struct Case {
    const char* text;
    const char* error;  // empty: the text is good
  };
  const auto c = GENERATE(values<Case>({
      {"196.200.128.0/19", ""},
      {"2001:4278::/32", ""},
      {"0.0.0.0/0", ""},
      {"::/0", ""},
      {"192.0.2.1/32", ""},
      {"196.200.128.0", "no '/'"},
      {"196.200.128/19", "bad address"},
      {"196.200.128.0/33", "want 0 to 32"},
      {"2001:4278::/129", "want 0 to 128"},
      {"196.200.128.0/", "want 0 to 32"},
      {"196.200.128.0/-1", "want 0 to 32"},
      {"196.200.128.0/19x", "want 0 to 32"},
      {"196.200.128.1/19", "host bits are set"},
      {"2001:4278::1/32", "host bits are set"},
      {"/19", "bad address"},
  }));
  CAPTURE(c.text);
  const auto prefix = parse_prefix(c.text);
  if (*c.error == '\0') {
    REQUIRE(prefix.has_value());
    CHECK(to_string(*prefix) == c.text);
  } else {
    REQUIRE_FALSE(prefix.has_value());
    CHECK_THAT(prefix.error().message, Catch::Contains(c.error));
  }
}

TEST_CASE("a prefix contains exactly the addresses that share its bits") {
  struct Case {
    const char* prefix;
    const char* address;
    bool inside;
  };
  const auto c = GENERATE(values<Case>({
      {"10.0.0.0/8", "10.255.255.255", true},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"10.1.2.128/25", "10.1.2.128", true},
      {"10.1.2.128/25", "10.1.2.127", false},
      {"0.0.0.0/0", "255.255.255.255", true},
      {"0.0.0.0/0", "::", false},
      {"2001:db8::/33", "2001:db8:7fff::1", true},
      {"2001:db8::/33", "2001:db8:8000::1", false},
      {"192.0.2.1/32", "192.0.2.1", true},
      {"192.0.2.1/32", "192.0.2.0", false},
  }));
  CAPTURE(c.prefix, c.address);
  CHECK(contains(*parse_prefix(c.prefix), *parse_address(c.address)) == c.inside);
}

TEST_CASE("a prefix contains itself and its more-specifics, not its covering prefix") {
  const auto wide = *parse_prefix("198.18.0.0/15");
  const auto narrow = *parse_prefix("198.19.0.0/24");
  CHECK(contains(wide, wide));
  CHECK(contains(wide, narrow));
  CHECK_FALSE(contains(narrow, wide));
}

TEST_CASE("parse_endpoint reads both families, with and without a port") {
  struct Case {
    const char* text;
    const char* printed;  // empty: refused
  };
  const auto c = GENERATE(values<Case>({
      {"192.0.2.1", "192.0.2.1:862"},
      {"192.0.2.1:5000", "192.0.2.1:5000"},
      {"[2001:db8::1]:5000", "[2001:db8::1]:5000"},
      {"[2001:db8::1]", "[2001:db8::1]:862"},
      {"2001:db8::1", "[2001:db8::1]:862"},
      {"192.0.2.1:", ""},
      {"192.0.2.1:65536", ""},
      {"192.0.2.1:-1", ""},
      {"[2001:db8::1", ""},
      {"[2001:db8::1]5000", ""},
      {"example.org:862", ""},
      {"", ""},
  }));
  CAPTURE(c.text);
  const auto endpoint = parse_endpoint(c.text, 862);
  REQUIRE(endpoint.has_value() == (*c.printed != '\0'));
  if (endpoint) CHECK(to_string(*endpoint) == c.printed);
}

TEST_CASE("parse_mac reads six octets and nothing else") {
  CHECK(to_string(*parse_mac("02:00:5e:10:00:01")) == "02:00:5e:10:00:01");
  for (const char* text : {"", "02:00:5e:10:00", "02-00-5e-10-00-01", "02:00:5e:10:00:0g",
                           "02:00:5e:10:00:011", "2:0:5e:10:0:1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_mac(text).has_value());
  }
}

TEST_CASE("prefixes order by family, network and length") {
  CHECK(*parse_prefix("10.0.0.0/8") < *parse_prefix("10.0.0.0/9"));
  CHECK(*parse_prefix("10.0.0.0/9") < *parse_prefix("11.0.0.0/8"));
  CHECK(*parse_prefix("255.0.0.0/8") < *parse_prefix("::/0"));
}
