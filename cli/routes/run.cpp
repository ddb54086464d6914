// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/run.hpp"

#include <fmt/format.h>

#include <ostream>
#include <utility>

#include "cli/routes/plan_text.hpp"
#include "cli/routes/situation.hpp"
#include "core/file.hpp"
#include "exporters/json_lines.hpp"
#include "exporters/text.hpp"
#include "routes/apply/plan_file.hpp"
#include "routes/apply/steps.hpp"
#include "routes/dialects/dialect.hpp"
#include "routes/model/plan_diff.hpp"

namespace strait::cli {
namespace {

Result<routes::Rendering> render(const routes::Plan& plan, const Situation& situation,
                                 std::string_view name) {
  const routes::Dialect* const dialect = routes::find_dialect(name);
  if (dialect == nullptr) {
    return fail(Errc::bad_input, fmt::format("render: no dialect '{}'", name));
  }
  const Configuration& configuration = situation.configuration;
  return dialect->render(plan, {.site_asn = configuration.site.asn,
                                .paths = configuration.paths,
                                .rib = situation.rib ? &situation.rib->rib : nullptr,
                                .injector = configuration.routes.injector});
}

}  // namespace

Result<int> run_recommend(const RecommendOptions& options, const RoutesStreams& streams) {
  const auto situation = look(options.source, streams.progress, options.at);
  if (!situation) return tl::make_unexpected(situation.error());
  const Advice& advice = situation->advice;
  if (options.source.json) {
    for (const auto& verdict : advice.verdicts) {
      streams.results << exporters::to_json(verdict) << '\n';
    }
    if (advice.plan) streams.results << to_json(*advice.plan, advice) << '\n';
    return 0;
  }
  streams.results << exporters::to_text(advice.verdicts, {.colours = streams.colours});
  if (advice.plan) {
    streams.results << "plan: " << routes::diff_text(situation->current(), *advice.plan)
                    << notes_text(advice.plan->notes) << coverage_text(advice);
  } else {
    streams.results << "plan: none without a RIB ([routes] rib)\n";
  }
  return 0;
}

Result<int> run_diff(const DiffOptions& options, const RoutesStreams& streams) {
  const auto situation = look(options.source, streams.progress);
  if (!situation) return tl::make_unexpected(situation.error());
  const auto wanted = wanted_plan(*situation);
  if (!wanted) return tl::make_unexpected(wanted.error());
  routes::Plan before = situation->current();
  if (!options.against.empty()) {
    const auto other = routes::plan_in_file(options.against);
    if (!other) return tl::make_unexpected(other.error());
    before = *other ? **other : routes::Plan{};
  }
  streams.results << routes::diff_text(before, **wanted) << notes_text((*wanted)->notes)
                  << coverage_text(situation->advice);
  return 0;
}

Result<int> run_render(const RenderOptions& options, const RoutesStreams& streams) {
  const auto situation = look(options.source, streams.progress);
  if (!situation) return tl::make_unexpected(situation.error());
  const auto wanted = wanted_plan(*situation);
  if (!wanted) return tl::make_unexpected(wanted.error());
  const routes::Plan& plan = **wanted;
  streams.progress << notes_text(plan.notes) << coverage_text(situation->advice);
  if (plan.blocked()) {
    streams.progress << "nothing is rendered of a plan that a guard blocks\n";
    return 1;
  }
  const auto rendered = render(plan, *situation, options.dialect);
  if (!rendered) return tl::make_unexpected(rendered.error());
  streams.progress << notes_text(rendered->notes);
  if (options.output.empty()) {
    streams.results << rendered->text;
    return 0;
  }
  if (auto written = replace_file(options.output, rendered->text); !written) {
    return fail(std::move(written));
  }
  return 0;
}

namespace {

struct Order {
  routes::Plan plan;
  routes::RouterTarget router;
  std::shared_ptr<const routes::Rib> rib;
};

// Taking preferences back must work whatever state the evidence is in.
Result<Order> order_to_withdraw(const ApplyOptions& options, const Clock& clock) {
  auto configuration = load_configuration(options.source.config);
  if (!configuration) return fail(std::move(configuration));
  auto router = router_of(*configuration);
  if (!router) return fail(std::move(router));
  return Order{.plan = routes::withdrawal(clock, "asked for by the operator"),
               .router = std::move(*router),
               .rib = nullptr};
}

Result<Order> order_to_apply(const ApplyOptions& options, const RoutesStreams& streams) {
  auto situation = look(options.source, streams.progress);
  if (!situation) return tl::make_unexpected(situation.error());
  const auto wanted = wanted_plan(*situation);
  if (!wanted) return tl::make_unexpected(wanted.error());
  auto router = router_of(situation->configuration);
  if (!router) return fail(std::move(router));
  streams.results << routes::diff_text(situation->current(), **wanted)
                  << notes_text((*wanted)->notes) << coverage_text(situation->advice);
  return Order{.plan = **wanted, .router = std::move(*router), .rib = routes_of(situation->rib)};
}

}  // namespace

Result<int> run_apply(const ApplyOptions& options, const RoutesStreams& streams) {
  const SystemClock clock;
  const auto order =
      options.withdraw ? order_to_withdraw(options, clock) : order_to_apply(options, streams);
  if (!order) return tl::make_unexpected(order.error());
  routes::ApplyRequest request;
  request.by = options.withdraw ? "routes apply --withdraw" : "routes apply";
  request.rib = order->rib;
  // Of an apply that was killed the old file comes back first. Plain BGP comes without that, too.
  const auto finished = routes::recover(order->router, clock, request.by);
  if (!finished && !options.withdraw) return tl::make_unexpected(finished.error());
  const std::string told = finished ? *finished : finished.error().message;
  if (!told.empty()) streams.progress << told << '\n';
  const auto report = routes::apply(order->plan, order->router, clock, request);
  if (!report) return tl::make_unexpected(report.error());
  streams.results << fmt::format("{}: {}\n", routes::to_string(report->outcome), report->reason);
  return report->outcome == routes::ApplyOutcome::confirmed ? 0 : 1;
}

}  // namespace strait::cli
