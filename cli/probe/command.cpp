// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/command.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include "cli/frame/command_line.hpp"
#include "cli/probe/words.hpp"

namespace strait::cli {
namespace {

constexpr std::size_t smallest_payload = 14;
constexpr std::size_t largest_payload = 9000;
constexpr std::array protocols{Protocol::icmp, Protocol::stamp, Protocol::udp_echo, Protocol::tcp,
                               Protocol::twamp};
constexpr std::uint64_t most_probes = 1'000'000'000;

// Reads an address option into `target`.
CLI::Option* add_address(CLI::App& command, const std::string& name, std::optional<Address>& target,
                         const std::string& description) {
  const auto read = [&target, name](const std::string& text) {
    target = value_or_end(parse_address(text), name);
  };
  return command.add_option_function<std::string>(name, read, description)->type_name("ADDRESS");
}

void add_what(CLI::App& command, ProbeOptions& options) {
  add_target_words(command, options);
  command.option_defaults()->group("What is sent");
  add_choice(
      command, "--protocol", {"icmp", "stamp", "udp-echo", "tcp", "twamp"},
      [&options](std::size_t word) { options.protocol = protocols.at(word); },
      "ICMP echo, STAMP to a reflector, UDP echo (RFC 862), TCP SYN, or TWAMP sessions from a "
      "server (socket)");
  add_integer(
      command, "-p,--port", {1, 65535, "PORT"},
      [&options](std::uint64_t port) { options.port = static_cast<std::uint16_t>(port); },
      "UDP or TCP port of the target [default: 862 for STAMP and TWAMP, 7 for UDP echo, 443 for "
      "TCP]");
  command.add_flag("--force-rate", options.force_rate,
                   "TCP: more than one SYN a second to an address that is not yours");
  command.add_flag("--twamp-light", options.twamp_light, "The reflector knows TWAMP-Light only");
  add_integer(command, "-s,--size", options.size, {smallest_payload, largest_payload, "OCTETS"},
              "UDP payload or ICMP data of a probe [default: 44 for STAMP and TWAMP, else 56]")
      ->default_str("");
  add_integer(command, "-Q,--dscp", options.dscp, {0, 63, "N"}, "DSCP of the probes");
  add_integer(command, "-H,--hop-limit", options.hop_limit, {1, 255, "N"},
              "TTL or hop limit of the probes");
}

void add_extras(CLI::App& command, ProbeOptions& options) {
  command.option_defaults()->group("STAMP");
  std::vector<std::string> words;
  words.reserve(probe::tlv_words);
  for (std::size_t number = 0; number < probe::tlv_words; ++number) {
    words.emplace_back(probe::tlv_word(number));
  }
  command
      .add_option_function<std::vector<std::string>>(
          "--tlv",
          [&options, words](const std::vector<std::string>& given) {
            for (const std::string& word : given) {
              const auto found = std::ranges::find(words, word);
              if (found == words.end()) {
                refuse("--tlv",
                       "'" + word + "': want cos, location, timestamp-info, direct or follow-up");
              }
              probe::include(options.tlvs, static_cast<std::size_t>(found - words.begin()));
            }
          },
          "Ask the far end for cos (the DSCP that arrives there), location (the address that it "
          "sees), timestamp-info (its clock), direct (its counters), follow-up (when replies "
          "really left); commas between them")
      ->delimiter(',')
      ->type_name("WORDS")
      ->allow_extra_args(false);
  command
      .add_option("--key", options.key,
                  "File with the key, or credential:NAME of systemd: authenticated mode")
      ->type_name("FILE");
  command.add_flag("--loss-by-direction", options.loss_by_direction,
                   "Tell forward from reverse loss where the reflector counts by itself");
  command
      .add_option_function<std::string>(
          "--own-clock-error",
          [&options](const std::string& text) {
            options.own_clock_error = read_time("--own-clock-error", text);
          },
          "This machine's clock is synchronised to within this, whatever the kernel says")
      ->type_name("TIME");
}

void add_when(CLI::App& command, ProbeOptions& options) {
  command.option_defaults()->group("When");
  add_integer(command, "-c,--count", options.count, {1, most_probes, "N"}, "Probes per target");
  add_duration(command, "-i,--interval", options.interval, "Time between the probes to a target");
  command
      .add_option_function<std::string>(
          "-d,--duration",
          [&options](const std::string& text) { options.duration = read_time("--duration", text); },
          "As many probes as fit into this time, but no more than a --count that is given")
      ->type_name("TIME");
  add_duration(command, "-t,--timeout", options.timeout, "A reply later than this counts as lost");
}

void add_path(CLI::App& command, ProbeOptions& options) {
  command.option_defaults()->group("Which way");
  command
      .add_option("-I,--device", options.device,
                  "Interface (socket), or device in the EAL's words (dpdk)")
      ->type_name("DEVICE");
  add_address(command, "-S,--source", options.source, "Source address");
  add_address(command, "--next-hop", options.next_hop,
              "Neighbour to send through (dpdk) [default: the target itself]");
  add_integer(
      command, "-k,--mark", {0, 0xffffffff, "N"},
      [&options](std::uint64_t mark) { options.mark = static_cast<std::uint32_t>(mark); },
      "Firewall mark, for policy routing (socket)");
  command
      .add_option_function<std::string>(
          "--next-hop-mac",
          [&options](const std::string& text) {
            options.next_hop_mac = value_or_end(parse_mac(text), "--next-hop-mac");
          },
          "MAC address of the next hop, instead of asking for it (dpdk)")
      ->type_name("MAC");
  add_integers(
      command, "--vlan", {1, 4094, "ID"}, 2,
      [&options](const auto& ids) { options.vlans.assign(ids.begin(), ids.end()); },
      "VLAN tag; a second one is the inner one (dpdk)");
  add_integers(
      command, "--mpls", {16, 0xfffff, "LABEL"}, 4,
      [&options](const auto& labels) { options.labels.assign(labels.begin(), labels.end()); },
      "MPLS label; the first of up to four is the top one (dpdk)");
  add_integer(
      command, "--flow-label", {0, 0xfffff, "N"},
      [&options](std::uint64_t n) { options.flow_label = static_cast<std::uint32_t>(n); },
      "IPv6 flow label (dpdk) [default: one that follows from addresses and ports]");
  add_integer(command, "--flows", options.flows, {1, probe::most_flows, "N"},
              "Flows per target that share its probes, each with a five-tuple of its own");
  auto* const v4 = command.add_flag_callback(
      "-4", [&options] { options.family = Family::v4; }, "Only IPv4 addresses of a name");
  command
      .add_flag_callback(
          "-6", [&options] { options.family = Family::v6; }, "Only IPv6 addresses of a name")
      ->excludes(v4);
  add_path_words(command, options);
  command.option_defaults()->group("How");
  add_choice(
      command, "--engine", {"socket", "dpdk"},
      [&options](std::size_t word) { options.engine = word == 0 ? Engine::socket : Engine::dpdk; },
      "Kernel sockets, or frames of our own");
  command.add_flag("--realtime", options.realtime,
                   "Real-time priority, for intervals below 1ms (socket)");
}

void read_loss(ProbeOptions& options, const std::string& text) {
  double loss = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, loss);
  const bool within = loss >= 0 && loss <= 100;  // not so for nan
  if (error != std::errc{} || stop != end || !within) {
    refuse("--max-loss", "'" + text + "': want per cent, a number from 0 to 100");
  }
  options.max_loss = loss;
}

void add_output(CLI::App& command, ProbeOptions& options) {
  command.option_defaults()->group("Output");
  command.add_flag("-j,--json", options.json, "One JSON object a line");
  command.add_flag("--outcomes", options.outcomes, "A line for every probe as well");
  add_view_words(command, options);
  command
      .add_option_function<std::string>(
          "--max-rtt",
          [&options](const std::string& text) { options.max_rtt = read_time("--max-rtt", text); },
          "Exit status 1 if a target's median round trip is above this")
      ->type_name("TIME");
  command
      .add_option_function<std::string>(
          "--max-loss", [&options](const std::string& text) { read_loss(options, text); },
          "Exit status 1 if a target's loss is above this")
      ->type_name("PERCENT");
  command.footer(
      "The figures in brackets behind the loss are its 95 % confidence interval. A percentile "
      "needs\n"
      "enough probes to have an interval at all: 'n/a (needs N)' says how many.");
}

// Of STAMP. `known_targets` have their own protocols.
void check_extras(const ProbeOptions& options, bool known_targets) {
  const bool extras = options.tlvs.any() || !options.key.empty() || options.loss_by_direction;
  if (options.twamp_light && extras) {
    refuse("--twamp-light", "that reflector knows no --tlv, --key or --loss-by-direction");
  }
  if (options.protocol == Protocol::stamp) return;
  if (!known_targets) {
    if (options.tlvs.any()) refuse("--tlv", "wants --protocol stamp");
    if (!options.key.empty()) refuse("--key", "wants --protocol stamp");
    if (options.loss_by_direction) refuse("--loss-by-direction", "wants --protocol stamp");
  }
  if (options.twamp_light) refuse("--twamp-light", "wants --protocol stamp");
}

// Options of one protocol that another would ignore.
void check_words(const ProbeOptions& options) {
  if (options.protocol == Protocol::tcp && options.size != 0) {
    refuse("--size", "a SYN carries no data");
  }
  const bool known_targets = !options.config.empty();
  if (options.force_rate && options.protocol != Protocol::tcp && !known_targets) {
    refuse("--force-rate", "wants --protocol tcp");
  }
  if (options.port && options.protocol == Protocol::icmp) {
    refuse("--port", "ICMP has no ports; --protocol says who listens there, such as stamp");
  }
  const bool one_way = options.protocol == Protocol::stamp || options.protocol == Protocol::twamp;
  if (options.own_clock_error && !one_way && !known_targets) {
    refuse("--own-clock-error", "wants --protocol stamp or twamp: others have no one-way delays");
  }
  check_extras(options, known_targets);
}

}  // namespace

CLI::App* add_probe_command(CLI::App& app, RunProbe run) {
  auto options = std::make_shared<ProbeOptions>();
  CLI::App* const command =
      app.add_subcommand("probe", "Time packets to targets, once; needs no configuration");
  add_what(*command, *options);
  add_extras(*command, *options);
  add_when(*command, *options);
  add_path(*command, *options);
  add_output(*command, *options);
  command->callback([command, options, run = std::move(run)] {
    check_words(*options);
    settle_words(*command, *options);
    if (const int status = run(*options); status != 0) throw CLI::RuntimeError(status);
  });
  return command;
}

}  // namespace strait::cli
