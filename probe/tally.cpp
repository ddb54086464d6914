// SPDX-License-Identifier: Apache-2.0
#include "probe/tally.hpp"

#include <utility>

namespace strait::probe {
namespace {

Counts counts_of(const Tally& tally) {
  Counts counts{.scheduled = tally.scheduled,
                .missed = tally.missed,
                .sent = tally.sent,
                .received = tally.received,
                .lost = tally.lost,
                .late = tally.late,
                .duplicate = tally.duplicate,
                .reordered = tally.reordered,
                .errors = {}};
  for (std::size_t kind = 0; kind < error_kinds; ++kind) {
    if (tally.errors[kind] != 0) counts.errors.emplace(error_kind_names[kind], tally.errors[kind]);
  }
  return counts;
}

}  // namespace

Window to_window(const Tally& tally, const SessionKey& key) { return to_window(Tally{tally}, key); }

Window to_window(Tally&& tally, const SessionKey& key) {
  return {.session = key,
          .start = tally.start,
          .length = tally.length,
          .counts = counts_of(tally),
          .rtt = std::move(tally.rtt),
          .forward = std::move(tally.forward),
          .reverse = std::move(tally.reverse),
          .lag = std::move(tally.lag),
          .uncertain = std::move(tally.uncertain),
          .source = tally.sampled ? tally.worst : StampSource::user,
          .uncertainty = tally.uncertainty,
          .far = std::move(tally.far)};
}

}  // namespace strait::probe
