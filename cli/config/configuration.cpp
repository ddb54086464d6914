// SPDX-License-Identifier: Apache-2.0
#include "cli/config/configuration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "cli/config/checks.hpp"
#include "core/file.hpp"
#include "probe/own_clock.hpp"
#include "probe/politeness.hpp"

namespace strait::cli {
namespace {

Parts read_parts(ConfigTable root) {
  Parts parts;
  parts.site = routes::read_site(root);
  parts.paths = routes::read_paths(root);
  parts.pins = probe::read_pins(root);
  parts.probe = probe::read_probe_options(root);
  parts.dpdk = probe::dpdk::read_dpdk_options(root.table("dpdk"));
  parts.targets = probe::read_targets(root);
  parts.regions = routes::read_regions(root);
  parts.routes = routes::read_routes(root);
  parts.inbound = routes::read_inbound(root);
  parts.analyzer = analyzer::read_options(root.table("analyzer"));
  parts.analyzer.decision.policies = analyzer::read_policies(root);
  parts.traffic_of_targets = analyzer::read_traffic_of_targets(root);
  parts.exporters = exporters::read_exporter_options(root.table("exporters"));
  return parts;
}

// The sessions, by path and target, whose replies come as the class's traffic does.
std::set<std::pair<std::string, std::string>> sessions_from(
    const routes::InboundTraffic& traffic, const std::vector<probe::NamedPin>& pins,
    const std::vector<probe::Target>& targets) {
  std::set<std::pair<std::string, std::string>> sessions;
  for (const probe::Target& target : targets) {
    if (target.region != traffic.traffic_class) continue;
    for (const probe::NamedPin& pin : pins) {
      if (sends_from(pin.pin.source(target.address.is_v6()), traffic.prefixes)) {
        sessions.emplace(pin.path, target.name);
      }
    }
  }
  return sessions;
}

std::optional<analyzer::Position> position(const routes::Catalogue& catalogue,
                                           std::string_view place) {
  const routes::Place* const found = catalogue.place(place);
  if (found == nullptr) return std::nullopt;
  return analyzer::Position{found->latitude, found->longitude};
}

std::optional<analyzer::Position> position(const routes::Catalogue& catalogue,
                                           const routes::SiteOptions& site) {
  if (site.place) return position(catalogue, *site.place);
  if (!site.latitude || !site.longitude) return std::nullopt;
  return analyzer::Position{*site.latitude, *site.longitude};
}

std::map<std::string, analyzer::Position, std::less<>> target_positions(
    const std::vector<probe::Target>& targets, const routes::Catalogue& catalogue) {
  std::map<std::string, analyzer::Position, std::less<>> found;
  for (const probe::Target& target : targets) {
    if (const auto at = position(catalogue, target.place)) found.emplace(target.name, *at);
  }
  return found;
}

std::vector<analyzer::Target> analyzer_targets(const std::vector<probe::Target>& targets,
                                               const routes::Catalogue& catalogue) {
  std::vector<analyzer::Target> found;
  for (const probe::Target& target : targets) {
    if (target.region.empty()) continue;  // measured and shown, but decides nothing
    found.push_back({target.name, target.region, target.weight, position(catalogue, target.place)});
  }
  return found;
}

Result<routes::Regions> make_regions(const Parts& parts, const routes::Catalogue& catalogue) {
  auto regions = routes::Regions::make(parts.regions, catalogue.country_classes());
  if (!regions) return regions;
  auto files = routes::load_registrations(parts.routes.registrations);
  if (!files) {
    return fail(files.error().code,
                fmt::format("[routes] registrations: {}", files.error().message));
  }
  regions->set_registrations(std::move(*files));
  return regions;
}

// The first target of each address family, if there is one that needs no session to answer.
std::vector<const probe::Target*> checked_targets(const std::vector<probe::Target>& targets) {
  std::vector<const probe::Target*> checked;
  for (const bool v6 : {false, true}) {
    const probe::Target* chosen = nullptr;
    for (const probe::Target& each : targets) {
      if (each.address.is_v6() != v6) continue;
      const bool better = chosen == nullptr ||
                          (chosen->protocol == Protocol::twamp && each.protocol != Protocol::twamp);
      if (better) chosen = &each;
    }
    if (chosen != nullptr) checked.push_back(chosen);
  }
  return checked;
}

void ask_by_icmp(probe::FlowSpec& flow) {
  flow.kind = probe::FlowKind::icmp_echo;
  flow.destination.port = 0;
}

// As the path's sessions send, since policy routing may look at protocol and port; only that it
// ends at the upstream. TCP is asked about by ICMP echo.
probe::FlowSpec check_flow(const probe::ProbeOptions& options, const probe::Target& target,
                           const probe::NamedPin& pin) {
  const probe::SessionSpec session = probe::session_spec(options, target, pin.path, pin.pin);
  probe::FlowSpec flow = session.flow;
  flow.kind = probe::flow_kind(target.protocol);
  flow.dscp = session.key.dscp;
  if (flow.kind != probe::FlowKind::udp) ask_by_icmp(flow);
  flow.hop_limit = pin.hops;
  return flow;
}

// As the path's sessions send, but as long as the path's MTU.
probe::MtuCheck mtu_check(const probe::ProbeOptions& options, const probe::Target& target,
                          const probe::NamedPin& pin) {
  const std::size_t headers = probe::header_octets(target.address.is_v6());
  const probe::FlowSpec flow = check_flow(options, target, pin);
  probe::MtuCheck check{.path = pin.path,
                        .flow = flow,
                        .timestamps = options.timestamps,
                        .twamp_light = options.twamp_light,
                        .session_octets = static_cast<std::uint32_t>(flow.max_payload + headers)};
  // Nobody but a STAMP reflector answers what this sends over UDP.
  if (target.protocol != Protocol::stamp) ask_by_icmp(check.flow);
  check.flow.hop_limit = options.hop_limit;
  check.flow.max_payload = pin.pin.mtu - headers;
  return check;
}

const std::optional<Address>& neighbor(const routes::Path& path, bool v6) {
  return v6 ? path.neighbor_v6 : path.neighbor_v4;
}

// By which addresses a path's upstream may answer. The next hop that the probes are given is one,
// unless it is another path's neighbour: then the pin itself is the mistake to be found.
std::vector<Address> accepted_answers(const probe::NamedPin& pin,
                                      const std::vector<routes::Path>& paths, bool v6) {
  std::vector<Address> accepted;
  const auto add = [&](const Address& address) {
    if (std::ranges::find(accepted, address) == accepted.end()) accepted.push_back(address);
  };
  const auto path = std::ranges::find(paths, pin.path, &routes::Path::name);
  const std::optional<Address> own = path == paths.end() ? std::nullopt : neighbor(*path, v6);
  if (own) add(*own);
  const std::optional<Address>& next_hop = pin.pin.next_hop(v6);
  const bool is_anothers = std::ranges::any_of(paths, [&](const routes::Path& other) {
    return other.name != pin.path && next_hop.has_value() && neighbor(other, v6) == next_hop;
  });
  if (next_hop && !(is_anothers && own)) add(*next_hop);
  for (const Address& address : pin.answers) {
    if (address.is_v6() == v6) add(address);
  }
  return accepted;
}

Result<Configuration> combine(Parts parts, const routes::Catalogue& catalogue, std::string file) {
  auto regions = make_regions(parts, catalogue);
  if (!regions) return tl::make_unexpected(regions.error());
  auto paths = routes::complete_paths(std::move(parts.paths), catalogue);
  if (!paths) return tl::make_unexpected(paths.error());

  if (parts.routes.router) {
    parts.routes.router->paths = *paths;
    parts.routes.router->site_asn = parts.site.asn;
    parts.routes.router->clock_doubt = [told = parts.probe.own_clock_error] {
      return clock_doubt(probe::OwnClock{told}.read());
    };
    parts.routes.router->watchdog = {"/proc/self/exe", "routes", "expire", "-c", file, "--watch"};
  }
  auto targets = analyzer_targets(parts.targets, catalogue);
  auto positions = target_positions(parts.targets, catalogue);
  const auto site = position(catalogue, parts.site);
  std::map<std::string, analyzer::Position, std::less<>> far_ends;
  for (const routes::Path& path : *paths) {
    if (path.segments.empty()) continue;
    const auto last = catalogue.segment(path.segments.back());
    if (!last) continue;
    if (const auto place = position(catalogue, (*last)->to)) far_ends.emplace(path.name, *place);
  }
  return Configuration{.file = std::move(file),
                       .site = std::move(parts.site),
                       .paths = std::move(*paths),
                       .pins = std::move(parts.pins),
                       .probe = parts.probe,
                       .dpdk = std::move(parts.dpdk),
                       .targets = std::move(parts.targets),
                       .routes = std::move(parts.routes),
                       .inbound = std::move(parts.inbound),
                       .analyzer = std::move(parts.analyzer),
                       .traffic_of_targets = std::move(parts.traffic_of_targets),
                       .exporters = std::move(parts.exporters),
                       .analyzer_targets = std::move(targets),
                       .far_ends = std::move(far_ends),
                       .position = site,
                       .target_positions = std::move(positions),
                       .regions = std::move(*regions)};
}

}  // namespace

std::string clock_doubt(const probe::ClockQuality& clock) {
  if (clock.synchronised) return {};
  return "this machine's clock is not synchronised, by the kernel, chronyd or ptp4l: it may be "
         "set, and with it when a plan expires";
}

std::map<std::string, std::string, std::less<>> Configuration::region_of_targets() const {
  std::map<std::string, std::string, std::less<>> regions_by_target;
  for (const probe::Target& target : targets) regions_by_target[target.name] = target.region;
  return regions_by_target;
}

std::vector<probe::SessionSpec> Configuration::sessions() const {
  std::vector<probe::SessionSpec> specs;
  for (const probe::NamedPin& pin : pins) {
    for (const probe::Target& target : targets) {
      const auto session = probe::session_spec(probe, target, pin.path, pin.pin);
      std::ranges::move(probe::flows_of(session, probe.flows), std::back_inserter(specs));
    }
  }
  probe::make_polite(specs, probe::own_addresses());
  return specs;
}

bool Configuration::slows_tcp() const {
  return std::ranges::any_of(sessions(), [this](const probe::SessionSpec& spec) {
    return spec.key.protocol == Protocol::tcp &&
           spec.schedule.interval > probe.interval * probe.flows;
  });
}

std::vector<analyzer::InboundClass> Configuration::inbound_classes() const {
  std::set<std::string, std::less<>> comes_back;
  for (const auto& [path, way] : inbound.ways) {
    if (way.comes_back) comes_back.insert(path);
  }
  std::vector<analyzer::InboundClass> classes;
  classes.reserve(inbound.traffic.size());
  for (const routes::InboundTraffic& traffic : inbound.traffic) {
    classes.push_back({.traffic_class = traffic.traffic_class,
                       .ordinary = sessions_from(traffic, pins, targets),
                       .comes_back = comes_back});
  }
  return classes;
}

std::vector<probe::PinCheck> Configuration::pin_checks() const {
  std::vector<probe::PinCheck> checks;
  for (const probe::NamedPin& pin : pins) {
    for (const probe::Target* const target : checked_targets(targets)) {
      checks.push_back({.path = pin.path,
                        .flow = check_flow(probe, *target, pin),
                        .accepted = accepted_answers(pin, paths, target->address.is_v6())});
    }
  }
  return checks;
}

std::vector<probe::MtuCheck> Configuration::mtu_checks() const {
  std::vector<probe::MtuCheck> checks;
  if (!probe.mtu_check) return checks;
  // A reflector with a key does not answer what is not signed, and these probes are not.
  std::vector<probe::Target> open = targets;
  std::erase_if(open, [&](const probe::Target& target) {
    return target.protocol == Protocol::stamp && (target.key || probe.extras.key);
  });
  for (const probe::NamedPin& pin : pins) {
    for (const probe::Target* const target : checked_targets(open)) {
      // A TWAMP server answers its sessions only.
      if (target->protocol == Protocol::twamp) continue;
      checks.push_back(mtu_check(probe, *target, pin));
    }
  }
  return checks;
}

Result<Configuration> parse_configuration(std::string_view text, std::string name) {
  auto document = ConfigDocument::parse(text, name);
  if (!document) return tl::make_unexpected(document.error());
  const ConfigTable root = document->root();
  Parts parts = read_parts(root);

  const auto directory = routes::data_directory(parts.site.data);
  if (!directory) return tl::make_unexpected(directory.error());
  const auto catalogue = routes::Catalogue::load(*directory);
  if (!catalogue) return tl::make_unexpected(catalogue.error());
  check_together(root, parts, *catalogue);
  if (auto errors = document->errors()) return tl::make_unexpected(std::move(*errors));
  return combine(std::move(parts), *catalogue, std::move(name));
}

Result<Configuration> load_configuration(const std::string& file) {
  const auto text = read_file(file);
  if (!text) {
    const char* const remedy = text.error().code == Errc::not_found
                                   ? "; 'strait config example' prints one to begin with"
                                   : "";
    return fail(text.error().code,
                fmt::format("configuration: {}{}", text.error().message, remedy));
  }
  return parse_configuration(*text, file);
}

}  // namespace strait::cli
