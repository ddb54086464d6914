// SPDX-License-Identifier: Apache-2.0
#include "probe/simulated/read_scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <span>
#include <utility>

#include "core/config.hpp"
#include "core/file.hpp"
#include "core/nearest.hpp"

namespace strait::probe::simulated {
namespace {

constexpr Nanos longest = std::chrono::hours{24 * 366 * 5};
constexpr WallTime latest{std::chrono::sys_days{std::chrono::year{2200} / 1 / 1}};
constexpr double most_gbps = 1e6;

void read(ConfigTable& table, std::string_view key, Nanos& value) {
  value = table.duration(key).value_or(value);
}

void read(ConfigTable& table, std::string_view key, double& value, double min, double max) {
  value = table.number(key, min, max).value_or(value);
}

// Text that is compulsory and not empty.
std::string name_of(ConfigTable& table, std::string_view key) {
  table.require(key);
  auto text = table.text(key).value_or("");
  if (table.has(key) && text.empty()) table.error(key, fmt::format("{} is empty", key));
  return text;
}

// A duration with an optional sign; 0 is fine.
Nanos read_signed(ConfigTable& table, std::string_view key) {
  const auto text = table.text(key);
  if (!text) return {};
  const bool negative = text->starts_with('-');
  const auto value = parse_duration(std::string_view{*text}.substr(negative ? 1 : 0));
  if (!value) {
    table.error(key, fmt::format("{}: {}", key, value.error().message));
    return {};
  }
  return negative ? -*value : *value;
}

// "2012-03-22T04:00:00Z", or how long after the start: "3d".
std::optional<WallTime> read_moment(ConfigTable& table, std::string_view key, WallTime start) {
  const auto text = table.text(key);
  if (!text) return std::nullopt;
  if (const auto time = parse_wall_time(*text)) return time;
  const auto after = parse_duration(*text);
  if (after && *after <= longest) return start + *after;
  table.error(key, fmt::format("{} is '{}': want a time such as \"2012-03-22T04:00:00Z\", or how "
                               "long after the start, such as \"3d\"",
                               key, *text));
  return std::nullopt;
}

// The value at `key` is one of `known`, or a mistake.
void check_name(ConfigTable& table, std::string_view key, std::string_view what,
                const std::string& name, std::span<const std::string> known) {
  if (std::ranges::find(known, name) != known.end()) return;
  const auto guess = nearest(name, known);
  table.error(key, fmt::format("unknown {} '{}'{}", what, name,
                               guess ? fmt::format("; did you mean '{}'?", *guess) : ""));
}

template <class Model>
std::vector<std::string> names_of(const std::vector<Model>& models) {
  std::vector<std::string> names;
  names.reserve(models.size());
  for (const Model& model : models) names.push_back(model.name);
  return names;
}

template <class Model>
void check_new(ConfigTable& table, const std::vector<Model>& before, const std::string& name) {
  if (std::ranges::find(before, name, &Model::name) != before.end()) {
    table.error("name", fmt::format("'{}' is there twice", name));
  }
}

std::optional<BurstModel> read_burst(ConfigTable table) {
  if (!table.exists()) return std::nullopt;
  BurstModel burst;
  for (const auto* const key : {"every", "length"}) table.require(key);
  read(table, "every", burst.every);
  read(table, "length", burst.length);
  read(table, "loss", burst.loss, 0, 1);
  return burst;
}

PathModel read_path(ConfigTable& table) {
  PathModel path;
  path.name = name_of(table, "name");
  path.segments = table.texts("segments");
  read(table, "jitter", path.jitter);
  read(table, "heavy_tail", path.heavy_tail, 0, 1);
  read(table, "loss", path.loss, 0, 1);
  path.burst = read_burst(table.table("burst"));
  read(table, "forward_share", path.forward_share, 0.05, 0.95);
  read(table, "capacity", path.capacity, 0, most_gbps);
  read(table, "load", path.load, 0, most_gbps);
  read(table, "buffer", path.buffer);
  path.spills_to = table.texts("spills_to");
  for (const std::string& text : table.texts("members")) {
    if (const auto more = parse_duration(text)) {
      path.members.push_back(*more);
    } else {
      table.error("members", more.error().message);
    }
  }
  return path;
}

std::vector<PathModel> read_paths(ConfigTable root) {
  std::vector<PathModel> paths;
  auto tables = root.tables("path");
  for (ConfigTable& table : tables) {
    PathModel path = read_path(table);
    check_new(table, paths, path.name);
    paths.push_back(std::move(path));
  }
  const auto names = names_of(paths);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    for (const std::string& name : paths[i].spills_to) {
      check_name(tables[i], "spills_to", "path", name, names);
    }
  }
  if (paths.empty()) root.error("", "no [[path]]: there is nothing to simulate");
  if (paths.size() > most_paths) {
    root.error("path", fmt::format("{} paths: want at most {}", paths.size(), most_paths));
  }
  return paths;
}

TargetModel read_target(ConfigTable& table, const std::vector<PathModel>& paths) {
  TargetModel target;
  target.name = name_of(table, "name");
  target.region = name_of(table, "region");
  read(table, "weight", target.weight, 1e-6, 1e6);
  ConfigTable rtt = table.table("rtt");
  for (const PathModel& path : paths) {
    if (const auto time = rtt.duration(path.name)) target.rtt.emplace(path.name, *time);
  }
  if (target.rtt.empty()) {
    table.error("", "no path leads here: want [target.rtt] with a round trip for each path");
  }
  target.clock_offset = read_signed(table, "clock_offset");
  read(table, "clock_drift", target.clock_drift, -1e-3, 1e-3);
  target.clock_error = table.duration("clock_error");
  return target;
}

std::vector<TargetModel> read_targets(ConfigTable root, const std::vector<PathModel>& paths) {
  std::vector<TargetModel> targets;
  for (ConfigTable& table : root.tables("target")) {
    TargetModel target = read_target(table, paths);
    check_new(table, targets, target.name);
    targets.push_back(std::move(target));
  }
  if (targets.empty()) root.error("", "no [[target]]: there is nothing to simulate");
  if (targets.size() > most_targets) {
    root.error("target", fmt::format("{} targets: want at most {}", targets.size(), most_targets));
  }
  return targets;
}

// Which keys a kind of event needs besides its time.
bool needs_size(Happening kind) {
  constexpr std::array sized{Happening::shift, Happening::one_member, Happening::queueing,
                             Happening::lie,   Happening::clock_step, Happening::clock_drift};
  return std::ranges::find(sized, kind) != sized.end();
}

bool is_of_targets(Happening kind) {
  constexpr std::array kinds{Happening::outage, Happening::lie, Happening::clock_step,
                             Happening::clock_drift};
  return std::ranges::find(kinds, kind) != kinds.end();
}

// Paths by name, and those that any of the named segments carries.
std::vector<std::string> struck_paths(ConfigTable& table, const std::vector<PathModel>& paths) {
  std::vector<std::string> struck = table.texts("paths");
  const auto names = names_of(paths);
  for (const std::string& name : struck) check_name(table, "paths", "path", name, names);
  std::vector<std::string> segments;
  for (const PathModel& path : paths) {
    segments.insert(segments.end(), path.segments.begin(), path.segments.end());
  }
  for (const std::string& segment : table.texts("segments")) {
    check_name(table, "segments", "segment of these paths", segment, segments);
    for (const PathModel& path : paths) {
      if (std::ranges::find(path.segments, segment) != path.segments.end()) {
        struck.push_back(path.name);
      }
    }
  }
  std::ranges::sort(struck);
  struck.erase(std::ranges::unique(struck).begin(), struck.end());
  return struck;
}

// Kinds that may be of all targets, or only of some.
bool may_be_of_targets(Happening kind) {
  constexpr std::array kinds{Happening::shift, Happening::queueing, Happening::loss};
  return std::ranges::find(kinds, kind) != kinds.end();
}

void read_whom(ConfigTable& table, const Scenario& scenario, EventModel& event) {
  const std::string_view kind = to_string(event.kind);
  const bool of_targets = is_of_targets(event.kind);
  if (of_targets || may_be_of_targets(event.kind)) {
    event.targets = table.texts("targets");
    const auto names = names_of(scenario.targets);
    for (const std::string& name : event.targets) {
      check_name(table, "targets", "target", name, names);
    }
  }
  if (of_targets && event.targets.empty()) table.error("", fmt::format("{} needs 'targets'", kind));
  const bool needs_paths = !of_targets && event.kind != Happening::pause;
  if (!needs_paths && event.kind != Happening::lie) return;
  event.paths = struck_paths(table, scenario.paths);
  if (needs_paths && event.paths.empty())
    table.error("", fmt::format("{} needs 'paths' or 'segments'", kind));
}

void read_when(ConfigTable& table, const Scenario& scenario, EventModel& event) {
  table.require("at");
  event.from = read_moment(table, "at", scenario.start).value_or(scenario.start);
  event.to = read_moment(table, "until", scenario.start).value_or(scenario.end());
  if (const auto length = table.duration("for")) {
    if (table.has("until")) table.error("for", "'for' and 'until': want one of them");
    if (*length > longest) table.error("for", "want at most five years");
    event.to = event.from + std::min(*length, longest);
  }
  if (event.to <= event.from) table.error("at", "the event ends before it begins");
  if (event.from < scenario.start || event.from >= scenario.end()) {
    table.error(
        "at", fmt::format("{} is outside of the scenario: {} to {}", strait::to_string(event.from),
                          strait::to_string(scenario.start), strait::to_string(scenario.end())));
  }
}

EventModel read_event(ConfigTable& table, const Scenario& scenario) {
  EventModel event;
  table.require("kind");
  const auto kind = table.choice("kind", {"cut", "shift", "one-member", "queueing", "loss",
                                          "outage", "lie", "clock-step", "clock-drift", "pause"});
  if (kind) event.kind = static_cast<Happening>(*kind);
  read_when(table, scenario, event);
  read_whom(table, scenario, event);
  if (needs_size(event.kind)) {
    table.require("size");
    event.size = read_signed(table, "size");
    if (event.kind == Happening::queueing && event.size < Nanos{0}) {
      table.error("size", "a queue only adds: want a size above 0");
    }
  }
  if (event.kind == Happening::loss) {
    table.require("loss");
    read(table, "loss", event.loss, 0, 1);
  }
  if (event.kind == Happening::one_member) {
    event.member = static_cast<std::size_t>(table.integer("member", 0, 63).value_or(0));
  }
  event.words = table.text("words").value_or("");
  return event;
}

void read_probing(ConfigTable table, Scenario& scenario) {
  read(table, "window", scenario.window);
  read(table, "interval", scenario.interval);
  scenario.flows = static_cast<std::uint16_t>(table.integer("flows", 1, 64).value_or(1));
  if (const auto protocol = table.choice("protocol", {"stamp", "icmp"})) {
    scenario.protocol = static_cast<Protocol>(*protocol);
  }
  read(table, "missing", scenario.missing, 0, 1);
  const auto probes = scenario.window / scenario.interval;
  if (probes < scenario.flows || probes > most_probes_in_window) {
    table.error("interval", fmt::format("{} probes in a window: want {} to {}", probes,
                                        scenario.flows, most_probes_in_window));
  }
}

void read_head(ConfigTable& root, Scenario& scenario) {
  scenario.title = name_of(root, "title");
  scenario.source = name_of(root, "source");
  root.require("start");
  if (const auto text = root.text("start")) {
    const auto time = parse_wall_time(*text);
    if (!time) {
      root.error("start", fmt::format("start is '{}': want a time such as "
                                      "\"2012-03-20T00:00:00Z\"",
                                      *text));
    }
    if (time && (*time < WallTime{} || *time > latest)) {
      root.error("start", "want a year from 1970 to 2199");
    } else {
      scenario.start = time.value_or(scenario.start);
    }
  }
  root.require("length");
  scenario.length = root.duration("length").value_or(std::chrono::hours{24});
  if (scenario.length > longest) {
    root.error("length", "want at most five years");
    scenario.length = longest;
  }
  scenario.seed = static_cast<std::uint64_t>(
      root.integer("seed", 0, std::numeric_limits<std::int64_t>::max()).value_or(1));
}

void read_demand(ConfigTable table, DemandModel& demand) {
  read(table, "swing", demand.swing, 0, 1);
  read(table, "peak_hour", demand.peak_hour, 0, 24);
  read(table, "weekend", demand.weekend, 0, 10);
}

void read_defaults(ConfigTable root, Scenario& scenario) {
  const auto paths = names_of(scenario.paths);
  for (ConfigTable& table : root.tables("region")) {
    const std::string region = name_of(table, "name");
    if (const auto path = table.text("default_path")) {
      check_name(table, "default_path", "path", *path, paths);
      scenario.defaults[region] = *path;
    }
  }
}

}  // namespace

Result<Scenario> parse_scenario(std::string_view text, std::string name) {
  auto document = ConfigDocument::parse(text, std::move(name));
  if (!document) return fail(std::move(document));
  ConfigTable root = document->root();
  Scenario scenario;
  read_head(root, scenario);
  read_probing(root.table("probe"), scenario);
  read_demand(root.table("demand"), scenario.demand);
  scenario.paths = read_paths(root);
  scenario.targets = read_targets(root, scenario.paths);
  read_defaults(root, scenario);
  auto events = root.tables("event");
  if (events.size() > most_events) {
    root.error("event", fmt::format("{} events: want at most {}", events.size(), most_events));
    events.clear();
  }
  for (ConfigTable& table : events) scenario.events.push_back(read_event(table, scenario));
  if (auto errors = document->errors()) return tl::make_unexpected(*std::move(errors));
  std::ranges::stable_sort(scenario.events, {}, &EventModel::from);
  return scenario;
}

Result<Scenario> load_scenario(const std::string& file) {
  const auto text = read_file(file);
  if (!text) return tl::make_unexpected(text.error());
  return parse_scenario(*text, file);
}

}  // namespace strait::probe::simulated
