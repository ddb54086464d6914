// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/eligibility.hpp"
#include "analyzer/gather.hpp"
#include "analyzer/paired.hpp"
#include "analyzer/slot_pools.hpp"
#include "analyzer/verdict.hpp"

namespace strait::analyzer {

// One path of one class at the end of one slot.
struct Candidate {
  const routes::Path* path = nullptr;
  Evidence evidence;
  Proportion newest_loss;  // of the newest slot alone
  Eligibility eligibility;
  bool lossier = false;  // certainly loses more than the least lossy, by more than the margin

  [[nodiscard]] bool eligible() const { return eligibility.standing == Standing::eligible; }
};

// All of them, in order of rank, and how that is shown.
struct Field {
  std::vector<Candidate> candidates;
  std::vector<Ranked> ranking;
};

// What the classes of one group have in common, each part made when it is first asked for: judging
// ten thousand classes over a dozen targets costs little more than judging the dozen. Borrows the
// timeline. Not thread-safe.
class SharedEvidence {
 public:
  SharedEvidence(const Timeline& timeline, std::optional<std::size_t> group,
                 const Objective& objective)
      : timeline_{&timeline}, group_{group}, pools_{timeline, group, objective} {}

  [[nodiscard]] SlotPools& pools() { return pools_; }
  // Makes it by `make()` unless there is one of that moment and what may be chosen then.
  template <class Make>
  [[nodiscard]] const Field& field(Slot newest, WallTime now, std::string_view offer, Make make) {
    const auto [found, fresh] = fields_.try_emplace({newest, now, std::string{offer}});
    if (fresh) found->second = make();
    return found->second;
  }
  // `a` minus `b`, by address of their paths.
  [[nodiscard]] const Comparison& compared(const routes::Path& a, const routes::Path& b,
                                           Slot newest, const PairedOptions& options);
  // The same over all targets but one.
  [[nodiscard]] const Comparison& compared_without(const Target& target, const routes::Path& a,
                                                   const routes::Path& b, Slot newest,
                                                   const PairedOptions& options);

 private:
  struct Moment {
    Slot newest;
    WallTime now;
    std::string offer;
    friend auto operator<=>(const Moment&, const Moment&) = default;
  };
  struct Two {
    const routes::Path* a;
    const routes::Path* b;
    Slot newest;
    unsigned windows;
    friend auto operator<=>(const Two&, const Two&) = default;
  };
  struct Others {  // without one target
    SlotPools pools;
    std::map<Two, Comparison> comparisons;
  };
  const Timeline* timeline_;
  std::optional<std::size_t> group_;
  SlotPools pools_;
  std::map<Moment, Field> fields_;
  std::map<Two, Comparison> comparisons_;
  std::map<const Target*, Others> others_;
};

}  // namespace strait::analyzer
