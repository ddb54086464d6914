// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/routes/rib_command.hpp"
#include "routes/classify.hpp"
#include "routes/hygiene.hpp"
#include "routes/regions.hpp"
#include "routes/sources/mrt.hpp"

namespace strait::cli {

// What there is to say of a route beside what it says itself.
struct RouteRemarks {
  routes::Problems problems;
  std::optional<routes::RovVerdict> rov;  // nothing without VRPs
  std::string region;                     // its prefix's, "none", or empty where nobody asked
};

// Where a prefix belongs, and why.
struct Placement {
  std::string region;  // "none": in no region
  std::string reason;
};

// What `strait routes rib` read, and its judgement of each route.
class JudgedRib {
 public:
  // What of the files could not be read, and how old the VRPs are, goes to `progress`. No cache is
  // asked where `told` is what one has told already.
  [[nodiscard]] static Result<std::unique_ptr<JudgedRib>> load(
      const RibOptions& options, std::ostream& progress,
      std::shared_ptr<const routes::VrpSet> told = nullptr);

  [[nodiscard]] const routes::RibDump& dump() const { return dump_; }
  [[nodiscard]] const routes::Rib& rib() const { return dump_.rib; }
  [[nodiscard]] const std::shared_ptr<const routes::VrpSet>& vrps() const { return vrps_; }
  [[nodiscard]] bool has_vrps() const { return vrps_ != nullptr; }
  [[nodiscard]] RouteRemarks remarks(const Prefix& prefix, const routes::RibRoute& route);
  // Where the prefix belongs; nothing without --config or --registrations. An entry must hold all
  // routes of its prefix, here and in the next two functions.
  [[nodiscard]] std::optional<Placement> placement(const routes::RibEntry& entry);
  // The region alone: "africa", "none", or empty.
  [[nodiscard]] std::string region(const routes::RibEntry& entry);
  // Whether --region lets the prefix through.
  [[nodiscard]] bool wants(const routes::RibEntry& entry);
  // Whether --rpki-state and --problem let the route through.
  [[nodiscard]] bool wants(const Prefix& prefix, const routes::RibRoute& route);
  [[nodiscard]] std::vector<routes::Vrp> covering(const Prefix& prefix) const {
    return vrps_ ? vrps_->covering(prefix) : std::vector<routes::Vrp>{};
  }
  [[nodiscard]] int status() const { return status_; }  // 1: something could not be read

 private:
  JudgedRib(const RibOptions& options, routes::RibDump dump);
  [[nodiscard]] Result<void> load_vrps(const RibOptions& options, std::ostream& progress);
  [[nodiscard]] Result<void> ask_caches(const RibOptions& options, std::ostream& progress);
  [[nodiscard]] Result<void> load_regions(const RibOptions& options, std::ostream& progress);
  [[nodiscard]] std::string region_name(const routes::ClassMatch& match) const;

  routes::RibDump dump_;
  std::shared_ptr<const routes::VrpSet> vrps_;  // none: nothing to check with
  std::vector<routes::RovState> states_;        // any of these; empty: all
  routes::Problems problems_;                   // any of these; none: all
  std::unique_ptr<routes::RouteCheck> check_;   // never empty in what load() gives
  std::vector<std::string> wanted_regions_;     // any of these; empty: all
  // Both there, or neither.
  std::unique_ptr<routes::Regions> regions_;
  std::unique_ptr<routes::Classifier> classifier_;
  int status_ = 0;
};

// Tells what of a dump could not be read; the exit status that this makes.
int tell_damage(const routes::RibReadReport& report, std::ostream& progress);

}  // namespace strait::cli
