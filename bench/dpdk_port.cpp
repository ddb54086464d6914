// SPDX-License-Identifier: Apache-2.0
// strait's side of bench/dpdk_port.sh: one role on one DPDK port, busy polling, on the CPU given.
//   dpdk_port ROLE DEVICE CPU OWN_ADDRESS PEER_ADDRESS PEER_MAC
// with ROLE
//   transmit   the transport alone: bursts of 44-octet STAMP probes, a look at the queue every 16
//              bursts, as Prober::step() does; from port 49152 to 9
//   receive    the transport alone: frames from PEER_ADDRESS port 9 to OWN_ADDRESS port 9 are its
//              own, others are parsed and counted as foreign
//   turn       the transport alone, there and back: receives all there is, sends one burst, as
//              testpmd's flowgen does. With OWN_ADDRESS = PEER_ADDRESS and equal ports a frame
//              whose MAC addresses were swapped looks like a reply
//   probe      the whole prober, 64 STAMP sessions which ask for a million probes a second. What
//              comes back unchanged is no STAMP reply, so each request is written in the form of
//              its own reply before it leaves
//   reflect    the STAMP reflector
// Says "ready"; then to every line on its input one line with its counters: packets sent and
// received, those that were its own, and the TSC ticks spent in calls that found something.
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "probe/dpdk/reflector.hpp"
#include "probe/dpdk/transport.hpp"
#include "probe/prober.hpp"
#include "probe/stamp_packet.hpp"

namespace {

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::dpdk;
using namespace std::chrono_literals;

constexpr std::size_t burst = 32;
constexpr std::uint16_t port_number = 9;      // testpmd's own in 22.11
constexpr std::uint16_t sender_port = 49152;  // a reflector does not answer one like its own
constexpr int bursts_per_look = 16;
constexpr std::uint16_t error_estimate = 1;  // RFC 4656 §4.1.2: a multiplier of 0 is corrupt
constexpr std::size_t prober_sessions = 64;
constexpr double prober_rate = 1e6;

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "{}\n", result.error().message);
  std::_Exit(4);
}

struct Words {
  std::string role;
  DpdkOptions options;
  Address own;
  Address peer;
  MacAddress peer_mac;
};

// Written by the thread that polls, read by the one that answers.
struct Shown {
  std::atomic<std::uint64_t> sent{0};
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> own{0};
  std::atomic<std::uint64_t> busy_ticks{0};
};

void add(std::atomic<std::uint64_t>& counter, std::uint64_t value) {
  counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

FlowSpec flow_of(const Words& words) {
  FlowSpec flow;
  flow.pin.source_v4 = words.own;
  flow.pin.next_hop_mac = words.peer_mac;
  flow.destination = {words.peer, port_number};
  flow.source_port = words.role == "transmit" ? sender_port : port_number;
  return flow;
}

// At the end, on standard error.
void print_counts(const std::map<std::string, std::uint64_t, std::less<>>& counts) {
  for (const auto& [kind, times] : counts) fmt::print(stderr, "{}: {}\n", kind, times);
}

// A transport with one flow, used without a prober.
class Bare {
 public:
  Bare(const Words& words, Shown& shown)
      : shown_{shown},
        transport_{must(DpdkTransport::open(words.options))},
        flow_{must(transport_->open_flow(flow_of(words)))} {
    for (std::size_t i = 0; i < burst; ++i) {
      departures_[i].flow = flow_;
      departures_[i].payload = payloads_[i];
    }
  }

  void send_burst() {
    const WireTime time = encode_time(transport_->now().wall, TimestampFormat::ntp);
    for (std::size_t i = 0; i < burst; ++i) {
      write_stamp_request({sequence_++, time, error_estimate, 1}, payloads_[i]);
      departures_[i].refused = false;
    }
    add(shown_.sent, transport_->send(departures_));
  }

  // Ticks are not counted for foreign frames, which are not handed out.
  void receive_all() {
    for (;;) {
      const std::uint64_t before = TscClock::ticks();
      const std::size_t count = transport_->receive(arrivals_);
      if (count == 0) return;
      add(shown_.busy_ticks, TscClock::ticks() - before);
      add(shown_.own, count);
    }
  }

  void print_errors() { print_counts(transport_->counters().errors); }
  [[nodiscard]] std::uint64_t seen() {
    const TransportCounters counters = transport_->counters();
    std::uint64_t sum = counters.received;
    for (const auto& [reason, times] : counters.ignored) sum += times;
    return sum;
  }

 private:
  Shown& shown_;
  std::unique_ptr<DpdkTransport> transport_;
  FlowId flow_;
  std::uint32_t sequence_ = 0;
  std::array<std::array<std::byte, stamp_packet_size>, burst> payloads_{};
  std::array<Departure, burst> departures_{};
  std::array<Arrival, burst> arrivals_{};
};

void run_bare(const Words& words, Shown& shown, const std::stop_token& stop) {
  Bare bare{words, shown};
  const bool sends = words.role != "receive";
  const int bursts = words.role == "transmit" ? bursts_per_look : 1;
  constexpr unsigned rounds_per_count = 256;  // counters() makes maps
  for (unsigned round = 0; !stop.stop_requested(); ++round) {
    bare.receive_all();
    for (int i = 0; sends && i < bursts; ++i) bare.send_burst();
    if (round % rounds_per_count == 0) shown.received = bare.seen();
  }
  bare.print_errors();
}

// Passes everything on to another transport; but what is sent is what should come back.
class Mirrored final : public Transport {
 public:
  explicit Mirrored(Transport& inner) : inner_{inner} {}

  [[nodiscard]] Instant now() const override { return inner_.now(); }
  [[nodiscard]] Result<FlowId> open_flow(const FlowSpec& spec) override {
    return inner_.open_flow(spec);
  }
  void close_flow(FlowId flow) override { inner_.close_flow(flow); }
  [[nodiscard]] std::size_t send(std::span<Departure> departures) override {
    for (std::size_t i = 0; i < departures.size(); ++i) {
      const auto request = read_stamp_request(departures[i].payload);
      if (!request) continue;
      write_stamp_reply({.sequence = request->sequence,
                         .timestamp = request->timestamp,
                         .error_estimate = request->error_estimate,
                         .ssid = request->ssid,
                         .receive_timestamp = request->timestamp,
                         .sender_sequence = request->sequence,
                         .sender_timestamp = request->timestamp,
                         .sender_error_estimate = request->error_estimate,
                         .sender_ttl = 255},
                        payloads_[i]);
      departures[i].payload = payloads_[i];
    }
    return inner_.send(departures);
  }
  [[nodiscard]] std::size_t receive(std::span<Arrival> arrivals) override {
    return inner_.receive(arrivals);
  }
  void wait(MonoTime until) override { inner_.wait(until); }
  void tolerate(Nanos lateness) override { inner_.tolerate(lateness); }
  void expect(MonoTime when) override { inner_.expect(when); }
  [[nodiscard]] std::size_t burst_size() const override { return burst; }
  [[nodiscard]] TransportCounters counters() override { return inner_.counters(); }

 private:
  Transport& inner_;
  std::array<std::array<std::byte, stamp_packet_size>, burst> payloads_{};
};

void run_prober(const Words& words, Shown& shown, const std::stop_token& stop) {
  const auto wire = must(DpdkTransport::open(words.options));
  Mirrored transport{*wire};
  Prober prober{transport, {}};
  for (std::size_t i = 0; i < prober_sessions; ++i) {
    SessionSpec spec;
    spec.key = {"port", std::to_string(i), Protocol::stamp, 0};
    spec.flow = flow_of(words);
    spec.flow.source_port = static_cast<std::uint16_t>(sender_port + i);
    spec.flow.destination.port = spec.flow.source_port;
    spec.schedule.interval = Nanos{static_cast<std::int64_t>(prober_sessions / prober_rate * 1e9)};
    spec.timeout = 100ms;
    must(prober.add(spec));
  }
  constexpr unsigned steps_per_count = 256;
  for (unsigned step = 0; !stop.stop_requested(); ++step) {
    prober.step();
    if (step % steps_per_count != 0) continue;
    const TransportCounters counters = transport.counters();
    shown.sent = counters.sent;
    shown.received = counters.received;
    std::uint64_t answered = 0;
    for (const Window& window : prober.open_windows()) answered += window.counts.received;
    shown.own = answered;
  }
  print_counts(transport.counters().errors);
  print_counts(prober.strays());
}

void run_reflector(const Words& words, Shown& shown, const std::stop_token& stop) {
  DpdkReflectorOptions far;
  far.addresses = {words.own};
  far.policy.open = true;
  far.policy.source_rate = {0};
  far.policy.local_port = port_number;
  const auto reflector = must(DpdkReflector::open(words.options, far));
  constexpr unsigned steps_per_count = 256;
  for (unsigned step = 0; !stop.stop_requested(); ++step) {
    const std::uint64_t before = TscClock::ticks();
    const std::size_t count = reflector->step();
    if (count > 0) {
      add(shown.busy_ticks, TscClock::ticks() - before);
      add(shown.received, count);
    }
    if (step % steps_per_count != 0) continue;
    const std::uint64_t replies = reflector->counters().stamp_replies;
    shown.sent.store(replies, std::memory_order_relaxed);
    shown.own.store(replies, std::memory_order_relaxed);
  }
  print_counts(reflector->counters().refused);
  print_counts(reflector->counters().ignored);
}

int run(const Words& words) {
  Shown shown;
  const std::jthread worker{[&](const std::stop_token& stop) {
    if (words.role == "probe") {
      run_prober(words, shown, stop);
    } else if (words.role == "reflect") {
      run_reflector(words, shown, stop);
    } else {
      run_bare(words, shown, stop);
    }
  }};
  fmt::print("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    fmt::print("sent {} received {} own {} ticks {}\n", shown.sent.load(), shown.received.load(),
               shown.own.load(), shown.busy_ticks.load());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() != 6) {
    fmt::print(stderr, "usage: see the head of bench/dpdk_port.cpp\n");
    return 2;
  }
  DpdkOptions options;
  options.devices = {words[1]};
  options.cores = {static_cast<unsigned>(std::stoul(words[2]))};
  options.memory_mb = 512;
  options.poll = Poll::busy;
  return run({words[0], options, must(parse_address(words[3])), must(parse_address(words[4])),
              must(parse_mac(words[5]))});
}
