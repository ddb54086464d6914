// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/reflector.hpp"

#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <future>
#include <numeric>
#include <thread>

#include "probe/options.hpp"
#include "probe/prober.hpp"
#include "tests/probe/socket/loopback.hpp"

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::test;
using std::chrono::milliseconds;

namespace {

ReflectorOptions open_to_all(std::vector<Endpoint> listen) {
  ReflectorOptions options;
  options.listen = std::move(listen);
  options.policy.open = true;
  options.policy.source_rate = {};
  return options;
}

Endpoint any_port(std::string_view address) { return {parse_address(address).value(), 0}; }

// A reflector in a thread of its own.
class RunningReflector {
 public:
  explicit RunningReflector(const ReflectorOptions& options) {
    auto opened = SocketReflector::open(context_, options);
    CAPTURE(opened ? std::string{} : opened.error().message);
    REQUIRE(opened.has_value());
    reflector_ = std::move(*opened);
    endpoint_ = reflector_->endpoints().front();
    thread_ = std::thread{[this] { context_.run(); }};
  }
  RunningReflector(const RunningReflector&) = delete;
  RunningReflector& operator=(const RunningReflector&) = delete;
  RunningReflector(RunningReflector&&) = delete;
  RunningReflector& operator=(RunningReflector&&) = delete;
  ~RunningReflector() { stop(); }

  [[nodiscard]] Endpoint endpoint() const { return endpoint_; }

  ReflectorCounters stop() {
    if (thread_.joinable()) {
      boost::asio::post(context_, [this] { reflector_->stop(); });
      thread_.join();
    }
    return reflector_->counters();
  }

 private:
  boost::asio::io_context context_;
  std::unique_ptr<SocketReflector> reflector_;
  Endpoint endpoint_;
  std::thread thread_;
};

std::vector<std::byte> request(std::uint32_t sequence, std::size_t size = stamp_packet_size) {
  std::vector<std::byte> packet(std::max(size, stamp_packet_size));
  const StampRequest content{
      .sequence = sequence,
      .timestamp = encode_time(SystemClock{}.now().wall, TimestampFormat::ntp),
      .error_estimate = 1,
      .ssid = 0x1234};
  write_stamp_request(content, packet);
  packet.resize(size);
  return packet;
}

std::vector<Kept> one_datagram(Transport& transport, milliseconds timeout = milliseconds{1000}) {
  const auto came = [](const auto& got) { return count_of(got, Arrival::Kind::datagram) > 0; };
  auto all = receive_until(transport, came, timeout);
  std::erase_if(all, [](const Kept& k) { return k.arrival.kind != Arrival::Kind::datagram; });
  return all;
}

}  // namespace

TEST_CASE("a request comes back with our stamps between its own, its DSCP and the hop limit seen") {
  const auto* const address = GENERATE("127.0.0.1", "::1");
  CAPTURE(address);
  RunningReflector reflector{open_to_all({any_port(address)})};
  const auto transport = open_transport();
  auto spec = udp_flow(reflector.endpoint());
  spec.dscp = 46;
  spec.hop_limit = 99;
  const auto flow = transport->open_flow(spec);
  REQUIRE(flow.has_value());

  for (std::uint32_t sequence = 0; sequence < 50; ++sequence) {
    const WallTime before = transport->now().wall;
    REQUIRE(send_one(*transport, *flow, sequence, request(sequence)));
    const auto all = one_datagram(*transport);
    REQUIRE(all.size() == 1);
    const WallTime after = transport->now().wall;
    CHECK(all[0].arrival.dscp_ecn == 46 << 2);
    CHECK(all[0].arrival.hop_limit == 255);
    REQUIRE(all[0].payload.size() == stamp_packet_size);

    const auto reply = read_stamp_reply(all[0].payload, stamp_packet_size);
    REQUIRE(reply.has_value());
    CHECK(reply->sender_sequence == sequence);
    CHECK(reply->ssid == 0x1234);
    CHECK(reply->sender_ttl == 99);
    const auto received = decode_time(reply->receive_timestamp, TimestampFormat::ntp, before);
    const auto sent = decode_time(reply->timestamp, TimestampFormat::ntp, before);
    REQUIRE(received.has_value());
    REQUIRE(sent.has_value());
    // NTP's fraction rounds by up to a nanosecond.
    CHECK(*received >= before - Nanos{1});
    CHECK(*sent >= *received);
    CHECK(*sent <= after + Nanos{1});
  }
  const auto counters = reflector.stop();
  CHECK(counters.received == 50);
  CHECK(counters.reflected == 50);
}

TEST_CASE(
    "requests of any length from 0 to 9000 octets are answered at their own length or refused") {
  ReflectorOptions options = open_to_all({any_port("127.0.0.1")});
  options.policy.allow = {parse_prefix("127.0.0.0/8").value()};  // a reply that is longer
  RunningReflector reflector{options};
  const auto transport = open_transport();
  const auto flow = transport->open_flow(udp_flow(reflector.endpoint()));
  REQUIRE(flow.has_value());
  for (std::size_t length = twamp_request_size; length <= 9000; ++length) {
    const auto packet = request(static_cast<std::uint32_t>(length), length);
    REQUIRE(send_one(*transport, *flow, 0, packet));
    const auto all = one_datagram(*transport);
    CAPTURE(length);
    REQUIRE(all.size() == 1);
    REQUIRE(all[0].payload.size() == std::max(length, stamp_packet_size));
    // What follows the base packet comes back unchanged, but for the flags of a TLV that is cut
    // off.
    if (length > stamp_packet_size + 1) REQUIRE(all[0].payload.back() == packet.back());
  }
  UdpPeer peer{"127.0.0.1"};
  for (std::size_t length = 0; length < twamp_request_size; ++length)
    peer.send(std::vector<std::byte>(length), reflector.endpoint());
  peer.send(std::vector<std::byte>(20000), reflector.endpoint());
  peer.send(request(7), reflector.endpoint());
  std::vector<UdpPeer::Datagram> replies;
  for (int i = 0; i < 1000 && replies.empty(); ++i) {
    std::this_thread::sleep_for(milliseconds{1});
    replies = peer.receive();
  }
  CHECK(replies.size() == 1);
  const auto counters = reflector.stop();
  CHECK(counters.refused.at("too-long") == 1);
  std::uint64_t refused = 0;
  for (const auto& [kind, count] : counters.refused) refused += count;
  CHECK(refused == twamp_request_size + 1);
  CHECK(counters.reflected == 9000 - twamp_request_size + 2);
}

TEST_CASE("a source that is not on the list gets nothing and is counted") {
  auto options = open_to_all({any_port("127.0.0.1")});
  options.policy.open = false;
  options.policy.allow = {parse_prefix("192.0.2.0/24").value()};
  RunningReflector reflector{options};
  UdpPeer peer{"127.0.0.1"};
  for (std::uint32_t i = 0; i < 10; ++i) peer.send(request(i), reflector.endpoint());
  std::this_thread::sleep_for(milliseconds{30});
  CHECK(peer.receive().empty());
  const auto counters = reflector.stop();
  CHECK(counters.received == 10);
  CHECK(counters.reflected == 0);
  CHECK(counters.refused.at(std::string{to_string(Refusal::not_allowed)}) == 10);
}

TEST_CASE("one source cannot have more replies than its rate") {
  auto options = open_to_all({any_port("127.0.0.1")});
  options.policy.source_rate = {20};
  RunningReflector reflector{options};
  UdpPeer peer{"127.0.0.1"};
  for (std::uint32_t i = 0; i < 500; ++i) peer.send(request(i), reflector.endpoint());
  std::this_thread::sleep_for(milliseconds{50});
  const auto counters = reflector.stop();
  CHECK(counters.received == 500);
  CHECK(counters.reflected >= 1);
  CHECK(counters.reflected < 100);
  CHECK(counters.refused.at(std::string{to_string(Refusal::rate_limited)}) ==
        500 - counters.reflected);
}

TEST_CASE("a session with TLVs and a key hears what the far end saw, over sockets") {
  const auto* const address = GENERATE("127.0.0.1", "::1");
  const bool authenticated = GENERATE(false, true);
  CAPTURE(address, authenticated);
  auto options = open_to_all({any_port(address)});
  options.mode.stateful = true;
  options.mode.tlvs.sync = SyncSource::gnss;
  StampExtras extras;
  for (std::size_t number = 0; number < tlv_words; ++number) include(extras.tlvs, number);
  if (authenticated) {
    const std::vector<std::byte> octets(32, std::byte{0x5a});
    options.mode.key = HmacKey::make(octets).value();
    extras.key = std::make_shared<const HmacKey>(*options.mode.key);
  }
  RunningReflector reflector{options};
  const auto transport = open_transport();
  Prober prober{*transport, {}};
  SessionSpec spec;
  spec.key = {"", "far", Protocol::stamp, 46};
  spec.flow.destination = reflector.endpoint();
  spec.schedule.interval = milliseconds{2};
  spec.timeout = milliseconds{500};
  spec.count = 50;
  spec.extras = extras;
  spec.flow.max_payload = payload_with(extras, stamp_packet_size);
  REQUIRE(prober.add(spec).has_value());
  const MonoTime end = transport->now().mono + milliseconds{5000};
  run_while(prober, *transport, [&] { return prober.active() > 0 && transport->now().mono < end; });
  const auto windows = prober.finish();
  REQUIRE_FALSE(windows.empty());
  Window total = windows.front();
  for (std::size_t i = 1; i < windows.size(); ++i) merge(total, windows[i]);
  CHECK(total.counts.received == total.counts.sent);
  CHECK(total.counts.sent > 0);
  for (const char* const kind : {"bad-hmac", "tlv-missing", "tlv-unrecognized", "tlv-malformed",
                                 "tlv-integrity", "dscp-remarked-forward", "dscp-remarked-reverse",
                                 "ecn-changed", "lost-forward", "lost-reverse"}) {
    CAPTURE(kind);
    CHECK_FALSE(total.counts.errors.contains(kind));
  }
  CHECK(total.far.dscp == 46);
  CHECK_THAT(total.far.seen_as, Catch::Contains(address));
  CHECK(total.far.counts);
}

TEST_CASE("a reply leaves with the DSCP that a Class of Service TLV asks for") {
  const auto* const address = GENERATE("127.0.0.1", "::1");
  CAPTURE(address);
  RunningReflector reflector{open_to_all({any_port(address)})};
  const auto transport = open_transport();
  auto spec = udp_flow(reflector.endpoint());
  spec.dscp = 10;
  const auto flow = transport->open_flow(spec);
  REQUIRE(flow.has_value());
  TlvSet cos;
  cos.class_of_service = true;
  auto packet = request(1);
  const auto area = request_area(cos, false, 34, 8).octets;
  packet.insert(packet.end(), area.begin(), area.end());
  REQUIRE(send_one(*transport, *flow, 1, packet));
  const auto all = one_datagram(*transport);
  REQUIRE(all.size() == 1);
  CHECK(all[0].arrival.dscp_ecn == 34 << 2);
  const auto reply = read_reply_tlvs(std::span{all[0].payload}.subspan(44), 1, nullptr);
  REQUIRE(reply.cos.has_value());
  CHECK(reply.cos->seen_dscp == 10);
  CHECK(reply.cos->reverse_path == 0);
}

TEST_CASE("with a key, other requests are counted by what is wrong with them") {
  auto options = open_to_all({any_port("127.0.0.1")});
  options.mode.key = HmacKey::make(std::vector<std::byte>(32, std::byte{1})).value();
  RunningReflector reflector{options};
  UdpPeer peer{"127.0.0.1"};
  for (std::uint32_t i = 0; i < 5; ++i) peer.send(request(i), reflector.endpoint());
  for (std::uint32_t i = 0; i < 7; ++i) peer.send(request(i, 112), reflector.endpoint());
  std::this_thread::sleep_for(milliseconds{50});
  CHECK(peer.receive().empty());
  const auto counters = reflector.stop();
  CHECK(counters.reflected == 0);
  CHECK(counters.refused.at("not-authenticated") == 5);
  CHECK(counters.refused.at("bad-hmac") == 7);
}

TEST_CASE("on all addresses, a reply leaves from the one that was asked") {
  auto options = open_to_all({any_port("0.0.0.0")});
  options.any = true;
  RunningReflector reflector{options};
  const auto transport = open_transport();
  for (const auto* const address : {"127.0.0.1", "127.0.0.5", "127.9.9.9"}) {
    CAPTURE(address);
    const Endpoint asked{parse_address(address).value(), reflector.endpoint().port};
    const auto flow = transport->open_flow(udp_flow(asked));
    REQUIRE(flow.has_value());
    REQUIRE(send_one(*transport, *flow, 1, request(1)));
    const auto all = one_datagram(*transport);
    REQUIRE(all.size() == 1);
    CHECK(all[0].arrival.source == asked);
  }
}

TEST_CASE("a reflector that cannot listen says why") {
  UdpPeer busy{"127.0.0.1"};
  struct Case {
    const char* description;
    std::vector<Endpoint> listen;
    const char* message;
  };
  const std::vector<Case> cases{
      {"all addresses, unasked", {any_port("0.0.0.0")}, "--any"},
      {"all addresses, unasked", {any_port("::")}, "--any"},
      {"busy port", {busy.endpoint()}, "Address already in use"},
      {"foreign address", {any_port("192.0.2.77")}, "no device of this machine has that address"},
      {"nothing", {}, "no address"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.description);
    boost::asio::io_context context;
    const auto opened = SocketReflector::open(context, open_to_all(c.listen));
    REQUIRE_FALSE(opened.has_value());
    CHECK_THAT(opened.error().message, Catch::Contains(c.message));
  }
}
