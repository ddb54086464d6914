// SPDX-License-Identifier: Apache-2.0
#include "cli/capture/command.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "cli/frame/command_line.hpp"
#include "exporters/options.hpp"

namespace strait::cli {
namespace {

constexpr std::uint64_t most_flows = 50'000'000;
constexpr std::uint64_t most_shown = 1'000'000;
constexpr std::size_t most_stamp_ports = 16;

using SharedOptions = std::shared_ptr<CaptureOptions>;

// Packets as they pass; all of these but the first one want it.
void add_live(CLI::App& command, const SharedOptions& options) {
  CLI::Option* const interface =
      command
          .add_option("-i,--interface", options->interfaces,
                      "Capture here instead of reading files; may be repeated")
          ->type_name("NAME")
          ->expected(1, CLI::detail::expected_max_vector_size)
          ->allow_extra_args(false);
  command.add_option("--filter", options->filter, "Only these packets, as pcap-filter(7) has it")
      ->type_name("EXPR")
      ->needs(interface);
  add_integer(command, "--snapshot", options->snapshot, {.min = 64, .max = 65535, .unit = "OCTETS"},
              "So much of each packet")
      ->needs(interface);
  command.add_flag("--promiscuous", options->promiscuous, "Also packets that are for others")
      ->needs(interface);
  command
      .add_option_function<std::string>(
          "-d,--duration",
          [options](const std::string& text) { options->duration = read_time("--duration", text); },
          "For that long; else until it is interrupted")
      ->type_name("TIME")
      ->needs(interface);
}

void add_what_is_read(CLI::App& command, const SharedOptions& options) {
  command.add_option("file", options->files, "pcap or pcapng files; - is the standard input")
      ->type_name("FILE");
  add_live(command, options);
  command.add_flag("--gre", options->gre, "Look into GRE");
  command.add_flag("--vxlan", options->vxlan, "Look into VXLAN (UDP port 4789)");
  add_integers(
      command, "--stamp-port", {.min = 1, .max = 65535, .unit = "PORT"}, most_stamp_ports,
      [options](const std::vector<std::uint64_t>& ports) {
        options->stamp_ports.assign(ports.begin(), ports.end());
      },
      "UDP port of STAMP or TWAMP reflectors, instead of 862; may be repeated");
  command.add_flag("--all-methods", options->all_methods,
                   "Time by sequence numbers also where there are timestamps");
  add_integer(command, "--max-flows", options->max_flows,
              {.min = 1, .max = most_flows, .unit = "N"},
              "Flows at once; the most silent one makes room for a new one");
  add_integer(
      command, "--max-busy", {.min = 1, .max = most_flows, .unit = "N"},
      [options](std::uint64_t value) { options->max_busy = static_cast<std::uint32_t>(value); },
      "Senders with many segments on the way or many round trips, at once; else a sixteenth of "
      "--max-flows, and 1024 at least");
}

void add_what_is_shown(CLI::App& command, const SharedOptions& options) {
  CLI::Option* const live = command.add_flag(
      "--live", options->live, "Show the largest flows on the terminal while it runs");
  live->needs(command.get_option("--interface"));
  add_integer(
      command, "--top", {.min = 1, .max = most_shown, .unit = "N"},
      [options](std::uint64_t value) { options->top = static_cast<std::uint32_t>(value); },
      "Only the first N flows; without --json and --csv 20");
  add_choice(
      command, "--by", {"octets", "p95", "retransmissions"},
      [options](std::size_t index) { options->by = static_cast<FlowRank>(index); },
      "What makes a flow one of the first");
  add_choice(
      command, "--group", {"flow", "host", "prefix", "as", "country", "region", "path"},
      [options](std::size_t index) { options->group = static_cast<GroupBy>(index); },
      "Add the ends of all flows up by this");
  CLI::Option* const json =
      command.add_flag("--json", options->json, "One JSON object a line: flows, then the sum")
          ->excludes(live);
  command.add_flag("--samples", options->samples, "With --json: each round trip too")->needs(json);
  command
      .add_flag("--windows", options->windows,
                "With --json: the groups' windows, as each ends, instead of flows or groups")
      ->needs(json);
  CLI::Option* const csv = command.add_flag("--csv", options->csv, "Flows as CSV with a header")
                               ->excludes(json)
                               ->excludes(live);
  command
      .add_flag("--histogram", options->histogram, "The round trips of all flows as a histogram")
      ->excludes(json)
      ->excludes(csv);
}

// 24/48
PrefixLengths prefix_lengths_or_end(const std::string& word) {
  PrefixLengths lengths;
  const auto read = [](const char* begin, const char* end, std::uint8_t most, std::uint8_t& to) {
    const auto [stop, error] = std::from_chars(begin, end, to);
    return error == std::errc{} && stop == end && to <= most;
  };
  const char* const text = word.c_str();
  const std::size_t slash = std::min(word.find('/'), word.size());
  const char* const end = text + word.size();
  if (slash == word.size() || !read(text, text + slash, 32, lengths.v4) ||
      !read(text + slash + 1, end, 128, lengths.v6)) {
    refuse("--prefix-length", "'" + word + "': want the lengths for IPv4 and IPv6, such as 24/48");
  }
  return lengths;
}

NamedPathRule path_rule_or_end(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == 0 || equals == std::string::npos) {
    refuse("--path", "'" + word + "': want NAME=RULE, such as loukkos=vlan:100");
  }
  return {.path = word.substr(0, equals),
          .rule = value_or_end(probe::passive::parse_path_rule(word.substr(equals + 1)), "--path")};
}

CLI::Option* add_repeated(CLI::App& command, const std::string& names, const std::string& type,
                          std::function<void(const std::string&)> take,
                          const std::string& description) {
  return command
      .add_option_function<std::vector<std::string>>(
          names,
          [take = std::move(take)](const std::vector<std::string>& words) {
            for (const std::string& word : words) take(word);
          },
          description + "; may be repeated")
      ->type_name(type)
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->allow_extra_args(false);
}

// A word that may not be empty: a variable of a shell that nobody has set must not turn it off.
CLI::Option* add_word(CLI::App& command, const std::string& name, const std::string& type,
                      std::function<void(const std::string&)> take,
                      const std::string& description) {
  return command
      .add_option_function<std::string>(
          name,
          [name, type, take = std::move(take)](const std::string& word) {
            if (word.empty()) refuse(name, "it is empty; want " + type);
            take(word);
          },
          description)
      ->type_name(type);
}

// What the ends of flows are looked up in.
void add_surroundings(CLI::App& command, const SharedOptions& options) {
  add_repeated(
      command, "--local", "PREFIX",
      [options](auto& word) {
        options->local.push_back(value_or_end(parse_prefix(word), "--local"));
      },
      "Addresses in it are ours: only the other ends are added up");
  CLI::Option* const rib = add_repeated(
      command, "--rib", "FILE", [options](auto& word) { options->rib.push_back(word); },
      "MRT file, for prefixes and origin ASes");
  add_word(
      command, "--config", "FILE", [options](auto& word) { options->config = word; },
      "Configuration whose regions, RIB and paths count");
  add_word(
      command, "--prefix-length", "V4/V6",
      [options](auto& word) { options->prefix_length = prefix_lengths_or_end(word); },
      "With --group prefix: of this length, instead of a RIB's; without both 24/48")
      ->excludes(rib);
  add_repeated(
      command, "--registrations", "FILE",
      [options](auto& word) { options->registrations.push_back(word); },
      "Where addresses are registered: a registry's statistics or a CSV");
  add_repeated(
      command, "--path", "NAME=RULE",
      [options](auto& word) { options->paths.push_back(path_rule_or_end(word)); },
      "What goes by that path: interface:NAME, vlan:N, mpls:N, mac:ADDRESS or any");
}

void add_privacy(CLI::App& command, const SharedOptions& options) {
  add_word(
      command, "--anonymise", "HOW", [options](auto& word) { options->anonymise = word; },
      "Put others in the place of addresses: truncate:24/48, crypto-pan:FILE with the key, or "
      "crypto-pan:credential:NAME");
}

void add_exports(CLI::App& command, const SharedOptions& options, CLI::Option* interface) {
  add_word(
      command, "--store", "FILE", [options](auto& word) { options->store = word; },
      "Put windows of the groups' round trips into this SQLite file");
  add_repeated(
      command, "--listen", "ADDRESS",
      [options](auto& word) {
        options->listen.push_back(
            value_or_end(parse_endpoint(word, exporters::default_http_port), "--listen"));
      },
      "Show the groups' round trips to Prometheus here")
      ->needs(interface);
  add_duration(command, "--window", options->window,
               "With --windows, --store and --listen: of one row");
}

void check_exports(const CaptureOptions& options) {
  if (!options.exports()) return;
  const char* const elsewhere = options.listen.empty() ? "--windows" : "--listen";
  const char* const name = options.store.empty() ? elsewhere : "--store";
  if (options.group == GroupBy::flow || options.group == GroupBy::path) {
    refuse(name, "wants --group host, prefix, as, country or region");
  }
  if (options.local.empty()) refuse(name, "wants --local: round trips to whom?");
  if (options.window < std::chrono::seconds{1}) refuse("--window", "want at least 1s");
}

void add_weights(CLI::App& command, const SharedOptions& options) {
  add_word(
      command, "--weights", "FILE", [options](auto& word) { options->weights = word; },
      "Write how much traffic each prefix has here, for [analyzer] weights");
}

void check_anonymity(const CaptureOptions& options) {
  if (options.live && !options.anonymise.empty()) {
    refuse("--live", "shows real addresses: not with --anonymise");
  }
  if (!options.weights.empty() && options.anonymise.starts_with("crypto-pan")) {
    refuse("--weights", "wants real prefixes: not with --anonymise crypto-pan");
  }
}

void check_grouping(const CaptureOptions& options) {
  if (options.prefix_length && (options.group != GroupBy::prefix || !options.weights.empty())) {
    refuse("--prefix-length", "wants --group prefix, and no --weights");
  }
  const bool registered = !options.config.empty() || !options.registrations.empty();
  if (options.classifies() && !registered) {
    refuse("--group", "country and region want --config or --registrations");
  }
  if (options.group == GroupBy::as && options.rib.empty() && options.config.empty()) {
    refuse("--group", "as wants --rib, or --config with [routes] rib");
  }
  if (options.group != GroupBy::path) return;
  if (options.local.empty()) refuse("--group", "path wants --local: which way is out?");
  if (options.paths.empty() && options.config.empty()) {
    refuse("--group", "path wants --path, or --config with its [[path]]");
  }
}

}  // namespace

CLI::App* add_capture_command(CLI::App& app, RunCapture run) {
  auto options = std::make_shared<CaptureOptions>();
  CLI::App* const command =
      app.add_subcommand("capture", "Round trips of captured traffic, without sending a packet");
  add_what_is_read(*command, options);
  add_what_is_shown(*command, options);
  add_surroundings(*command, options);
  add_privacy(*command, options);
  add_weights(*command, options);
  add_exports(*command, options, command->get_option("--interface"));
  command->callback([options, run = std::move(run)] {
    if (options->files.empty() == options->interfaces.empty()) {
      refuse("file", "want files, or an interface with -i");
    }
    if (std::ranges::count(options->files, "-") > 1) {
      refuse("file", "the standard input can be read once");
    }
    check_anonymity(*options);
    check_grouping(*options);
    check_exports(*options);
    if (const int status = run(*options); status != 0) throw CLI::RuntimeError(status);
  });
  return command;
}

}  // namespace strait::cli
