// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/inbound_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/inbound.hpp"
#include "analyzer/words.hpp"
#include "cli/config/configuration.hpp"
#include "cli/routes/advice.hpp"
#include "core/clock.hpp"
#include "exporters/json_lines.hpp"
#include "exporters/json_writer.hpp"
#include "exporters/sqlite_store.hpp"
#include "exporters/text.hpp"
#include "routes/inbound.hpp"

namespace strait::cli {
namespace {

// All that is said of one class.
struct Inbound {
  const routes::InboundTraffic* traffic = nullptr;
  analyzer::InboundAnswer answer;
  std::optional<std::string> by;  // the path whose upstream brings the traffic
  bool by_delay = false;          // so far as delays tell, not by the operator's word
  std::string step;               // what to do next, or why nothing
  bool act = false;               // `step` is to be done now
  std::vector<analyzer::InboundEffect> effects;
  std::uint64_t no_clocks = 0;
  std::uint64_t loss_unseen = 0;
  std::size_t ordinary = 0;
};

Result<std::vector<Window>> stored_windows(const Configuration& configuration, WallTime from,
                                           std::ostream& progress) {
  auto store = exporters::SqliteStore::open_read_only(configuration.exporters.store);
  if (!store) return fail(std::move(store));
  auto stored = (*store)->windows({.from = from, .to = WallTime::max()}, {});
  if (!stored) return tl::make_unexpected(stored.error());
  if (stored->damaged > 0) {
    progress << fmt::format("routes: {} windows could not be read, first: {}\n", stored->damaged,
                            stored->first_problem);
  }
  return std::move(stored->windows);
}

const routes::Path* path_named(const Configuration& configuration, std::string_view name) {
  const auto found = std::ranges::find(configuration.paths, name, &routes::Path::name);
  return found == configuration.paths.end() ? nullptr : &*found;
}

bool wants_change(const Inbound& inbound) {
  const analyzer::Verdict& verdict = inbound.answer.verdict;
  return verdict.ruling == analyzer::Ruling::prefer && verdict.path &&
         *verdict.path != analyzer::as_it_comes;
}

// What would move the class's traffic to the path that its verdict prefers.
routes::InboundStep step_of(const Inbound& inbound, const Configuration& configuration) {
  if (!inbound.by) {
    return {.possible = false,
            .words = "which upstream brings it is not known: set 'by' in its [[inbound]]"};
  }
  const routes::Path* const from = path_named(configuration, *inbound.by);
  const routes::Path* const to =
      path_named(configuration, inbound.answer.verdict.path.value_or(""));
  const auto way = configuration.inbound.ways.find(*inbound.by);
  if (from == nullptr || to == nullptr || way == configuration.inbound.ways.end()) {
    return {.possible = false, .words = fmt::format("no [[path]] is named '{}'", *inbound.by)};
  }
  if (from == to) {
    return {.possible = false,
            .words = fmt::format("'by' says that {} brings it, but the delays say otherwise",
                                 *inbound.by)};
  }
  return routes::inbound_step(*inbound.traffic, way->second, *inbound.by,
                              from->upstream_asn == to->upstream_asn, configuration.site.asn);
}

// Whether what a change did can be told by now, of every class.
bool measured(const std::vector<Inbound>& all) {
  return std::ranges::all_of(all, [](const Inbound& each) {
    return std::ranges::any_of(each.effects, [](const auto& effect) {
      return effect.low.has_value() && effect.high.has_value();
    });
  });
}

// One change at a time: that of the class which surely gains most, and none while the effect of the
// last one is not known.
void choose(std::vector<Inbound>& all, const Configuration& configuration,
            const std::optional<WallTime>& made) {
  const Inbound* first = nullptr;
  for (Inbound& each : all) {
    if (!wants_change(each)) continue;
    const auto step = step_of(each, configuration);
    each.step = step.words;
    each.act = step.possible;
    const auto gain = [](const Inbound& one) { return one.answer.verdict.gain_low; };
    if (step.possible && (first == nullptr || gain(each) > gain(*first))) first = &each;
  }
  for (Inbound& each : all) {
    if (!each.act) continue;
    if (made && !measured(all)) {
      each.act = false;
      each.step =
          "waits: the effect of the change at " + strait::to_string(*made) + " is not measured yet";
    } else if (&each != first) {
      each.act = false;
      each.step = fmt::format("waits: one change at a time, that of {} first",
                              first->answer.verdict.traffic_class);
    }
  }
}

Inbound look_at(const routes::InboundTraffic& traffic, const analyzer::InboundClass& of,
                const Configuration& configuration, std::span<const Window> windows,
                const std::optional<WallTime>& made, WallTime now) {
  auto seen = analyzer::reverse_windows(windows, of);
  const auto& decision = configuration.analyzer.decision;
  Inbound inbound;
  inbound.traffic = &traffic;
  inbound.answer = judge_inbound(seen.windows, configuration.network(), of, decision, now);
  inbound.by = traffic.by ? traffic.by : inbound.answer.comes_by;
  inbound.by_delay = !traffic.by.has_value();
  if (made) {
    inbound.effects =
        inbound_effects(seen.windows, configuration.network(), of, decision, *made, now);
  }
  inbound.no_clocks = seen.no_clocks;
  inbound.loss_unseen = seen.loss_unseen;
  inbound.ordinary = of.ordinary.size();
  return inbound;
}

std::string interval(const std::optional<Nanos>& low, const std::optional<Nanos>& high) {
  if (!low || !high) return "[insufficient]";
  return fmt::format("[{}, {}]", strait::to_text(*low), strait::to_text(*high));
}

std::string comparison_text(const analyzer::Comparison& comparison) {
  if (!comparison.difference) {
    return comparison.reason.empty() ? "not comparable yet" : comparison.reason;
  }
  return fmt::format("{} {}", strait::to_text(*comparison.difference),
                     interval(comparison.low, comparison.high));
}

std::string effect_text(const analyzer::InboundEffect& effect) {
  std::string text = fmt::format("   above {}: before {}, after {}", effect.path,
                                 comparison_text(effect.before), comparison_text(effect.after));
  if (effect.change) {
    text += fmt::format("; the change did {} {}", strait::to_text(*effect.change),
                        interval(effect.low, effect.high));
  }
  return text + "\n";
}

std::string notes_of(const Inbound& inbound) {
  std::string text;
  if (inbound.ordinary == 0) {
    text +=
        "   no path sends from these prefixes to a target of the class: how its traffic comes "
        "is not measured\n";
  }
  if (inbound.no_clocks > 0) {
    text += fmt::format("   {} windows without one-way delays: the clocks do not allow them\n",
                        inbound.no_clocks);
  }
  if (inbound.loss_unseen > 0) {
    text += fmt::format("   in {} windows loss on the way back is not known, and counts as none\n",
                        inbound.loss_unseen);
  }
  return text;
}

std::string text_of(const Inbound& inbound, bool colours) {
  const analyzer::Verdict& verdict = inbound.answer.verdict;
  std::string text = exporters::to_text(std::span{&verdict, 1}, {.colours = colours});
  if (inbound.by) {
    text += fmt::format("   comes by {}{}\n", *inbound.by,
                        inbound.by_delay ? ", as far as delays tell" : "");
  }
  if (!inbound.step.empty()) {
    text += fmt::format("   {}{}\n", inbound.act ? "next: " : "", inbound.step);
  }
  if (inbound.act && verdict.gain) {
    text += fmt::format("   expected: {} less {}\n", strait::to_text(*verdict.gain),
                        interval(verdict.gain_low, verdict.gain_high));
  }
  for (const auto& effect : inbound.effects) text += effect_text(effect);
  return text + notes_of(inbound);
}

void add_comparison(exporters::JsonWriter& json, std::string_view key,
                    const analyzer::Comparison& comparison) {
  json.key(key)
      .begin_object()
      .member("difference_ns", comparison.difference)
      .member("low_ns", comparison.low)
      .member("high_ns", comparison.high)
      .member("pairs", comparison.pairs)
      .end_object();
}

std::string json_of(const Inbound& inbound) {
  exporters::JsonWriter json;
  json.begin_object()
      .member("strait", exporters::json_version)
      .member("type", "inbound")
      .member("class", inbound.answer.verdict.traffic_class)
      .member("comes_by", inbound.by)
      .member("comes_by_delay", inbound.by_delay)
      .member("act", inbound.act)
      .member("step", inbound.step)
      .member("windows_without_clocks", inbound.no_clocks)
      .member("windows_loss_unseen", inbound.loss_unseen);
  json.key("effects").begin_array();
  for (const auto& effect : inbound.effects) {
    json.begin_object().member("path", effect.path);
    add_comparison(json, "before", effect.before);
    add_comparison(json, "after", effect.after);
    json.member("change_ns", effect.change)
        .member("low_ns", effect.low)
        .member("high_ns", effect.high)
        .end_object();
  }
  return json.end_array().end_object().take();
}

}  // namespace

Result<int> run_inbound(const InboundCommand& options, const RoutesStreams& streams) {
  const auto configuration = load_configuration(options.source.config);
  if (!configuration) return tl::make_unexpected(configuration.error());
  if (configuration->inbound.traffic.empty()) {
    return fail(Errc::bad_input,
                fmt::format("routes: {} has no [[inbound]]", options.source.config));
  }
  if (configuration->exporters.store.empty()) {
    return fail(Errc::bad_input, fmt::format("routes: {} names no store ([exporters] store), and "
                                             "there the evidence would be",
                                             options.source.config));
  }
  const WallTime now = SystemClock{}.now().wall;
  const WallTime newest = options.made ? std::min(*options.made, now) : now;
  const auto windows =
      stored_windows(*configuration, newest - look_back(*configuration), streams.progress);
  if (!windows) return tl::make_unexpected(windows.error());
  const auto classes = configuration->inbound_classes();
  std::vector<Inbound> all;
  all.reserve(classes.size());
  for (std::size_t i = 0; i < classes.size(); ++i) {
    all.push_back(look_at(configuration->inbound.traffic[i], classes[i], *configuration, *windows,
                          options.made, now));
  }
  choose(all, *configuration, options.made);
  for (const Inbound& each : all) {
    if (options.source.json) {
      for (const auto& evidence : each.answer.evidence) {
        streams.results << exporters::to_json(evidence) << '\n';
      }
      streams.results << exporters::to_json(each.answer.verdict) << '\n' << json_of(each) << '\n';
    } else {
      streams.results << text_of(each, streams.colours);
    }
  }
  return 0;
}

}  // namespace strait::cli
