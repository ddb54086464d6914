// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/rib_command.hpp"
#include "routes/hygiene.hpp"
#include "routes/sources/mrt.hpp"

namespace strait::cli {

// What there is to say of a route beside what it says itself.
struct RouteRemarks {
  routes::Problems problems;
  std::optional<routes::RovVerdict> rov;  // nothing without VRPs
};

// What `strait routes rib` read, and its judgement of each route.
class JudgedRib {
 public:
  // What of the files could not be read, and how old the VRPs are, goes to `progress`.
  [[nodiscard]] static Result<std::unique_ptr<JudgedRib>> load(const RibOptions& options,
                                                               std::ostream& progress);

  [[nodiscard]] const routes::RibDump& dump() const { return dump_; }
  [[nodiscard]] const routes::Rib& rib() const { return dump_.rib; }
  [[nodiscard]] bool has_vrps() const { return !vrp_file_.empty(); }
  [[nodiscard]] RouteRemarks remarks(const Prefix& prefix, const routes::RibRoute& route);
  // Whether --rpki-state and --problem let the route through.
  [[nodiscard]] bool wants(const Prefix& prefix, const routes::RibRoute& route);
  [[nodiscard]] std::vector<routes::Vrp> covering(const Prefix& prefix) const {
    return vrps_.covering(prefix);
  }
  [[nodiscard]] int status() const { return status_; }  // 1: something could not be read

 private:
  JudgedRib(const RibOptions& options, routes::RibDump dump);
  [[nodiscard]] Result<void> load_vrps(const RibOptions& options, std::ostream& progress);

  routes::RibDump dump_;
  std::string vrp_file_;
  routes::VrpSet vrps_;
  std::vector<routes::RovState> states_;       // any of these; empty: all
  routes::Problems problems_;                  // any of these; none: all
  std::unique_ptr<routes::RouteCheck> check_;  // always there
  int status_ = 0;
};

// Tells what of a dump could not be read; the exit status that this makes.
int tell_damage(const routes::RibReadReport& report, std::ostream& progress);

}  // namespace strait::cli
