// SPDX-License-Identifier: Apache-2.0
#include "probe/stamp_tlv.hpp"

#include <catch2/catch.hpp>

#include "probe/reflect.hpp"
#include "probe/stamp_auth.hpp"
#include "tests/probe/hex_octets.hpp"

namespace strait::probe {
namespace {

using namespace std::chrono_literals;

constexpr WallTime t2{1'795'000'000s};
constexpr std::uint32_t sequence = 0x1234;
// HMAC-SHA-256-128 with the key below, computed with another implementation.
constexpr const char* request_tag = "cdd1cc1cfaa7705f59c12f0ebed6a9b4";
constexpr const char* cos_tag = "87329b5548719caed848297f37c79e90";
constexpr const char* cos_reply_tag = "e351bf52ef7ffbb21b741c026fb37be0";

HmacKey test_key() {
  constexpr std::string_view text = "0123456789abcdef0123456789abcdef";
  return HmacKey::make(std::as_bytes(std::span{text})).value();
}

RequestFacts facts() {
  RequestFacts facts;
  facts.source = parse_endpoint("198.51.100.7:40001", 0).value();
  facts.destination = parse_endpoint("192.0.2.1:862", 0).value();
  facts.dscp_ecn = 10U << 2U | 1U;
  facts.now = MonoTime{1s};
  return facts;
}

std::vector<std::byte> request_with(std::span<const std::byte> area, HmacKey* key) {
  std::vector<std::byte> packet(base_packet_size(key != nullptr));
  const StampRequest request{sequence, 0x000004D2915B573E, 0x9234, 0x054d};
  if (key == nullptr) {
    write_stamp_request(request, packet);
  } else {
    write_authenticated_request(request, packet);
    REQUIRE(
        key->sign(std::span{packet}.first(authenticated_part), {}, hmac_field(std::span{packet})));
  }
  packet.insert(packet.end(), area.begin(), area.end());
  return packet;
}

// The area that comes back for this one, in hexadecimal.
std::string reflected(std::string_view area, const ReflectorMode& mode,
                      const RequestFacts& known = facts()) {
  Reflector reflector{ClockQuality{.synchronised = true, .max_error = 100us}, mode};
  auto key = mode.key;
  auto packet = request_with(from_hex(area), key ? &*key : nullptr);
  const Reflection reflection = reflector.reflect(packet, {t2, t2 + 12us, 57}, packet, known);
  REQUIRE(reflection.refusal == Refusal::none);
  REQUIRE(reflection.size == packet.size());
  return to_hex(std::span{packet}.subspan(base_packet_size(mode.key.has_value())));
}

ReflectorMode with_key() {
  ReflectorMode mode;
  mode.key = test_key();
  return mode;
}

TEST_CASE("a request's TLVs and the reply's are right to the octet") {
  TlvSet all;
  for (std::size_t number = 0; number < tlv_words; ++number) include(all, number);
  const std::size_t size = smallest_payload(all, false) - stamp_packet_size;
  const std::string zeros(32, '0');
  const std::string asked = hex("80 04 0004 b8000000") + hex("80 02 002c 0000 0000") +
                            hex("80 04 0010") + zeros + hex("80 07 0010") + zeros +
                            hex("80 03 0004 00000000") + hex("80 05 000c") + zeros.substr(8) +
                            hex("80 07 0010") + zeros;
  CHECK(to_hex(request_area(all, false, 46, size).octets) == asked);
  std::array<std::byte, 2> padding{};
  fill_padding(padding);
  CHECK(to_hex(request_area(all, false, 46, size + 6).octets) ==
        asked + hex("80 01 0002") + to_hex(padding));

  ReflectorMode mode;
  mode.tlvs.sync = SyncSource::ntp;
  const std::string answered = hex("00 04 0004 b8a40000") + hex("00 02 002c 035e 9c41") +
                               hex("00 05 0010 c0000201") + zeros.substr(8) +
                               hex("00 08 0010 c6336407") + zeros.substr(8) +
                               hex("00 03 0004 01 02 01 02");
  CHECK(reflected(asked, mode) ==
        answered + hex("80 05 000c") + zeros.substr(8) + hex("00 07 0010") + zeros);
  mode.stateful = true;
  CHECK(reflected(asked, mode) ==
        answered + hex("00 05 000c 00000000 00000001 00000001") + hex("00 07 0010") + zeros);

  const ReplyTlvs reply = read_reply_tlvs(from_hex(reflected(asked, mode)), 0, nullptr);
  REQUIRE(reply.cos.has_value());
  CHECK(reply.cos->reply_dscp == 46);
  CHECK(reply.cos->seen_dscp == 10);
  CHECK(reply.cos->seen_ecn == 1);
  CHECK(reply.cos->reverse_path == 0);
  CHECK(reply.seen_as == facts().source);
  REQUIRE(reply.timestamps.has_value());
  CHECK(reply.timestamps->clock == SyncSource::ntp);
  CHECK(reply.timestamps->out == StampMethod::software);
  REQUIRE(reply.direct.has_value());
  CHECK(reply.direct->received == 1);
}

TEST_CASE("whatever TLVs come, the reflector answers what it understands and flags the rest") {
  struct Case {
    const char* what;
    const char* in;
    const char* out;
  };
  const auto c = GENERATE(values<Case>({
      {"unknown type", "80fa0002beef", "80fa0002beef"},
      {"unknown type, sender sets no flag", "00fa0002beef", "80fa0002beef"},
      {"unknown, then known", "80f00000 80040004b8000000", "80f00000 00040004b8a40000"},
      {"reserved type 0", "80000000", "80000000"},
      {"four zeros are TWAMP-Light padding", "00000000deadbeef", "00000000deadbeef"},
      {"value beyond the end", "80040008b8000000", "40040008b8000000"},
      {"unknown, beyond the end", "80fa0010aa", "c0fa0010aa"},
      {"length 65535", "8001ffff", "4001ffff"},
      {"one octet", "80", "c0"},
      {"header of three octets", "800400", "400400"},
      {"Class of Service of 3 octets, the rest copied", "80040003b80000 80010000",
       "40040003b80000 80010000"},
      {"good before malformed", "80040004b8000000 800300020000", "00040004b8a40000 400300020000"},
      {"flags set by the sender, reserved ones too", "ff010002abcd", "00010002abcd"},
      {"padding twice", "80010001aa80010000", "00010001aa00010000"},
      {"Class of Service with all fields set", "80040004bbffffff", "00040004b8a40000"},
      {"Location of 2 octets", "800200020000", "400200020000"},
      {"Location with an unknown part", "8002000900000000 80630001aa",
       "00020009035e9c41 80630001aa"},
      {"Location with a part of the wrong length", "8002000c00000000 8004000400000000",
       "4002000c035e9c41 4004000400000000"},
      {"Location with a part that is cut off", "8002000600000000 8004", "40020006035e9c41 4004"},
      {"Location with an answer instead of a question",
       "8002001800000000 8005001011111111111111111111111111111111",
       "00020018035e9c41 8005001011111111111111111111111111111111"},
      {"a MAC address that we do not see", "8002001000000000 800100080000000000000000",
       "00020010035e9c41 000300080000000000000000"},
      {"Timestamp Information with something behind", "8003000600000000abcd",
       "0003000600020002abcd"},
      {"Direct Measurement without counters", "8005000c000000070000000000000000",
       "8005000c000000070000000000000000"},
      {"Direct Measurement of 11 octets", "8005000b0000000700000000000000",
       "4005000b0000000700000000000000"},
      {"Follow-Up without state", "80070010ffffffffffffffffffffffffffffffff",
       "0007001000000000000000000000000000000000"},
      {"Follow-Up of 4 octets is zeroed", "80070004ffffffff", "4007000400000000"},
      {"Access Report", "8006000410010000", "8006000410010000"},
      {"HMAC without a key", "80040004b8000000 8008001011111111111111111111111111111111",
       "a0040004b8000000 a008001011111111111111111111111111111111"},
      {"HMAC of 15 octets without a key", "8008000f111111111111111111111111111111",
       "a008000f111111111111111111111111111111"},
  }));
  CAPTURE(c.what);
  CHECK(reflected(c.in, {}) == hex(c.out));
}

TEST_CASE("with a key, TLVs are verified before anything of them is used") {
  const std::string cos = "80040004b8000000";
  const std::string signed_cos = cos + "80080010" + cos_tag;
  const std::string failed_cos = "a0040004b8000000a0080010";
  const std::string wrong_tag(32, '1');
  struct Case {
    const char* what;
    std::string in;
    std::string out;
  };
  const std::vector<Case> cases{
      {"good", signed_cos, std::string{"00040004b8a4000000080010"} + cos_reply_tag},
      {"padding behind it", signed_cos + "80010001aa",
       std::string{"00040004b8a4000000080010"} + cos_reply_tag + "00010001aa"},
      {"wrong", cos + "80080010" + wrong_tag, failed_cos + wrong_tag},
      {"missing", cos, "a0040004b8000000"},
      {"first", "80080010" + wrong_tag + cos, "a0080010" + wrong_tag + "a0040004b8000000"},
      {"another TLV behind it", signed_cos + "80030004" + "00000000",
       failed_cos + cos_tag + "a003000400000000"},
      {"twice", signed_cos + "80080010" + wrong_tag, failed_cos + cos_tag + "a0080010" + wrong_tag},
      {"lone padding needs none", "80010002aaaa", "00010002aaaa"},
      {"two paddings need one", "8001000080010000", "a0010000a0010000"},
      {"cut off", cos + "80080010" + "1111", "a0040004b8000000e00800101111"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    CHECK(reflected(c.in, with_key()) == c.out);
  }
}

TEST_CASE("the policy keeps addresses to itself, and DSCP1 out of replies") {
  ReflectorMode mode;
  mode.tlvs = {.tell_location = false, .any_dscp = false, .sync = SyncSource::unknown};
  CHECK(reflected("80020004 00000000", mode) == hex("00020004 00000000"));
  CHECK(reflected("80040004 b8000000", mode) == hex("00040004 b8a50000"));

  Reflector reflector{ClockQuality{}, mode};
  auto packet = request_with(from_hex("80040004b8000000"), nullptr);
  CHECK(reflector.reflect(packet, {t2, t2, 57}, packet, facts()).dscp == 10);
  Reflector other{ClockQuality{}};
  packet = request_with(from_hex("80040004b8000000"), nullptr);
  CHECK(other.reflect(packet, {t2, t2, 57}, packet, facts()).dscp == 46);
}

TEST_CASE("an engine that sees frames tells the source's MAC address, and IPv6 addresses") {
  RequestFacts known = facts();
  known.source_mac = parse_mac("02:00:5e:10:00:01").value();
  known.source = parse_endpoint("[2001:db8::7]:40001", 0).value();
  CHECK(
      reflected(
          "80020024 00000000 80010008 0000000000000000 80070010 00000000000000000000000000000000",
          {}, known) ==
      hex("00020024 035e9c41 00020008 02005e1000010000 00090010 20010db8000000000000000000000007"));
}

TEST_CASE("authenticated mode: what is not signed with the key gets no reply") {
  auto key = test_key();
  const auto good = request_with({}, &key);
  CHECK(to_hex(hmac_field(std::span{good})) == request_tag);
  Reflector reflector{ClockQuality{.synchronised = true, .max_error = 100us}, with_key()};
  const auto refusal = [&](std::vector<std::byte> packet) {
    packet.resize(std::max(packet.size(), stamp_packet_size));
    return reflector.reflect(packet, {t2, t2, 57}, packet, facts()).refusal;
  };
  CHECK(refusal(good) == Refusal::none);
  CHECK(refusal(request_with({}, nullptr)) == Refusal::not_authenticated);
  CHECK(refusal({good.begin(), good.end() - 1}) == Refusal::not_authenticated);
  for (std::size_t at = 0; at < authenticated_packet_size; ++at) {
    auto bad = good;
    bad[at] ^= std::byte{1};
    CAPTURE(at);
    REQUIRE(refusal(bad) == Refusal::bad_hmac);
  }

  auto packet = good;
  REQUIRE(reflector.reflect(packet, {t2, t2 + 12us, 57}, packet, facts()).size == 112);
  CHECK(key.verify(std::span{packet}.first(authenticated_part), {}, hmac_field(std::span{packet})));
  const auto reply = read_authenticated_reply(packet);
  REQUIRE(reply.has_value());
  CHECK(reply->sender_sequence == sequence);
  CHECK(reply->sender_timestamp == 0x000004D2915B573E);
  CHECK(reply->sender_error_estimate == 0x9234);
  CHECK(reply->ssid == 0x054d);
  CHECK(reply->sender_ttl == 57);
  CHECK(decode_time(reply->timestamp, TimestampFormat::ntp, t2) == t2 + 12us);
}

TEST_CASE("a stateful reflector counts each session by itself") {
  ReflectorMode mode;
  mode.stateful = true;
  mode.sessions = 2;
  mode.session_idle = 10s;
  Reflector reflector{ClockQuality{.synchronised = true, .max_error = 100us}, mode};
  const auto ask = [&](const char* source, MonoTime now) {
    RequestFacts known = facts();
    known.source = parse_endpoint(source, 0).value();
    known.now = now;
    auto packet = request_with(from_hex("80070010 00000000000000000000000000000000"), nullptr);
    const auto reflection = reflector.reflect(packet, {t2, t2 + 12us, 57}, packet, known);
    return std::pair{reflection.refusal, packet};
  };
  const auto number = [&](const char* source, MonoTime now) {
    return read_stamp_reply(ask(source, now).second)->sequence;
  };
  CHECK(number("192.0.2.7:1", MonoTime{1s}) == 0);
  CHECK(number("192.0.2.7:1", MonoTime{1s}) == 1);
  CHECK(number("192.0.2.7:2", MonoTime{2s}) == 0);
  CHECK(number("192.0.2.7:1", MonoTime{9s}) == 2);
  CHECK(ask("192.0.2.7:3", MonoTime{10s}).first == Refusal::session_table_full);
  CHECK(to_string(Refusal::session_table_full) == "session-table-full");
  CHECK(number("192.0.2.7:3", MonoTime{13s}) == 0);  // the second one was idle for 11 s
  CHECK(number("192.0.2.7:1", MonoTime{13s}) == 3);

  // Follow-Up: the number and the time of the reply before.
  const auto fifth = ask("192.0.2.7:1", MonoTime{13s}).second;
  const auto area = std::span{fifth}.subspan(stamp_packet_size);
  CHECK(load<std::uint32_t>(area, 4) == 3);
  CHECK(decode_time(load<std::uint64_t>(area, 8), TimestampFormat::ntp, t2) == t2 + 12us);
  CHECK(load<std::uint8_t>(area, 16) == 2);
}

TEST_CASE("sessions that strangers make up leave half of the table to others") {
  ReflectorMode mode;
  mode.stateful = true;
  mode.sessions = 5;
  mode.session_idle = 10s;
  Reflector reflector{ClockQuality{.synchronised = true, .max_error = 100us}, mode};
  const auto ask = [&](std::uint16_t port, bool stranger, MonoTime now) {
    RequestFacts known = facts();
    known.source.port = port;
    known.stranger = stranger;
    known.now = now;
    auto packet = request_with({}, nullptr);
    return reflector.reflect(packet, {t2, t2 + 12us, 57}, packet, known).refusal;
  };
  for (std::uint16_t port = 1; port <= 3; ++port) {
    CHECK(ask(port, true, MonoTime{1s}) == Refusal::none);
  }
  CHECK(ask(4, true, MonoTime{1s}) == Refusal::session_table_full);
  CHECK(ask(5, false, MonoTime{2s}) == Refusal::none);
  CHECK(ask(6, false, MonoTime{2s}) == Refusal::none);
  CHECK(ask(7, false, MonoTime{2s}) == Refusal::session_table_full);
  CHECK(ask(4, true, MonoTime{11500ms}) == Refusal::none);  // theirs were idle for 10 s
}

TEST_CASE("a sender believes no TLV that is flagged or not verified") {
  struct Case {
    const char* what;
    const char* area;
    std::uint32_t unrecognized;
    bool malformed;
    bool failed;
    bool cos;
  };
  const auto c = GENERATE(values<Case>({
      {"good", "00040004b8a40000", 0, false, false, true},
      {"U is skipped", "8003000400000000 00040004b8a40000", 1, false, false, true},
      {"M ends it", "4003000400000000 00040004b8a40000", 0, true, false, false},
      {"I discards all, also what stands before", "00040004b8a40000 2003000400000000", 0, false,
       true, false},
      {"wrong length", "00040005b8a4000000", 0, true, false, false},
      {"beyond the end", "00040004b8", 0, true, false, false},
      {"an HMAC that nobody can verify",
       "00040004b8a40000 0008001011111111111111111111111111111111", 0, false, true, false},
      {"zeros", "0000000000000000", 0, false, false, false},
  }));
  CAPTURE(c.what);
  const ReplyTlvs reply = read_reply_tlvs(from_hex(c.area), sequence, nullptr);
  CHECK(reply.unrecognized == c.unrecognized);
  CHECK(reply.malformed == c.malformed);
  CHECK(reply.failed == c.failed);
  CHECK(reply.cos.has_value() == c.cos);
}

TEST_CASE("a payload has room for TLVs and HMAC, and for padding or none") {
  TlvSet cos;
  cos.class_of_service = true;
  CHECK(smallest_payload({}, false) == 44);
  CHECK(smallest_payload({}, true) == 112);
  CHECK(smallest_payload(cos, false) == 52);
  CHECK(smallest_payload(cos, true) == 140);
  CHECK(fits(cos, false, 52));
  CHECK_FALSE(fits(cos, false, 51));
  CHECK_FALSE(fits(cos, false, 55));
  CHECK(fits(cos, false, 56));
}

}  // namespace
}  // namespace strait::probe
