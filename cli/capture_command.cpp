// SPDX-License-Identifier: Apache-2.0
#include "cli/capture_command.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <utility>

#include "cli/command_line.hpp"

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
}

void add_what_is_shown(CLI::App& command, const SharedOptions& options) {
  add_integer(
      command, "--top", {.min = 1, .max = most_shown, .unit = "N"},
      [options](std::uint64_t value) { options->top = static_cast<std::uint32_t>(value); },
      "Only the first N flows; without --json and --csv 20");
  add_choice(
      command, "--by", {"octets", "p95", "retransmissions"},
      [options](std::size_t index) { options->by = static_cast<FlowRank>(index); },
      "What makes a flow one of the first");
  add_choice(
      command, "--group", {"flow", "host", "prefix"},
      [options](std::size_t index) { options->group = static_cast<GroupBy>(index); },
      "Add both ends of all flows up, by address or by prefix (/24, /48)");
  CLI::Option* const json =
      command.add_flag("--json", options->json, "One JSON object a line: flows, then the sum");
  command.add_flag("--samples", options->samples, "With --json: each round trip too")->needs(json);
  CLI::Option* const csv =
      command.add_flag("--csv", options->csv, "Flows as CSV with a header")->excludes(json);
  command
      .add_flag("--histogram", options->histogram, "The round trips of all flows as a histogram")
      ->excludes(json)
      ->excludes(csv);
}

}  // namespace

CLI::App* add_capture_command(CLI::App& app, RunCapture run) {
  auto options = std::make_shared<CaptureOptions>();
  CLI::App* const command =
      app.add_subcommand("capture", "Round trips of captured traffic, without sending a packet");
  add_what_is_read(*command, options);
  add_what_is_shown(*command, options);
  command->callback([options, run = std::move(run)] {
    if (options->files.empty() == options->interfaces.empty()) {
      refuse("file", "want files, or an interface with -i");
    }
    if (std::ranges::count(options->files, "-") > 1) {
      refuse("file", "the standard input can be read once");
    }
    if (const int status = run(*options); status != 0) throw CLI::RuntimeError(status);
  });
  return command;
}

}  // namespace strait::cli
