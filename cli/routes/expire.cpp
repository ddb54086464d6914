// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/expire.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <ostream>
#include <sstream>
#include <thread>
#include <utility>

#include "cli/config/configuration.hpp"
#include "core/clock.hpp"
#include "core/file.hpp"
#include "routes/apply/include_file.hpp"
#include "routes/apply/plan_file.hpp"
#include "routes/apply/steps.hpp"
#include "routes/apply/watchdog.hpp"

namespace strait::cli {
namespace {

constexpr const char* who = "routes expire";

// How long a program of the one that died may go on holding its lock, and a router be away.
constexpr auto patience_of_watchdog = std::chrono::minutes{2};
constexpr auto pause_of_watchdog = std::chrono::milliseconds{200};

// Until the apply that was killed is finished, by us or by somebody else.
Result<int> go_on(const routes::RouterTarget& router, const Clock& clock,
                  const RoutesStreams& streams) {
  const routes::IncludeFile include{router.include_file};
  const auto end = std::chrono::steady_clock::now() + patience_of_watchdog;
  while (include.unfinished()) {
    const auto finished = routes::recover(router, clock, who);
    if (finished) {
      streams.results << *finished << '\n';
      return 0;
    }
    if (std::chrono::steady_clock::now() >= end) return tl::make_unexpected(finished.error());
    std::this_thread::sleep_for(pause_of_watchdog);
  }
  return 0;
}

// What a process has used, with its children that have ended, as proc_pid_stat(5) has it; empty: it
// is gone. The name in front may hold spaces and brackets.
std::string processor_time(pid_t process) {
  const auto line = read_file(fmt::format("/proc/{}/stat", process)).value_or("");
  std::istringstream fields{line.substr(line.rfind(')') + 1)};
  constexpr int first = 14;
  constexpr int last = 17;
  std::string used;
  std::string field;
  for (int number = 3; number <= last && fields >> field; ++number) {
    if (number >= first) used += field + ' ';
  }
  return used;
}

// How it goes with the process `holder`, which applies. One that works uses processor time, however
// long it takes; a program that it waits for is ended within load_within.
routes::Fate fate_of(pid_t holder, const routes::RouterTarget& router) {
  constexpr auto between_looks = std::chrono::seconds{1};
  const Nanos patience = router.load_within + std::chrono::seconds{20};
  std::string used = processor_time(holder);
  auto since = std::chrono::steady_clock::now();
  while (true) {
    const auto fate = routes::fate_behind(STDIN_FILENO, between_looks);
    if (fate != routes::Fate::hangs) return fate;
    if (std::string more = processor_time(holder); more != used) {
      used = std::move(more);
      since = std::chrono::steady_clock::now();
    }
    if (std::chrono::steady_clock::now() - since >= patience) return fate;
  }
}

// `holder`, whose child we are, applies. One that hangs would keep the lock for ever, and nobody
// could undo what it has not confirmed: it is killed.
Result<int> watch(pid_t holder, const routes::RouterTarget& router, const Clock& clock,
                  const RoutesStreams& streams) {
  const auto fate = fate_of(holder, router);
  if (fate == routes::Fate::well) return 0;
  if (fate == routes::Fate::hangs && ::getppid() == holder) ::kill(holder, SIGKILL);
  return go_on(router, clock, streams);
}

// An apply that runs has FILE.previous too, and its lock: that one is left alone.
Result<bool> left_by_a_killed_one(const routes::RouterTarget& router,
                                  const RoutesStreams& streams) {
  if (!routes::IncludeFile{router.include_file}.unfinished()) return false;
  if (const auto lock = routes::ApplyLock::take(router.include_file, who); !lock) {
    streams.results << lock.error().message << '\n';
    return false;
  }
  return true;
}

Result<int> take_back(const routes::RouterTarget& router, const std::string& why,
                      const Clock& clock, const RoutesStreams& streams) {
  routes::ApplyRequest request;
  request.by = who;
  const auto report = routes::apply(routes::withdrawal(clock, why), router, clock, request);
  if (!report) return tl::make_unexpected(report.error());
  streams.results << fmt::format("{}; {}: {}\n", why, routes::to_string(report->outcome),
                                 report->reason);
  return report->outcome == routes::ApplyOutcome::confirmed ? 0 : 1;
}

}  // namespace

Result<int> run_expire(const ExpireOptions& options, const RoutesStreams& streams) {
  const pid_t starter = ::getppid();
  const SystemClock clock;
  const auto configuration = load_configuration(options.source.config);
  if (!configuration) return tl::make_unexpected(configuration.error());
  const auto& router = configuration->routes.router;
  if (!router) {
    streams.results << "no router is named: nothing is told to one, and nothing can expire\n";
    return 0;
  }
  if (options.watch) return watch(starter, *router, clock, streams);
  const auto killed = left_by_a_killed_one(*router, streams);
  if (!killed) return tl::make_unexpected(killed.error());
  if (*killed) {
    const auto finished = routes::recover(*router, clock, who);
    if (!finished) return tl::make_unexpected(finished.error());
    streams.results << *finished << '\n';
  }
  const auto in_force = routes::plan_in_file(router->include_file);
  if (!in_force) return tl::make_unexpected(in_force.error());
  const routes::Plan* const plan = in_force->get();
  if (plan == nullptr || plan->preferences.empty()) {
    streams.results << "plain BGP: nothing is preferred\n";
    return 0;
  }
  const std::string expires = strait::to_string(plan->expires);
  if (clock.now().wall < plan->expires) {
    streams.results << fmt::format("in force until {} unless it is renewed\n", expires);
    return 0;
  }
  return take_back(*router, fmt::format("expired at {}, and nobody renewed it", expires), clock,
                   streams);
}

}  // namespace strait::cli
