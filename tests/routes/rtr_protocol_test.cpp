// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/rtr_protocol.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <set>

using namespace strait;
using namespace strait::routes;
using namespace std::chrono_literals;

namespace {

RtrOctets octets(std::initializer_list<unsigned> numbers) {
  RtrOctets made;
  for (const unsigned number : numbers) made.push_back(static_cast<std::byte>(number));
  return made;
}

RtrOctets operator+(RtrOctets left, const RtrOctets& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// RFC 8210 section 5.
RtrOctets response(unsigned session = 7) { return octets({1, 3, 0, session, 0, 0, 0, 8}); }
RtrOctets ten(bool announced, unsigned second, unsigned length, unsigned longest,
              unsigned asn = 240) {
  return octets({1,  4,      0, 0, 0, 0, 0,    20, announced ? 1U : 0U, length, longest, 0,
                 10, second, 0, 0, 0, 0, 0xfb, asn});
}
RtrOctets six(bool announced, unsigned length, unsigned longest) {
  return octets({1,      6,       0, 0,    0,   0,   0,    32, announced ? 1U : 0U,
                 length, longest, 0, 0x20, 1,   0xd, 0xb8, 0,  0,
                 0,      0,       0, 0,    0,   0,   0,    0,  0,
                 0,      0,       0, 0xfb, 0xf0});
}
// Refresh 600 s, retry 0 s (1 is the least), expire 16,777,216 s (172,800 is the most).
RtrOctets end(unsigned serial, unsigned session = 7) {
  return octets(
      {1, 7, 0, session, 0, 0, 0, 24, 0, 0, 0, serial, 0, 0, 2, 88, 0, 0, 0, 0, 1, 0, 0, 0});
}
RtrOctets error(unsigned version, unsigned code) {
  return octets({version, 10, 0, code, 0, 0, 0, 19, 0, 0, 0, 0, 0, 0, 0, 3, 'n', 10, 'o'});
}
const RtrOctets reset_query = octets({1, 2, 0, 0, 0, 0, 0, 8});
const RtrOctets notify = octets({1, 0, 0, 7, 0, 0, 0, 12, 0, 0, 0, 9});
const RtrOctets cache_reset = octets({1, 8, 0, 0, 0, 0, 0, 8});

RtrOctets serial_query(unsigned serial) {
  return octets({1, 1, 0, 7, 0, 0, 0, 12, 0, 0, 0, serial});
}

std::vector<std::string> told(const RtrProtocol& protocol) {
  std::vector<std::string> all;
  for (const Vrp& vrp : protocol.vrps()) {
    all.push_back(to_string(vrp.prefix) + "-" + std::to_string(vrp.max_length) + " AS" +
                  std::to_string(vrp.asn.value()));
  }
  return all;
}

// One that has been told 10.1.0.0/16 and 2001:db8::/32, as serial 1.
RtrProtocol informed() {
  RtrProtocol protocol;
  CHECK(protocol.begin() == reset_query);
  CHECK(protocol.take(response() + ten(true, 1, 16, 24) + six(true, 32, 48) + end(1)).told);
  return protocol;
}
const std::vector<std::string> informed_of{"10.1.0.0/16-24 AS64496", "2001:db8::/32-48 AS64496"};

}  // namespace

TEST_CASE("all is asked for first, then what has changed since") {
  RtrProtocol protocol = informed();
  CHECK(told(protocol) == informed_of);
  CHECK_FALSE(protocol.awaits());
  CHECK(protocol.refresh() == Nanos{10min});
  CHECK(protocol.retry() == Nanos{1s});
  CHECK(protocol.expire() == Nanos{48h});
  CHECK(protocol.poll() == serial_query(1));
  CHECK(protocol.poll().empty());
  CHECK_FALSE(protocol.take(response() + ten(false, 1, 16, 24) + ten(true, 2, 16, 16)).told);
  CHECK(told(protocol) == informed_of);  // not before the end
  CHECK(protocol.take(end(2)).told);
  CHECK(told(protocol) ==
        std::vector<std::string>{"10.2.0.0/16-16 AS64496", "2001:db8::/32-48 AS64496"});
  // A notice asks for the rest, but not while an answer is under way.
  CHECK(protocol.take(notify).send == serial_query(2));
  CHECK(protocol.take(notify).send.empty());
  CHECK(protocol.take(response() + notify + end(3)).told);
  CHECK(protocol.serial() == 3);
  // Another connection goes on where this one ended.
  CHECK_FALSE(protocol.closed());
  CHECK(protocol.begin() == serial_query(3));
}

TEST_CASE("octets may come in pieces of any size") {
  const RtrOctets all = response() + ten(true, 1, 16, 24) + six(true, 32, 48) + end(1);
  for (std::size_t size = 1; size < all.size(); ++size) {
    RtrProtocol protocol;
    (void)protocol.begin();
    bool complete = false;
    for (std::size_t at = 0; at < all.size(); at += size) {
      const auto piece = std::span{all}.subspan(at, std::min(size, all.size() - at));
      complete = protocol.take(piece).told;
    }
    CHECK(complete);
    CHECK(told(protocol) == informed_of);
  }
}

TEST_CASE("a cache that cannot tell the changes is asked for all, and the old is kept meanwhile") {
  RtrProtocol protocol = informed();
  (void)protocol.poll();
  CHECK(protocol.take(cache_reset).send == reset_query);
  CHECK_FALSE(protocol.take(response(8) + ten(true, 3, 16, 16)).told);
  CHECK(told(protocol) == informed_of);
  CHECK(protocol.take(end(1, 8)).told);
  CHECK(told(protocol) == std::vector<std::string>{"10.3.0.0/16-16 AS64496"});
}

TEST_CASE("a changed session flushes what was told, and all is asked for at once") {
  RtrProtocol protocol = informed();
  (void)protocol.poll();
  const RtrStep step = protocol.take(response(8));
  CHECK(step.flush);
  CHECK(step.again);
  CHECK_FALSE(step.end.empty());
  CHECK(protocol.begin() == reset_query);
}

TEST_CASE("a cache of version 0 is spoken to as one, whichever way it says so") {
  const RtrOctets old_query = octets({0, 2, 0, 0, 0, 0, 0, 8});
  const RtrOctets old_end = octets({0, 7, 0, 7, 0, 0, 0, 12, 0, 0, 0, 1});
  const RtrOctets old_response = octets({0, 3, 0, 7, 0, 0, 0, 8});
  SECTION("by an error") {
    RtrProtocol protocol;
    (void)protocol.begin();
    const RtrStep step = protocol.take(error(0, 4));
    CHECK(step.again);
    CHECK(step.send.empty());
    CHECK(protocol.begin() == old_query);
    CHECK(protocol.take(old_response + old_end).told);
  }
  SECTION("by closing the connection") {
    RtrProtocol protocol;
    (void)protocol.begin();
    CHECK(protocol.closed());
    CHECK(protocol.begin() == old_query);
    CHECK_FALSE(protocol.closed());  // not over and over
  }
  SECTION("by answering so") {
    RtrProtocol protocol;
    (void)protocol.begin();
    CHECK(protocol.take(old_response + old_end).told);
    CHECK(protocol.version() == 0);
    CHECK(protocol.expire() == Nanos{2h});
  }
}

TEST_CASE(
    "what breaks the protocol ends the connection, tells the cache why, and changes nothing") {
  struct Row {
    const char* what;
    RtrOctets octets;
    unsigned code;
    const char* why;
  };
  const auto row = GENERATE(
      Row{"a length that lies", octets({1, 4, 0, 0, 0, 0, 0, 21}), 0, "type 4 has length 21"},
      Row{"a length below the header's", octets({1, 3, 0, 7, 0, 0, 0, 7}), 0, "has length 7"},
      Row{"an endless PDU", octets({1, 9, 0, 0, 255, 255, 255, 255}), 0, "has length 4294967295"},
      Row{"no such type", octets({1, 77, 0, 0, 0, 0, 0, 8}), 5, "type 77"},
      Row{"another version", octets({0, 3, 0, 7, 0, 0, 0, 8}), 8, "version 0 in a session of"},
      Row{"a record without an answer", ten(true, 2, 16, 16), 0, "outside of an answer"},
      Row{"the end of no answer", end(2), 0, "end of no answer"},
      Row{"twice the same", response() + ten(true, 1, 16, 24) + end(2), 7, "twice 10.1.0.0/16"},
      Row{"twice the same in one answer",
          response() + ten(true, 2, 16, 16) + ten(true, 2, 16, 16) + end(2), 7,
          "twice 10.2.0.0/16"},
      Row{"withdrawn, but not there", response() + ten(false, 1, 16, 23) + end(2), 6,
          "not there: 10.1.0.0/16"},
      Row{"the end of another session", response() + end(2, 8), 0, "end of no answer"});
  INFO(row.what);
  RtrProtocol protocol = informed();
  (void)protocol.poll();
  const RtrStep step = protocol.take(row.octets);
  CHECK_THAT(step.end, Catch::Contains(row.why));
  CHECK_FALSE(step.told);
  REQUIRE(step.send.size() >= 16);
  CHECK(step.send[1] == std::byte{10});
  CHECK(std::to_integer<unsigned>(step.send[3]) == row.code);
  CHECK(told(protocol) == informed_of);
}

TEST_CASE("an error of the cache ends the connection, and no error answers it") {
  RtrProtocol protocol = informed();
  (void)protocol.poll();
  RtrStep step = protocol.take(error(1, 2));
  CHECK(step.end == "it has no data");
  CHECK(step.send.empty());
  CHECK(protocol.begin() == reset_query);
  step = protocol.take(error(1, 1));
  CHECK(step.end == "it reported error 1: n?o");
  (void)protocol.begin();
  CHECK(protocol.take(octets({1, 10, 0, 0, 0, 0, 0, 15})).send.empty());
}

TEST_CASE("records that are no VRPs are left out and counted, bits behind the prefix cut off") {
  RtrProtocol protocol;
  (void)protocol.begin();
  CHECK(protocol
            .take(response() + ten(true, 1, 8, 24) + ten(true, 1, 24, 8) + ten(true, 1, 33, 33) +
                  ten(true, 1, 16, 33) + six(true, 128, 129) + end(1))
            .told);
  CHECK(told(protocol) == std::vector<std::string>{"10.0.0.0/8-24 AS64496"});
  CHECK(protocol.damaged() == 4);
}

TEST_CASE("after any changes there is what a set would hold") {
  std::mt19937 dice{5};
  std::set<std::pair<unsigned, unsigned>> reference;  // second octet, AS
  RtrProtocol protocol;
  for (unsigned serial = 0; serial < 200; ++serial) {
    if (dice() % 20 == 0) (void)protocol.closed();
    (void)(protocol.awaits() || serial == 0 ? protocol.begin() : protocol.poll());
    RtrOctets answer = response();
    for (auto i = dice() % 30; i > 0; --i) {
      const std::pair one{static_cast<unsigned>(dice() % 12), static_cast<unsigned>(dice() % 3)};
      const bool there = reference.contains(one);
      answer = answer + ten(!there, one.first, 16, 24, one.second);
      if (there) {
        reference.erase(one);
      } else {
        reference.insert(one);
      }
    }
    REQUIRE(protocol.take(answer + end(serial)).told);
    REQUIRE(protocol.vrps().size() == reference.size());
    auto vrp = protocol.vrps().begin();
    for (const auto& [second, asn] : reference) {
      REQUIRE(to_string(vrp->prefix) == "10." + std::to_string(second) + ".0.0/16");
      REQUIRE((vrp++)->asn.value() == 0xfb00 + asn);
    }
  }
}
