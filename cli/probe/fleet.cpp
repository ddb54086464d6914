// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/fleet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <iterator>
#include <utility>

namespace strait::cli {
namespace {

using Share = std::vector<probe::SessionSpec>;

std::vector<Share> share_out(std::vector<probe::SessionSpec> sessions, unsigned threads) {
  std::vector<Share> shares(threads);
  for (probe::SessionSpec& spec : sessions) {
    shares[thread_of(spec.key, threads)].push_back(std::move(spec));
  }
  return shares;
}

// The checks that go with each share. The pin of a path by every thread that probes it, because
// each has to act at once; its MTU by one of them.
std::vector<PinPlan> plans_of(const PinPlan& all, const std::vector<Share>& shares) {
  std::vector<PinPlan> plans;
  PinPlan left = all;
  for (const Share& share : shares) {
    const auto is_elsewhere = [&](const auto& check) {
      return std::ranges::none_of(share,
                                  [&](const auto& spec) { return spec.key.path == check.path; });
    };
    PinPlan plan = all;
    std::erase_if(plan.checks, is_elsewhere);
    plan.mtus = left.mtus;
    std::erase_if(plan.mtus, is_elsewhere);
    std::erase_if(left.mtus, [&](const auto& check) { return !is_elsewhere(check); });
    plans.push_back(std::move(plan));
  }
  return plans;
}

// The worse one first: what is refuted by one thread holds for none, what one has proved is true.
int weight(probe::PinStanding standing) {
  switch (standing) {
    case probe::PinStanding::failed:
      return 3;
    case probe::PinStanding::ok:
      return 2;
    case probe::PinStanding::unverified:
      return 1;
    case probe::PinStanding::pending:
      return 0;
  }
  return 0;
}

void add_pin(std::vector<probe::PinState>& into, probe::PinState pin) {
  const auto same = std::ranges::find_if(into, [&](const probe::PinState& known) {
    return known.path == pin.path && known.v6 == pin.v6;
  });
  if (same == into.end()) {
    into.push_back(std::move(pin));
    return;
  }
  if (weight(pin.standing) > weight(same->standing)) std::swap(*same, pin);
  same->checked = std::max(same->checked, pin.checked);
  same->proven = std::max(same->proven, pin.proven);
}

template <class Counts>
void add_counts(Counts& into, const Counts& more) {
  for (const auto& [name, count] : more) into[name] += count;
}

}  // namespace

unsigned thread_of(const SessionKey& key, unsigned threads) {
  if (threads <= 1) return 0;
  const auto text = fmt::format("{}\n{}\n{}", key.path, key.target, key.flow);
  // FNV-1a: the same in every run, unlike std::hash.
  std::uint32_t hash = 2166136261;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  return (hash >> 16U ^ hash) % threads;
}

void add(Harvest& into, Harvest other) {
  std::ranges::move(other.closed, std::back_inserter(into.closed));
  std::ranges::move(other.open, std::back_inserter(into.open));
  into.counters.sent += other.counters.sent;
  into.counters.received += other.counters.received;
  add_counts(into.counters.errors, other.counters.errors);
  add_counts(into.counters.ignored, other.counters.ignored);
  into.counters.largest_poll_gap =
      std::max(into.counters.largest_poll_gap, other.counters.largest_poll_gap);
  if (!into.counters.clock) into.counters.clock = other.counters.clock;
  add_counts(into.strays, other.strays);
  for (probe::PinState& pin : other.pins) add_pin(into.pins, std::move(pin));
  std::ranges::move(other.mtus, std::back_inserter(into.mtus));
  std::ranges::copy(other.cpu, std::back_inserter(into.cpu));
}

Result<std::unique_ptr<ProbeFleet>> ProbeFleet::start(unsigned threads,
                                                      const MakeTransport& make_transport,
                                                      const probe::ProberOptions& options,
                                                      std::vector<probe::SessionSpec> sessions,
                                                      const ProbeWorker::Prepare& prepare,
                                                      const PinPlan& pins) {
  auto shares = share_out(std::move(sessions), threads);
  std::vector<std::future<Result<std::unique_ptr<ProbeWorker>>>> starting;
  auto plans = plans_of(pins, shares);
  starting.reserve(threads);
  for (unsigned i = 0; i < threads; ++i) {
    starting.push_back(std::async(std::launch::async, [&, i] {
      return ProbeWorker::start([make_transport, i] { return make_transport(i); }, options,
                                std::move(shares[i]), prepare, std::move(plans[i]));
    }));
  }
  std::unique_ptr<ProbeFleet> fleet{new ProbeFleet};
  Result<void> failed;
  for (auto& start : starting) {
    auto worker = start.get();
    if (worker) {
      fleet->workers_.push_back(std::move(*worker));
    } else if (failed) {
      failed = tl::make_unexpected(worker.error());
    }
  }
  if (!failed) return tl::make_unexpected(failed.error());
  return fleet;
}

Harvest ProbeFleet::harvest() {
  Harvest all = workers_.front()->harvest();
  for (auto worker = workers_.begin() + 1; worker != workers_.end(); ++worker) {
    add(all, (*worker)->harvest());
  }
  return all;
}

Result<void> ProbeFleet::replace(std::vector<probe::SessionSpec> sessions, const PinPlan& pins) {
  auto shares = share_out(std::move(sessions), static_cast<unsigned>(workers_.size()));
  auto plans = plans_of(pins, shares);
  Result<void> result;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    auto replaced = workers_[i]->replace(std::move(shares[i]), std::move(plans[i]));
    if (!replaced && result) result = std::move(replaced);
  }
  return result;
}

std::vector<Window> ProbeFleet::stop() {
  std::vector<Window> last;
  for (const auto& worker : workers_) std::ranges::move(worker->stop(), std::back_inserter(last));
  return last;
}

}  // namespace strait::cli
