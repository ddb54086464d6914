// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/paths.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "cli/doctor/self_tests.hpp"
#include "cli/probe/engines.hpp"
#include "probe/dpdk/options.hpp"
#include "probe/error_kind.hpp"
#include "probe/mtu_check.hpp"
#include "probe/pin_check.hpp"
#include "probe/politeness.hpp"
#include "probe/prober.hpp"

namespace strait::cli {
namespace {

using probe::doctor::Finding;
using probe::doctor::Findings;
using probe::doctor::Kernel;
using probe::doctor::Neighbour;
using probe::doctor::path_finding;
using probe::doctor::Route;
using probe::doctor::Status;

constexpr std::uint64_t probes_each = 6;
constexpr Nanos shortest_interval = std::chrono::milliseconds{20};
constexpr Nanos longest_interval = std::chrono::milliseconds{200};
constexpr Nanos longest_timeout = std::chrono::seconds{1};
constexpr Nanos next_hops_within = std::chrono::seconds{1};
constexpr Nanos one_window = std::chrono::hours{24};
// More than the first round of any of them takes.
constexpr Nanos self_test_patience = std::chrono::seconds{4};

Finding refusal(const std::string& path, const char* check, const Error& error) {
  Finding refused = path_finding(path, check, Status::problem, error.message);
  refused.access = error.code != Errc::bad_input && error.code != Errc::io;
  return refused;
}

// One path under examination.
struct Visit {
  const probe::NamedPin* path = nullptr;
  const probe::Target* target = nullptr;
  std::optional<Error> refused;  // the flow could not be opened
  Window window;                 // what became of the probes

  [[nodiscard]] const std::string& name() const { return path->path; }
  [[nodiscard]] std::uint64_t errors(probe::ErrorKind kind) const {
    const auto found = window.counts.errors.find(probe::to_string(kind));
    return found == window.counts.errors.end() ? 0 : found->second;
  }
};

std::vector<Visit> visits_of(const Configuration& configuration) {
  std::vector<Visit> visits;
  for (const probe::NamedPin& path : configuration.pins) {
    Visit visit;
    visit.path = &path;
    visit.target = target_for(configuration, path.pin);
    visits.push_back(std::move(visit));
  }
  return visits;
}

probe::SessionSpec session_of(const Configuration& configuration, const Visit& visit) {
  auto spec =
      probe::session_spec(configuration.probe, *visit.target, visit.name(), visit.path->pin);
  spec.count = probes_each;
  spec.schedule.interval = std::clamp(spec.schedule.interval, shortest_interval, longest_interval);
  spec.timeout = std::min(spec.timeout, longest_timeout);
  probe::make_polite({&spec, 1}, probe::own_addresses());
  return spec;
}

// The dpdk engine looks its next hops up once flows are open. Ahead of the probes, whose slots
// would pass meanwhile. Those that do not answer show in what becomes of the probes, path by path.
class OpenFlows {
 public:
  OpenFlows(const Configuration& configuration, probe::Transport& transport,
            const std::vector<Visit>& visits)
      : transport_{transport} {
    if (configuration.probe.engine != probe::Engine::dpdk) return;
    for (const Visit& visit : visits) {
      if (visit.target == nullptr) continue;
      auto spec = session_of(configuration, visit);
      spec.flow.kind = probe::flow_kind(spec.key.protocol);
      if (spec.flow.kind == probe::FlowKind::icmp_echo) spec.flow.destination.port = 0;
      if (const auto flow = transport.open_flow(spec.flow)) flows_.push_back(*flow);
    }
    static_cast<void>(await_next_hops(transport, next_hops_within));
  }
  ~OpenFlows() {
    for (const probe::FlowId flow : flows_) transport_.close_flow(flow);
  }
  OpenFlows(const OpenFlows&) = delete;
  OpenFlows& operator=(const OpenFlows&) = delete;
  OpenFlows(OpenFlows&&) = delete;
  OpenFlows& operator=(OpenFlows&&) = delete;

 private:
  probe::Transport& transport_;
  std::vector<probe::FlowId> flows_;
};

// The checks that the service makes of its paths, over the transport that probes them.
struct SelfTests {
  explicit SelfTests(probe::Transport& wire) : mtus{wire}, pins{mtus} {}

  void begin(const Configuration& configuration) {
    const Nanos once = one_window;
    mtus.check(configuration.mtu_checks(), once);
    if (configuration.probe.pin_check != probe::PinMode::off) {
      pins.check(configuration.pin_checks(), once);
    }
  }
  void finish() {
    pins.settle(self_test_patience);
    mtus.settle(self_test_patience);
  }

  probe::MtuChecker mtus;
  probe::PinChecker pins;
};

// Probes all paths side by side, as the service would.
void probe_all(const Configuration& configuration, SelfTests& tests, std::vector<Visit>& visits) {
  probe::Transport& transport = tests.pins;
  auto options = probe::prober_options(configuration.probe);
  options.window = one_window;
  probe::Prober prober{transport, options};
  {
    const OpenFlows resolved{configuration, transport, visits};
    for (Visit& visit : visits) {
      if (visit.target == nullptr || visit.target->protocol == Protocol::twamp) continue;
      if (auto added = prober.add(session_of(configuration, visit)); !added) {
        visit.refused = added.error();
      }
    }
    tests.begin(configuration);
  }
  const MonoTime end =
      transport.now().mono + probes_each * 2 * longest_interval + 2 * longest_timeout;
  probe::run_while(prober, transport,
                   [&] { return prober.active() > 0 && transport.now().mono < end; });
  for (const Window& window : prober.finish()) {
    for (Visit& visit : visits) {
      if (visit.name() == window.session.path) merge(visit.window, window);
    }
  }
  tests.finish();
}

// What tcpdump would have to listen on.
std::string interface_of(const probe::PathPin& pin) {
  return probe::dpdk::device_argument(pin.device, "iface").value_or("");
}

Findings next_hop_finding(const Visit& visit) {
  const bool v6 = visit.target->address.is_v6();
  const Address next_hop = visit.path->pin.next_hop(v6).value_or(visit.target->address);
  const auto& counts = visit.window.counts;
  if (counts.sent > 0) {
    return {path_finding(visit.name(), "next-hop", Status::good,
                         fmt::format("{} is resolved", next_hop.to_string()))};
  }
  if (visit.errors(probe::ErrorKind::send_refused) == 0) return {};
  const auto interface = interface_of(visit.path->pin);
  return {path_finding(
      visit.name(), "next-hop", Status::problem,
      fmt::format("{} does not answer {}", next_hop.to_string(), v6 ? "ND" : "ARP"),
      "no probe can be sent: is it a neighbour on that link, and if the target is farther away, is "
      "its next hop set?",
      interface.empty() ? ""
                        : fmt::format("tcpdump -n -e -i {} {}", interface, v6 ? "icmp6" : "arp"))};
}

std::string route_command(const probe::doctor::RouteQuestion& question) {
  std::string command = "ip route get " + question.destination.to_string();
  if (question.source) command += " from " + question.source->to_string();
  if (!question.device.empty()) command += " oif " + question.device;
  if (question.mark) command += fmt::format(" mark {:#x}", *question.mark);
  return command;
}

Findings neighbour_finding(const Visit& visit, const Route& route, const Kernel& kernel) {
  const Address next_hop = route.gateway.value_or(visit.target->address);
  const auto state = kernel.neighbour(route.interface, next_hop);
  const auto named = next_hop.to_string();
  if (!state) {
    return {path_finding(visit.name(), "next-hop", Status::unknown,
                         fmt::format("{}: {}", named, state.error().message))};
  }
  switch (*state) {
    case Neighbour::known:
      return {path_finding(visit.name(), "next-hop", Status::good, named + " is resolved")};
    case Neighbour::asked:
    case Neighbour::failed:
      return {
          path_finding(visit.name(), "next-hop", Status::problem,
                       fmt::format("{} does not answer {}", named, next_hop.is_v6() ? "ND" : "ARP"),
                       "no probe leaves", fmt::format("ip neigh show dev {}", route.interface))};
    case Neighbour::none:
      break;  // such as on the loopback or on a tunnel, which need none
  }
  return {};
}

// Socket engine: the way that the kernel chooses.
Findings route_findings(const Visit& visit, const Kernel& kernel, std::vector<PathRoute>& routes) {
  const auto question = question_of(visit.path->pin, *visit.target);
  auto answer = kernel.route(question);
  if (!answer) {
    return {path_finding(
        visit.name(), "route", Status::problem,
        fmt::format("to {}: {}", question.destination.to_string(), answer.error().message),
        "no probe leaves", route_command(question))};
  }
  Route route = std::move(*answer);
  if (!route.source) route.source = question.source;
  std::string seen =
      fmt::format("to {} through {}", question.destination.to_string(), route.interface);
  const auto& gateway = route.gateway;
  seen += gateway ? ", next hop " + gateway->to_string() : ", on its link";
  if (const auto& source = route.source) seen += ", from " + source->to_string();
  Findings findings{path_finding(visit.name(), "route", Status::good, std::move(seen))};
  append(findings, neighbour_finding(visit, route, kernel));
  routes.push_back({visit.name(), std::move(route)});
  return findings;
}

std::string errors_text(const Counts& counts) {
  std::string text;
  for (const auto& [kind, count] : counts.errors) text += fmt::format(", {} {}", kind, count);
  return text;
}

Finding probe_finding(const Configuration& configuration, const Visit& visit) {
  const Counts& counts = visit.window.counts;
  const auto who = fmt::format("{} ({})", visit.target->name, visit.target->address.to_string());
  if (visit.target->protocol == Protocol::twamp) {
    return path_finding(visit.name(), "probe", Status::unknown,
                        fmt::format("{} is a TWAMP server: not asked for a session here", who), "",
                        command_to_try(configuration, visit.path->pin, *visit.target));
  }
  std::string seen =
      fmt::format("{} answered {} of {} {} probes{}", who, counts.received, counts.sent,
                  to_string(visit.target->protocol), errors_text(counts));
  const auto remedy = command_to_try(configuration, visit.path->pin, *visit.target);
  if (counts.received == 0) {
    return path_finding(visit.name(), "probe", Status::problem, std::move(seen),
                        "this path measures nothing", remedy);
  }
  const auto median = visit.window.rtt.at_rank((visit.window.rtt.count() + 1) / 2);
  if (median) seen += fmt::format(", median {}", to_text(*median));
  const std::uint64_t refused = visit.errors(probe::ErrorKind::send_refused);
  if (counts.missed > refused) {
    return path_finding(
        visit.name(), "probe", Status::warning,
        fmt::format("{}; {} more were not sent in time", seen, counts.missed - refused),
        "this machine is too busy to keep the schedule");
  }
  if (counts.received < counts.sent || refused > 0) {
    return path_finding(visit.name(), "probe", Status::warning, std::move(seen), "", remedy);
  }
  return path_finding(visit.name(), "probe", Status::good, std::move(seen));
}

void examine(const Configuration& configuration, const Kernel& kernel, const Visit& visit,
             PathFindings& result) {
  if (visit.target == nullptr) {
    result.findings.push_back(path_finding(
        visit.name(), "probe", Status::problem, "no target of a family that it has an address for",
        "this path measures nothing", "a [[target]] of the other family, or its source address"));
    return;
  }
  const bool sockets = configuration.probe.engine == probe::Engine::socket;
  if (visit.refused) {
    result.findings.push_back(refusal(visit.name(), "flow", *visit.refused));
    return;
  }
  const Findings way =
      sockets ? route_findings(visit, kernel, result.routes) : next_hop_finding(visit);
  append(result.findings, way);
  // Without a next hop there were no probes to tell of.
  if (visit.window.counts.sent == 0 &&
      std::ranges::count(way, Status::problem, &Finding::status) > 0) {
    return;
  }
  result.findings.push_back(probe_finding(configuration, visit));
}

}  // namespace

const probe::Target* target_for(const Configuration& configuration, const probe::PathPin& pin) {
  const bool any = !pin.source_v4 && !pin.source_v6;
  const auto fits = [&](const probe::Target& target) {
    return any || pin.source(target.address.is_v6()).has_value();
  };
  const auto answers = [&](const probe::Target& target) {
    return fits(target) && target.protocol != Protocol::twamp;
  };
  auto found = std::ranges::find_if(configuration.targets, answers);
  if (found == configuration.targets.end()) {
    found = std::ranges::find_if(configuration.targets, fits);
  }
  return found == configuration.targets.end() ? nullptr : &*found;
}

probe::doctor::RouteQuestion question_of(const probe::PathPin& pin, const probe::Target& target) {
  return {.destination = target.address,
          .device = pin.device,
          .source = pin.source(target.address.is_v6()),
          .mark = pin.mark};
}

std::string command_to_try(const Configuration& configuration, const probe::PathPin& pin,
                           const probe::Target& target) {
  const bool v6 = target.address.is_v6();
  const bool dpdk = configuration.probe.engine == probe::Engine::dpdk;
  std::string command = "strait probe";
  if (dpdk) command += " --engine dpdk";
  if (target.protocol != Protocol::icmp) {
    command += fmt::format(" --protocol {} -p {}", strait::to_string(target.protocol), target.port);
  }
  if (target.protocol == Protocol::stamp && configuration.probe.twamp_light) {
    command += " --twamp-light";
  }
  command += fmt::format(" -s {}", configuration.probe.payload);
  std::string device = pin.device;
  if (dpdk && device.empty() && !configuration.dpdk.devices.empty()) {
    device = configuration.dpdk.devices.front();
  }
  if (!device.empty()) command += " -I " + device;
  if (const auto& source = pin.source(v6)) command += " --source " + source->to_string();
  if (const auto& hop = pin.next_hop(v6)) command += " --next-hop " + hop->to_string();
  if (pin.next_hop_mac) command += " --next-hop-mac " + to_string(*pin.next_hop_mac);
  if (pin.mark) command += fmt::format(" --mark {}", *pin.mark);
  for (const auto vlan : pin.vlans) command += fmt::format(" --vlan {}", vlan);
  for (const auto label : pin.labels) command += fmt::format(" --mpls {}", label);
  return command + " " + target.address.to_string();
}

PathFindings examine_paths(const Configuration& configuration, const Kernel& kernel,
                           const WhileOpen& while_open) {
  PathFindings result;
  auto visits = visits_of(configuration);
  probe::dpdk::DpdkOptions dpdk = configuration.dpdk;
  if (dpdk.cores.size() > 1) dpdk.cores.resize(1);  // one thread will do to look
  auto transport = make_engine({.engine = configuration.probe.engine,
                                .interval = configuration.probe.interval,
                                .realtime = false,
                                .dpdk = std::move(dpdk)})
                       .make(0);
  if (!transport) {
    result.findings.push_back(refusal("", "engine", transport.error()));
    while_open({});
    return result;
  }
  SelfTests tests{**transport};
  probe_all(configuration, tests, visits);
  append(result.findings, counter_findings(tests.pins.counters()));
  std::vector<std::string> open;
  for (const Visit& visit : visits) {
    examine(configuration, kernel, visit, result);
    if (visit.target != nullptr && !visit.refused) open.push_back(visit.name());
  }
  append(result.findings, pin_findings(configuration.probe.pin_check, tests.pins.states()));
  append(result.findings, mtu_findings(tests.mtus.states()));
  while_open(open);
  return result;
}

}  // namespace strait::cli
