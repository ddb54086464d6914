// SPDX-License-Identifier: Apache-2.0
// dpdk_bridge DEVICE DEVICE: what comes in by one DPDK device goes out by the other, both ways,
// until a signal ends it. Joins devices that only other DPDK programs can talk to (memif, vhost) to
// an interface of the lab.
#include <fmt/format.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <utility>

#include "probe/dpdk/eal.hpp"
#include "probe/dpdk/port.hpp"
#include "probe/dpdk/port_queue.hpp"
#include "probe/wake_up.hpp"

namespace {

using namespace strait;
using namespace strait::probe::dpdk;

volatile std::sig_atomic_t ending = 0;

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "dpdk_bridge: {}\n", result.error().message);
  std::exit(4);
}

DpdkPort open(Eal& eal, const std::string& device) {
  return must(DpdkPort::open(must(eal.attach(device)), device));
}

void pass(PortQueue& from, PortQueue& to, TransmitWatch& watch) {
  std::array<rte_mbuf*, burst_limit> frames{};
  const auto polled = from.poll(frames);
  if (polled.count > 0) to.transmit(std::span{frames}.first(polled.count), watch);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: dpdk_bridge DEVICE DEVICE\n");
    return 2;
  }
  Eal* const eal = must(Eal::ensure({}));
  DpdkPort left = open(*eal, argv[1]);
  DpdkPort right = open(*eal, argv[2]);
  PortQueue left_queue{left, 0};
  PortQueue right_queue{right, 0};
  TransmitWatch watch{~std::uint64_t{0}};
  std::signal(SIGTERM, [](int) { ending = 1; });
  std::signal(SIGINT, [](int) { ending = 1; });
  probe::sharpen_wake_ups();
  fmt::print("bridging\n");
  std::fflush(stdout);
  while (ending == 0) {
    pass(left_queue, right_queue, watch);
    pass(right_queue, left_queue, watch);
    // Always: it runs with real-time priority, and must starve nobody.
    std::this_thread::sleep_for(std::chrono::microseconds{20});
  }
}
