// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <ostream>

#include "analyzer/outlook.hpp"
#include "analyzer/seal.hpp"
#include "cli/configuration.hpp"
#include "cli/routes/advice.hpp"
#include "cli/routes/router.hpp"
#include "cli/routes/target_weights.hpp"
#include "core/file.hpp"
#include "exporters/json_lines.hpp"
#include "exporters/json_writer.hpp"
#include "exporters/sqlite_store.hpp"
#include "exporters/text.hpp"
#include "routes/apply/steps.hpp"
#include "routes/dialects/dialect.hpp"
#include "routes/explain.hpp"
#include "routes/model/plan_diff.hpp"
#include "routes/sources/rtr_client.hpp"

namespace strait::cli {
namespace {

// Everything that the commands look at, of one moment.
struct Situation {
  Configuration configuration;
  std::shared_ptr<const KnownRib> rib;           // null: [routes] names none
  std::shared_ptr<const routes::Plan> in_force;  // null: plain BGP
  Advice advice;

  // A plan without preferences stands for plain BGP.
  [[nodiscard]] routes::Plan current() const { return in_force ? *in_force : routes::Plan{}; }
};

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

Result<Situation> look(const RoutesSource& source, std::ostream& progress,
                       std::optional<WallTime> at = std::nullopt) {
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
  if (const auto& bird = configuration->routes.bird) {
    auto plan = plan_in_force(bird->include_file);
    if (!plan) return fail(std::move(plan));
    in_force = std::move(*plan);
  }
  TargetWeights weights;
  const analyzer::Weighed& weighed = weights.of(*configuration, now);
  for (const std::string& note : weighed.notes) progress << fmt::format("routes: {}\n", note);
  Advice advice = advise(*configuration, windows->windows, rib->get(), in_force.get(), *memory, now,
                         {}, &weighed.targets);
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

Result<routes::BirdTarget> bird_of(const Configuration& configuration) {
  if (configuration.routes.bird) return *configuration.routes.bird;
  return fail(Errc::bad_input, fmt::format("routes: {} has no [routes.bird]", configuration.file));
}

std::string to_json(const routes::Plan& plan) {
  exporters::JsonWriter json;
  json.begin_object()
      .member("strait", exporters::json_version)
      .member("type", "plan")
      .member("made", strait::to_string(plan.made))
      .member("expires", strait::to_string(plan.expires))
      .member("evidence_hash", plan.evidence_hash)
      .member("blocked", plan.blocked());
  json.key("preferences").begin_array();
  for (const routes::Preference& preference : plan.preferences) {
    json.begin_object()
        .member("class", preference.traffic_class)
        .member("path", preference.path)
        .member("protocol", preference.protocol)
        .member("local_pref", preference.local_pref.value())
        .member("prefixes", preference.prefixes.size())
        .member("reason", preference.reason)
        .end_object();
  }
  json.end_array().key("notes").begin_array();
  for (const routes::GuardNote& note : plan.notes) {
    json.begin_object()
        .member("guard", note.guard)
        .member("message", note.message)
        .member("blocks", note.blocks)
        .end_object();
  }
  return json.end_array().end_object().take();
}

std::string notes_text(std::span<const routes::GuardNote> notes) {
  std::string text;
  for (const routes::GuardNote& note : notes) {
    text +=
        fmt::format("{} {}: {}\n", note.blocks ? "BLOCKED by" : "guard", note.guard, note.message);
  }
  return text;
}

template <class T, class Belongs>
std::vector<T> those(const std::vector<T>& all, const Belongs& belongs) {
  std::vector<T> found;
  std::ranges::copy_if(all, std::back_inserter(found), belongs);
  return found;
}

std::string path_text(const routes::Path& path) {
  return fmt::format("{}: {}, {:.0f} km through {}, floor {} there and back, upstream AS{}{}\n",
                     path.name, fmt::join(path.segments, " > "), path.length_km,
                     path.countries.empty() ? "no known country"
                                            : fmt::format("{}", fmt::join(path.countries, " ")),
                     strait::to_text(path.one_way_floor * 2), path.upstream_asn.value(),
                     path.forbidden ? ", forbidden: " + path.forbidden_reason : "");
}

std::string outlook_text(std::span<const analyzer::Verdict> verdicts,
                         const analyzer::DecisionOptions& options) {
  std::string text;
  for (const analyzer::Verdict& verdict : verdicts) {
    text += fmt::format("{}: what would have to change\n", verdict.traffic_class);
    for (const std::string& sentence : analyzer::outlook(verdict, options)) {
      text += fmt::format("  {}\n", sentence);
    }
  }
  return text;
}

std::vector<analyzer::Verdict> verdicts_of(const Advice& advice, const std::string& subject) {
  return those(advice.verdicts, [&](const auto& verdict) {
    return subject.empty() || verdict.traffic_class == subject;
  });
}

std::vector<analyzer::Evidence> evidence_of(const Advice& advice, const std::string& subject) {
  return those(advice.evidence, [&](const auto& item) {
    return subject.empty() || item.traffic_class == subject || item.path == subject;
  });
}

// What `explain` says in words besides evidence and verdicts.
std::string explanation_json(const Situation& situation, const std::string& subject,
                             std::span<const analyzer::Verdict> verdicts,
                             std::span<const analyzer::Evidence> evidence) {
  const auto& plan = situation.advice.plan;
  exporters::JsonWriter json;
  json.begin_object()
      .member("strait", exporters::json_version)
      .member("type", "explanation")
      .member("subject", subject)
      .member("evidence_hash", analyzer::evidence_hash(evidence, {}))
      .member("plan_hash", plan ? std::optional{plan->evidence_hash} : std::nullopt);
  json.key("would_change").begin_object();
  for (const analyzer::Verdict& verdict : verdicts) {
    json.key(verdict.traffic_class).begin_array();
    for (const auto& sentence :
         analyzer::outlook(verdict, situation.configuration.analyzer.decision)) {
      json.value(sentence);
    }
    json.end_array();
  }
  return json.end_object().end_object().take();
}

Result<int> explain_json(const Situation& situation, const std::string& subject,
                         std::ostream& results) {
  const Advice& advice = situation.advice;
  const auto verdicts = verdicts_of(advice, subject);
  const auto evidence = evidence_of(advice, subject);
  if (!subject.empty() && verdicts.empty() && evidence.empty()) {
    return fail(Errc::not_found,
                fmt::format("explain: no class or path '{}' with evidence; a prefix is explained "
                            "in words only, without --json",
                            subject));
  }
  for (const auto& item : evidence) results << exporters::to_json(item) << '\n';
  for (const auto& verdict : verdicts) results << exporters::to_json(verdict) << '\n';
  results << explanation_json(situation, subject, verdicts, evidence) << '\n';
  return 0;
}

// What is known of `subject`: a class, a path, a prefix, or (empty) everything.
Result<std::string> explanation(const Situation& situation, const std::string& subject,
                                bool colours) {
  const exporters::TextOptions text{.colours = colours};
  const Advice& advice = situation.advice;
  if (subject.find('/') != std::string::npos) {
    const auto prefix = parse_prefix(subject);
    if (!prefix) return tl::make_unexpected(prefix.error());
    if (!situation.rib) return fail(wanted_plan(situation));
    return routes::explain_prefix(*prefix, situation.rib->rib, situation.configuration.regions,
                                  situation.configuration.paths);
  }
  const auto verdicts = verdicts_of(advice, subject);
  const auto evidence = evidence_of(advice, subject);
  const auto paths = those(situation.configuration.paths, [&](const auto& path) {
    return subject.empty() || path.name == subject;
  });
  if (verdicts.empty() && evidence.empty() && paths.empty()) {
    return fail(
        Errc::not_found,
        fmt::format("explain: '{}' is no class, path or prefix of this configuration", subject));
  }
  std::string words = exporters::to_text(verdicts, text) + exporters::to_text(evidence, text);
  for (const routes::Path& path : paths) words += path_text(path);
  words += outlook_text(verdicts, situation.configuration.analyzer.decision);
  words += fmt::format("evidence hash {}\n", analyzer::evidence_hash(evidence, {}));
  if (advice.plan) {
    words +=
        fmt::format("plan hash {}\n", advice.plan->evidence_hash) + notes_text(advice.plan->notes);
  }
  return words;
}

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
    if (advice.plan) streams.results << to_json(*advice.plan) << '\n';
    return 0;
  }
  streams.results << exporters::to_text(advice.verdicts, {.colours = streams.colours});
  if (advice.plan) {
    streams.results << "plan: " << routes::diff_text(situation->current(), *advice.plan)
                    << notes_text(advice.plan->notes);
  } else {
    streams.results << "plan: none without a RIB ([routes] rib)\n";
  }
  return 0;
}

Result<int> run_explain(const ExplainOptions& options, const RoutesStreams& streams) {
  const auto situation = look(options.source, streams.progress, options.at);
  if (!situation) return tl::make_unexpected(situation.error());
  if (options.source.json) {
    return explain_json(*situation, options.subject, streams.results);
  }
  const auto words = explanation(*situation, options.subject, streams.colours);
  if (!words) return tl::make_unexpected(words.error());
  streams.results << *words;
  return 0;
}

Result<int> run_diff(const DiffOptions& options, const RoutesStreams& streams) {
  const auto situation = look(options.source, streams.progress);
  if (!situation) return tl::make_unexpected(situation.error());
  const auto wanted = wanted_plan(*situation);
  if (!wanted) return tl::make_unexpected(wanted.error());
  routes::Plan before = situation->current();
  if (!options.against.empty()) {
    const auto other = plan_in_force(options.against);
    if (!other) return tl::make_unexpected(other.error());
    before = *other ? **other : routes::Plan{};
  }
  streams.results << routes::diff_text(before, **wanted) << notes_text((*wanted)->notes);
  return 0;
}

Result<int> run_render(const RenderOptions& options, const RoutesStreams& streams) {
  const auto situation = look(options.source, streams.progress);
  if (!situation) return tl::make_unexpected(situation.error());
  const auto wanted = wanted_plan(*situation);
  if (!wanted) return tl::make_unexpected(wanted.error());
  const routes::Plan& plan = **wanted;
  streams.progress << notes_text(plan.notes);
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
  routes::BirdTarget bird;
};

// Taking preferences back must work whatever state the evidence is in.
Result<Order> order_to_withdraw(const ApplyOptions& options, const Clock& clock) {
  auto configuration = load_configuration(options.source.config);
  if (!configuration) return fail(std::move(configuration));
  auto bird = bird_of(*configuration);
  if (!bird) return fail(std::move(bird));
  return Order{.plan = routes::withdrawal(clock, "asked for by the operator"),
               .bird = std::move(*bird)};
}

Result<Order> order_to_apply(const ApplyOptions& options, const RoutesStreams& streams) {
  auto situation = look(options.source, streams.progress);
  if (!situation) return tl::make_unexpected(situation.error());
  const auto wanted = wanted_plan(*situation);
  if (!wanted) return tl::make_unexpected(wanted.error());
  auto bird = bird_of(situation->configuration);
  if (!bird) return fail(std::move(bird));
  streams.results << routes::diff_text(situation->current(), **wanted)
                  << notes_text((*wanted)->notes);
  return Order{.plan = **wanted, .bird = std::move(*bird)};
}

}  // namespace

Result<int> run_apply(const ApplyOptions& options, const RoutesStreams& streams) {
  const SystemClock clock;
  const auto order =
      options.withdraw ? order_to_withdraw(options, clock) : order_to_apply(options, streams);
  if (!order) return tl::make_unexpected(order.error());
  routes::ApplyRequest request;
  request.by = options.withdraw ? "routes apply --withdraw" : "routes apply";
  // Of an apply that was killed the old file comes back first; plain BGP needs none of that.
  if (!options.withdraw) {
    const auto finished = routes::recover(order->bird, clock, request.by);
    if (!finished) return tl::make_unexpected(finished.error());
    if (!finished->empty()) streams.progress << *finished << '\n';
  }
  const auto report = routes::apply(order->plan, order->bird, clock, request);
  if (!report) return tl::make_unexpected(report.error());
  streams.results << fmt::format("{}: {}\n", routes::to_string(report->outcome), report->reason);
  return report->outcome == routes::ApplyOutcome::confirmed ? 0 : 1;
}

}  // namespace strait::cli
