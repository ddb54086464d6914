// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "probe/dpdk/frame.hpp"
#include "probe/dpdk/parse.hpp"
#include "probe/dpdk/reflector.hpp"
#include "probe/dpdk/ring_wire.hpp"
#include "probe/dpdk/transport.hpp"
#include "probe/options.hpp"
#include "probe/prober.hpp"

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::dpdk;
using namespace std::chrono_literals;

namespace {

const Ipv4 near_address{0x0a000001};
const Ipv4 far_address{0x0a000002};

RingWire make_wire(const std::string& name, RingWire::Kind kind) {
  static int number = 0;
  auto made = RingWire::make({}, name + std::to_string(number++), kind);
  if (!made) FAIL(made.error().message);
  return std::move(*made);
}

std::unique_ptr<DpdkReflector> make_reflector(const std::string& device,
                                              const ReflectorMode& mode = {}) {
  DpdkReflectorOptions options;
  options.mode = mode;
  options.device = device;
  options.addresses = {far_address};
  options.policy.open = true;
  options.policy.source_rate = {0};
  auto made = DpdkReflector::open({}, options);
  if (!made) FAIL(made.error().message);
  return std::move(*made);
}

std::unique_ptr<DpdkTransport> make_transport() {
  DpdkOptions options;
  options.poll = Poll::busy;
  auto made = DpdkTransport::open(options);
  if (!made) FAIL(made.error().message);
  return std::move(*made);
}

SessionSpec session(const std::string& path, const std::string& device, int number,
                    std::uint64_t count) {
  SessionSpec spec;
  spec.key = {path, "far-" + std::to_string(number), Protocol::stamp, 0};
  spec.flow.pin.device = device;
  spec.flow.pin.source_v4 = near_address;
  spec.flow.destination = {far_address, stamp_port};
  spec.schedule.interval = 2ms;
  spec.timeout = 400ms;
  spec.count = count;
  return spec;
}

void add(Prober& prober, const SessionSpec& spec) {
  const auto added = prober.add(spec);
  if (!added) FAIL(added.error().message);
}

// All windows of each session as one, by target.
std::map<SessionKey, Window> merged(const std::vector<Window>& windows) {
  std::map<SessionKey, Window> sessions;
  for (const Window& window : windows) {
    const auto [found, fresh] = sessions.try_emplace(window.session, window);
    if (!fresh) merge(found->second, window);
  }
  return sessions;
}

long sleeps_of_this_thread() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

}  // namespace

TEST_CASE("probes over two ring wires are all answered, matched and counted") {
  const auto atlas = make_wire("atlas", RingWire::Kind::direct);
  const auto west = make_wire("west", RingWire::Kind::direct);
  auto transport = make_transport();
  std::array reflectors{make_reflector(atlas.right()), make_reflector(west.right())};
  Prober prober{*transport, {}};
  constexpr int per_path = 100;
  constexpr std::uint64_t slots = 40;
  for (int i = 0; i < per_path; ++i) {
    add(prober, session("atlas", atlas.left(), i, slots));
    add(prober, session("west", west.left(), i, slots));
  }
  const MonoTime end = transport->now().mono + 20s;
  while (prober.active() > 0 && transport->now().mono < end) {
    prober.step();
    for (const auto& reflector : reflectors) reflector->step();
  }
  CHECK(prober.active() == 0);
  CHECK(prober.strays().empty());

  const auto sessions = merged(prober.finish());
  CHECK(sessions.size() == 2 * per_path);
  std::uint64_t sent = 0;
  for (const auto& [key, window] : sessions) {
    CAPTURE(key.path, key.target);
    CHECK(window.counts.scheduled == slots);
    CHECK(window.counts.sent + window.counts.missed == slots);
    CHECK(window.counts.received == window.counts.sent);
    CHECK(window.counts.lost == 0);
    CHECK(window.counts.duplicate == 0);
    CHECK(window.counts.reordered == 0);
    CHECK(window.rtt.count() + window.uncertain.count() == window.counts.received);
    // A slow machine may miss every slot of a session, or poll too seldom for a sample.
    if (!window.rtt.empty()) CHECK(window.source == StampSource::tsc);
    sent += window.counts.sent;
  }
  const auto counters = transport->counters();
  CHECK(counters.sent == sent);
  CHECK(counters.received == sent);
  CHECK(counters.ignored.empty());
  CHECK(sent > 0);
  std::uint64_t replies = 0;
  for (const auto& reflector : reflectors) {
    replies += reflector->counters().stamp_replies;
    CHECK(reflector->counters().refused.empty());
  }
  CHECK(replies == sent);
}

TEST_CASE("what the wire drops is lost, what it doubles is a duplicate, no more and no less") {
  auto wire = make_wire("lossy", RingWire::Kind::carried);
  auto transport = make_transport();
  const auto reflector = make_reflector(wire.right());
  std::map<Fate, std::uint64_t> fates;
  ProberOptions options;
  options.on_outcome = [&](const Outcome& outcome) { ++fates[outcome.fate]; };
  Prober prober{*transport, options};
  for (int i = 0; i < 20; ++i) add(prober, session("lossy", wire.left(), i, 60));

  std::uint64_t number = 0;
  std::uint64_t dropped = 0;
  std::uint64_t doubled = 0;
  std::vector<std::vector<std::byte>> copies;
  const auto decide = [&](std::span<std::byte> frame, bool to_right) {
    if (parse_frame(frame).kind != FrameKind::udp) return true;
    ++number;
    // A probe or a reply in seven is lost; a reply in five comes twice.
    if (number % 7 == 0) {
      ++dropped;
      return false;
    }
    if (!to_right && number % 5 == 0) {
      copies.emplace_back(frame.begin(), frame.end());
      ++doubled;
    }
    return true;
  };
  const MonoTime end = transport->now().mono + 20s;
  while (prober.active() > 0 && transport->now().mono < end) {
    prober.step();
    wire.carry(decide);
    for (const auto& copy : std::exchange(copies, {})) REQUIRE(wire.inject(copy, false));
    reflector->step();
  }
  REQUIRE(prober.active() == 0);

  Counts all;
  for (const auto& [key, window] : merged(prober.finish())) {
    CAPTURE(key.target);
    CHECK(window.counts.sent == window.counts.received + window.counts.lost);
    CHECK(window.rtt.count() + window.uncertain.count() == window.counts.received);
    all.sent += window.counts.sent;
    all.received += window.counts.received;
    all.lost += window.counts.lost;
    all.duplicate += window.counts.duplicate;
  }
  CHECK(dropped > 20);
  CHECK(doubled > 20);
  CHECK(all.lost == dropped);
  CHECK(all.duplicate == doubled);
  CHECK(fates[Fate::received] == all.received);
  CHECK(fates[Fate::lost] == all.lost);
}

TEST_CASE("TLVs and a key over a ring: losses and remarking are told by direction") {
  const bool authenticated = GENERATE(false, true);
  CAPTURE(authenticated);
  auto wire = make_wire("stamp", RingWire::Kind::carried);
  auto transport = make_transport();
  ReflectorMode mode;
  mode.stateful = true;
  StampExtras extras;
  for (std::size_t number = 0; number < tlv_words; ++number) include(extras.tlvs, number);
  if (authenticated) {
    mode.key = HmacKey::make(std::vector<std::byte>(32, std::byte{0x5a})).value();
    extras.key = std::make_shared<const HmacKey>(*mode.key);
  }
  const auto reflector = make_reflector(wire.right(), mode);
  Prober prober{*transport, {}};
  SessionSpec spec = session("stamp", wire.left(), 0, 300);
  spec.key.dscp = 46;
  spec.schedule.interval = 10ms;  // a busy machine misses slots, but not nearly all
  spec.extras = extras;
  spec.flow.max_payload = payload_with(extras, stamp_packet_size);
  add(prober, spec);

  std::uint64_t there = 0;
  std::uint64_t back = 0;
  std::uint64_t lost_there = 0;
  std::uint64_t lost_back = 0;
  std::uint64_t remarked = 0;
  const auto decide = [&](std::span<std::byte> frame, bool to_right) {
    const ParsedFrame parsed = parse_frame(frame);
    if (parsed.kind != FrameKind::udp) return true;
    if (!to_right) {
      CHECK(parsed.dscp_ecn == 46 << 2);  // DSCP1, whatever came
      if (++back % 17 != 16) return true;
      ++lost_back;
      return false;
    }
    if (++there % 11 == 10) {
      ++lost_there;
      return false;
    }
    if (there % 5 != 0) return true;
    ++remarked;
    frame[parsed.link.size + 1] = std::byte{10U << 2U};
    finish_packet(frame.subspan(parsed.link.size, packet_headers(false) + parsed.payload.size()));
    return true;
  };
  const MonoTime end = transport->now().mono + 20s;
  while (prober.active() > 0 && transport->now().mono < end) {
    prober.step();
    wire.carry(decide);
    reflector->step();
  }
  REQUIRE(prober.active() == 0);
  const auto sessions = merged(prober.finish());
  REQUIRE(sessions.size() == 1);
  const Window& window = sessions.begin()->second;
  CHECK(lost_there > 3);
  CHECK(lost_back > 3);
  CHECK(remarked > 3);
  CHECK(window.far.counts);
  CHECK(window.far.seen_as.starts_with("10.0.0.1:"));
  const auto errors = [&](const char* kind) {
    const auto found = window.counts.errors.find(kind);
    return found == window.counts.errors.end() ? 0 : found->second;
  };
  CHECK(window.counts.lost == lost_there + lost_back);
  // What is lost behind the last reply is not judged.
  CHECK(errors("lost-forward") <= lost_there);
  CHECK(errors("lost-forward") + 1 >= lost_there);
  CHECK(errors("lost-reverse") <= lost_back);
  CHECK(errors("lost-reverse") + 1 >= lost_back);
  CHECK(errors("dscp-remarked-forward") <= remarked);
  CHECK(errors("dscp-remarked-forward") > 0);
  CHECK(errors("dscp-remarked-reverse") == 0);
  CHECK(errors("tlv-missing") == 0);
  CHECK(errors("tlv-unrecognized") == 0);
}

TEST_CASE("an adaptive poller measures as well, and sleeps") {
  const auto wire = make_wire("nap", RingWire::Kind::direct);
  auto opened = DpdkTransport::open({});
  if (!opened) FAIL(opened.error().message);
  auto& transport = **opened;
  const auto reflector = make_reflector(wire.right());
  std::jthread far_end{[&](const std::stop_token& stop) { reflector->run(stop); }};
  Prober prober{transport, {}};
  SessionSpec spec = session("nap", wire.left(), 0, 50);
  spec.schedule.interval = 10ms;
  add(prober, spec);
  const auto resolved = transport.resolve(20s);
  if (!resolved) FAIL(resolved.error().message);
  const MonoTime end = transport.now().mono + 10s;
  const long before = sleeps_of_this_thread();
  run_while(prober, transport, [&] { return prober.active() > 0 && transport.now().mono < end; });
  CHECK(sleeps_of_this_thread() > before);  // a busy poller never does
  const auto windows = merged(prober.finish());
  REQUIRE(windows.size() == 1);
  const Window& window = windows.begin()->second;
  CHECK(window.counts.received == window.counts.sent);
  CHECK((window.uncertainty > 0ns || window.uncertain.count() == window.counts.received));
}

TEST_CASE("a hostile payload reaches no session, and the reflector answers only what it may") {
  auto wire = make_wire("hostile", RingWire::Kind::carried);
  auto transport = make_transport();
  const auto reflector = make_reflector(wire.right());
  std::uint64_t sent = 0;
  std::vector<std::byte> frame(longest_frame);
  for (std::size_t size = 0; size <= 1472; size += size < 120 ? 1 : 97) {
    const std::vector<std::byte> payload(size, std::byte{0x31});
    const FrameFields fields{.kind = FlowKind::udp,
                             .source_mac = {{2, 0, 0, 0, 0, 9}},
                             .destination_mac = {},
                             .encapsulation = {},
                             .source = near_address,
                             .destination = far_address,
                             .source_port = 40000,
                             .destination_port = stamp_port,
                             .dscp = 0,
                             .hop_limit = 64};
    const std::size_t length = FrameTemplate{fields}.write(frame.data(), payload, 0);
    REQUIRE(wire.inject(std::span{frame}.first(length), true));
    ++sent;
    if (sent % 32 == 0) reflector->step();
  }
  while (reflector->step() > 0) {
  }
  const auto counters = reflector->counters();
  CHECK(counters.refused.at("would-amplify") == 44);  // 0 to 43 octets
  CHECK(counters.stamp_replies == sent - 44);
  std::size_t replies = 0;
  wire.carry([&](std::span<std::byte> reply, bool to_right) {
    if (to_right) return false;
    const auto parsed = parse_frame(reply);
    if (parsed.kind == FrameKind::arp) return false;  // the reflector looks for duplicates
    CHECK(parsed.kind == FrameKind::udp);
    CHECK(parsed.payload.size() >= stamp_packet_size);
    ++replies;
    return false;
  });
  CHECK(replies == counters.stamp_replies);
}
