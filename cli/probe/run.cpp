// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <ostream>
#include <span>
#include <utility>
#include <vector>

#include "cli/config/configuration.hpp"
#include "cli/probe/engines.hpp"
#include "cli/probe/live.hpp"
#include "cli/probe/nagios.hpp"
#include "cli/probe/plan.hpp"
#include "cli/probe/report.hpp"
#include "cli/probe/table.hpp"
#include "cli/probe/tally.hpp"
#include "cli/probe/twamp.hpp"
#include "cli/terminal/stop_signals.hpp"
#include "probe/pin_check.hpp"
#include "probe/prober.hpp"

namespace strait::cli {
namespace {

constexpr Nanos arp_patience = std::chrono::seconds{3};
constexpr Nanos progress_interval = std::chrono::milliseconds{250};
// One window for the whole run; midnight may cut it in two, which are added up.
constexpr Nanos whole_run = std::chrono::hours{24};
// Beyond these the reports are a table, and are not drawn unless that is asked for.
constexpr std::size_t most_blocks = 8;
constexpr std::size_t most_drawn = 4;

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

// A session that is being probed.
struct Added {
  probe::SessionId id;
  const SessionKey* key;
};

// Where pins are enforced, what would take another path than its own is not even measured.
Result<std::vector<Added>> add_all(probe::Prober& prober, const ProbePlan& plan,
                                   std::span<const probe::PinState> pins) {
  std::vector<Added> all;
  for (const probe::SessionSpec& spec : plan.sessions) {
    const bool shut = plan.pins.mode == probe::PinMode::enforce &&
                      probe::any_pin(pins, spec.key.path, probe::PinStanding::failed);
    if (shut) continue;
    auto added = prober.add(spec);
    if (!added) {
      auto error = std::move(added).error();
      if (!spec.key.path.empty())
        error.message = fmt::format("path {}, {}", spec.key.path, error.message);
      return tl::make_unexpected(std::move(error));
    }
    all.push_back({*added, &spec.key});
  }
  return all;
}

// What a TWAMP server that has gone does not answer would look like loss of the path.
void heed_servers(TwampRun* twamp, const std::vector<Added>& sessions, probe::Prober& prober) {
  if (twamp == nullptr || !twamp->changed()) return;
  for (const Added& session : sessions) {
    if (twamp->lost(*session.key)) prober.remove(session.id);
  }
}

ReportStyle style_of(const ProbeOptions& options, const ProbeStreams& streams,
                     std::size_t reports) {
  ReportStyle style{.colour = streams.colour, .canvas = streams.canvas};
  if (options.histogram == Histogram::automatic) {
    style.histogram = reports <= most_drawn;
  } else {
    style.histogram = options.histogram != Histogram::off;
    style.canvas.unicode = options.histogram == Histogram::unicode;
  }
  return style;
}

void print_for_people(const std::vector<TargetReport>& reports, const ProbeOptions& options,
                      const ProbeStreams& streams) {
  const auto style = style_of(options, streams, reports.size());
  if (options.config.empty() && reports.size() <= most_blocks) {
    for (const TargetReport& report : reports) streams.results << to_text(report, style);
    return;
  }
  streams.results << to_table(reports, streams.colour);
  if (!style.histogram) return;
  for (const TargetReport& report : reports) {
    const auto drawn = histogram(report.window.rtt, style.canvas);
    if (drawn.empty()) continue;
    const SessionKey& key = report.window.session;
    streams.results << (key.path.empty() ? key.target : key.target + " over " + key.path) << '\n'
                    << drawn;
  }
}

void print_reports(const std::vector<TargetReport>& reports, const ProbeOptions& options,
                   const ProbeStreams& streams) {
  if (options.csv) {
    streams.results << to_csv(reports);
  } else if (options.json) {
    for (const TargetReport& report : reports) streams.results << to_json(report) << '\n';
  } else {
    print_for_people(reports, options, streams);
  }
  streams.results << std::flush;
}

// Which paths have not proven that they are the way that the probes took.
void say_pins(const ProbePlan& plan, const Measured& measured, std::ostream& out) {
  const bool enforced = plan.pins.mode == probe::PinMode::enforce;
  for (const probe::PinState& state : measured.pins) {
    if (state.standing == probe::PinStanding::ok) continue;
    const bool failed = state.standing == probe::PinStanding::failed;
    out << fmt::format("strait: path {} ({}): pin {}: {}{}\n", state.path,
                       state.v6 ? "IPv6" : "IPv4", probe::to_string(state.standing), state.reason,
                       failed && enforced ? "; it is not probed" : "");
  }
}

int status_of(const std::vector<TargetReport>& reports, const ProbeOptions& options,
              const std::vector<std::string>& unresolved) {
  const bool bad = std::ranges::any_of(
      reports, [&](const TargetReport& report) { return failed(report, options); });
  return bad || !unresolved.empty() ? 1 : 0;
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

std::uint64_t probes_of(const ProbePlan& plan) {
  std::uint64_t all = 0;
  for (const probe::SessionSpec& spec : plan.sessions) all += spec.count;
  return all;
}

void check_pins(probe::PinChecker& checker, const PinPlan& pins) {
  if (pins.mode == probe::PinMode::off || pins.checks.empty()) return;
  checker.check(pins.checks, pins.interval);
  checker.settle(probe::PinChecker::one_round);
}

Result<Measured> measure(const ProbeOptions& options, const ProbePlan& plan,
                         const OpenTransport& open, const ProbeStreams& streams,
                         probe::ProberOptions prober_options, TwampRun* twamp) {
  auto transport = open(options);
  if (!transport) return fail(std::move(transport));
  std::uint64_t decided = 0;
  const auto note = std::exchange(prober_options.on_outcome, nullptr);
  const auto on_outcome = [&](const probe::Outcome& outcome) {
    if (note) note(outcome);
    if (outcome.fate == probe::Fate::received || outcome.fate == probe::Fate::lost) ++decided;
    if (!options.outcomes) return;
    streams.results << (options.json ? to_json(outcome) : to_text(outcome)) << '\n';
  };
  if (note || options.outcomes || streams.show_progress) prober_options.on_outcome = on_outcome;
  probe::PinChecker checker{**transport};
  check_pins(checker, plan.pins);
  probe::Prober prober{checker, std::move(prober_options)};
  if (twamp != nullptr) twamp->release_ports();
  const auto added = add_all(prober, plan, checker.states());
  if (!added) return tl::make_unexpected(added.error());
  if (auto ready = await_next_hops(**transport, arp_patience); !ready) {
    return fail(std::move(ready));
  }
  Measured measured;
  measured.began = (*transport)->now().wall;
  {
    Progress progress{streams, probes_of(plan)};
    probe_until_done(prober, checker, [&](MonoTime now) {
      progress.show(decided, now);
      heed_servers(twamp, *added, prober);
    });
  }
  measured.counters = checker.counters();
  measured.pins = checker.states();
  measured.rejections = prober.rejections();
  measured.windows = prober.finish();
  return measured;
}

Result<std::optional<Configuration>> configuration_of(const ProbeOptions& options) {
  if (options.config.empty()) return std::optional<Configuration>{};
  auto loaded = load_configuration(options.config);
  if (!loaded) return tl::make_unexpected(loaded.error());
  return std::optional<Configuration>{std::move(*loaded)};
}

Result<int> probe_and_report(ProbeOptions& options, const OpenTransport& open,
                             const ProbeStreams& streams) {
  const auto configuration = configuration_of(options);
  if (!configuration) return tl::make_unexpected(configuration.error());
  auto plan = plan_probe(options, *configuration, streams.input);
  if (!plan) return fail(std::move(plan));
  const auto control = TwampRun::set_up(*plan);
  if (!control) return tl::make_unexpected(control.error());
  TwampRun* const twamp = control->get();
  probe::ProberOptions prober_options;
  prober_options.window = whole_run;
  prober_options.clock_quality = probe::own_clock_reader(options.own_clock_error);
  for (TargetReport& report : plan->reports) report.limit = prober_options.uncertainty_limit;
  ReplyRates reply_rates;
  if (ReplyRates::can_tell(options.interval, options.count)) {
    prober_options.on_outcome = [&](const probe::Outcome& seen) { reply_rates.note(seen); };
  }

  auto measured = options.live ? measure_live(options, *plan, open, prober_options, twamp)
                               : measure(options, *plan, open, streams, prober_options, twamp);
  if (!measured) return fail(std::move(measured));
  add_up(plan->reports, std::move(measured->windows), measured->began);
  add_rejections(plan->reports, measured->rejections);
  reply_rates.move_to(plan->reports);
  const auto losses = twamp == nullptr ? std::vector<std::string>{} : twamp->losses();
  if (options.is_plugin()) {
    auto unknown = plan->unresolved;
    unknown.insert(unknown.end(), losses.begin(), losses.end());
    const auto result = plugin_result(plan->reports, options, unknown);
    streams.results << result.line << std::flush;
    return static_cast<int>(result.state);
  }
  print_reports(plan->reports, options, streams);
  if (plan->slowed) {
    streams.progress << "strait: tcp: an address that is not yours gets one SYN a second; "
                        "--force-rate sends them as asked\n";
  }
  say_pins(*plan, *measured, streams.progress);
  for (const std::string& why : plan->unresolved) {
    streams.progress << "strait: not probed: " << why << '\n';
  }
  for (const std::string& why : losses) streams.progress << "strait: " << why << '\n';
  streams.progress << to_text(measured->counters) << std::flush;
  if (!losses.empty()) return 1;
  return status_of(plan->reports, options, plan->unresolved);
}

}  // namespace

Result<int> run_probe(const ProbeOptions& options, const OpenTransport& open,
                      const ProbeStreams& streams) {
  ProbeOptions settled = options;
  auto status = probe_and_report(settled, open, streams);
  if (status || !options.is_plugin()) return status;
  const auto failure = plugin_failure(status.error().message);
  streams.results << failure.line << std::flush;
  return static_cast<int>(failure.state);
}

}  // namespace strait::cli
