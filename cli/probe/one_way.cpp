// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/one_way.hpp"

#include <fmt/format.h>

#include <array>

#include "analyzer/quantile_interval.hpp"
#include "cli/probe/report.hpp"
#include "exporters/json_lines.hpp"
#include "exporters/json_writer.hpp"

namespace strait::cli {
namespace {

constexpr std::array quantiles{0.5, 0.95};

std::string_view why_not(ClockState state) {
  switch (state) {
    case ClockState::far_inexact:
      return "the far clock is not exact enough";
    case ClockState::far_unsynchronised:
      return "the far clock is not synchronised";
    case ClockState::own_inexact:
      return "this machine's is not exact enough";
    case ClockState::own_unsynchronised:
      return "this machine's is not synchronised";
    case ClockState::leap_second:
      return "a leap second is near";
    case ClockState::untold:
    case ClockState::usable:
      break;
  }
  return "";
}

// Of the replies: a lost probe has no direction.
std::string direction_text(const char* name, const Sketch& delays) {
  std::string text = name;
  for (const double q : quantiles) {
    const auto value = delays.quantile(q);
    if (!value || delays.count() < analyzer::probes_needed(q)) continue;
    text += fmt::format(" {} {}", quantile_label(q), strait::to_text(*value));
  }
  const auto min = delays.min();
  return min ? text + fmt::format(" min {}", strait::to_text(*min)) : text + " n/a";
}

void write_direction(exporters::JsonWriter& json, const char* name, const Sketch& delays) {
  json.key(name).begin_object().member("count", delays.count()).member("min", delays.min());
  for (const double q : quantiles) {
    const bool enough = delays.count() >= analyzer::probes_needed(q);
    json.member(quantile_label(q), enough ? delays.quantile(q) : std::optional<Nanos>{});
  }
  json.end_object();
}

}  // namespace

std::string one_way_text(const Window& window) {
  const Clocks& clocks = window.clocks;
  if (clocks.state == ClockState::untold) return "";
  std::string text;
  if (!window.forward.empty() || !window.reverse.empty()) {
    text = fmt::format("  one way  {}, {}, clocks within {}\n",
                       direction_text("forward", window.forward),
                       direction_text("reverse", window.reverse), strait::to_text(clocks.error));
  }
  if (clocks.state == ClockState::usable) return text;
  const std::uint64_t without =
      window.rtt.count() - std::min(window.rtt.count(), window.forward.count());
  const auto whose = text.empty() ? "" : fmt::format(" for {} replies", without);
  return text + fmt::format("  one way  clock not usable{}: {}\n", whose, why_not(clocks.state));
}

void write_one_way(exporters::JsonWriter& json, const Window& window) {
  if (window.clocks.state == ClockState::untold) return;
  write_direction(json, "forward_ns", window.forward);
  write_direction(json, "reverse_ns", window.reverse);
  exporters::write_clocks(json, window.clocks);
}

}  // namespace strait::cli
