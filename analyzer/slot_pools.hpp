// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "analyzer/objective.hpp"
#include "analyzer/pool.hpp"
#include "analyzer/timeline.hpp"

namespace strait::analyzer {

// What one path measured for a class in one slot of time, and the value that decides.
class SlotPool {
 public:
  SlotPool() = default;
  SlotPool(Pool pool, const Objective& objective);

  [[nodiscard]] const Pool& pool() const { return pool_; }
  [[nodiscard]] bool empty() const { return pool_.empty(); }
  [[nodiscard]] std::uint64_t worth() const { return worth_; }  // effective_probes()
  [[nodiscard]] bool uncertain() const { return uncertain_; }   // too_uncertain()
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  [[nodiscard]] std::uint64_t decided() const { return decided_; }
  // The objective's, in ns: the percentile, infinite where it falls on the lost or where there are
  // no probes; of jitter the variation, NaN where that is not known.
  [[nodiscard]] double value() const;

 private:
  Pool pool_;
  Objective objective_;
  std::uint64_t worth_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t decided_ = 0;
  bool uncertain_ = false;
  mutable std::optional<double> value_;
};

// Those of one group of classes, each made when it is first asked for: a judgement compares every
// path with several others in the same slots. Borrows the timeline. Not thread-safe.
class SlotPools {
 public:
  // `without`: a target that is left out; null for none.
  SlotPools(const Timeline& timeline, std::optional<std::size_t> group, const Objective& objective,
            const Target* without = nullptr)
      : timeline_{&timeline}, group_{group}, objective_{objective}, without_{without} {}

  // Those of one path. What it gives stays where it is.
  class Row {
   public:
    Row(const Lane& lane, const Objective& objective, const Target* without)
        : lane_{&lane}, objective_{objective}, without_{without} {}
    [[nodiscard]] const SlotPool& at(Slot slot);

   private:
    const Lane* lane_;
    Objective objective_;
    const Target* without_;
    std::deque<std::pair<Slot, SlotPool>> made_;
  };
  [[nodiscard]] Row& row(std::string_view path);
  [[nodiscard]] const SlotPool& of(std::string_view path, Slot slot) { return row(path).at(slot); }
  [[nodiscard]] const Objective& objective() const { return objective_; }

 private:
  const Timeline* timeline_;
  std::optional<std::size_t> group_;
  Objective objective_;
  const Target* without_;
  std::map<std::string, Row, std::less<>> rows_;
};

}  // namespace strait::analyzer
