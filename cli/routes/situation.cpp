// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/situation.hpp"

#include <fmt/format.h>

#include <chrono>
#include <ostream>
#include <utility>

#include "cli/routes/target_weights.hpp"
#include "exporters/sqlite_store.hpp"
#include "routes/apply/plan_file.hpp"
#include "routes/apply/steps.hpp"
#include "routes/sources/rtr_client.hpp"

namespace strait::cli {
namespace {

// The verdicts of the day before, or all of them where that has none.
Result<exporters::StoredVerdicts> verdicts_before(exporters::Store& store, WallTime at) {
  constexpr Nanos day = std::chrono::hours{24};
  const WallTime to = at + Nanos{1};
  auto stored = store.verdicts({.from = at - day, .to = to});
  if (!stored || !stored->verdicts.empty()) return stored;
  return store.verdicts({.from = WallTime::min(), .to = to});
}

// What the decisions remembered at a moment that has passed, as far as the verdicts before it tell.
Result<analyzer::DecisionMemory> memory_at(exporters::Store& store, WallTime at, Nanos hold_down) {
  const auto stored = verdicts_before(store, at);
  if (!stored) return tl::make_unexpected(stored.error());
  analyzer::DecisionMemory memory;
  for (const analyzer::Verdict& verdict : stored->verdicts) {
    analyzer::ClassMemory& each = memory[verdict.traffic_class];
    each.path = verdict.path;
    if (verdict.hold_until) each.changed = *verdict.hold_until - hold_down;
    each.challenger = verdict.streak > 0 ? verdict.rival : std::nullopt;
    each.streak = verdict.streak;
    each.judged = verdict.at;
    if (verdict.path != verdict.previous) each.displaced = verdict.previous;
  }
  return memory;
}

// How long a command waits for the first cache that tells what it has.
constexpr Nanos cache_patience = std::chrono::seconds{10};

// What the caches say; nothing where there are none.
Result<std::optional<routes::RtrView>> ask_caches(const std::vector<routes::RtrCache>& caches) {
  if (caches.empty()) return std::optional<routes::RtrView>{};
  const SystemClock clock;
  const auto client = routes::RtrClient::start(caches, clock);
  if (!client) return tl::make_unexpected(client.error());
  return std::optional{(*client)->first_view(cache_patience)};
}

}  // namespace

Result<Situation> look(const RoutesSource& source, std::ostream& progress,
                       std::optional<WallTime> at) {
  auto configuration = load_configuration(source.config);
  if (!configuration) return fail(std::move(configuration));
  if (configuration->exporters.store.empty()) {
    return fail(Errc::bad_input, fmt::format("routes: {} names no store ([exporters] store), and "
                                             "there the evidence would be",
                                             source.config));
  }
  auto store = exporters::SqliteStore::open_read_only(configuration->exporters.store);
  if (!store) return fail(std::move(store));
  const WallTime now = at.value_or(SystemClock{}.now().wall);
  // Of a moment that has passed, those that had ended.
  const WallTime to = at ? *at - configuration->probe.window + Nanos{1} : WallTime::max();
  const auto windows = (*store)->windows({.from = now - look_back(*configuration), .to = to}, {});
  if (!windows) return tl::make_unexpected(windows.error());
  if (windows->damaged > 0) {
    progress << fmt::format("routes: {} windows could not be read, first: {}\n", windows->damaged,
                            windows->first_problem);
  }
  const auto memory = at ? memory_at(**store, *at, configuration->analyzer.decision.hold_down)
                         : (*store)->last_memory();
  if (!memory) return tl::make_unexpected(memory.error());
  const auto live = ask_caches(configuration->routes.rtr);
  if (!live) return tl::make_unexpected(live.error());
  const std::optional<routes::RtrView>& heard = *live;
  auto rib = read_rib(*configuration, now, heard ? &*heard : nullptr);
  if (!rib) return fail(std::move(rib));
  std::shared_ptr<const routes::Plan> in_force;
  if (const auto& router = configuration->routes.router) {
    auto plan = routes::plan_in_file(router->include_file);
    if (!plan) return fail(std::move(plan));
    in_force = std::move(*plan);
  }
  TargetWeights weights;
  const analyzer::Weighed& weighed = weights.of(*configuration, now);
  for (const std::string& note : weighed.notes) progress << fmt::format("routes: {}\n", note);
  Advice advice = advise(*configuration, windows->windows, rib->get(), in_force.get(), *memory, now,
                         {}, &weighed);
  return Situation{.configuration = std::move(*configuration),
                   .rib = std::move(*rib),
                   .in_force = std::move(in_force),
                   .advice = std::move(advice)};
}

Result<std::shared_ptr<const routes::Plan>> wanted_plan(const Situation& situation) {
  if (situation.advice.plan) return situation.advice.plan;
  return fail(Errc::bad_input,
              "routes: without a RIB there is no plan: set [routes] rib to an MRT file or to "
              "\"birdc:SOCKET\"");
}

Result<routes::RouterTarget> router_of(const Configuration& configuration) {
  if (configuration.routes.router) return *configuration.routes.router;
  return fail(Errc::bad_input,
              fmt::format("routes: {} names no router to tell: want [routes.bird], [routes.frr], "
                          "[routes.gobgp], [routes.openbgpd] or a speaker in [routes.injector]; "
                          "of the other dialects there are the files of 'strait routes render'",
                          configuration.file));
}

}  // namespace strait::cli
