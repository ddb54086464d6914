// SPDX-License-Identifier: Apache-2.0
// bench_coverage [SPANS [SEED]]: how often the 95 % intervals of the evidence contain the truth,
// over simulated windows whose distribution is known, and how often they are said to be
// insufficient. Beside each the same intervals without the sketch (order statistics of the probes
// themselves, for as many independent ones as the evidence says they are worth), and for as many as
// there are: what the buckets' width adds, and what the factor for few windows does.
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
#include "analyzer/quantile_interval.hpp"

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
  // Of the same intervals, without buckets: of the probes' worth, and of every probe.
  unsigned inside_exact = 0;
  unsigned inside_of_all = 0;
};

struct Drawn {
  std::vector<Nanos> delays;  // ascending
  Evidence evidence;
};

Drawn draw(Series& series, unsigned windows) {
  Drawn drawn;
  std::vector<Window> all(windows);
  std::optional<Nanos> before;
  for (unsigned i = 0; i < windows; ++i) {
    all[i].session = {.path = "path", .target = "target"};
    all[i].start = start + minute * i;
    all[i].length = minute;
    for (int probe = 0; probe < probes; ++probe) {
      const Nanos rtt{std::llround(series.next() * 1e6)};
      drawn.delays.push_back(rtt);
      all[i].rtt.record(rtt);
      if (before) all[i].ipdv.record(std::chrono::abs(rtt - *before));
      before = rtt;
    }
    all[i].counts.sent = all[i].counts.received = probes;
  }
  const std::vector<Target> targets{{.name = "target", .traffic_class = "europe"}};
  EvidenceOptions options;
  options.span_windows = windows;
  drawn.evidence = gather(all, {targets, {}, {}}, options, start + minute * windows).front();
  std::ranges::sort(drawn.delays);
  return drawn;
}

// The order statistics that bound the quantile for `worth` independent probes, of all that came.
bool exact_contains(const std::vector<Nanos>& delays, double q, std::uint64_t worth, Nanos truth) {
  const RankInterval ranks = quantile_ranks(worth, q);
  const auto at = [&](std::uint64_t rank) {
    const double share = static_cast<double>(rank) / static_cast<double>(worth);
    const double place = std::ceil(share * static_cast<double>(delays.size()) - 1e-6);
    return delays[static_cast<std::size_t>(std::max(place, 1.0)) - 1];
  };
  return ranks.low && ranks.high && at(*ranks.low) <= truth && truth <= at(*ranks.high);
}

void weigh(const Drawn& drawn, double q, Nanos truth, Tally& tally) {
  const Percentile* const found = drawn.evidence.percentile(q);
  if (!found->adequate()) return;
  ++tally.known;
  tally.inside += *found->low <= truth && truth <= *found->high ? 1 : 0;
  tally.inside_exact += exact_contains(drawn.delays, q, found->worth, truth) ? 1 : 0;
  tally.inside_of_all += exact_contains(drawn.delays, q, drawn.delays.size(), truth) ? 1 : 0;
}

void run(Series series, unsigned windows, unsigned spans) {
  std::array<Tally, quantiles.size()> tallies{};
  for (unsigned span = 0; span < spans; ++span) {
    const Drawn drawn = draw(series, windows);
    for (std::size_t i = 0; i < quantiles.size(); ++i) {
      weigh(drawn, quantiles[i], Nanos{std::llround(series.truth(quantiles[i]) * 1e6)}, tallies[i]);
    }
  }
  fmt::print("{:<26}{:>8}", series.name(), windows);
  for (const Tally& tally : tallies) {
    const auto percent = [&](unsigned of) {
      return tally.known == 0 ? NAN : 100.0 * of / tally.known;
    };
    fmt::print(" |{:>6.1f} {:>5.1f} {:>5.1f} {:>5.1f}", percent(tally.inside),
               100.0 - 100.0 * tally.known / spans, percent(tally.inside_exact),
               percent(tally.inside_of_all));
  }
  fmt::print("\n");
}

}  // namespace

int main(int count, char** words) {
  const auto spans = static_cast<unsigned>(count > 1 ? std::atoi(words[1]) : 10'000);
  const auto seed = static_cast<std::uint64_t>(count > 2 ? std::atoi(words[2]) : 3000);
  fmt::print("Of p50, p95, p99: % inside, % insufficient, % inside without buckets, and of all\n");
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
