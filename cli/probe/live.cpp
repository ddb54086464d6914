// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/live.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "cli/probe/engines.hpp"
#include "cli/probe/tally.hpp"
#include "cli/probe/worker.hpp"
#include "cli/terminal/live_screen.hpp"
#include "cli/terminal/live_view.hpp"
#include "cli/terminal/stop_signals.hpp"

namespace strait::cli {
namespace {

constexpr Nanos key_patience = std::chrono::milliseconds{100};
constexpr Nanos update_interval = std::chrono::milliseconds{500};
constexpr Nanos live_patience = std::chrono::seconds{3};

// Fetches the figures and shows them until it is over.
void watch(LiveScreen& screen, ProbeWorker& worker, const ProbePlan& plan, TwampRun* twamp,
           Measured& measured) {
  const SystemClock clock;
  const MonoTime began = clock.now().mono;
  MonoTime next_update = began;
  LiveView view;
  auto sessions = plan.sessions;
  bool goes_on = true;
  while (goes_on && !StopSignals::raised()) {
    if (const MonoTime now = clock.now().mono; now >= next_update) {
      next_update = now + update_interval;
      Harvest harvest = worker.harvest();
      std::ranges::move(harvest.closed, std::back_inserter(measured.windows));
      auto reports = plan.reports;
      add_up(reports, measured.windows, measured.began);
      add_up(reports, harvest.open, measured.began);
      view.update(reports, now - began);
      goes_on = !all_decided(reports, sessions);
    }
    if (twamp != nullptr && twamp->changed()) {
      sessions = twamp->left(plan.sessions);
      goes_on = goes_on && !sessions.empty();
      std::ignore = worker.replace(sessions, plan.pins);
    }
    screen.draw(view.render(screen.size(), screen.unicode()));
    goes_on = obey(screen.wait_key(key_patience), view, screen.size().rows) && goes_on;
  }
}

}  // namespace

Result<Measured> measure_live(const ProbeOptions& options, const ProbePlan& plan,
                              const OpenTransport& open, const probe::ProberOptions& prober_options,
                              TwampRun* twamp) {
  if (plan.reports.size() > most_live_rows) {
    return fail(Errc::bad_input,
                fmt::format("probe: --live shows at most {} rows, and {} are asked "
                            "for; --csv and --json have no such limit",
                            most_live_rows, plan.reports.size()));
  }
  const StopSignals signals;  // before ncurses looks which signals are free
  auto screen = LiveScreen::open("probe", "--json --outcomes");
  if (!screen) return tl::make_unexpected(screen.error());
  Measured measured;
  measured.began = SystemClock{}.now().wall;
  if (twamp != nullptr) twamp->release_ports();
  auto worker = ProbeWorker::start(
      [&] { return open(options); }, prober_options, plan.sessions,
      [](probe::Transport& transport) { std::ignore = await_next_hops(transport, live_patience); },
      plan.pins);
  if (!worker) return tl::make_unexpected(worker.error());
  watch(**screen, **worker, plan, twamp, measured);
  auto last = (*worker)->stop();
  std::ranges::move(last, std::back_inserter(measured.windows));
  Harvest harvest = (*worker)->harvest();
  measured.counters = std::move(harvest.counters);
  measured.pins = std::move(harvest.pins);
  measured.rejections = std::move(harvest.rejections);
  return measured;
}

}  // namespace strait::cli
