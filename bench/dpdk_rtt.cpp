// SPDX-License-Identifier: Apache-2.0
// One end of bench/dpdk_rtt.sh: `prober DEVICE SOURCE TARGET busy|adaptive RATE SECONDS` prints the
// median round trip of STAMP probes and the share of a core; `reflector DEVICE ADDRESS
// busy|adaptive SECONDS` answers.
#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "probe/dpdk/reflector.hpp"
#include "probe/dpdk/transport.hpp"
#include "probe/prober.hpp"

namespace {

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::dpdk;
using namespace std::chrono_literals;

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "{}\n", result.error().message);
  std::_Exit(4);
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

DpdkOptions options(const std::string& device, const std::string& poll) {
  DpdkOptions options;
  options.devices = {device};
  options.poll = poll == "busy" ? Poll::busy : Poll::adaptive;
  return options;
}

Nanos seconds(const std::string& text) {
  return Nanos{static_cast<std::int64_t>(std::atof(text.c_str()) * 1e9)};
}

int reflect(const std::vector<std::string>& words) {
  DpdkReflectorOptions far;
  far.addresses = {must(parse_address(words[2]))};
  far.policy.open = true;
  far.policy.source_rate = {0};
  const auto reflector = must(DpdkReflector::open(options(words[1], words[3]), far));
  const std::jthread thread{[&](const std::stop_token& stop) { reflector->run(stop); }};
  std::this_thread::sleep_for(seconds(words[4]));
  return 0;
}

int probe_with(const std::vector<std::string>& words) {
  auto transport =
      must(DpdkTransport::open(options(words[1], words[4]), [](const std::string& event) {
        fmt::print(stderr, "{}\n", event);
      }));
  Prober prober{*transport, {}};
  SessionSpec spec;
  spec.key = {"veth", words[3], Protocol::stamp, 0};
  spec.flow.pin.source_v4 = must(parse_address(words[2]));
  spec.flow.destination = {must(parse_address(words[3])), stamp_port};
  spec.schedule.interval = Nanos{static_cast<std::int64_t>(1e9 / std::atof(words[5].c_str()))};
  spec.timeout = 500ms;
  must(prober.add(spec));
  if (const auto resolved = transport->resolve(2s); !resolved) {
    fmt::print(stderr, "{}\n", resolved.error().message);
    return 4;
  }
  const MonoTime start = transport->now().mono;
  const double cpu = cpu_seconds();
  const MonoTime end = start + seconds(words[6]);
  run_while(prober, *transport, [&] { return transport->now().mono < end; });
  const double share =
      (cpu_seconds() - cpu) / std::chrono::duration<double>(transport->now().mono - start).count();
  drain(prober, *transport, 1s);
  auto windows = prober.finish();
  if (windows.empty()) return 1;
  Window whole = windows.front();
  for (std::size_t i = 1; i < windows.size(); ++i) merge(whole, windows[i]);
  const auto micros = [&](double q) {
    const auto value = whole.rtt.quantile(q);
    return value ? static_cast<double>(value->count()) / 1e3 : 0.0;
  };
  const auto min = whole.rtt.min().value_or(Nanos{});
  fmt::print("p50_us={:.1f} min_us={:.1f} p99_us={:.1f} cpu={:.3f} sent={} received={} missed={}\n",
             micros(0.5), static_cast<double>(min.count()) / 1e3, micros(0.99), share,
             whole.counts.sent, whole.counts.received, whole.counts.missed);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 7 && words[0] == "prober") return probe_with(words);
  if (words.size() == 5 && words[0] == "reflector") return reflect(words);
  fmt::print(stderr, "usage: see the head of bench/dpdk_rtt.cpp\n");
  return 2;
}
