// SPDX-License-Identifier: Apache-2.0
#include "cli/rib_judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "cli/exit_status.hpp"
#include "routes/sources/vrp_json.hpp"

namespace strait::cli {
namespace {

// Relying parties renew their VRPs every hour or so; a day apart, routes and VRPs are of two
// worlds.
constexpr std::chrono::hours fresh_within{24};

void tell_age(const std::string& file, const routes::VrpFile& vrps, WallTime taken,
              std::ostream& progress) {
  if (!vrps.made) {
    progress << fmt::format("rib: {} does not say when it was made\n", file);
    return;
  }
  const auto apart = taken > *vrps.made ? taken - *vrps.made : *vrps.made - taken;
  if (apart <= fresh_within) return;
  progress << fmt::format("rib: stale RPKI data: {} was made at {}, the routes are of {}\n", file,
                          strait::to_string(*vrps.made), strait::to_string(taken));
}

}  // namespace

int tell_damage(const routes::RibReadReport& report, std::ostream& progress) {
  if (report.complete()) return 0;
  progress << fmt::format("rib: {} records or routes could not be read", report.damaged);
  if (!report.damage.empty()) {
    progress << fmt::format("; first at octet {}: {}", report.damage[0].offset,
                            report.damage[0].reason);
  }
  progress << '\n';
  return exit_failed;
}

JudgedRib::JudgedRib(const RibOptions& options, routes::RibDump dump)
    : dump_{std::move(dump)},
      vrp_file_{options.rpki},
      states_{options.rpki_states},
      problems_{options.problems} {}

Result<std::unique_ptr<JudgedRib>> JudgedRib::load(const RibOptions& options,
                                                   std::ostream& progress) {
  auto dump = routes::load_mrt(options.files, {.site_asn = options.site_asn});
  if (!dump) return tl::make_unexpected(dump.error());
  std::unique_ptr<JudgedRib> judged{new JudgedRib{options, std::move(*dump)}};
  judged->status_ = tell_damage(judged->dump_.report, progress);
  if (!options.rpki.empty()) {
    if (auto loaded = judged->load_vrps(options, progress); !loaded) return fail(std::move(loaded));
  }
  routes::HygieneOptions hygiene;
  hygiene.roles = options.roles;
  hygiene.roles_by_asn = options.roles_by_asn;
  if (judged->has_vrps()) hygiene.vrps = &judged->vrps_;
  judged->check_ = std::make_unique<routes::RouteCheck>(judged->dump_.rib, std::move(hygiene));
  return judged;
}

Result<void> JudgedRib::load_vrps(const RibOptions& options, std::ostream& progress) {
  auto file = routes::load_vrps(options.rpki);
  if (!file) return tl::make_unexpected(file.error());
  if (file->damaged > 0) {
    progress << fmt::format("rib: {}: {} entries are no VRPs; first {}\n", options.rpki,
                            file->damaged, file->reasons.front());
    status_ = exit_failed;
  }
  // By the clock of the routes, so that an old dump is judged by the VRPs of its day.
  if (const auto expired = routes::drop_expired(file->vrps, dump_.taken); expired > 0) {
    progress << fmt::format("rib: {}: {} VRPs had expired by {}: not used\n", options.rpki, expired,
                            strait::to_string(dump_.taken));
  }
  tell_age(options.rpki, *file, dump_.taken, progress);
  vrps_ = routes::VrpSet{file->vrps};
  return {};
}

RouteRemarks JudgedRib::remarks(const Prefix& prefix, const routes::RibRoute& route) {
  return {.problems = check_->problems(prefix, route), .rov = check_->rov(prefix, route)};
}

bool JudgedRib::wants(const Prefix& prefix, const routes::RibRoute& route) {
  if (!states_.empty()) {
    const auto verdict = check_->rov(prefix, route);
    if (!verdict || std::ranges::find(states_, verdict->state) == states_.end()) return false;
  }
  return problems_.none() || !(problems_ & check_->problems(prefix, route)).none();
}

}  // namespace strait::cli
