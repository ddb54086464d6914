// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <istream>
#include <iterator>
#include <memory>
#include <span>
#include <utility>

#include "analyzer/floor.hpp"
#include "cli/probe/large_pages.hpp"
#include "cli/probe/resolve.hpp"
#include "cli/probe/twamp_keeper.hpp"
#include "core/nearest.hpp"
#include "probe/hmac_key.hpp"
#include "probe/politeness.hpp"
#include "probe/stamp_packet.hpp"
#include "probe/tcp_packet.hpp"

namespace strait::cli {
namespace {

constexpr std::size_t default_echo_size = 56;
constexpr std::size_t session_octets = 6400;  // measured, from its plan to its report

// One way out: of a configuration, or as the options have it.
struct Way {
  std::string name;  // empty: of the options
  probe::PathPin pin;
  const routes::Path* path = nullptr;  // with its floor
};

// What a target of the configuration says beyond an address.
const probe::Target* known_target(const std::optional<Configuration>& configuration,
                                  const std::string& name) {
  if (!configuration) return nullptr;
  const auto found = std::ranges::find(configuration->targets, name, &probe::Target::name);
  return found == configuration->targets.end() ? nullptr : &*found;
}

// What must be of the target's address family.
Result<void> check_family(const Address& target, const ProbeOptions& options) {
  const auto differs = [&](std::string_view word, std::string_view value) {
    return fail(Errc::bad_input,
                fmt::format("probe: target {} is {}, but {} {} is not", target.to_string(),
                            target.is_v4() ? "IPv4" : "IPv6", word, value));
  };
  if (options.source && options.source->is_v4() != target.is_v4()) {
    return differs("--source", options.source->to_string());
  }
  if (options.next_hop && options.next_hop->is_v4() != target.is_v4()) {
    return differs("--next-hop", options.next_hop->to_string());
  }
  if (options.flow_label && target.is_v4()) {
    return fail(Errc::bad_input, fmt::format("probe: target {} is IPv4, which has no flow label",
                                             target.to_string()));
  }
  return {};
}

Result<void> check_flows(const ProbeOptions& options) {
  if (options.flow_label && options.flows > 1) {
    return fail(Errc::bad_input,
                fmt::format("probe: --flow-label {} with --flows {}: one label is of one flow",
                            *options.flow_label, options.flows));
  }
  if (options.count < options.flows) {
    return fail(Errc::bad_input, fmt::format("probe: --count {} with --flows {}: want at least one "
                                             "probe for each flow",
                                             options.count, options.flows));
  }
  return {};
}

// Source and next hop go where the target's family looks for them.
probe::PathPin pin_of(const ProbeOptions& options, bool v6) {
  probe::PathPin pin;
  pin.device = options.device;
  pin.mark = options.mark;
  pin.next_hop_mac = options.next_hop_mac;
  pin.vlans = options.vlans;
  pin.labels = options.labels;
  (v6 ? pin.source_v6 : pin.source_v4) = options.source;
  (v6 ? pin.next_hop_v6 : pin.next_hop_v4) = options.next_hop;
  return pin;
}

Result<std::vector<Way>> ways_of(const ProbeOptions& options,
                                 const std::optional<Configuration>& configuration) {
  if (!configuration) return std::vector<Way>(1);
  std::vector<std::string> names;
  for (const auto& pin : configuration->pins) names.push_back(pin.path);
  for (const std::string& wanted : options.paths) {
    if (std::ranges::find(names, wanted) != names.end()) continue;
    const auto guess = nearest(wanted, names);
    return fail(Errc::not_found,
                fmt::format("probe: {} has no path '{}'{}", options.config, wanted,
                            guess ? fmt::format("; did you mean '{}'?", *guess)
                                  : fmt::format(": want one of {}", fmt::join(names, ", "))));
  }
  std::vector<Way> ways;
  for (const auto& pin : configuration->pins) {
    const bool wanted =
        options.paths.empty() || std::ranges::find(options.paths, pin.path) != options.paths.end();
    if (!wanted) continue;
    const auto path = std::ranges::find(configuration->paths, pin.path, &routes::Path::name);
    ways.push_back({pin.path, pin.pin, path == configuration->paths.end() ? nullptr : &*path});
  }
  return ways;
}

template <class Positions>
std::optional<analyzer::Position> find_position(const Positions& positions,
                                                const std::string& name) {
  const auto found = positions.find(name);
  if (found == positions.end()) return std::nullopt;
  return found->second;
}

// Of a path whose segments are not known: the great circle from the site, where both ends are.
std::optional<Nanos> floor_of(const Way& way, const std::optional<Configuration>& configuration,
                              const std::string& target) {
  if (way.path == nullptr || !configuration) return std::nullopt;
  const auto far_end = find_position(configuration->far_ends, way.name);
  const auto place = find_position(configuration->target_positions, target);
  const auto floor = analyzer::rtt_floor(*way.path, far_end, place);
  if (floor || !configuration->position || !place) return floor;
  return analyzer::fibre_round_trip(analyzer::great_circle_km(*configuration->position, *place));
}

Result<TargetList> targets_of(const ProbeOptions& options,
                              const std::optional<Configuration>& configuration,
                              std::istream& input) {
  if (configuration && options.targets.empty() && options.files.empty()) {
    TargetList list;
    for (const probe::Target& target : configuration->targets) {
      const bool wanted =
          options.family == Family::any || target.address.is_v4() == (options.family == Family::v4);
      if (wanted) list.targets.push_back({target.name, target.address, target.name, target.name});
    }
    if (!list.targets.empty()) return list;
    return fail(Errc::bad_input,
                fmt::format("probe: {} has no target of this address family", options.config));
  }
  return gather_targets(options, input, [&](const std::string& name, Family family) {
    const probe::Target* const known = known_target(configuration, name);
    return resolve(known == nullptr ? name : known->address.to_string(), family);
  });
}

Result<probe::StampExtras> extras_of(const ProbeOptions& options) {
  probe::StampExtras extras;
  extras.tlvs = options.tlvs;
  extras.loss_by_direction = options.loss_by_direction;
  if (options.key.empty()) return extras;
  auto key = probe::read_key(options.key);
  if (!key) return tl::make_unexpected(key.error());
  extras.key = std::make_shared<const probe::HmacKey>(std::move(*key));
  return extras;
}

// A target of the configuration is asked what that asks it, and what the options add.
probe::StampExtras extras_for(const probe::StampExtras& given, const probe::Target* known,
                              const std::optional<Configuration>& configuration) {
  if (known == nullptr || !configuration) return given;
  probe::StampExtras extras = configuration->probe.extras;
  if (known->key) extras.key = known->key;
  if (given.key) extras.key = given.key;
  extras.tlvs = extras.tlvs | given.tlvs;
  extras.loss_by_direction = extras.loss_by_direction || given.loss_by_direction;
  return extras;
}

std::size_t payload_of(const probe::SessionSpec& spec, const ProbeOptions& options) {
  if (spec.key.protocol == Protocol::tcp) return probe::tcp_probe_size;
  if (options.size != 0) return options.size;
  if (spec.key.protocol == Protocol::twamp) return probe::stamp_packet_size;
  if (spec.key.protocol != Protocol::stamp) return default_echo_size;
  return probe::payload_with(spec.extras, probe::stamp_packet_size);
}

Result<void> check_size(const probe::SessionSpec& spec, const ProbeOptions& options) {
  const bool authenticated = spec.extras.key != nullptr;
  const bool fits = probe::fits(spec.extras.tlvs, authenticated, spec.flow.max_payload);
  if (!spec.extras.any() || fits) return {};
  const std::size_t least = probe::smallest_payload(spec.extras.tlvs, authenticated);
  return fail(Errc::bad_input,
              fmt::format("probe: --size {}: with this key and these TLVs want {}, or at least {}",
                          options.size, least, least + probe::tlv_header_size));
}

// Slower probes are fewer, where they were counted by a duration.
void keep_duration(std::span<probe::SessionSpec> sessions, Nanos duration) {
  for (probe::SessionSpec& spec : sessions) {
    const auto interval = spec.schedule.interval.count();
    const auto slots = static_cast<std::uint64_t>((duration.count() + interval - 1) / interval);
    spec.count = std::clamp<std::uint64_t>(slots, 1, spec.count);
  }
}

probe::SessionSpec session_spec(const ProbeTarget& target, const Way& way,
                                const probe::Target* known, const ProbeOptions& options,
                                const probe::StampExtras& extras) {
  const Protocol protocol = known == nullptr ? options.protocol : known->protocol;
  const std::uint16_t port =
      known == nullptr ? options.port.value_or(probe::default_port(protocol)) : known->port;
  probe::SessionSpec spec;
  spec.key = {.path = way.name, .target = target.label, .protocol = protocol, .dscp = options.dscp};
  spec.flow.destination = {target.address, protocol == Protocol::icmp ? std::uint16_t{0} : port};
  spec.flow.hop_limit = options.hop_limit;
  if (protocol == Protocol::stamp) spec.extras = extras;
  spec.flow.max_payload = payload_of(spec, options);
  spec.flow.pin = way.name.empty() ? pin_of(options, target.address.is_v6()) : way.pin;
  spec.flow.flow_label = options.flow_label;
  spec.schedule.interval = options.interval;
  spec.timeout = options.timeout;
  spec.count = options.count;
  spec.twamp_light = options.twamp_light;
  spec.force_rate = options.force_rate || (known != nullptr && known->force_rate);
  return spec;
}

PinPlan pins_of(const Configuration& configuration, const std::vector<Way>& ways) {
  PinPlan plan;
  plan.mode = configuration.probe.pin_check;
  plan.interval = configuration.probe.pin_check_interval;
  for (probe::PinCheck& check : configuration.pin_checks()) {
    const bool wanted = std::ranges::find(ways, check.path, &Way::name) != ways.end();
    if (wanted) plan.checks.push_back(std::move(check));
  }
  return plan;
}

Result<void> check_engine(const ProbePlan& plan, const ProbeOptions& options) {
  if (options.engine == Engine::socket || !any_twamp(plan.sessions)) return {};
  return fail(Errc::bad_input,
              "probe: TWAMP is for --engine socket: its control connections are the kernel's");
}

void take_engine(ProbeOptions& options, const Configuration& configuration) {
  if (!options.engine_given) options.engine = configuration.probe.engine;
  options.twamp_light = options.twamp_light || configuration.probe.twamp_light;
  if (options.engine == Engine::dpdk) options.dpdk = configuration.dpdk;
}

// Of one target over one way.
struct Request {
  const ProbeTarget& target;
  const Way& way;
  const probe::StampExtras& extras;  // that the options ask for
};

Result<void> add_sessions(const Request& request, const ProbeOptions& options,
                          const std::optional<Configuration>& configuration, ProbePlan& plan) {
  const ProbeTarget& target = request.target;
  const probe::Target* const known = known_target(configuration, target.word);
  const auto spec = session_spec(target, request.way, known, options,
                                 extras_for(request.extras, known, configuration));
  if (auto ok = check_size(spec, options); !ok) return ok;
  TargetReport report;
  report.target = target.name;
  report.address = target.address;
  report.size = spec.key.protocol == Protocol::tcp ? 0 : spec.flow.max_payload;
  report.window.session = spec.key;
  report.floor = floor_of(request.way, configuration, target.word);
  plan.reports.push_back(std::move(report));
  std::ranges::move(probe::flows_of(spec, options.flows), std::back_inserter(plan.sessions));
  return {};
}

Result<void> add_targets(const TargetList& list, const std::vector<Way>& ways,
                         const probe::StampExtras& extras, const ProbeOptions& options,
                         const std::optional<Configuration>& configuration, ProbePlan& plan) {
  expect_heap(list.targets.size() * ways.size() * options.flows * session_octets);
  plan.reports.reserve(list.targets.size() * ways.size());
  plan.sessions.reserve(list.targets.size() * ways.size() * options.flows);
  for (const ProbeTarget& target : list.targets) {
    if (auto ok = check_family(target.address, options); !ok) return ok;
    for (const Way& way : ways) {
      if (auto ok = add_sessions({target, way, extras}, options, configuration, plan); !ok)
        return ok;
    }
  }
  return {};
}

Result<void> check_sessions(const ProbePlan& plan, const probe::StampExtras& extras,
                            const ProbeOptions& options) {
  const bool asked = std::ranges::any_of(
      plan.sessions, [](const probe::SessionSpec& spec) { return spec.extras.any(); });
  if (extras.any() && !asked) {
    return fail(Errc::bad_input,
                "probe: --tlv, --key, --loss-by-direction: no target speaks STAMP");
  }
  return check_engine(plan, options);
}

}  // namespace

Result<ProbePlan> plan_probe(ProbeOptions& options,
                             const std::optional<Configuration>& configuration,
                             std::istream& input) {
  if (auto ok = check_flows(options); !ok) return tl::make_unexpected(ok.error());
  const auto ways = ways_of(options, configuration);
  if (!ways) return tl::make_unexpected(ways.error());
  const auto extras = extras_of(options);
  if (!extras) return tl::make_unexpected(extras.error());
  auto list = targets_of(options, configuration, input);
  if (!list) return fail(std::move(list));
  if (configuration) take_engine(options, *configuration);

  ProbePlan plan;
  plan.unresolved = std::move(list->unresolved);
  if (configuration) plan.pins = pins_of(*configuration, *ways);
  auto added = add_targets(*list, *ways, *extras, options, configuration, plan);
  if (!added) return fail(std::move(added));
  if (auto ok = check_sessions(plan, *extras, options); !ok) return fail(std::move(ok));
  plan.slowed = probe::make_polite(plan.sessions, probe::own_addresses());
  if (plan.slowed && options.duration) keep_duration(plan.sessions, *options.duration);
  return plan;
}

}  // namespace strait::cli
