// SPDX-License-Identifier: Apache-2.0
// The sketch against what else could hold the round-trip times of a session, on the same values:
// 12 ms and log-normal jitter, a tenth of them 9 ms later, one in a hundred with a Pareto tail.
#include "core/sketch.hpp"

#include <benchmark/benchmark.h>
#include <prometheus/histogram.h>
#include <prometheus/summary.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace {

using strait::Nanos;
using strait::Sketch;

constexpr std::size_t value_count = 1U << 20U;

std::vector<Nanos> draw(std::size_t count, unsigned seed) {
  std::mt19937_64 random{seed};
  std::lognormal_distribution<double> jitter{std::log(400e3), 0.8};
  std::uniform_real_distribution<double> uniform;
  std::vector<Nanos> values(count);
  for (Nanos& value : values) {
    double nanos = 12e6 + jitter(random);
    if (uniform(random) < 0.1) nanos += 9e6;
    if (uniform(random) < 0.01) nanos += 1e6 * std::pow(uniform(random) + 1e-4, -1 / 1.5);
    value = Nanos{std::llround(nanos)};
  }
  return values;
}

const std::vector<Nanos>& values() {
  static const std::vector<Nanos> drawn = draw(value_count, 862);
  return drawn;
}

// One minute at 100 probes a second, log-normal with 12 % as in the catalogue's long paths.
Sketch minute(std::size_t probes, unsigned seed) {
  std::mt19937_64 random{seed};
  std::lognormal_distribution<double> rtt{std::log(35e6), 0.12};
  Sketch sketch;
  for (std::size_t i = 0; i < probes; ++i) sketch.record(Nanos{std::llround(rtt(random))});
  return sketch;
}

// The same buckets with the key from log2(), as most clients of native histograms compute it.
class Log2Histogram {
 public:
  void record(Nanos value) {
    const double seconds = static_cast<double>(value.count()) / 1e9;
    const auto key = static_cast<std::int32_t>(std::ceil(std::log2(seconds) * 128));
    ++counts_.at(static_cast<std::size_t>(key + 4000));
    ++count_;
    sum_ += seconds;
  }
  [[nodiscard]] double sum() const { return sum_; }

 private:
  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(8300);
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

double seconds(Nanos value) { return std::chrono::duration<double>(value).count(); }

// Time for one value, the reading of its 8 octets from memory included.
template <class Record>
void each_value(benchmark::State& state, Record record) {
  const std::vector<Nanos>& all = values();
  while (state.KeepRunningBatch(value_count)) {
    for (const Nanos value : all) record(value);
  }
}

void record_sketch(benchmark::State& state) {
  Sketch sketch{static_cast<int>(state.range(0))};
  each_value(state, [&](Nanos value) { sketch.record(value); });
  benchmark::DoNotOptimize(sketch.count());
  state.counters["memory"] = static_cast<double>(sketch.memory_bytes());
}
BENCHMARK(record_sketch)->ArgName("schema")->Arg(5)->Arg(7)->Arg(8);

void record_log2_histogram(benchmark::State& state) {
  Log2Histogram histogram;
  each_value(state, [&](Nanos value) { histogram.record(value); });
  benchmark::DoNotOptimize(histogram.sum());
}
BENCHMARK(record_log2_histogram);

void record_prometheus_histogram(benchmark::State& state) {
  prometheus::Histogram::BucketBoundaries bounds;  // 20 from 50 us on, as smokeping_prober has
  for (int i = 0; i < 20; ++i) bounds.push_back(std::ldexp(50e-6, i));
  prometheus::Histogram histogram{bounds};
  each_value(state, [&](Nanos value) { histogram.Observe(seconds(value)); });
}
BENCHMARK(record_prometheus_histogram);

void record_prometheus_summary(benchmark::State& state) {
  prometheus::Summary summary{{{0.5, 0.01}, {0.9, 0.01}, {0.95, 0.005}, {0.99, 0.001}}};
  std::size_t next = 0;
  for (auto _ : state) {
    summary.Observe(seconds(values()[next]));
    next = (next + 1) % value_count;
  }
}
BENCHMARK(record_prometheus_summary);

// Keeping every value and selecting four percentiles from them at the end.
void record_vector_and_select(benchmark::State& state) {
  std::vector<Nanos> kept;
  while (state.KeepRunningBatch(value_count)) {
    kept.clear();
    for (const Nanos value : values()) kept.push_back(value);
    for (const double q : {0.5, 0.9, 0.95, 0.99}) {
      const auto rank = static_cast<std::ptrdiff_t>(strait::nearest_rank(q, kept.size()));
      std::ranges::nth_element(kept, kept.begin() + rank - 1);
    }
    benchmark::DoNotOptimize(kept.data());
  }
  state.counters["memory"] = static_cast<double>(kept.capacity() * sizeof(Nanos));
}
BENCHMARK(record_vector_and_select);

// A day of one session: 1,440 minutes of 6,000 of the values above, tail included.
const std::vector<Sketch>& day() {
  static const std::vector<Sketch> minutes = [] {
    std::vector<Sketch> result(1440);
    for (std::size_t i = 0; i < result.size(); ++i) {
      for (std::size_t j = 0; j < 6000; ++j) {
        result[i].record(values()[(i * 6000 + j) % value_count]);
      }
    }
    return result;
  }();
  return minutes;
}

void merge_1440(benchmark::State& state) {
  const std::vector<Sketch>& minutes = day();
  for (auto _ : state) {
    Sketch total;
    for (const Sketch& one : minutes) total.merge(one);
    benchmark::DoNotOptimize(total.count());
  }
  state.counters["memory"] = static_cast<double>(minutes.front().memory_bytes());
}
BENCHMARK(merge_1440)->Unit(benchmark::kMillisecond);

void merge_1440_encoded(benchmark::State& state) {
  std::vector<std::vector<std::byte>> stored;
  for (const Sketch& one : day()) stored.push_back(encode(one));
  for (auto _ : state) {
    Sketch total;
    for (const auto& bytes : stored) total.merge(strait::decode_sketch(bytes).value());
    benchmark::DoNotOptimize(total.count());
  }
  state.counters["bytes"] = static_cast<double>(stored.front().size());
}
BENCHMARK(merge_1440_encoded)->Unit(benchmark::kMillisecond);

void encode_minute(benchmark::State& state) {
  const Sketch sketch = minute(static_cast<std::size_t>(state.range(0)), 862);
  for (auto _ : state) benchmark::DoNotOptimize(encode(sketch));
  state.counters["bytes"] = static_cast<double>(encode(sketch).size());
  state.counters["memory"] = static_cast<double>(sketch.memory_bytes());
}
BENCHMARK(encode_minute)->ArgName("probes")->Arg(60)->Arg(6000);

void decode_minute(benchmark::State& state) {
  const auto bytes = encode(minute(static_cast<std::size_t>(state.range(0)), 862));
  for (auto _ : state) benchmark::DoNotOptimize(strait::decode_sketch(bytes));
}
BENCHMARK(decode_minute)->ArgName("probes")->Arg(60)->Arg(6000);

void quantile(benchmark::State& state) {
  const Sketch sketch = minute(6000, 862);
  for (auto _ : state) benchmark::DoNotOptimize(sketch.quantile(0.99));
}
BENCHMARK(quantile);

void classic_buckets(benchmark::State& state) {
  const Sketch sketch = minute(6000, 862);
  std::vector<Nanos> bounds;
  for (int i = 0; i < 20; ++i) bounds.push_back(Nanos{50'000LL << i});
  for (auto _ : state) benchmark::DoNotOptimize(sketch.counts_at_or_below(bounds));
}
BENCHMARK(classic_buckets);

void construct_and_record_one(benchmark::State& state) {
  for (auto _ : state) {
    Sketch sketch;
    sketch.record(Nanos{35'000'000});
    benchmark::DoNotOptimize(sketch.count());
  }
}
BENCHMARK(construct_and_record_one);

}  // namespace
