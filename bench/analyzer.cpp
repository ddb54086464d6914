// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <algorithm>
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
BENCHMARK(evidence_of_a_day)->Arg(10)->Arg(30)->Arg(100)->Unit(benchmark::kMillisecond);

// One decision over many classes, 4 paths, 12 windows: of one target each, or all of the same three
// sessions of three targets, as the prefixes or ASes of a region are.
void decide_many(benchmark::State& state, const std::vector<Target>& targets) {
  const auto paths = make_paths(4);
  std::vector<Target> probed = targets;
  const auto [first, last] = std::ranges::unique(probed, {}, &Target::name);
  probed.erase(first, last);
  const auto windows = make_windows(paths, probed, 12);
  const DecisionInputs inputs{windows, {targets, paths, {}}, {}, {}, {}};
  for (auto _ : state) {
    benchmark::DoNotOptimize(decide(inputs, {}, {}, start + 12 * minute));
  }
  state.SetComplexityN(state.range(0));
}

void decide_classes(benchmark::State& state) {
  std::vector<Target> targets;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    targets.push_back({.name = "t" + std::to_string(i), .traffic_class = "c" + std::to_string(i)});
  }
  decide_many(state, targets);
}
BENCHMARK(decide_classes)->Range(10, 1000)->Complexity()->Unit(benchmark::kMillisecond);
BENCHMARK(decide_classes)->Arg(10'000)->Iterations(1)->Unit(benchmark::kMillisecond);

// What the service pays each minute: the same with a new window of each session, and the memory of
// the decision before. Windows come in the order of time, as they do there.
void decide_next_minute(benchmark::State& state) {
  std::vector<Target> targets;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    targets.push_back({.name = "t" + std::to_string(i), .traffic_class = "c" + std::to_string(i)});
  }
  const auto paths = make_paths(4);
  auto windows = make_windows(paths, targets, 13);
  std::ranges::stable_sort(windows, {}, &Window::start);
  const auto before = std::span{windows}.first(windows.size() / 13 * 12);
  const DecisionInputs last{before, {targets, paths, {}}, {}, {}, {}};
  const DecisionMemory memory = decide(last, {}, {}, start + 12 * minute).memory;
  const DecisionInputs inputs{windows, {targets, paths, {}}, {}, {}, {}};
  for (auto _ : state) {
    benchmark::DoNotOptimize(decide(inputs, memory, {}, start + 13 * minute));
  }
}
BENCHMARK(decide_next_minute)->Arg(1000)->Unit(benchmark::kMillisecond);
BENCHMARK(decide_next_minute)->Arg(10'000)->Iterations(1)->Unit(benchmark::kMillisecond);

// What of that is the evidence: the newest five windows of each class and path to percentiles.
void evidence_of_classes(benchmark::State& state) {
  const auto paths = make_paths(4);
  std::vector<Target> targets;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    targets.push_back({.name = "t" + std::to_string(i), .traffic_class = "c" + std::to_string(i)});
  }
  const auto windows = make_windows(paths, targets, 12);
  for (auto _ : state) {
    benchmark::DoNotOptimize(gather(windows, {targets, paths, {}}, {}, start + 12 * minute));
  }
}
BENCHMARK(evidence_of_classes)->Arg(1000)->Unit(benchmark::kMillisecond);
BENCHMARK(evidence_of_classes)->Arg(10'000)->Iterations(1)->Unit(benchmark::kMillisecond);

void decide_classes_alike(benchmark::State& state) {
  std::vector<Target> targets;
  for (const char* const name : {"t0", "t1", "t2"}) {
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      targets.push_back({.name = name, .traffic_class = "c" + std::to_string(i)});
    }
  }
  decide_many(state, targets);
}
BENCHMARK(decide_classes_alike)->Range(10, 10'000)->Complexity()->Unit(benchmark::kMillisecond);

// The same, each class with a past of its own.
void decide_classes_of_many_pasts(benchmark::State& state) {
  const auto paths = make_paths(4);
  std::vector<Target> targets;
  DecisionMemory memory;
  for (const char* const name : {"t0", "t1", "t2"}) {
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      targets.push_back({.name = name, .traffic_class = "c" + std::to_string(i)});
      ClassMemory& each = memory["c" + std::to_string(i)];
      each.path = "path" + std::to_string(i % 4);
      each.changed = start - i * minute;
      each.judged = start + 11 * minute;
    }
  }
  const std::vector<Target> probed{{.name = "t0", .traffic_class = "c"},
                                   {.name = "t1", .traffic_class = "c"},
                                   {.name = "t2", .traffic_class = "c"}};
  const auto windows = make_windows(paths, probed, 12);
  const DecisionInputs inputs{windows, {targets, paths, {}}, {}, {}, {}};
  for (auto _ : state) {
    benchmark::DoNotOptimize(decide(inputs, memory, {}, start + 12 * minute));
  }
  state.SetComplexityN(state.range(0));
}
BENCHMARK(decide_classes_of_many_pasts)
    ->Range(10, 10'000)
    ->Complexity()
    ->Unit(benchmark::kMillisecond);

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
