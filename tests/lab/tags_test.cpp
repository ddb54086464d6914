// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/tags.hpp"

#include <catch2/catch.hpp>

using namespace strait::lab;

namespace {

std::vector<std::byte> octets(std::initializer_list<unsigned> values) {
  std::vector<std::byte> made(12, std::byte{2});
  for (const unsigned value : values) made.push_back(static_cast<std::byte>(value));
  return made;
}

}  // namespace

TEST_CASE("tags are put on and taken off again") {
  const auto plain = octets({8, 0, 0x45, 0, 0, 0});
  const Tags two{{300, 101}, {}};
  const auto whole = tagged(plain, two);
  CHECK(whole == octets({0x88, 0xa8, 1, 44, 0x81, 0, 0, 101, 8, 0, 0x45, 0, 0, 0}));
  CHECK(vlans_of(whole) == two.vlans);
  CHECK(stripped(whole, two) == plain);
  CHECK(vlans_of(plain).empty());
  CHECK(stripped(plain, {}) == plain);
}

TEST_CASE("exactly the labels of the path are popped") {
  const Tags path{{101}, {16001, 24}};
  const auto labelled =
      octets({0x81, 0, 0, 101, 0x88, 0x47, 3, 0xe8, 0x10, 64, 0, 1, 0x81, 64, 0x60, 0, 0});
  CHECK(stripped(labelled, path) == octets({0x86, 0xdd, 0x60, 0, 0}));
  CHECK_FALSE(stripped(labelled, {{101}, {16001}}));
  CHECK_FALSE(stripped(labelled, {{101}, {16001, 25}}));
  CHECK_FALSE(stripped(octets({8, 0, 0x45, 0, 0}), path));
  CHECK(stripped(octets({8, 6, 0, 1}), path) == octets({8, 6, 0, 1}));  // ARP
}

TEST_CASE("words for tags are read, and others refused") {
  Tags tags;
  CHECK(parse_tags("vlans=300,101", tags));
  CHECK(parse_tags("mpls=16001", tags));
  CHECK(tags == Tags{{300, 101}, {16001}});
  for (const char* const bad : {"vlans", "vlans=", "vlans=5000", "mpls=x", "tags=1"}) {
    Tags fresh;
    CHECK_FALSE(parse_tags(bad, fresh));
  }
}
