// SPDX-License-Identifier: Apache-2.0
#include "cli/reflect/command.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <memory>
#include <string_view>

#include "cli/frame/command_line.hpp"

namespace strait::cli {
namespace {

probe::twamp::PortRange read_ports(const std::string& name, const std::string& text) {
  const auto port = [&](std::string_view word) {
    std::uint16_t number = 0;
    const char* const end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, number);
    return error == std::errc{} && stop == end ? number : std::uint16_t{0};
  };
  const auto dash = text.find('-');
  const std::string_view words{text};
  const probe::twamp::PortRange range{
      .first = port(words.substr(0, dash)),
      .last = dash == std::string::npos ? std::uint16_t{0} : port(words.substr(dash + 1))};
  if (range.first == 0 || range.last < range.first) {
    refuse(name, "'" + text + "': want the first and the last port, such as 18760-18860");
  }
  return range;
}

void add_twamp(CLI::App& command, ReflectOptions& options) {
  command.add_flag("--twamp", options.twamp,
                   "Be a TWAMP server too, on the TCP port of the same number (socket)");
  command
      .add_option_function<std::string>(
          "--test-ports",
          [&options](const std::string& text) {
            options.test_ports = read_ports("--test-ports", text);
          },
          "UDP ports that TWAMP sessions get, such as 18760-18860 [default: any that is free]")
      ->type_name("FIRST-LAST");
}

// What is answered, and how.
void add_answers(CLI::App& command, ReflectOptions& options) {
  command.option_defaults()->group("What they get");
  command
      .add_option("--key", options.key,
                  "File with the key, or credential:NAME of systemd: only authenticated requests "
                  "are answered")
      ->type_name("FILE");
  command.add_flag("--stateful", options.stateful,
                   "Number the replies of each session, so that senders can tell forward from "
                   "reverse loss");
  add_integer(command, "--sessions", options.sessions, {1, 10'000'000, "N"},
              "Sessions at once (--stateful); a new one beyond them is refused");
  add_duration(command, "--session-idle", options.session_idle,
               "A session is forgotten after so long without a request (--stateful)");
  command.add_flag("--no-location", options.no_location,
                   "Tell senders nothing of the addresses that their packets came with");
  command.add_flag("--same-dscp", options.same_dscp,
                   "Replies keep the DSCP that came, whatever a Class of Service TLV asks for");
  add_choice(
      command, "--clock", {"unknown", "ntp", "ptp", "ssu-bits", "gnss"},
      [&options](std::size_t word) { options.clock = static_cast<probe::SyncSource>(word); },
      "What disciplines this machine's clock, told to those who ask");
  command
      .add_option_function<std::string>(
          "--own-clock-error",
          [&options](const std::string& text) {
            options.own_clock_error = read_time("--own-clock-error", text);
          },
          "This machine's clock is synchronised to within this, whatever the kernel says")
      ->type_name("TIME");
}

}  // namespace

CLI::App* add_reflect_command(CLI::App& app, RunReflect run) {
  auto options = std::make_shared<ReflectOptions>();
  CLI::App* const command = app.add_subcommand(
      "reflect", "Answer STAMP, TWAMP-Light and TWAMP probes until a signal comes");
  command->add_option("address", options->addresses,
                      "Addresses of this machine to answer on, such as 192.0.2.1 or "
                      "[2001:db8::1]:8620");
  command->option_defaults()->group("Where");
  add_integer(*command, "-p,--port", options->port, {1, 65535, "PORT"},
              "UDP port where an address names none");
  command->add_flag("--any", options->any, "Answer on every address of this machine (socket)");
  add_choice(
      *command, "--engine", {"socket", "dpdk"},
      [options](std::size_t word) { options->engine = word == 0 ? Engine::socket : Engine::dpdk; },
      "Kernel sockets, or frames of our own; dpdk answers ARP, ND and ping for its addresses too, "
      "which should be none of the kernel's");
  command
      ->add_option("-I,--device", options->device,
                   "Device in the EAL's words, such as net_af_packet0,iface=eth0 (dpdk)")
      ->type_name("DEVICE");
  command->add_flag("--busy", options->busy, "Poll without a pause; takes a whole core (dpdk)");
  add_twamp(*command, *options);
  command->option_defaults()->group("Who gets replies");
  command
      ->add_option_function<std::vector<std::string>>(
          "--allow",
          [options](const std::vector<std::string>& words) {
            for (const auto& word : words)
              options->allow.push_back(value_or_end(parse_prefix(word), "--allow"));
          },
          "Sources that get replies, such as 192.0.2.0/24; may be repeated")
      ->type_name("PREFIX")
      ->allow_extra_args(false);
  command->add_flag("--open", options->open, "Answer any source");
  add_rate(*command, "--source-rate", options->source_rate, "Most replies to one source; 0/s: all");
  add_rate(*command, "--total-rate", options->total_rate, "Most replies to all sources; 0/s: all");
  add_answers(*command, *options);
  command->option_defaults()->group("Output");
  command->add_flag("--json", options->json, "Print the final counters as a JSON object");
  command->callback([command, options, run = std::move(run)] {
    for (const char* const word : {"--sessions", "--session-idle"}) {
      if (command->count(word) > 0 && !options->stateful) refuse(word, "wants --stateful");
    }
    if (const int status = run(*options); status != 0) throw CLI::RuntimeError(status);
  });
  return command;
}

}  // namespace strait::cli
