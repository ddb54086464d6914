// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/rib_judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "cli/config/configuration.hpp"
#include "cli/frame/exit_status.hpp"
#include "routes/catalogue/catalogue.hpp"
#include "routes/sources/rtr_client.hpp"
#include "routes/sources/vrp_json.hpp"

namespace strait::cli {
namespace {

// Relying parties renew their VRPs every hour or so; a day apart, routes and VRPs are of two
// worlds.
constexpr std::chrono::hours fresh_within{24};

// `made`, if it is told, is when the file was made or the cache told its data.
void tell_age(const std::string& source, std::optional<WallTime> made, WallTime taken,
              std::ostream& progress) {
  if (!made) {
    progress << fmt::format("rib: {} does not say when it was made\n", source);
    return;
  }
  const auto apart = taken > *made ? taken - *made : *made - taken;
  if (apart <= fresh_within) return;
  progress << fmt::format("rib: stale RPKI data: {} was made at {}, the routes are of {}\n", source,
                          strait::to_string(*made), strait::to_string(taken));
}

// How long a cache may take to tell what it has.
constexpr std::chrono::seconds cache_patience{30};

constexpr std::string_view no_region_word = "none";

// The regions of a configuration, or the default ones.
Result<routes::Regions> configured_regions(const RibOptions& options) {
  if (!options.config.empty()) {
    auto configuration = load_configuration(options.config);
    if (!configuration) return tl::make_unexpected(configuration.error());
    return std::move(configuration->regions);
  }
  const auto data = routes::data_directory(std::nullopt);
  if (!data) return tl::make_unexpected(data.error());
  const auto catalogue = routes::Catalogue::load(*data);
  if (!catalogue) return tl::make_unexpected(catalogue.error());
  return routes::Regions::make({}, catalogue->country_classes());
}

Result<routes::Regions> regions_of(const RibOptions& options) {
  auto regions = configured_regions(options);
  if (!regions || options.registrations.empty()) return regions;
  auto files = routes::load_registrations(options.registrations);
  if (!files) return tl::make_unexpected(files.error());
  regions->set_registrations(std::move(*files));
  return regions;
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
      states_{options.rpki_states},
      problems_{options.problems},
      wanted_regions_{options.regions} {}

Result<std::unique_ptr<JudgedRib>> JudgedRib::load(const RibOptions& options,
                                                   std::ostream& progress,
                                                   std::shared_ptr<const routes::VrpSet> told) {
  auto dump = routes::load_mrt(options.files, {.site_asn = options.site_asn});
  if (!dump) return tl::make_unexpected(dump.error());
  std::unique_ptr<JudgedRib> judged{new JudgedRib{options, std::move(*dump)}};
  judged->status_ = tell_damage(judged->dump_.report, progress);
  if (!options.rpki.empty()) {
    if (auto loaded = judged->load_vrps(options, progress); !loaded) return fail(std::move(loaded));
  }
  if (!options.rtr.empty() && told) {
    judged->vrps_ = std::move(told);
  } else if (!options.rtr.empty()) {
    if (auto asked = judged->ask_caches(options, progress); !asked) return fail(std::move(asked));
  }
  if (options.classifies()) {
    if (auto loaded = judged->load_regions(options, progress); !loaded) {
      return fail(std::move(loaded));
    }
  }
  routes::HygieneOptions hygiene;
  hygiene.roles = options.roles;
  hygiene.roles_by_asn = options.roles_by_asn;
  if (judged->has_vrps()) hygiene.vrps = judged->vrps_.get();
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
  tell_age(options.rpki, file->made, dump_.taken, progress);
  vrps_ = std::make_shared<const routes::VrpSet>(file->vrps);
  return {};
}

Result<void> JudgedRib::ask_caches(const RibOptions& options, std::ostream& progress) {
  const SystemClock clock;
  const auto client = routes::RtrClient::start(options.rtr, clock);
  if (!client) return tl::make_unexpected(client.error());
  const routes::RtrView view = (*client)->first_view(cache_patience);
  if (!view.vrps) return fail(Errc::io, "rib: --rtr: " + view.note);
  if (!view.note.empty()) progress << fmt::format("rib: {}\n", view.note);
  tell_age("the data of --rtr", view.told, dump_.taken, progress);
  vrps_ = view.vrps;
  return {};
}

Result<void> JudgedRib::load_regions(const RibOptions& options, std::ostream& progress) {
  auto regions = regions_of(options);
  if (!regions) return tl::make_unexpected(regions.error());
  for (const std::string& note : regions->notes()) progress << fmt::format("rib: {}\n", note);
  if (!regions->registrations_complete()) status_ = exit_failed;
  for (const std::string& name : options.regions) {
    if (name == no_region_word || regions->number_of(name)) continue;
    return fail(Errc::bad_input, fmt::format("rib: --region {}: want one of {}, {}", name,
                                             fmt::join(regions->names(), ", "), no_region_word));
  }
  regions_ = std::make_unique<routes::Regions>(std::move(*regions));
  classifier_ = std::make_unique<routes::Classifier>(dump_.rib, *regions_);
  return {};
}

std::string JudgedRib::region_name(const routes::ClassMatch& match) const {
  return std::string{match.region == routes::no_region ? no_region_word
                                                       : regions_->name(match.region)};
}

std::optional<Placement> JudgedRib::placement(const routes::RibEntry& entry) {
  if (!classifier_) return std::nullopt;
  const routes::ClassMatch match = classifier_->classify(entry);
  return Placement{.region = region_name(match), .reason = classifier_->reason(entry, match)};
}

std::string JudgedRib::region(const routes::RibEntry& entry) {
  return classifier_ ? region_name(classifier_->classify(entry)) : std::string{};
}

bool JudgedRib::wants(const routes::RibEntry& entry) {
  return wanted_regions_.empty() ||
         std::ranges::find(wanted_regions_, region(entry)) != wanted_regions_.end();
}

RouteRemarks JudgedRib::remarks(const Prefix& prefix, const routes::RibRoute& route) {
  return {
      .problems = check_->problems(prefix, route), .rov = check_->rov(prefix, route), .region = {}};
}

bool JudgedRib::wants(const Prefix& prefix, const routes::RibRoute& route) {
  if (!states_.empty()) {
    const auto verdict = check_->rov(prefix, route);
    if (!verdict || std::ranges::find(states_, verdict->state) == states_.end()) return false;
  }
  return problems_.none() || !(problems_ & check_->problems(prefix, route)).none();
}

}  // namespace strait::cli
