// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <tuple>

#include "core/sanitizer.hpp"
#include "routes/match_index.hpp"
#include "routes/prefix_map.hpp"
#include "routes/rib_builder.hpp"

using namespace strait;
using namespace strait::routes;

namespace {

// A million look-ups together. Few tables: an index takes longer to make than to ask.
constexpr int tables = 20;
#ifdef STRAIT_ADDRESS_SANITIZER
constexpr int look_ups = 2'500;
#else
constexpr int look_ups = 25'000;
#endif

class Random {
 public:
  explicit Random(unsigned seed) : engine_{seed} {}
  // Below `limit`.
  std::uint32_t operator()(std::uint32_t limit) {
    return static_cast<std::uint32_t>(engine_() % limit);
  }
  std::uint64_t any() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

// Few different bits, so that prefixes nest and addresses are near their edges.
std::uint32_t crowded_v4(Random& random) {
  const std::uint32_t edges[] = {0, 1, 127, 128, 255};
  std::uint32_t address = 0;
  for (int i = 0; i < 4; ++i) address = address << 8U | edges[random(5)];
  return address;
}

KeyV6 crowded_v6(Random& random, std::uint8_t length) {
  const std::uint64_t tops[] = {0x2001'0db8'0000'0000, 0x2a00'0000'0000'0000, 0xfc00'0000'0000'0000,
                                0, ~std::uint64_t{0}};
  const std::uint64_t high = tops[random(5)] | (std::uint64_t{random(4)} << random(60));
  return KeyV6::of(high, std::uint64_t{random(4)} << random(64), length);
}

// At the edge of one of them, or just over it.
KeyV6 at_an_edge(Random& random, const std::vector<KeyV6>& keys) {
  if (keys.empty()) return KeyV6::of(random.any(), random.any(), 128);
  const KeyV6& key = keys[random(static_cast<std::uint32_t>(keys.size()))];
  const std::uint64_t edge = random(2) == 0 ? key.high : key.last_covered().high;
  return KeyV6::of(edge + random(3) - 1, random(2) == 0 ? 0 : ~std::uint64_t{0}, 128);
}

// Puts a route to each key, in random order.
template <class Key>
void fill(RibBuilder& builder, std::vector<Key> keys, Random& random) {
  const auto peer = builder.peer(parse_address("192.0.2.1").value(), Asn{65001}, 1).value();
  const auto id = builder.attributes().add({}, {});
  std::shuffle(keys.begin(), keys.end(), std::mt19937{random(1000)});
  const RibRoute route{.attributes = id, .path_id = 0, .peer = peer};
  for (const Key& key : keys) builder.put(key, std::span{&route, 1});
}

// RFC 4632 section 5.1 read aloud: of all prefixes that hold the address, the longest.
template <class Key>
std::optional<Key> reference(const std::vector<Key>& keys, const Key& host) {
  std::optional<Key> best;
  for (const Key& key : keys) {
    const bool holds = host.shortened(key.length()) == key;
    if (holds && (!best || best->length() < key.length())) best = key;
  }
  return best;
}

}  // namespace

TEST_CASE("the match index finds what a search through all prefixes finds, IPv4") {
  Random random{4};
  std::size_t looked_up = 0;
  for (int table = 0; table < tables; ++table) {
    std::vector<KeyV4> keys;
    for (auto left = random(120); left > 0; --left) {
      keys.push_back(KeyV4::of(crowded_v4(random), static_cast<std::uint8_t>(random(33))));
    }
    RibBuilder builder{Asn{0}};
    fill(builder, keys, random);
    const Rib rib = std::move(builder).finish();
    const MatchIndex index{rib};
    for (int i = 0; i < look_ups; ++i, ++looked_up) {
      const std::uint32_t address =
          i % 2 == 0 ? crowded_v4(random) : static_cast<std::uint32_t>(random.any());
      const auto want = reference(keys, KeyV4::of(address, 32));
      const auto found = index.find_v4(address);
      const auto slow = rib.longest({boost::asio::ip::address_v4{address}, 32});
      const bool same =
          want ? found && slow && rib.v4().keys[*found] == *want && slow->prefix == want->prefix()
               : !found && !slow;
      if (!same) FAIL("table " << table << ", address " << address);
    }
  }
  CHECK(looked_up == std::size_t{tables} * std::size_t{look_ups});
}

TEST_CASE("the match index finds what a search through all prefixes finds, IPv6") {
  Random random{6};
  for (int table = 0; table < tables; ++table) {
    std::vector<KeyV6> keys;
    for (auto left = random(120); left > 0; --left) {
      keys.push_back(crowded_v6(random, static_cast<std::uint8_t>(random(129))));
    }
    RibBuilder builder{Asn{0}};
    fill(builder, keys, random);
    const Rib rib = std::move(builder).finish();
    const MatchIndex index{rib};
    for (int i = 0; i < look_ups; ++i) {
      KeyV6 host = KeyV6::of(random.any(), random.any(), 128);
      if (i % 3 == 1) host = crowded_v6(random, 128);
      if (i % 3 == 2) host = at_an_edge(random, keys);
      const auto want = reference(keys, host);
      const auto found = index.find_v6(host.high, host.low);
      const auto entry = index.find(host.prefix().network);
      const bool same =
          want ? found && entry && rib.v6().keys[*found] == *want && entry->prefix == want->prefix()
               : !found && !entry;
      if (!same) FAIL("table " << table << ", address " << to_string(host.prefix()));
    }
  }
}

TEST_CASE("a RIB built of random announcements and withdrawals is what a plain map would hold") {
  using Source = std::tuple<Prefix, Address, std::uint32_t>;  // prefix, peer, path id
  Random random{1};
  for (int round = 0; round < 50; ++round) {
    RibBuilder builder{Asn{65000}};
    std::map<Source, std::uint32_t> want;  // MED
    for (int i = 0; i < 400; ++i) {
      const auto key = KeyV4::of(random(6) << 24U, static_cast<std::uint8_t>(8 + random(2)));
      const Address address = boost::asio::ip::address_v4{0xc0000200U + random(4)};
      const auto peer = builder.peer(address, Asn{65000 + random(1)}, 0).value();
      const std::uint32_t path_id = random(2);
      const std::uint32_t choice = random(10);
      if (choice == 0) {
        std::erase_if(want, [&](const auto& each) { return std::get<1>(each.first) == address; });
        builder.flush(peer);
      } else if (choice < 3) {
        want.erase({key.prefix(), address, path_id});
        builder.withdraw(key, peer, path_id);
      } else {
        AttributeHead head;
        head.med = random(5);
        const std::byte octet{static_cast<unsigned char>(head.med)};
        const auto id = builder.attributes().add(head, std::span{&octet, 1});
        want[{key.prefix(), address, path_id}] = head.med;
        const RibRoute route{.attributes = id, .path_id = path_id, .peer = peer};
        builder.put(key, std::span{&route, 1});
      }
    }
    const Rib rib = std::move(builder).finish();
    std::map<Source, std::uint32_t> held;
    rib.for_each([&](const RibEntry& entry) {
      REQUIRE_FALSE(entry.routes.empty());
      for (const RibRoute& route : entry.routes) {
        held[{entry.prefix, rib.peer(route).address, route.path_id}] = rib.head(route).med;
      }
    });
    REQUIRE(held == want);
    REQUIRE(rib.route_count() == want.size());
  }
}

TEST_CASE("covered prefixes are those inside, the prefix itself included, and no others") {
  Random random{2};
  std::vector<KeyV4> keys;
  for (int i = 0; i < 300; ++i) {
    keys.push_back(KeyV4::of(crowded_v4(random), static_cast<std::uint8_t>(random(33))));
  }
  RibBuilder builder{Asn{0}};
  fill(builder, keys, random);
  const Rib rib = std::move(builder).finish();
  for (int i = 0; i < 300; ++i) {
    const auto outer = KeyV4::of(crowded_v4(random), static_cast<std::uint8_t>(random(33)));
    std::size_t want = 0;
    for (const KeyV4& key : rib.v4().keys) {
      if (contains(outer.prefix(), key.prefix())) ++want;
    }
    std::size_t found = 0;
    rib.for_each_covered(outer.prefix(), [&](const RibEntry& entry) {
      ++found;
      CHECK(contains(outer.prefix(), entry.prefix));
    });
    CHECK(found == want);
  }
}

TEST_CASE("attributes are kept once, and found among many others") {
  AttributeStore store;
  std::vector<AttributeId> ids;
  const auto octets = [](std::uint32_t i) {
    std::vector<std::byte> made(i % 300);
    for (unsigned at = 0; at < 4 && at < made.size(); ++at) {
      made[at] = static_cast<std::byte>(i >> (8 * at) & 0xffU);
    }
    made.push_back(static_cast<std::byte>(i >> 16U));
    made.push_back(static_cast<std::byte>(i >> 8U & 0xffU));
    made.push_back(static_cast<std::byte>(i & 0xffU));
    return made;
  };
  for (std::uint32_t i = 0; i < 60'000; ++i) {
    AttributeHead head;
    head.med = i;
    ids.push_back(store.add(head, octets(i)));
  }
  CHECK(store.size() == 60'000);
  for (std::uint32_t i = 0; i < 60'000; ++i) {
    const auto found = store.find(octets(i));
    REQUIRE(found == ids[i]);
    REQUIRE(store.head(*found).med == i);
    REQUIRE(std::ranges::equal(store.octets(*found), octets(i)));
    REQUIRE(store.add({}, octets(i)) == ids[i]);
  }
  CHECK_FALSE(store.find(octets(60'001)));
}
