// SPDX-License-Identifier: Apache-2.0
// One scrape of 1,000 sessions, beside prometheus-cpp's own serialiser, and rows per second of the
// store.
#include <benchmark/benchmark.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <filesystem>

#include "exporters/prometheus.hpp"
#include "exporters/sqlite_store.hpp"

using namespace strait;
using namespace strait::exporters;

namespace {

Window busy_window(int number, WallTime start) {
  Window window;
  window.session = {.path = "path-" + std::to_string(number % 8),
                    .target = "192.0.2." + std::to_string(number),
                    .protocol = Protocol::stamp,
                    .dscp = 0};
  window.start = start;
  window.length = std::chrono::minutes{1};
  window.counts.sent = window.counts.received = 600;
  for (int i = 0; i < 600; ++i) {
    window.rtt.record(Nanos{19'000'000 + i * i * 10});
    window.lag.record(Nanos{20'000 + i * 100});
  }
  return window;
}

Snapshot snapshot_of(int sessions) {
  Snapshot snapshot;
  for (int i = 0; i < sessions; ++i) {
    SessionSnapshot session;
    session.region = "europe";
    session.total = busy_window(i, WallTime{});
    session.newest = session.total;
    snapshot.sessions.push_back(std::move(session));
  }
  return snapshot;
}

void collect_sessions(benchmark::State& state) {
  const Snapshot snapshot = snapshot_of(static_cast<int>(state.range(0)));
  for (auto step : state) benchmark::DoNotOptimize(collect(snapshot));
}
BENCHMARK(collect_sessions)->Arg(1000)->Unit(benchmark::kMillisecond);

void serialise_ours(benchmark::State& state) {
  const auto families = collect(snapshot_of(static_cast<int>(state.range(0))));
  std::size_t octets = 0;
  for (auto step : state) octets = to_text_format(families).size();
  state.counters["octets"] = static_cast<double>(octets);
}
BENCHMARK(serialise_ours)->Arg(1000)->Unit(benchmark::kMillisecond);

void serialise_prometheus_cpp(benchmark::State& state) {
  const auto families = collect(snapshot_of(static_cast<int>(state.range(0))));
  std::size_t octets = 0;
  for (auto step : state) octets = prometheus::TextSerializer{}.Serialize(families).size();
  state.counters["octets"] = static_cast<double>(octets);
}
BENCHMARK(serialise_prometheus_cpp)->Arg(1000)->Unit(benchmark::kMillisecond);

void store_append(benchmark::State& state) {
  const std::string file = "/tmp/strait_bench_" + std::to_string(::getpid()) + ".db";
  auto store = SqliteStore::open(file);
  if (!store) return state.SkipWithError(store.error().message.c_str());
  std::vector<Window> windows;
  for (int i = 0; i < 1000; ++i) windows.push_back(busy_window(i, WallTime{}));
  for (auto step : state) {
    for (Window& window : windows) window.start += std::chrono::minutes{1};
    if (auto done = (*store)->append(windows); !done) {
      state.SkipWithError(done.error().message.c_str());
      break;
    }
  }
  const auto rows = static_cast<double>(state.iterations()) * 1000;
  state.counters["rows/s"] = benchmark::Counter(rows, benchmark::Counter::kIsRate);
  state.counters["octets/row"] = static_cast<double>((*store)->size().value_or(0)) / rows;
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file + suffix);
}
BENCHMARK(store_append)->Unit(benchmark::kMillisecond);

void store_read(benchmark::State& state) {
  auto store = SqliteStore::open(":memory:");
  if (!store) return state.SkipWithError(store.error().message.c_str());
  std::vector<Window> windows;
  for (int i = 0; i < 1440; ++i) {
    windows.push_back(busy_window(7, WallTime{} + std::chrono::minutes{i}));
  }
  if (auto done = (*store)->append(windows); !done) {
    return state.SkipWithError(done.error().message.c_str());
  }
  for (auto step : state) benchmark::DoNotOptimize((*store)->windows({}, {}));
  state.counters["rows/s"] = benchmark::Counter(static_cast<double>(state.iterations()) * 1440,
                                                benchmark::Counter::kIsRate);
}
BENCHMARK(store_read)->Unit(benchmark::kMillisecond);

}  // namespace
