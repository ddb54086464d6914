// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/words.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "analyzer/quantile_interval.hpp"
#include "cli/frame/command_line.hpp"

namespace strait::cli {
namespace {

constexpr std::uint64_t endless = 1'000'000'000;

void add_thresholds(CLI::App& command, const std::string& name,
                    std::optional<Thresholds>& thresholds, const std::string& description) {
  const auto read = [&thresholds, name](const std::string& text) {
    thresholds = value_or_end(parse_thresholds(text), name);
  };
  command.add_option_function<std::string>(name, read, description)->type_name("LIMITS");
}

bool given(const CLI::App& command, const char* name) { return command.count(name) > 0; }

// The slots of the schedule that begin within the duration.
std::uint64_t slots_of(Nanos duration, Nanos interval) {
  const auto slots = (duration.count() + interval.count() - 1) / interval.count();
  return std::min(static_cast<std::uint64_t>(slots), endless);
}

void settle_count(const CLI::App& command, ProbeOptions& options) {
  const bool counted = given(command, "--count");
  if (!options.duration) {
    if (options.live && !counted) options.count = endless;
    return;
  }
  const std::uint64_t slots = slots_of(*options.duration, options.interval);
  options.count = counted ? std::min(options.count, slots) : slots;
}

// A path is described by options or by a configuration, not half by each.
void check_paths(const CLI::App& command, const ProbeOptions& options) {
  if (options.config.empty()) {
    if (!options.paths.empty()) refuse("--path", "wants --config, where the paths are");
    return;
  }
  for (const char* const name : {"--device", "--source", "--next-hop", "--next-hop-mac", "--vlan",
                                 "--mpls", "--mark", "--flow-label"}) {
    if (given(command, name)) refuse(name, "the paths of --config bring their own");
  }
}

void check_outputs(const CLI::App& command, const ProbeOptions& options) {
  std::vector<const char*> forms;
  for (const char* const name : {"--json", "--csv", "--live"}) {
    if (given(command, name)) forms.push_back(name);
  }
  if (options.is_plugin()) forms.push_back(options.warn ? "--warn" : "--critical");
  if (forms.size() > 1) refuse(forms[1], fmt::format("excludes {}", forms[0]));
  if (options.outcomes && !forms.empty() && !options.json) {
    refuse("--outcomes", fmt::format("excludes {}", forms[0]));
  }
}

// One that can never be decided is a mistake, not an unknown state.
void check_thresholds(const ProbeOptions& options) {
  const auto rtt = [](const std::optional<Thresholds>& limits) {
    return limits ? limits->rtt : std::nullopt;
  };
  const auto warn = rtt(options.warn);
  const auto critical = rtt(options.critical);
  if (warn && critical && warn->q != critical->q) {
    refuse("--critical", fmt::format("p{:g}, but --warn has p{:g}: want the same percentile",
                                     critical->q * 100, warn->q * 100));
  }
  for (const auto& [name, limit] : {std::pair{"--warn", warn}, std::pair{"--critical", critical}}) {
    if (!limit) continue;
    const auto needed = analyzer::probes_needed(limit->q);
    if (options.count >= needed) continue;
    refuse(name, fmt::format("p{:g} needs {} probes, and {} are sent: want --count {}",
                             limit->q * 100, needed, options.count, needed));
  }
}

}  // namespace

void add_target_words(CLI::App& command, ProbeOptions& options) {
  command.add_option("target", options.targets,
                     "Names, addresses or prefixes to probe, side by side; '-': from the standard "
                     "input");
  command.option_defaults()->group("To whom");
  command
      .add_option("-f,--file", options.files,
                  "Targets from a file, one a line; '-': the standard input")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command.add_flag("-m,--all-addresses", options.all_addresses,
                   "All addresses of a name, not only the first");
  command.add_flag("-A,--by-address", options.by_address, "Show targets as their addresses");
}

void add_path_words(CLI::App& command, ProbeOptions& options) {
  command
      .add_option("--config", options.config,
                  "Measure over the paths of a configuration, side by side; without a target to "
                  "its own")
      ->type_name("FILE");
  command.add_option("--path", options.paths, "Only this path of --config; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
}

void add_view_words(CLI::App& command, ProbeOptions& options) {
  command.add_flag("--csv", options.csv, "Comma-separated values (RFC 4180) with a header line");
  command.add_flag("--live", options.live, "Watch the figures as they come; q quits");
  add_choice(
      command, "--histogram", {"auto", "unicode", "ascii", "off"},
      [&options](std::size_t word) {
        constexpr std::array styles{Histogram::automatic, Histogram::unicode, Histogram::ascii,
                                    Histogram::off};
        options.histogram = styles.at(word);
      },
      "How the times are drawn; auto: as the terminal can, for up to 4 targets");
  command.add_flag("-q,--quiet", options.quiet, "No progress on the standard error");
  add_thresholds(command, "--warn", options.warn,
                 "As a Nagios plugin: WARNING beyond these, such as p95=50ms,loss=1%");
  add_thresholds(command, "--critical", options.critical,
                 "As a Nagios plugin: CRITICAL beyond these");
}

void settle_words(const CLI::App& command, ProbeOptions& options) {
  if (options.targets.empty() && options.files.empty() && options.config.empty()) {
    throw CLI::RequiredError{"target"};
  }
  const auto inputs =
      std::ranges::count(options.targets, "-") + std::ranges::count(options.files, "-");
  if (inputs > 1) refuse("--file", "the standard input can be read once");
  options.engine_given = given(command, "--engine");
  settle_count(command, options);
  check_paths(command, options);
  check_outputs(command, options);
  check_thresholds(options);
}

}  // namespace strait::cli
