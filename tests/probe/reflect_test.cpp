// SPDX-License-Identifier: Apache-2.0
#include "probe/reflect.hpp"

#include <catch2/catch.hpp>
#include <vector>

#include "core/address.hpp"
#include "probe/reflector_policy.hpp"

namespace strait::probe {
namespace {

using namespace std::chrono_literals;

constexpr WallTime t2{1'795'000'000s};
const ReflectStamps stamps{t2, t2 + 12us, 57};
Reflector reflector{ClockQuality{.synchronised = true, .max_error = 100us}};

std::vector<std::byte> request(std::size_t size, std::uint16_t error_estimate = 0x8001) {
  std::vector<std::byte> packet(std::max(size, stamp_packet_size));
  write_stamp_request({77, 0x1122334455667788, error_estimate, 0x0a0b}, packet);
  // Behind the base what a TWAMP-Light sender may have: padding that begins with zeros.
  for (std::size_t i = stamp_packet_size + 4; i < packet.size(); ++i) {
    packet[i] = static_cast<std::byte>(i);
  }
  packet.resize(size);
  return packet;
}

TEST_CASE("a request of any length gets a reply of max(44, its length) or a reason") {
  for (std::size_t size = 0; size <= 9000; ++size) {
    const auto packet = request(size);
    std::vector<std::byte> reply(reflected_size(size));
    const Reflection reflection = reflector.reflect(packet, stamps, reply);
    if (size < 14) {
      REQUIRE(reflection.refusal == Refusal::too_short);
      REQUIRE(reflection.size == 0);
      continue;
    }
    REQUIRE(reflection.refusal == Refusal::none);
    REQUIRE(reflection.size == std::max<std::size_t>(44, size));
    // One to three octets are a TLV that is cut off, and flagged.
    const std::size_t kept = size > 44 && size < 48 ? 45 : 44;
    if (kept == 45) REQUIRE(reply[44] == std::byte{0xc0});
    REQUIRE(
        std::equal(packet.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(kept, size)),
                   packet.end(), reply.begin() + static_cast<std::ptrdiff_t>(kept), reply.end()));
  }
}

TEST_CASE("a reply mirrors the sender's fields and adds the reflector's own") {
  for (const bool ptp : {false, true}) {
    const auto format = ptp ? TimestampFormat::ptp : TimestampFormat::ntp;
    const auto packet = request(44, ptp ? 0xc001 : 0x8001);
    std::vector<std::byte> bytes(44);
    REQUIRE(reflector.reflect(packet, stamps, bytes).size == 44);
    const auto reply = read_stamp_reply(bytes);
    REQUIRE(reply.has_value());
    CHECK(reply->sequence == 77);
    CHECK(reply->sender_sequence == 77);
    CHECK(reply->sender_timestamp == 0x1122334455667788);
    CHECK(reply->ssid == 0x0a0b);
    CHECK(reply->sender_ttl == 57);
    CHECK(decode_error_estimate(reply->error_estimate).format == format);
    CHECK(decode_time(reply->receive_timestamp, format, t2) == t2);
    CHECK(decode_time(reply->timestamp, format, t2) == t2 + 12us);
  }
}

TEST_CASE("reflecting in place gives the same octets as into a buffer") {
  const auto size = GENERATE(values<std::size_t>({14, 16, 43, 44, 45, 128, 9000}));
  CAPTURE(size);
  const auto packet = request(size);
  std::vector<std::byte> apart(reflected_size(size));
  REQUIRE(reflector.reflect(packet, stamps, apart).size == apart.size());

  auto place = packet;
  place.resize(reflected_size(size));
  REQUIRE(reflector.reflect(std::span{place}.first(size), stamps, place).size == apart.size());
  CHECK(place == apart);
}

TEST_CASE("what must not be reflected is refused with a reason") {
  std::vector<std::byte> reply(44);
  CHECK(reflector.reflect(request(44, 0x8000), stamps, reply).refusal ==
        Refusal::corrupt_error_estimate);
  CHECK(reflector.reflect(request(45), stamps, reply).refusal == Refusal::no_room);
  CHECK(reflector.reflect(request(13), stamps, reply).refusal == Refusal::too_short);
  CHECK(to_string(Refusal::corrupt_error_estimate) == "corrupt-error-estimate");
}

TEST_CASE("an SSID is not read out of TWAMP-Light padding, an unknown TTL is 255") {
  std::vector<std::byte> bytes(44);
  REQUIRE(reflector.reflect(request(20), {t2, t2, 0}, bytes).size == 44);
  const auto reply = read_stamp_reply(bytes);
  REQUIRE(reply.has_value());
  CHECK(reply->ssid == 0);
  CHECK(reply->sender_ttl == 255);
}

Endpoint endpoint(const char* text) { return parse_endpoint(text, 40000).value(); }

TEST_CASE("the policy answers those on the list, or all in open mode, but no loop or broadcast") {
  struct Case {
    const char* source;
    bool open;
    Refusal refusal;
  };
  const auto c = GENERATE(values<Case>({
      {"192.0.2.7", false, Refusal::none},
      {"192.0.3.7", false, Refusal::not_allowed},
      {"192.0.3.7", true, Refusal::none},
      {"[2001:db8:1::5]", false, Refusal::none},
      {"[2001:db8:2::5]", false, Refusal::not_allowed},
      {"192.0.3.7:862", true, Refusal::bad_source},
      {"192.0.3.7:861", true, Refusal::bad_source},
      {"192.0.3.7:7", true, Refusal::bad_source},
      {"192.0.3.7:1023", true, Refusal::bad_source},
      {"192.0.3.7:1024", true, Refusal::none},
      {"192.0.2.7:7", true, Refusal::none},
      {"192.0.2.7:862", false, Refusal::none},
      {"224.0.0.1", true, Refusal::bad_source},
      {"255.255.255.255", true, Refusal::bad_source},
      {"0.0.0.0", true, Refusal::bad_source},
      {"[ff02::1]", true, Refusal::bad_source},
  }));
  CAPTURE(c.source, c.open);
  ReflectorPolicyOptions options;
  options.allow = {parse_prefix("192.0.2.0/24").value(), parse_prefix("2001:db8:1::/48").value()};
  options.open = c.open;
  ReflectorPolicy policy{options};
  CHECK(policy.admit(endpoint(c.source), MonoTime{1s}) == c.refusal);
}

TEST_CASE("a stranger gets no reply that is larger than its request, who is on the list does") {
  ReflectorPolicyOptions options;
  options.open = true;
  options.allow = {parse_prefix("192.0.2.0/24").value()};
  ReflectorPolicy policy{options};
  const MonoTime now{1s};
  CHECK(policy.admit(endpoint("192.0.2.7"), now, 14) == Refusal::none);
  CHECK(policy.admit(endpoint("192.0.3.7"), now, 43) == Refusal::would_amplify);
  CHECK(policy.admit(endpoint("192.0.3.7"), now, 44) == Refusal::none);
  CHECK(policy.admit(endpoint("192.0.3.7"), now, 1400) == Refusal::none);
}

TEST_CASE("a stranger is who only an open reflector lets in, where others come first") {
  ReflectorPolicyOptions options;
  options.open = true;
  const Address known = parse_address("192.0.2.7").value();
  const Address other = parse_address("192.0.3.7").value();
  CHECK_FALSE(ReflectorPolicy{options}.stranger(other));
  options.allow = {parse_prefix("192.0.2.0/24").value()};
  CHECK(ReflectorPolicy{options}.stranger(other));
  CHECK_FALSE(ReflectorPolicy{options}.stranger(known));
  options.open = false;
  CHECK_FALSE(ReflectorPolicy{options}.stranger(other));
}

TEST_CASE("where no reflector can be met no port is refused to strangers") {
  ReflectorPolicyOptions options;
  options.open = true;
  options.local_port = 0;
  ReflectorPolicy policy{options};
  CHECK(policy.admit(endpoint("192.0.3.7:862"), MonoTime{1s}) == Refusal::none);
}

TEST_CASE("a flood of strangers leaves half of the total rate to the list") {
  ReflectorPolicyOptions options;
  options.open = true;
  options.allow = {parse_prefix("192.0.2.0/24").value()};
  options.source_rate = Rate{400};
  options.total_rate = Rate{1000};
  ReflectorPolicy policy{options};
  int strangers = 0;
  int known = 0;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const MonoTime now = MonoTime{10s} + i * 100us;
    const Endpoint forged{boost::asio::ip::address_v4{0x0a000000 + i * 2654435761U % 0xffffff},
                          40000};
    strangers += policy.admit(forged, now) == Refusal::none;
    if (i % 30 == 0) known += policy.admit(endpoint("192.0.2.7"), now) == Refusal::none;
  }
  CHECK(known == 3334);  // 333/s for ten seconds, all of them
  CHECK(strangers <= 5500);
  CHECK(strangers > 4500);
}

TEST_CASE("a source gets its rate, others are not touched by it, and tokens grow back") {
  ReflectorPolicyOptions options;
  options.open = true;
  options.source_rate = Rate{100};
  ReflectorPolicy policy{options};
  const auto admitted = [&](const char* source, MonoTime now) {
    int count = 0;
    for (int i = 0; i < 500; ++i) count += policy.admit(endpoint(source), now) == Refusal::none;
    return count;
  };
  CHECK(admitted("192.0.2.1", MonoTime{10s}) == 100);
  CHECK(admitted("192.0.2.2", MonoTime{10s}) == 100);
  CHECK(admitted("192.0.2.1", MonoTime{10s}) == 0);
  CHECK(admitted("192.0.2.1", MonoTime{10s + 250ms}) == 25);
}

TEST_CASE("the total rate holds whoever asks, in fixed memory") {
  ReflectorPolicyOptions options;
  options.open = true;
  options.source_rate = Rate{10};
  options.total_rate = Rate{1000};
  options.sources = 64;
  ReflectorPolicy policy{options};
  const auto admitted = [&] {
    int count = 0;
    for (std::uint32_t i = 0; i < 20'000; ++i) {
      const Endpoint source{boost::asio::ip::address_v4{0x0a000000 + i}, 40000};
      count += policy.admit(source, MonoTime{10s}) == Refusal::none;
    }
    return count;
  };
  CHECK(admitted() == 500);  // strangers: half
  options.allow = {parse_prefix("10.0.0.0/8").value()};
  policy = ReflectorPolicy{options};
  CHECK(admitted() == 1000);
}

}  // namespace
}  // namespace strait::probe
