// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cli/probe/report.hpp"
#include "core/clock.hpp"
#include "core/window.hpp"
#include "probe/prober.hpp"
#include "probe/reply_rate.hpp"

namespace strait::cli {

// Adds windows to the reports of their target and path, flows together. A window of the prober
// starts on a round time; the report says when the probes did.
void add_up(std::vector<TargetReport>& reports, std::vector<Window> windows, WallTime began);

// The same with the ICMP errors about their probes.
void add_rejections(std::vector<TargetReport>& reports,
                    std::span<const probe::SessionRejections> rejections);

// Whether nothing is left to come for them from these sessions: all their probes have been sent or
// missed, and their fates are known. A report that has none of the sessions is not waited for.
[[nodiscard]] bool all_decided(std::span<const TargetReport> reports,
                               std::span<const probe::SessionSpec> sessions);

// The fates of ICMP probes by target and path, to see whether somebody rations the replies.
class ReplyRates {
 public:
  // Whether a run may be long and dense enough to tell.
  [[nodiscard]] static bool can_tell(Nanos interval, std::uint64_t count);

  void note(const probe::Outcome& outcome);
  void move_to(std::vector<TargetReport>& reports);

 private:
  std::map<std::pair<std::string, std::string>, probe::ReplyRate> rates_;
};

}  // namespace strait::cli
