// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "analyzer/pool.hpp"
#include "analyzer/timeline.hpp"

namespace strait::analyzer {

// What one path measured for a class in one slot of time, and its percentile.
class SlotPool {
 public:
  SlotPool() = default;
  SlotPool(Pool pool, double q);

  [[nodiscard]] const Pool& pool() const { return pool_; }
  [[nodiscard]] bool empty() const { return pool_.empty(); }
  [[nodiscard]] std::uint64_t worth() const { return worth_; }  // effective_probes()
  [[nodiscard]] bool uncertain() const { return uncertain_; }   // too_uncertain()
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  [[nodiscard]] std::uint64_t decided() const { return decided_; }
  // In ns; infinite where it falls on the lost, or where there are no probes.
  [[nodiscard]] double percentile() const;

 private:
  Pool pool_;
  double q_ = 0.5;
  std::uint64_t worth_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t decided_ = 0;
  bool uncertain_ = false;
  mutable std::optional<double> percentile_;
};

// Those of one class, each made when it is first asked for: a judgement compares every path with
// several others in the same slots. Borrows the timeline. Not thread-safe.
class SlotPools {
 public:
  SlotPools(const Timeline& timeline, std::string_view traffic_class, double q)
      : timeline_{&timeline}, class_{traffic_class}, q_{q} {}

  [[nodiscard]] const SlotPool& of(std::string_view path, Slot slot);
  [[nodiscard]] double q() const { return q_; }

 private:
  const Timeline* timeline_;
  std::string class_;
  double q_;
  std::map<std::string, std::map<Slot, SlotPool>, std::less<>> made_;
};

}  // namespace strait::analyzer
