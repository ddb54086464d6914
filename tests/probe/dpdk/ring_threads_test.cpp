// SPDX-License-Identifier: Apache-2.0
// Several polling threads on the queues of one port.
#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "probe/dpdk/reflector.hpp"
#include "probe/dpdk/ring_wire.hpp"
#include "probe/dpdk/transport.hpp"
#include "probe/prober.hpp"

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::dpdk;
using namespace std::chrono_literals;

namespace {

constexpr unsigned threads = 2;
const Ipv4 near_address{0x0a000001};
const Ipv4 far_address{0x0a000002};

DpdkOptions options() {
  DpdkOptions options;
  options.poll = Poll::busy;
  options.cores.assign(threads, 0);  // both on the first CPU: the machine may have one only
  return options;
}

std::unique_ptr<DpdkReflector> make_reflector(const std::string& device) {
  DpdkReflectorOptions wanted;
  wanted.device = device;
  wanted.addresses = {far_address};
  wanted.policy.open = true;
  wanted.policy.source_rate = {0};
  auto made = DpdkReflector::open(options(), wanted);
  if (!made) FAIL(made.error().message);
  return std::move(*made);
}

SessionSpec session(const std::string& device, unsigned number) {
  SessionSpec spec;
  spec.key = {"ring", std::to_string(number), Protocol::stamp, 0};
  spec.flow.pin.device = device;
  spec.flow.pin.source_v4 = near_address;
  spec.flow.destination = {far_address, stamp_port};
  spec.schedule.interval = 5ms;
  spec.timeout = 2s;
  spec.count = 40;
  return spec;
}

// One thread's part: its own transport, prober and, on the other side, reflector. Steps until all
// threads are done, because each also passes on what is for the others.
std::vector<Window> run(DpdkTransport& transport, DpdkReflector& reflector,
                        const std::vector<SessionSpec>& specs, std::atomic<unsigned>& busy) {
  Prober prober{transport, {}};
  for (const SessionSpec& spec : specs) {
    if (!prober.add(spec)) return {};
  }
  const MonoTime end = transport.now().mono + 20s;
  bool counted = true;
  while (busy > 0 && transport.now().mono < end) {
    prober.step();
    reflector.step();
    if (counted && prober.active() == 0) {
      counted = false;
      --busy;
    }
    std::this_thread::yield();
  }
  return prober.finish();
}

}  // namespace

TEST_CASE("each thread gets the replies to its own probes, whichever queue they come in by") {
  const bool crossed = GENERATE(false, true);
  CAPTURE(crossed);
  static int number = 0;
  auto wire =
      RingWire::make_queues(options(), "queues" + std::to_string(number++), threads, crossed);
  if (!wire) FAIL(wire.error().message);
  auto shared = DpdkShared::open(options(), {});
  if (!shared) FAIL(shared.error().message);
  std::vector<std::unique_ptr<DpdkTransport>> transports;
  std::vector<std::unique_ptr<DpdkReflector>> reflectors;
  std::vector<std::vector<SessionSpec>> specs(threads);
  for (unsigned i = 0; i < threads; ++i) {
    transports.push_back(DpdkTransport::join(*shared, i));
    reflectors.push_back(make_reflector(wire->right(i)));
  }
  constexpr unsigned sessions = 100;
  for (unsigned i = 0; i < sessions; ++i) specs[i % threads].push_back(session(wire->left(), i));

  std::atomic<unsigned> busy{threads};
  std::vector<std::vector<Window>> windows(threads);
  {
    std::vector<std::jthread> running;
    for (unsigned i = 0; i < threads; ++i) {
      running.emplace_back(
          [&, i] { windows[i] = run(*transports[i], *reflectors[i], specs[i], busy); });
    }
  }
  Counts total;
  for (const auto& its : windows) {
    for (const Window& window : its) {
      total.sent += window.counts.sent;
      total.received += window.counts.received;
      total.lost += window.counts.lost;
      total.scheduled += window.counts.scheduled;
      CHECK(window.counts.errors.count("wrong-source") == 0);
    }
  }
  CHECK(total.scheduled == sessions * 40);
  CHECK(total.sent > sessions * 20);  // some slots are missed before the next hop is known
  CHECK(total.received == total.sent);
  CHECK(total.lost == 0);
}

TEST_CASE("a device with fewer queues than threads says so") {
  auto wire = RingWire::make(options(), "single", RingWire::Kind::direct);
  REQUIRE(wire);
  auto shared = DpdkShared::open(options(), {});
  REQUIRE(shared);
  const auto first = DpdkTransport::join(*shared, 0);
  const auto second = DpdkTransport::join(*shared, 1);
  CHECK(first->open_flow(session(wire->left(), 0).flow));
  const auto refused = second->open_flow(session(wire->left(), 1).flow);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, Catch::Contains("1 queues, fewer than"));
}
