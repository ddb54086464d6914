// SPDX-License-Identifier: Apache-2.0
// What a second polling thread adds, through net_ring; needs no privilege. Each thread has a CPU, a
// queue of one device, half of the sessions, and a STAMP reflector of its own at the far end.
//   dpdk_threads THREADS [SECONDS [SESSIONS [crossed]]]
// `crossed`: every reply comes in by the other thread's queue and is handed over. Says replies a
// second of all threads together, what they took per probe, and the median and 99th percentile of
// all windows; and how many turns a second of a loop that touches no memory the same CPUs gave just
// before, which is what the machine itself makes of a second CPU.
#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/dpdk_pair.hpp"
#include "probe/dpdk/eal.hpp"
#include "probe/dpdk/port_queue.hpp"

namespace {

using namespace strait;
using namespace strait::bench;
using namespace strait::probe;
using namespace strait::probe::dpdk;
using namespace std::chrono_literals;

constexpr double offered = 40e6;  // more than any thread can do
constexpr Nanos warm_up = 1s;

struct Words {
  unsigned threads = 1;
  double seconds = 2;
  std::size_t sessions = 1000;
  bool crossed = false;
};

void pin_to(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0) std::exit(3);
}

double since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Turns a second, of all threads.
double bare_rate(unsigned threads) {
  std::atomic<std::uint64_t> turns{0};
  const auto start = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> running;
    for (unsigned i = 0; i < threads; ++i) {
      running.emplace_back([&, i] {
        pin_to(i);
        std::uint64_t state = i + 1;
        std::uint64_t mine = 0;
        while (since(start) < 0.3) {
          for (int turn = 0; turn < 10000; ++turn) state = state * 6364136223846793005U + 1;
          mine += 10000 + (state & 1U);
        }
        turns += mine;
      });
    }
  }
  return static_cast<double>(turns) / since(start);
}

DpdkOptions options(const Words& words) {
  DpdkOptions options;
  options.memory_mb = 256;
  options.poll = Poll::busy;
  for (unsigned i = 0; i < words.threads; ++i) options.cores.push_back(i);
  return options;
}

Address far_address() { return must(parse_address("10.0.2.1")); }

std::unique_ptr<DpdkReflector> reflector(const Words& words, const std::string& device) {
  DpdkReflectorOptions far;
  far.device = device;
  far.addresses = {far_address()};
  far.policy.open = true;
  far.policy.source_rate = {0};
  return must(DpdkReflector::open(options(words), far));
}

SessionSpec session(const Words& words, const std::string& device, std::size_t number) {
  SessionSpec spec;
  spec.key = {"ring", std::to_string(number), Protocol::stamp, 0};
  spec.flow.pin.device = device;
  spec.flow.pin.source_v4 = must(parse_address("10.0.1.1"));
  spec.flow.destination = {far_address(), stamp_port};
  spec.schedule.interval =
      Nanos{static_cast<std::int64_t>(static_cast<double>(words.sessions) / offered * 1e9)};
  spec.timeout = std::max<Nanos>(5ms, 4 * spec.schedule.interval);
  return spec;
}

struct Part {
  std::uint64_t received = 0;
  double seconds = 0;
  double cpu = 0;
  std::vector<Window> windows;
};

// Steps until all are done: each also passes on what is for the others.
Part run(const Words& words, unsigned number, DpdkTransport& transport, DpdkReflector& far,
         const std::string& device, std::atomic<unsigned>& running) {
  pin_to(number);
  Prober prober{transport, ProberOptions{}};
  for (std::size_t i = number; i < words.sessions; i += words.threads) {
    must(prober.add(session(words, device, i)));
  }
  const auto step_for = [&](double length) {
    const auto start = std::chrono::steady_clock::now();
    while (since(start) < length) {
      for (int i = 0; i < 64; ++i) {
        prober.step();
        while (far.step() == burst_limit) {
        }
      }
    }
  };
  step_for(std::chrono::duration<double>(warm_up).count());
  Part part;
  const auto start = std::chrono::steady_clock::now();
  const double cpu = thread_cpu_seconds();
  const std::uint64_t before = transport.counters().received;
  step_for(words.seconds);
  part.received = transport.counters().received - before;
  part.seconds = since(start);
  part.cpu = thread_cpu_seconds() - cpu;
  --running;
  while (running > 0) {
    prober.step();
    far.step();
  }
  part.windows = prober.finish();
  return part;
}

void print(const Words& words, const std::vector<Part>& parts, double bare) {
  double rate = 0;
  double cpu = 0;
  double received = 0;
  Sketch rtt;
  for (const Part& part : parts) {
    rate += static_cast<double>(part.received) / part.seconds;
    cpu += part.cpu;
    received += static_cast<double>(part.received);
    for (const Window& window : part.windows) rtt.merge(window.rtt);
  }
  const auto micros = [&](double q) {
    const auto value = rtt.quantile(q);
    return value ? static_cast<double>(value->count()) / 1e3 : 0.0;
  };
  fmt::print(
      "threads {} sessions {} crossed {} rate {:.0f} ns_per_probe {:.0f} p50_us {:.1f} p99_us "
      "{:.1f} "
      "bare_loop {:.0f}\n",
      words.threads, words.sessions, words.crossed, rate, 1e9 * cpu / received, micros(0.5),
      micros(0.99), bare);
}

int measure(const Words& words) {
  const double bare = bare_rate(words.threads);
  auto wire = must(RingWire::make_queues(options(words), "threads", words.threads, words.crossed));
  const auto shared = must(DpdkShared::open(options(words), {}));
  std::vector<std::unique_ptr<DpdkTransport>> transports;
  std::vector<std::unique_ptr<DpdkReflector>> reflectors;
  for (unsigned i = 0; i < words.threads; ++i) {
    transports.push_back(DpdkTransport::join(shared, i));
    reflectors.push_back(reflector(words, wire.right(i)));
  }
  std::atomic<unsigned> running{words.threads};
  std::vector<Part> parts(words.threads);
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < words.threads; ++i) {
      threads.emplace_back([&, i] {
        parts[i] = run(words, i, *transports[i], *reflectors[i], wire.left(), running);
      });
    }
  }
  print(words, parts, bare);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Words words;
  if (argc > 1) words.threads = static_cast<unsigned>(std::atoi(argv[1]));
  if (argc > 2) words.seconds = std::atof(argv[2]);
  if (argc > 3) words.sessions = static_cast<std::size_t>(std::atoll(argv[3]));
  if (argc > 4) words.crossed = std::string_view{argv[4]} == "crossed";
  if (words.threads < 1 || words.threads > std::thread::hardware_concurrency()) {
    fmt::print(stderr, "dpdk_threads: want 1 to {} threads, one for each CPU\n",
               std::thread::hardware_concurrency());
    return 2;
  }
  return measure(words);
}
