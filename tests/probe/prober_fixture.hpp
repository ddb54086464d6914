// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "probe/prober.hpp"
#include "tests/probe/fake_transport.hpp"

namespace strait::probe {

inline constexpr Instant test_start{MonoTime{std::chrono::hours{5}},
                                    WallTime{std::chrono::seconds{1'795'000'000 / 60 * 60}}};

// A prober over a fake network, and the sum of all its windows.
struct Bench {
  FakeClock clock{test_start};
  FakeTransport net{clock};
  std::vector<Outcome> outcomes;
  Prober prober;
  std::vector<Window> windows;

  explicit Bench(Nanos window = std::chrono::seconds{10}) : prober{net, options(window)} {}

  ProberOptions options(Nanos window) {
    ProberOptions options;
    options.window = window;
    options.seed = 1;
    options.clock_quality = [] { return ClockQuality{true, std::chrono::microseconds{100}}; };
    options.on_outcome = [this](const Outcome& outcome) { outcomes.push_back(outcome); };
    return options;
  }

  static SessionSpec spec(Protocol protocol, Nanos interval, std::uint64_t count = 0) {
    SessionSpec spec;
    spec.key = {"atlas", "target", protocol, 0};
    spec.flow.destination = {Address{boost::asio::ip::address_v4{0xc0000201}}, 862};
    spec.schedule = {ScheduleKind::periodic, interval, 0.1};
    spec.timeout = std::chrono::seconds{1};
    spec.count = count;
    return spec;
  }

  void run(Nanos length) {
    const MonoTime end = clock.now().mono + length;
    while (clock.now().mono < end) {
      prober.step();
      collect(prober.take_closed());
      net.wait(std::min(end, prober.next_wakeup()));
    }
    prober.step();
    collect(prober.take_closed());
  }

  void collect(std::vector<Window> closed) {
    for (Window& window : closed) windows.push_back(std::move(window));
  }

  // Everything that was ever counted.
  Window total() {
    collect(prober.finish());
    Window sum = windows.front();
    for (std::size_t i = 1; i < windows.size(); ++i) merge(sum, windows[i]);
    return sum;
  }

  [[nodiscard]] static std::uint64_t errors(const Window& window, const std::string& kind) {
    const auto found = window.counts.errors.find(kind);
    return found == window.counts.errors.end() ? 0 : found->second;
  }
};

}  // namespace strait::probe
