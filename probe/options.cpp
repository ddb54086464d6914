// SPDX-License-Identifier: Apache-2.0
#include "probe/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <set>
#include <utility>

#include "probe/icmp_packet.hpp"
#include "probe/tcp_packet.hpp"

namespace strait::probe {
namespace {

template <class T>
void set(T& option, const std::optional<T>& value) {
  if (value) option = *value;
}

void read_times(ConfigTable& table, ProbeOptions& options) {
  set(options.interval, table.duration("interval"));
  set(options.timeout, table.duration("timeout"));
  set(options.window, table.duration("window"));
  set(options.clock_error_limit, table.duration("clock_error_limit"));
  options.own_clock_error = table.duration("own_clock_error");
  set(options.uncertainty_limit, table.duration("uncertainty_limit"));
  set(options.jitter, table.number("jitter", 0, 1));
  if (const auto kind = table.choice("schedule", {"periodic", "poisson"})) {
    options.schedule = static_cast<ScheduleKind>(*kind);
  }
  if (options.window < std::chrono::milliseconds{100}) {
    table.error("window", "want at least 100ms");
  }
  if (options.uncertainty_limit > std::chrono::seconds{1}) {
    table.error("uncertainty_limit", "want at most 1s");
  }
}

void read_packet(ConfigTable& table, ProbeOptions& options) {
  if (const auto octets = table.integer("payload", stamp_packet_size, 9000)) {
    options.payload = static_cast<std::size_t>(*octets);
  }
  if (options.payload > stamp_packet_size && options.payload < stamp_packet_size + 4) {
    table.error("payload", "want 44, or 48 to 9000 so that an Extra Padding TLV fits");
  }
  if (const auto dscp = table.integer("dscp", 0, 63)) {
    options.dscp = static_cast<std::uint8_t>(*dscp);
  }
  if (const auto hops = table.integer("hop_limit", 1, 255)) {
    options.hop_limit = static_cast<std::uint8_t>(*hops);
  }
  if (const auto format = table.choice("timestamps", {"ntp", "ptp"})) {
    options.timestamps = static_cast<TimestampFormat>(*format);
  }
  if (const auto flows = table.integer("flows", 1, most_flows)) {
    options.flows = static_cast<std::uint16_t>(*flows);
  }
  set(options.twamp_light, table.boolean("twamp_light"));
  set(options.require_ssid, table.boolean("require_ssid"));
  if (options.twamp_light && options.timestamps == TimestampFormat::ptp) {
    table.error("timestamps", "a TWAMP-Light reflector knows \"ntp\" only");
  }
}

std::shared_ptr<const HmacKey> read_key_of(ConfigTable& table) {
  const auto from = table.text("key");
  if (!from) return nullptr;
  auto key = read_key(*from);
  if (key) return std::make_shared<const HmacKey>(std::move(*key));
  table.error("key", key.error().message);
  return nullptr;
}

void read_extras(ConfigTable& table, ProbeOptions& options) {
  for (const std::string& word : table.texts("tlvs")) {
    std::size_t number = 0;
    while (number < tlv_words && tlv_word(number) != word) ++number;
    if (number == tlv_words) {
      table.error(
          "tlvs",
          fmt::format("'{}': want cos, location, timestamp-info, direct or follow-up", word));
    } else {
      include(options.extras.tlvs, number);
    }
  }
  options.extras.key = read_key_of(table);
  set(options.extras.loss_by_direction, table.boolean("loss_by_direction"));
  if (options.twamp_light && options.extras.any()) {
    table.error("twamp_light",
                "a TWAMP-Light reflector knows neither tlvs, nor STAMP's key, nor "
                "loss_by_direction");
  }
}

void read_pin_check(ConfigTable& table, ProbeOptions& options) {
  if (const auto mode = table.choice("pin_check", {"enforce", "warn", "off"})) {
    options.pin_check = static_cast<PinMode>(*mode);
  }
  set(options.pin_check_interval, table.duration("pin_check_interval"));
  set(options.mtu_check, table.boolean("mtu_check"));
  // Shorter, the checks of a path would overlap.
  if (options.pin_check_interval < std::chrono::seconds{1}) {
    table.error("pin_check_interval", "want at least 1s");
  }
}

Target read_target(ConfigTable& table) {
  Target target;
  table.require("name");
  table.require("address");
  set(target.name, table.text("name"));
  set(target.address, table.address("address"));
  if (const auto protocol =
          table.choice("protocol", {"stamp", "icmp", "udp-echo", "tcp", "twamp"})) {
    target.protocol = static_cast<Protocol>(*protocol);
  }
  target.port = default_port(target.protocol);
  if (const auto port = table.integer("port", 1, 65535)) {
    target.port = static_cast<std::uint16_t>(*port);
  }
  set(target.region, table.text("region"));
  set(target.place, table.text("place"));
  set(target.weight, table.number("weight", 0, 1e6));
  target.key = read_key_of(table);
  if (target.key && target.protocol != Protocol::stamp) {
    table.error("key", "only a target with protocol = \"stamp\" has a key");
  }
  set(target.force_rate, table.boolean("force_rate"));
  if (target.force_rate && target.protocol != Protocol::tcp) {
    table.error("force_rate", "only TCP has a rate to force: protocol = \"tcp\"");
  }
  return target;
}

}  // namespace

std::uint16_t default_port(Protocol protocol) {
  switch (protocol) {
    case Protocol::stamp:
    case Protocol::twamp:
      return stamp_port;
    case Protocol::udp_echo:
      return 7;  // RFC 862
    case Protocol::tcp:
      return 443;
    case Protocol::icmp:
      break;
  }
  return 0;
}

std::string_view to_string(Engine engine) { return engine == Engine::dpdk ? "dpdk" : "socket"; }

ProbeOptions read_probe_options(ConfigTable root) {
  ProbeOptions options;
  ConfigTable table = root.table("probe");
  if (!table.exists()) return options;
  if (const auto engine = table.choice("engine", {"socket", "dpdk"})) {
    options.engine = static_cast<Engine>(*engine);
  }
  read_times(table, options);
  read_packet(table, options);
  read_extras(table, options);
  read_pin_check(table, options);
  return options;
}

std::vector<Target> read_targets(ConfigTable root) {
  std::vector<Target> targets;
  std::set<std::string> names;
  for (ConfigTable& table : root.tables("target")) {
    Target target = read_target(table);
    if (!target.name.empty() && !names.insert(target.name).second) {
      table.error("name", fmt::format("another target is called '{}' already", target.name));
    }
    targets.push_back(std::move(target));
  }
  return targets;
}

SessionSpec session_spec(const ProbeOptions& options, const Target& target, std::string path,
                         PathPin pin) {
  SessionSpec spec;
  spec.key = {std::move(path), target.name, target.protocol, options.dscp};
  spec.flow.pin = std::move(pin);
  spec.flow.destination = {target.address, target.port};
  spec.flow.hop_limit = options.hop_limit;
  spec.flow.max_payload = target.protocol == Protocol::tcp ? tcp_probe_size : options.payload;
  spec.force_rate = target.force_rate;
  spec.schedule = {options.schedule, options.interval, options.jitter};
  spec.timeout = options.timeout;
  spec.timestamps = options.timestamps;
  spec.twamp_light = options.twamp_light;
  spec.require_ssid = options.require_ssid;
  if (target.protocol == Protocol::stamp) {
    spec.extras = options.extras;
    if (target.key) spec.extras.key = target.key;
    spec.flow.max_payload = payload_with(spec.extras, options.payload);
  }
  return spec;
}

std::vector<SessionSpec> flows_of(const SessionSpec& session, std::uint16_t flows) {
  assert(flows > 0 && (session.count == 0 || session.count >= flows));
  std::vector<SessionSpec> specs(flows, session);
  for (std::uint16_t flow = 0; flow < flows; ++flow) {
    SessionSpec& spec = specs[flow];
    spec.key.flow = flow;
    spec.schedule.interval = session.schedule.interval * flows;
    if (session.count > 0) {
      spec.count = session.count / flows + (flow < session.count % flows ? 1 : 0);
    }
  }
  return specs;
}

std::size_t payload_with(const StampExtras& extras, std::size_t size) {
  if (!extras.any()) return size;
  const bool authenticated = extras.key != nullptr;
  if (fits(extras.tlvs, authenticated, size)) return size;
  const std::size_t smallest = smallest_payload(extras.tlvs, authenticated);
  return size < smallest ? smallest : smallest + tlv_header_size;
}

ProberOptions prober_options(const ProbeOptions& options) {
  ProberOptions prober;
  prober.window = options.window;
  prober.clock_error_limit = options.clock_error_limit;
  prober.uncertainty_limit = options.uncertainty_limit;
  prober.clock_quality = own_clock_reader(options.own_clock_error);
  return prober;
}

}  // namespace strait::probe
