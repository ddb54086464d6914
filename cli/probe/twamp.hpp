// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/probe/plan.hpp"
#include "cli/probe/twamp_keeper.hpp"
#include "core/result.hpp"

namespace strait::cli {

// The control connections of one run of `strait probe`; they end with it.
class TwampRun {
 public:
  // Has every TWAMP session of the plan accepted and started, and the plan's sessions become what
  // was agreed on. Servers that fail are among plan.unresolved, and not probed, as are sessions
  // that a server refused; an error if there is nothing else. Null where the plan has no TWAMP
  // session.
  [[nodiscard]] static Result<std::unique_ptr<TwampRun>> set_up(ProbePlan& plan);

  // The flows are opened now.
  void release_ports() { keeper_.release_ports(); }

  // Asked often: whether a server has gone since the last time.
  [[nodiscard]] bool changed();
  // Its server has gone: nothing more of it may be sent.
  [[nodiscard]] bool lost(const SessionKey& key) const;
  [[nodiscard]] std::vector<probe::SessionSpec> left(std::vector<probe::SessionSpec> all) const;
  // What happened to such servers, a line each, as far as changed() has seen it.
  [[nodiscard]] std::vector<std::string> losses() const;

 private:
  TwampRun() = default;

  TwampKeeper keeper_{{.again = false, .log = {}}};
  std::uint64_t seen_ = 0;
  std::vector<std::string> failed_at_first_;  // what the plan says already
  std::vector<TwampFailure> failures_;
};

}  // namespace strait::cli
