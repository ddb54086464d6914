// SPDX-License-Identifier: Apache-2.0
// bench_coverage [SPANS [SEED]]: how often the 95 % intervals of the evidence contain the truth,
// over simulated windows whose distribution is known, and how often they are said to be
// insufficient.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "analyzer/gather.hpp"

using namespace strait;
using namespace strait::analyzer;

namespace {

constexpr Nanos minute{60'000'000'000};
constexpr WallTime start{29'000'000 * minute};
constexpr int probes = 60;  // of a window
constexpr std::array quantiles{0.50, 0.95, 0.99};

double normal_share(double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; }

// A stationary series of delays in milliseconds that knows the share of them at or below a value.
class Series {
 public:
  Series(std::string name, double memory, std::function<double(double)> delay_of,
         std::uint64_t seed)
      : name_{std::move(name)}, memory_{memory}, delay_of_{std::move(delay_of)}, random_{seed} {
    state_ = normal_(random_);
  }
  [[nodiscard]] const std::string& name() const { return name_; }
  // By a Gaussian copula: what `memory` does to neighbours, delay_of() does not undo.
  double next() {
    state_ = memory_ * state_ + std::sqrt(1 - memory_ * memory_) * normal_(random_);
    return delay_of_(normal_share(state_));
  }
  [[nodiscard]] double truth(double q) const { return delay_of_(q); }

 private:
  std::string name_;
  double memory_;
  std::function<double(double)> delay_of_;  // quantile function, ms
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  double state_ = 0;
};

double exponential(double u) { return 10 - 10 * std::log(std::max(1 - u, 1e-12)); }
double pareto(double u) { return 10 + 2 * std::pow(std::max(1 - u, 1e-9), -1 / 1.5); }
// Two ways of equal right: 70 % take 20 to 22 ms, 30 % take 40 to 44 ms.
double two_ways(double u) { return u < 0.7 ? 20 + 2 * u / 0.7 : 40 + 4 * (u - 0.7) / 0.3; }

struct Tally {
  unsigned inside = 0;
  unsigned known = 0;  // intervals with both bounds
};

Evidence evidence_of(Series& series, unsigned windows) {
  std::vector<Window> all(windows);
  std::optional<Nanos> before;
  for (unsigned i = 0; i < windows; ++i) {
    all[i].session = {.path = "path", .target = "target"};
    all[i].start = start + minute * i;
    all[i].length = minute;
    for (int probe = 0; probe < probes; ++probe) {
      const Nanos rtt{std::llround(series.next() * 1e6)};
      all[i].rtt.record(rtt);
      if (before) all[i].ipdv.record(std::chrono::abs(rtt - *before));
      before = rtt;
    }
    all[i].counts.sent = all[i].counts.received = probes;
  }
  const std::vector<Target> targets{{.name = "target", .traffic_class = "europe"}};
  EvidenceOptions options;
  options.span_windows = windows;
  return gather(all, {targets, {}, {}}, options, start + minute * windows).front();
}

void run(Series series, unsigned windows, unsigned spans) {
  std::array<Tally, quantiles.size()> tallies{};
  for (unsigned span = 0; span < spans; ++span) {
    const Evidence evidence = evidence_of(series, windows);
    for (std::size_t i = 0; i < quantiles.size(); ++i) {
      const Percentile* const found = evidence.percentile(quantiles[i]);
      if (!found->adequate()) continue;
      const Nanos truth{std::llround(series.truth(quantiles[i]) * 1e6)};
      ++tallies[i].known;
      tallies[i].inside += *found->low <= truth && truth <= *found->high ? 1 : 0;
    }
  }
  fmt::print("{:<26}{:>8}", series.name(), windows);
  for (const Tally& tally : tallies) {
    const double share = tally.known == 0 ? NAN : 100.0 * tally.inside / tally.known;
    fmt::print("{:>8.1f} {:>5.1f}", share, 100.0 - 100.0 * tally.known / spans);
  }
  fmt::print("\n");
}

}  // namespace

int main(int count, char** words) {
  const auto spans = static_cast<unsigned>(count > 1 ? std::atoi(words[1]) : 10'000);
  const auto seed = static_cast<std::uint64_t>(count > 2 ? std::atoi(words[2]) : 3000);
  fmt::print("{:<26}{:>8}{:>14}{:>14}{:>14}\n", "% inside, % insufficient", "windows", "p50", "p95",
             "p99");
  for (const unsigned windows : {5U, 30U, 120U}) {
    const unsigned of = windows == 120 ? spans / 4 : spans;
    run({"independent", 0, exponential, seed}, windows, of);
    run({"autocorrelated 0.5", 0.5, exponential, seed + 1}, windows, of);
    run({"autocorrelated 0.9", 0.9, exponential, seed + 2}, windows, of);
    run({"heavy tail", 0, pareto, seed + 3}, windows, of);
    run({"heavy tail, correlated", 0.8, pareto, seed + 4}, windows, of);
    run({"bimodal", 0, two_ways, seed + 5}, windows, of);
    run({"bimodal, correlated", 0.8, two_ways, seed + 6}, windows, of);
  }
}
