// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "analyzer/decision.hpp"
#include "analyzer/one_way_change.hpp"

using namespace strait;
using namespace strait::analyzer;

namespace {

constexpr Nanos minute{60'000'000'000};
constexpr WallTime start{29'000'000 * minute};

std::vector<routes::Path> make_paths(int count) {
  std::vector<routes::Path> paths(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    paths[static_cast<std::size_t>(i)].name = "path" + std::to_string(i);
  }
  return paths;
}

// `minutes` windows of 60 probes for each path and target.
std::vector<Window> make_windows(const std::vector<routes::Path>& paths,
                                 const std::vector<Target>& targets, int minutes) {
  std::mt19937_64 random{1};  // NOLINT(bugprone-random-generator-seed)
  std::exponential_distribution<double> wait{1e-6};
  std::vector<Window> windows;
  for (const routes::Path& path : paths) {
    for (const Target& target : targets) {
      for (int i = 0; i < minutes; ++i) {
        Window window;
        window.session = {.path = path.name, .target = target.name};
        window.start = start + (i * minute);
        window.length = minute;
        for (int probe = 0; probe < 60; ++probe) {
          window.rtt.record(Nanos{20'000'000 + static_cast<Nanos::rep>(wait(random))});
        }
        window.counts.received = window.counts.sent = 60;
        windows.push_back(std::move(window));
      }
    }
  }
  return windows;
}

// Percentiles with intervals: a day of one-minute windows on each of 100 paths, one class.
void evidence_of_a_day(benchmark::State& state) {
  const auto paths = make_paths(static_cast<int>(state.range(0)));
  const std::vector<Target> targets{{.name = "paris", .traffic_class = "europe"}};
  const auto windows = make_windows(paths, targets, 1440);
  EvidenceOptions options;
  options.span_windows = 1440;
  for (auto _ : state) {
    benchmark::DoNotOptimize(gather(windows, {targets, paths, {}}, options, start + 1440 * minute));
  }
}
BENCHMARK(evidence_of_a_day)->Arg(10)->Arg(100)->Unit(benchmark::kMillisecond);

// One decision over many classes of one target each, 4 paths, 12 windows.
void decide_classes(benchmark::State& state) {
  const auto paths = make_paths(4);
  std::vector<Target> targets;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    targets.push_back({.name = "t" + std::to_string(i), .traffic_class = "c" + std::to_string(i)});
  }
  const auto windows = make_windows(paths, targets, 12);
  const DecisionInputs inputs{windows, {targets, paths, {}}, {}, {}, {}};
  for (auto _ : state) {
    benchmark::DoNotOptimize(decide(inputs, {}, {}, start + 12 * minute));
  }
}
BENCHMARK(decide_classes)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);

// `strait analyze --one-way` of one session: so many one-minute windows with raw delays of a far
// clock that drifts by 10 ppm.
void one_way_of_minutes(benchmark::State& state) {
  const auto minutes = static_cast<int>(state.range(0));
  auto windows =
      make_windows(make_paths(1), {{.name = "paris", .traffic_class = "europe"}}, minutes);
  std::mt19937_64 random{2};  // NOLINT(bugprone-random-generator-seed)
  std::exponential_distribution<double> wait{1e-4};
  for (Window& window : windows) {
    const Nanos drift = (window.start - start) / 100'000;
    window.clocks.raw_forward = Nanos{10'000'000 + static_cast<Nanos::rep>(wait(random))} + drift;
    window.clocks.raw_reverse = Nanos{10'000'000 + static_cast<Nanos::rep>(wait(random))} - drift;
  }
  for (auto _ : state) benchmark::DoNotOptimize(one_way_changes(windows));
  state.SetComplexityN(minutes);
}
BENCHMARK(one_way_of_minutes)
    ->RangeMultiplier(2)
    ->Range(60, 7680)
    ->Complexity()
    ->Unit(benchmark::kMillisecond);

}  // namespace
