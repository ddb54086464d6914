// SPDX-License-Identifier: Apache-2.0
#include "cli/probe_command.hpp"

#include <map>
#include <memory>

#include "cli/command_line.hpp"

namespace strait::cli {
namespace {

constexpr std::size_t largest_payload = 9000;

// Reads an address option into `target`.
CLI::Option* add_address(CLI::App& command, const std::string& name, std::optional<Address>& target,
                         const std::string& description) {
  const auto read = [&target, name](const std::string& text) {
    target = value_or_end(parse_address(text), name);
  };
  return command.add_option_function<std::string>(name, read, description)->type_name("ADDRESS");
}

void add_what(CLI::App& command, ProbeOptions& options) {
  command.add_option("target", options.targets, "Names or addresses to probe, side by side")
      ->required();
  const auto read_protocol = [&options](const std::string& text) {
    options.protocol = value_or_end(parse_protocol(text), "--protocol");
  };
  command
      .add_option_function<std::string>("--protocol", read_protocol,
                                        "icmp, or stamp to a reflector")
      ->type_name("PROTOCOL")
      ->default_str("icmp");
  command.add_flag("--twamp-light", options.twamp_light,
                   "The STAMP target is a TWAMP-Light reflector");
  command.add_option("-p,--port", options.port, "UDP port of a STAMP target")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  command.add_option("-s,--size", options.size, "Octets of UDP payload or ICMP data per probe")
      ->check(CLI::Range(std::size_t{14}, largest_payload));
  command.add_option("-Q,--dscp", options.dscp, "DSCP of the probes, 0 to 63")
      ->check(CLI::Range(0, 63))
      ->capture_default_str();
  command.add_option("--hop-limit", options.hop_limit, "TTL or hop limit of the probes")
      ->check(CLI::Range(1, 255))
      ->capture_default_str();
}

void add_when(CLI::App& command, ProbeOptions& options) {
  command.add_option("-c,--count", options.count, "Probes per target")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_duration(command, "-i,--interval", options.interval, "Time between the probes to a target");
  add_duration(command, "--timeout", options.timeout, "A reply later than this counts as lost");
}

void add_path(CLI::App& command, ProbeOptions& options) {
  command.add_option("-I,--device", options.device,
                     "Network device (socket engine) or DPDK device to send from");
  add_address(command, "--source", options.source, "Source address");
  add_address(command, "--next-hop", options.next_hop, "Next hop (dpdk engine)");
  command.add_option("--mark", options.mark, "Firewall mark for policy routing (socket engine)");
  command
      .add_option_function<std::string>(
          "--engine",
          [&options](const std::string& word) {
            options.engine = word == "dpdk" ? Engine::dpdk : Engine::socket;
          },
          "socket or dpdk")
      ->check(CLI::IsMember({"socket", "dpdk"}))
      ->default_str("socket");
  command.add_flag("--realtime", options.realtime,
                   "Real-time priority, for intervals below 1ms (socket engine)");
  auto* const v4 = command.add_flag_callback(
      "-4", [&options] { options.family = Family::v4; }, "Only IPv4 addresses of a name");
  command
      .add_flag_callback(
          "-6", [&options] { options.family = Family::v6; }, "Only IPv6 addresses of a name")
      ->excludes(v4);
}

void add_output(CLI::App& command, ProbeOptions& options) {
  command.add_flag("--json", options.json, "One JSON object per line");
  command.add_flag("--outcomes", options.outcomes, "Also a line for every probe");
  const auto read_rtt = [&options](const std::string& text) {
    options.max_rtt = value_or_end(parse_duration(text), "--max-rtt");
  };
  command
      .add_option_function<std::string>("--max-rtt", read_rtt,
                                        "Exit with 1 if a target's median RTT is above this")
      ->type_name("TIME");
  command
      .add_option("--max-loss", options.max_loss,
                  "Exit with 1 if a target's loss is above this, in per cent")
      ->check(CLI::Range(0.0, 100.0));
}

}  // namespace

CLI::App* add_probe_command(CLI::App& app, RunProbe run) {
  auto options = std::make_shared<ProbeOptions>();
  CLI::App* const command =
      app.add_subcommand("probe", "Time packets to targets, once, without a configuration");
  add_what(*command, *options);
  add_when(*command, *options);
  add_path(*command, *options);
  add_output(*command, *options);
  command->callback([options, run = std::move(run)] {
    if (const int status = run(*options); status != 0) throw CLI::RuntimeError(status);
  });
  return command;
}

}  // namespace strait::cli
