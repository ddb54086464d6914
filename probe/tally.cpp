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
  const auto add = [&counts](std::size_t kind, std::uint32_t count) {
    if (count != 0) counts.errors.emplace(error_kind_names.at(kind), count);
  };
  for (std::size_t kind = 0; kind < plain_error_kinds; ++kind) add(kind, tally.errors.at(kind));
  if (!tally.far) return counts;
  for (std::size_t kind = plain_error_kinds; kind < error_kinds; ++kind) {
    add(kind, tally.far->errors.at(kind - plain_error_kinds));
  }
  return counts;
}

Clocks clocks_of(const Tally& tally) {
  Clocks clocks{
      .state = tally.clock, .error = tally.clock_error, .raw_forward = {}, .raw_reverse = {}};
  if (tally.raw_forward != Nanos::max()) {
    clocks.raw_forward = tally.raw_forward;
    clocks.raw_reverse = tally.raw_reverse;
  }
  return clocks;
}

// All but the sketches.
Window bare_window(const Tally& tally, const SessionKey& key) {
  Window window;
  window.session = key;
  window.start = tally.start;
  window.length = tally.length;
  window.counts = counts_of(tally);
  window.source = tally.sampled ? tally.worst : StampSource::user;
  window.uncertainty = tally.uncertainty;
  window.clocks = clocks_of(tally);
  if (tally.far) window.far = tally.far->view;
  return window;
}

}  // namespace

void Tally::count_problems(const Sample& sample) {
  for (std::size_t kind = 0; kind < error_kinds; ++kind) {
    if (sample.problems.test(kind)) count(static_cast<ErrorKind>(kind));
  }
}

void Tally::note_clocks(const Sample& sample) {
  clock = std::max(clock, sample.clock);
  if (sample.forward || sample.reverse) clock_error = std::max(clock_error, sample.clock_error);
  if (!sample.raw_forward || !sample.raw_reverse) return;
  raw_forward = std::min(raw_forward, *sample.raw_forward);
  raw_reverse = std::min(raw_reverse, *sample.raw_reverse);
}

Window to_window(const Tally& tally, const SessionKey& key) {
  Window window = bare_window(tally, key);
  window.rtt = tally.rtt;
  window.ipdv = tally.ipdv;
  window.forward = tally.forward;
  window.reverse = tally.reverse;
  window.lag = tally.lag;
  window.uncertain = tally.uncertain;
  return window;
}

Window to_window(Tally&& tally, const SessionKey& key) {
  Window window = bare_window(tally, key);
  window.rtt = std::move(tally.rtt);
  window.ipdv = std::move(tally.ipdv);
  window.forward = std::move(tally.forward);
  window.reverse = std::move(tally.reverse);
  window.lag = std::move(tally.lag);
  window.uncertain = std::move(tally.uncertain);
  return window;
}

}  // namespace strait::probe
