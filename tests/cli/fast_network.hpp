// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <thread>
#include <utility>

#include "tests/probe/prober_fixture.hpp"

namespace strait::cli {

using namespace std::chrono_literals;

// What the test may look at while the probing thread works.
struct Seen {
  std::atomic<std::uint64_t> sent{0};
  std::atomic<int> opened{0};
  std::atomic<int> closed{0};
  std::atomic<std::uint32_t> router{0xc0000202};  // who answers what ends at the first hop
};

inline probe::Arrival time_exceeded(probe::FlowId flow, std::uint32_t by) {
  probe::Arrival arrival;
  arrival.kind = probe::Arrival::Kind::icmp_error;
  arrival.flow = flow;
  arrival.source = {boost::asio::ip::address_v4{by}, 0};
  arrival.icmp_type = 11;
  return arrival;
}

// A fake network that answers everything after 10 ms, in virtual time that runs a few thousand
// times as fast as ours. Its first poll gap is its largest.
class FastNetwork final : public probe::Transport {
 public:
  explicit FastNetwork(Seen& seen) : seen_{seen} {
    net_.network = [this](const probe::FakeTransport::Sent& sent) {
      if (sent.flow_spec.hop_limit == 1) {
        net_.deliver(1ms, time_exceeded(sent.flow, seen_.router));
        return;
      }
      ++seen_.sent;
      net_.reflect(sent, 5ms);
    };
  }
  [[nodiscard]] Instant now() const override { return net_.now(); }
  [[nodiscard]] Result<probe::FlowId> open_flow(const probe::FlowSpec& spec) override {
    if (spec.destination.port == 1) return fail(Errc::no_permission, "port 1 is not for us");
    ++seen_.opened;
    return net_.open_flow(spec);
  }
  void close_flow(probe::FlowId flow) override {
    ++seen_.closed;
    net_.close_flow(flow);
  }
  [[nodiscard]] std::size_t send(std::span<probe::Departure> burst) override {
    return net_.send(burst);
  }
  [[nodiscard]] std::size_t receive(std::span<probe::Arrival> burst) override {
    return net_.receive(burst);
  }
  void wait(MonoTime until) override {
    net_.wait(until);
    std::this_thread::sleep_for(20us);
  }
  [[nodiscard]] std::size_t burst_size() const override { return net_.burst_size(); }
  [[nodiscard]] probe::TransportCounters counters() override {
    probe::TransportCounters counters;
    counters.sent = seen_.sent;
    counters.largest_poll_gap = std::exchange(gap_, 1ms);
    return counters;
  }

 private:
  Seen& seen_;
  FakeClock clock_{probe::test_start};
  probe::FakeTransport net_{clock_};
  Nanos gap_ = 7ms;
};

inline probe::SessionSpec spec(const char* target) {
  auto spec = probe::Bench::spec(Protocol::stamp, 100ms);
  spec.key.target = target;
  return spec;
}

inline probe::ProberOptions options() {
  probe::ProberOptions options;
  options.window = 10s;
  options.seed = 1;
  options.clock_quality = [] { return probe::ClockQuality{true, 100us}; };
  return options;
}

}  // namespace strait::cli
