// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/approve.hpp"

#include <fmt/format.h>

#include <optional>
#include <ostream>
#include <utility>

#include "cli/routes/plan_text.hpp"
#include "cli/routes/situation.hpp"
#include "routes/apply/gate.hpp"
#include "routes/apply/journal.hpp"
#include "routes/apply/pending.hpp"
#include "routes/apply/steps.hpp"
#include "routes/model/plan_diff.hpp"

namespace strait::cli {
namespace {

Result<routes::RouterTarget> told_router(const RoutesSource& source) {
  const auto configuration = load_configuration(source.config);
  if (!configuration) return tl::make_unexpected(configuration.error());
  return router_of(*configuration);
}

// What became of a plan that does not wait.
std::string fate_of(const routes::RouterTarget& router, const std::string& id) {
  const auto told = routes::told_of(router, id).value_or(std::nullopt);
  if (!told) return "nothing is known of it";
  return fmt::format("{} at {}: {}", told->step, strait::to_string(told->at), told->reason);
}

// The plan of that ID, if it is the one that waits.
Result<routes::Pending> waiting_plan(const routes::RouterTarget& router, const std::string& id) {
  auto pending = routes::read_pending(router);
  if (!pending) return tl::make_unexpected(pending.error());
  std::optional<routes::Pending>& waits = *pending;
  if (waits && waits->id == id) return std::move(*waits);
  return fail(Errc::not_found,
              fmt::format("approve: {} does not wait: {}{}", id, fate_of(router, id),
                          waits ? fmt::format("; {} does", waits->id) : ""));
}

class Approval {
 public:
  Approval(const routes::RouterTarget& router, const routes::Pending& pending,
           const RoutesStreams& streams)
      : router_{router}, pending_{pending}, streams_{streams} {}

  Result<int> refuse(const std::string& why) {
    auto entry = told("refused");
    entry.reason = why;
    if (const auto noted = routes::append_journal(router_.journal_file, std::move(entry)); !noted) {
      return tl::make_unexpected(noted.error());
    }
    streams_.results << fmt::format("refused: {}\n", why);
    return 1;
  }

  Result<int> carry_out(const routes::Plan& plan, const routes::Plan& in_force,
                        std::shared_ptr<const routes::Rib> rib) {
    streams_.results << routes::diff_text(in_force, plan) << notes_text(plan.notes);
    routes::ApplyRequest request;
    request.by = by();
    request.rib = std::move(rib);
    if (const auto shown = routes::told_of(router_, pending_.id).value_or(std::nullopt)) {
      request.refers = shown->entry;
    }
    const auto report = routes::apply(plan, router_, clock_, request);
    if (!report) return tl::make_unexpected(report.error());
    streams_.results << fmt::format("{}: {}\n", routes::to_string(report->outcome), report->reason);
    if (report->outcome != routes::ApplyOutcome::confirmed) return 1;
    auto entry = told("approved");
    entry.refers = request.refers;
    if (auto dropped = routes::drop_pending(router_, pending_, std::move(entry)); !dropped) {
      return fail(std::move(dropped));
    }
    return 0;
  }

 private:
  [[nodiscard]] std::string by() const { return fmt::format("routes approve {}", pending_.id); }
  [[nodiscard]] routes::JournalEntry told(std::string step) const {
    auto entry = routes::journal_entry(std::move(step), pending_.plan, pending_.plan);
    entry.diff.clear();
    entry.at = clock_.now().wall;
    entry.by = by();
    entry.id = pending_.id;
    return entry;
  }

  const routes::RouterTarget& router_;
  const routes::Pending& pending_;
  const RoutesStreams& streams_;
  SystemClock clock_;
};

}  // namespace

Result<int> run_pending(const PendingOptions& options, const RoutesStreams& streams) {
  const auto router = told_router(options.source);
  if (!router) return tl::make_unexpected(router.error());
  const auto read = routes::read_pending(*router);
  if (!read) return tl::make_unexpected(read.error());
  const std::optional<routes::Pending>& pending = *read;
  if (!pending) {
    streams.results << "nothing waits for an approval\n";
    return 0;
  }
  streams.results << fmt::format("{}: made {}, to be approved before {}\n", pending->id,
                                 strait::to_string(pending->plan.made),
                                 strait::to_string(pending->plan.expires))
                  << routes::diff_text(pending->instead_of, pending->plan);
  const auto told = routes::told_of(*router, pending->id);
  if (!told) return tl::make_unexpected(told.error());
  if (const auto& entry = *told; entry) {
    for (const std::string& guard : entry->guards) streams.results << "guard " << guard << '\n';
  }
  return 0;
}

Result<int> run_approve(const ApproveOptions& options, const RoutesStreams& streams) {
  const auto router = told_router(options.source);
  if (!router) return tl::make_unexpected(router.error());
  const auto finished = routes::recover(*router, SystemClock{}, "routes approve");
  if (!finished) return tl::make_unexpected(finished.error());
  if (!finished->empty()) streams.progress << *finished << '\n';
  const auto pending = waiting_plan(*router, options.id);
  if (!pending) return tl::make_unexpected(pending.error());
  const auto situation = look(options.source, streams.progress);
  if (!situation) return tl::make_unexpected(situation.error());
  const auto wanted = wanted_plan(*situation);
  if (!wanted) return tl::make_unexpected(wanted.error());
  const routes::Plan in_force = situation->current();
  const routes::Plan none;
  const auto& fit = situation->advice.fit;
  const auto plan = routes::approved(*pending, {.in_force = in_force,
                                                .wanted = **wanted,
                                                .fit = fit ? *fit : none,
                                                .modes = situation->configuration.routes.modes,
                                                .today = {},
                                                .traffic = {}});
  Approval approval{*router, *pending, streams};
  if (!plan) return approval.refuse(plan.error().message);
  return approval.carry_out(*plan, in_force, routes_of(situation->rib));
}

}  // namespace strait::cli
