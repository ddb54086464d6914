// SPDX-License-Identifier: Apache-2.0
#include "cli/probe_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <ostream>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "cli/engines.hpp"
#include "cli/probe_report.hpp"
#include "cli/resolve.hpp"
#include "cli/stop_signals.hpp"
#include "probe/icmp_packet.hpp"
#include "probe/prober.hpp"

namespace strait::cli {
namespace {

constexpr std::size_t default_icmp_size = 56;
constexpr Nanos arp_patience = std::chrono::seconds{3};
constexpr Nanos progress_interval = std::chrono::milliseconds{250};
// One window for the whole run; midnight may cut it in two, which are added up.
constexpr Nanos whole_run = std::chrono::hours{24};

std::size_t payload_size(const ProbeOptions& options) {
  if (options.size != 0) return options.size;
  return options.protocol == Protocol::icmp ? default_icmp_size : probe::stamp_packet_size;
}

Result<std::vector<TargetReport>> resolve_all(const ProbeOptions& options) {
  std::vector<TargetReport> reports;
  std::unordered_set<std::string_view> seen;
  for (const std::string& target : options.targets) {
    if (!seen.insert(target).second)
      return fail(Errc::bad_input, fmt::format("target '{}' is given twice", target));
    auto address = resolve(target, options.family);
    if (!address) return fail(std::move(address));
    TargetReport report;
    report.target = target;
    report.address = *address;
    report.size = payload_size(options);
    reports.push_back(std::move(report));
  }
  return reports;
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

Result<probe::SessionSpec> session_spec(const TargetReport& report, const ProbeOptions& options) {
  probe::SessionSpec spec;
  spec.key = {
      .path = "", .target = report.target, .protocol = options.protocol, .dscp = options.dscp};
  const bool icmp = options.protocol == Protocol::icmp;
  spec.flow.destination = {report.address,
                           icmp ? std::uint16_t{0} : options.port.value_or(probe::stamp_port)};
  spec.flow.hop_limit = options.hop_limit;
  spec.flow.max_payload = report.size;
  spec.flow.pin.device = options.device;
  spec.flow.pin.mark = options.mark;
  spec.flow.pin.next_hop_mac = options.next_hop_mac;
  spec.flow.pin.vlans = options.vlans;
  spec.flow.pin.labels = options.labels;
  spec.flow.flow_label = options.flow_label;
  if (auto ok = check_family(report.address, options); !ok) return tl::make_unexpected(ok.error());
  const bool v6 = report.address.is_v6();
  (v6 ? spec.flow.pin.source_v6 : spec.flow.pin.source_v4) = options.source;
  (v6 ? spec.flow.pin.next_hop_v6 : spec.flow.pin.next_hop_v4) = options.next_hop;
  spec.schedule.interval = options.interval;
  spec.timeout = options.timeout;
  spec.count = options.count;
  spec.twamp_light = options.twamp_light;
  return spec;
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

// A window of the prober starts on a round time; the report says when the probes did.
void add_up(std::vector<TargetReport>& reports, const std::vector<Window>& windows,
            WallTime began) {
  std::unordered_map<std::string_view, TargetReport*> by_target;
  for (TargetReport& report : reports) by_target.emplace(report.target, &report);
  for (Window window : windows) {
    const auto found = by_target.find(window.session.target);
    if (found == by_target.end()) continue;
    TargetReport* const report = found->second;
    analyzer::FlowDelays& flow = report->flows[window.session.flow];
    flow.flow = std::exchange(window.session.flow, std::uint16_t{0});
    flow.rtt.merge(window.rtt);
    flow.lost += window.counts.lost;
    if (report->window.session.target.empty()) {
      report->window = window;
    } else {
      merge(report->window, window);
    }
    report->window.start = began;
  }
}

// Fates of ICMP probes go into their target's ReplyRate. `reports` must stay as they are.
class ReplyRates {
 public:
  explicit ReplyRates(std::vector<TargetReport>& reports) {
    for (TargetReport& report : reports) by_target_.emplace(report.target, &report.reply_rate);
  }
  void note(const probe::Outcome& outcome) const {
    const bool received = outcome.fate == probe::Fate::received;
    if (!received && outcome.fate != probe::Fate::lost) return;
    const auto found = by_target_.find(outcome.key->target);
    if (found != by_target_.end()) found->second->note(outcome.sent, received);
  }

 private:
  std::unordered_map<std::string_view, probe::ReplyRate*> by_target_;
};

void add_rejections(std::vector<TargetReport>& reports,
                    const std::vector<probe::SessionRejections>& rejections) {
  for (const auto& [key, counts] : rejections) {
    const auto report = std::ranges::find(reports, key.target, &TargetReport::target);
    if (report == reports.end()) continue;
    for (const auto& [rejection, count] : counts) report->rejections[rejection] += count;
  }
}

// Rewrites one line about how far it has come.
class Progress {
 public:
  Progress(const ProbeStreams& streams, std::uint64_t total) : streams_{streams}, total_{total} {}
  ~Progress() {
    if (shown_) streams_.progress << "\r\x1b[K" << std::flush;
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  Progress(Progress&&) = delete;
  Progress& operator=(Progress&&) = delete;

  void show(std::uint64_t decided, MonoTime now) {
    if (!streams_.show_progress || now < next_) return;
    next_ = now + progress_interval;
    shown_ = true;
    streams_.progress << fmt::format("\r{} of {} probes", decided, total_) << std::flush;
  }

 private:
  const ProbeStreams& streams_;
  std::uint64_t total_;
  MonoTime next_;
  bool shown_ = false;
};

Result<void> add_all(probe::Prober& prober, const std::vector<TargetReport>& reports,
                     const ProbeOptions& options) {
  for (const TargetReport& report : reports) {
    auto spec = session_spec(report, options);
    if (!spec) return fail(std::move(spec));
    for (const probe::SessionSpec& flow : probe::flows_of(*spec, options.flows)) {
      if (auto added = prober.add(flow); !added) return fail(std::move(added));
    }
  }
  return {};
}

void print_reports(const std::vector<TargetReport>& reports, const ProbeOptions& options,
                   const ProbeStreams& streams) {
  for (const TargetReport& report : reports) {
    streams.results << (options.json ? to_json(report) + "\n" : to_text(report, streams.colour));
  }
  streams.results << std::flush;
}

int status_of(const std::vector<TargetReport>& reports, const ProbeOptions& options) {
  const bool bad = std::ranges::any_of(
      reports, [&](const TargetReport& report) { return failed(report, options); });
  return bad ? 1 : 0;
}

// From the first probe until all are decided, or somebody asks to stop.
void probe_until_done(probe::Prober& prober, probe::Transport& transport,
                      const std::function<void(MonoTime)>& show) {
  const StopSignals signals;
  probe::run_while(prober, transport, [&] {
    show(transport.now().mono);
    return prober.active() > 0 && !StopSignals::raised();
  });
}

}  // namespace

Result<int> run_probe(const ProbeOptions& options, const OpenTransport& open,
                      const ProbeStreams& streams) {
  if (auto ok = check_flows(options); !ok) return tl::make_unexpected(ok.error());
  auto reports = resolve_all(options);
  if (!reports) return fail(std::move(reports));
  auto transport = open(options);
  if (!transport) return fail(std::move(transport));

  std::uint64_t decided = 0;
  probe::ProberOptions prober_options;
  prober_options.window = whole_run;
  for (TargetReport& report : *reports) report.limit = prober_options.uncertainty_limit;
  const bool icmp = options.protocol == Protocol::icmp;
  const ReplyRates reply_rates{*reports};
  const auto on_outcome = [&](const probe::Outcome& outcome) {
    if (icmp) reply_rates.note(outcome);
    if (outcome.fate == probe::Fate::received || outcome.fate == probe::Fate::lost) ++decided;
    if (!options.outcomes) return;
    streams.results << (options.json ? to_json(outcome) : to_text(outcome)) << '\n';
  };
  if (options.outcomes || streams.show_progress || icmp) prober_options.on_outcome = on_outcome;
  probe::Prober prober{**transport, prober_options};
  if (auto added = add_all(prober, *reports, options); !added) return fail(std::move(added));

  if (auto ready = await_next_hops(**transport, arp_patience); !ready) {
    return fail(std::move(ready));
  }
  const WallTime began = (*transport)->now().wall;
  {
    Progress progress{streams, options.count * reports->size()};
    probe_until_done(prober, **transport, [&](MonoTime now) { progress.show(decided, now); });
  }
  const auto counters = (*transport)->counters();
  add_rejections(*reports, prober.rejections());
  add_up(*reports, prober.finish(), began);
  print_reports(*reports, options, streams);
  streams.progress << to_text(counters) << std::flush;
  return status_of(*reports, options);
}

}  // namespace strait::cli
