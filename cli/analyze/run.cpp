// SPDX-License-Identifier: Apache-2.0
#include "cli/analyze/run.hpp"

#include <fmt/format.h>

#include <optional>
#include <ostream>

#include "analyzer/one_way_change.hpp"
#include "cli/analyze/changes.hpp"
#include "cli/config/configuration.hpp"
#include "cli/routes/target_weights.hpp"
#include "exporters/csv.hpp"
#include "exporters/json_lines.hpp"
#include "exporters/sqlite_store.hpp"
#include "exporters/stored_evidence.hpp"
#include "exporters/text.hpp"
#include "exporters/text_table.hpp"

namespace strait::cli {
namespace {

std::string change_text(std::span<const analyzer::OneWayChange> changes) {
  exporters::TextTable table;
  table.add_row({{"path"},
                 {"target"},
                 {"dscp", {}, true},
                 {"flow", {}, true},
                 {"forward", {}, true},
                 {"reverse", {}, true},
                 {"error", {}, true},
                 {"drift", {}, true},
                 {""}});
  for (const analyzer::OneWayChange& change : changes) {
    const bool known = change.shift != analyzer::OneWayShift::too_few;
    const auto delay = [&](Nanos value) { return known ? to_text(value) : std::string{"-"}; };
    table.add_row({{change.session.path},
                   {change.session.target},
                   {std::to_string(change.session.dscp), {}, true},
                   {std::to_string(change.session.flow), {}, true},
                   {delay(change.forward), {}, true},
                   {delay(change.reverse), {}, true},
                   {delay(change.error), {}, true},
                   {known ? fmt::format("{:.2f} ppm", change.drift * 1e6) : "-", {}, true},
                   {std::string{to_string(change.shift)}}});
  }
  return table.render("", false);
}

exporters::WindowFilter filter_of(const AnalyzeOptions& options) {
  return {.path = options.path, .target = options.target, .region = options.region};
}

Result<int> show_incidents(exporters::Store& store, const exporters::TimeRange& range,
                           const AnalyzeOptions& options, std::span<const routes::Path> paths,
                           std::ostream& results, std::ostream& progress) {
  const auto stored = store.windows(range, filter_of(options));
  if (!stored) return tl::make_unexpected(stored.error());
  if (stored->windows.empty()) {
    progress << "analyze: no window matches\n";
    return 1;
  }
  const auto incidents = incidents_of(stored->windows, paths);
  if (options.json) {
    for (const auto& incident : incidents) results << exporters::to_json(incident) << '\n';
  } else if (incidents.empty()) {
    results << fmt::format("{} windows, and no change in them\n", stored->windows.size());
  } else {
    results << incidents_text(incidents);
  }
  return 0;
}

Result<int> show_changes(exporters::Store& store, const exporters::TimeRange& range,
                         const AnalyzeOptions& options, std::ostream& results,
                         std::ostream& progress) {
  const auto stored = store.windows(range, filter_of(options));
  if (!stored) return tl::make_unexpected(stored.error());
  const auto changes = analyzer::one_way_changes(stored->windows);
  if (changes.empty()) {
    progress << "analyze: no window that matches has stamps of a far clock\n";
    return 1;
  }
  if (!options.json) {
    results << change_text(changes);
    return 0;
  }
  for (const auto& change : changes) results << exporters::to_json(change) << '\n';
  return 0;
}

// As the service has them. What is wrong with the traffic's goes to `progress`.
exporters::WeightOfTargets weights_of(const Configuration& configuration, WallTime now,
                                      std::ostream& progress) {
  TargetWeights weights;
  const analyzer::Weighed& weighed = weights.of(configuration, now);
  for (const std::string& note : weighed.notes) progress << fmt::format("analyze: {}\n", note);
  exporters::WeightOfTargets by_name;
  for (const analyzer::Target& target : weighed.targets) by_name[target.name] = target.weight;
  return by_name;
}

}  // namespace

Result<int> run_analyze(const AnalyzeOptions& options, bool colours, std::ostream& results,
                        std::ostream& progress) {
  std::string file = options.store;
  const WallTime now = SystemClock{}.now().wall;
  std::optional<Configuration> configuration;
  exporters::Surroundings known;
  if (file.empty()) {
    auto loaded = load_configuration(options.config);
    if (!loaded) return fail(std::move(loaded));
    configuration = *std::move(loaded);
    file = configuration->exporters.store;
    known = {.paths = configuration->paths,
             .far_ends = configuration->far_ends,
             .site = configuration->position,
             .targets = configuration->target_positions,
             .weights = weights_of(*configuration, now, progress)};
    if (file.empty()) {
      return fail(Errc::bad_input,
                  fmt::format("analyze: {} names no store ([exporters] store)", options.config));
    }
  }
  auto store = exporters::SqliteStore::open_read_only(file);
  if (!store) return fail(std::move(store));
  const exporters::TimeRange range{.from = now - options.since};
  if (options.one_way) return show_changes(**store, range, options, results, progress);
  if (options.changes)
    return show_incidents(**store, range, options, known.paths, results, progress);
  const auto stored = exporters::stored_evidence(**store, range, filter_of(options), known, now);
  if (!stored) return tl::make_unexpected(stored.error());
  if (stored->damaged > 0) {
    progress << fmt::format("analyze: {} windows could not be read, first: {}\n", stored->damaged,
                            stored->first_problem);
  }
  if (stored->windows == 0) {
    progress << fmt::format("analyze: {} has no windows of the last {} that match\n", file,
                            to_string(options.since));
    return 1;
  }
  if (options.csv) {
    results << exporters::to_csv(stored->evidence);
    return 0;
  }
  if (!options.json) {
    results << exporters::to_text(stored->evidence, {.colours = colours});
    return 0;
  }
  for (const analyzer::Evidence& evidence : stored->evidence) {
    results << exporters::to_json(evidence) << '\n';
  }
  return 0;
}

}  // namespace strait::cli
