// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/twamp.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "cli/terminal/stop_signals.hpp"

namespace strait::cli {

Result<std::unique_ptr<TwampRun>> TwampRun::set_up(ProbePlan& plan) {
  if (!any_twamp(plan.sessions)) return std::unique_ptr<TwampRun>{};
  std::unique_ptr<TwampRun> run{new TwampRun};
  run->keeper_.want(plan.sessions);
  {
    const StopSignals signals;
    run->keeper_.settle(&StopSignals::raised);
    if (StopSignals::raised()) {
      return fail(Errc::io, "probe: interrupted before the TWAMP sessions had begun");
    }
  }
  run->seen_ = run->keeper_.changes();
  run->failures_ = run->keeper_.failures();
  std::erase_if(plan.sessions, [](const probe::SessionSpec& spec) {
    return spec.key.protocol == Protocol::twamp;
  });
  std::ranges::move(run->keeper_.ready(), std::back_inserter(plan.sessions));
  if (plan.sessions.empty() && !run->failures_.empty()) {
    return tl::make_unexpected(run->failures_.front().error);
  }
  for (const TwampFailure& failure : run->failures_) {
    run->failed_at_first_.push_back(failure.error.message);
  }
  for (const TwampFailure& shortfall : run->keeper_.shortfalls()) {
    plan.unresolved.push_back(shortfall.error.message);
  }
  std::ranges::copy(run->failed_at_first_, std::back_inserter(plan.unresolved));
  return run;
}

bool TwampRun::changed() {
  const auto changes = keeper_.changes();
  if (std::exchange(seen_, changes) == changes) return false;
  failures_ = keeper_.failures();
  return true;
}

bool TwampRun::lost(const SessionKey& key) const {
  return key.protocol == Protocol::twamp &&
         std::ranges::any_of(failures_, [&](const TwampFailure& failure) {
           return failure.path == key.path && failure.target == key.target;
         });
}

std::vector<probe::SessionSpec> TwampRun::left(std::vector<probe::SessionSpec> all) const {
  std::erase_if(all, [&](const probe::SessionSpec& spec) { return lost(spec.key); });
  return all;
}

std::vector<std::string> TwampRun::losses() const {
  std::vector<std::string> lines;
  for (const TwampFailure& failure : failures_) {
    const bool known =
        std::ranges::find(failed_at_first_, failure.error.message) != failed_at_first_.end();
    if (!known) lines.push_back(failure.error.message + "; nothing was sent after that");
  }
  return lines;
}

}  // namespace strait::cli
