// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/expire.hpp"

#include <fmt/format.h>

#include <ostream>
#include <utility>

#include "cli/config/configuration.hpp"
#include "cli/routes/router.hpp"
#include "core/clock.hpp"
#include "routes/apply/include_file.hpp"
#include "routes/apply/steps.hpp"

namespace strait::cli {
namespace {

constexpr const char* who = "routes expire";

// An apply that runs has FILE.previous too, and its lock: that one is left alone.
Result<bool> left_by_a_killed_one(const routes::BirdTarget& bird, const RoutesStreams& streams) {
  if (!routes::IncludeFile{bird.include_file}.unfinished()) return false;
  if (const auto lock = routes::ApplyLock::take(bird.include_file, who); !lock) {
    streams.results << lock.error().message << '\n';
    return false;
  }
  return true;
}

Result<int> take_back(const routes::BirdTarget& bird, const std::string& why, const Clock& clock,
                      const RoutesStreams& streams) {
  routes::ApplyRequest request;
  request.by = who;
  const auto report = routes::apply(routes::withdrawal(clock, why), bird, clock, request);
  if (!report) return tl::make_unexpected(report.error());
  streams.results << fmt::format("{}; {}: {}\n", why, routes::to_string(report->outcome),
                                 report->reason);
  return report->outcome == routes::ApplyOutcome::confirmed ? 0 : 1;
}

}  // namespace

Result<int> run_expire(const ExpireOptions& options, const RoutesStreams& streams) {
  const SystemClock clock;
  const auto configuration = load_configuration(options.source.config);
  if (!configuration) return tl::make_unexpected(configuration.error());
  const auto& bird = configuration->routes.bird;
  if (!bird) {
    streams.results << "no [routes.bird]: nothing is told to a router, and nothing can expire\n";
    return 0;
  }
  const auto killed = left_by_a_killed_one(*bird, streams);
  if (!killed) return tl::make_unexpected(killed.error());
  if (*killed) {
    const auto finished = routes::recover(*bird, clock, who);
    if (!finished) return tl::make_unexpected(finished.error());
    streams.results << *finished << '\n';
  }
  const auto in_force = plan_in_force(bird->include_file);
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
  return take_back(*bird, fmt::format("expired at {}, and nobody renewed it", expires), clock,
                   streams);
}

}  // namespace strait::cli
