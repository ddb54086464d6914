// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/self_tests.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace strait::cli {
namespace {

using probe::MtuStanding;
using probe::MtuState;
using probe::PinMode;
using probe::PinStanding;
using probe::PinState;
using probe::doctor::Finding;
using probe::doctor::Findings;
using probe::doctor::path_finding;
using probe::doctor::Status;

std::string seen_of(bool v6, const std::string& reason) {
  return fmt::format("{}: {}", v6 ? "IPv6" : "IPv4", reason);
}

Finding finding_of(PinMode mode, const PinState& state) {
  std::string seen = seen_of(state.v6, state.reason);
  switch (state.standing) {
    case PinStanding::ok:
      return path_finding(state.path, "pin", Status::good, std::move(seen));
    case PinStanding::failed:
      return path_finding(
          state.path, "pin", Status::problem, std::move(seen),
          mode == PinMode::enforce
              ? "the probes of this path take another one: strait run does not probe it"
              : "the probes of this path take another one: its evidence is of that one",
          "in the [[path]], if that is of the same upstream: pin_answers, or pin_hops where the "
          "upstream is not the first hop");
    case PinStanding::unverified:
      return path_finding(state.path, "pin", Status::warning, std::move(seen),
                          "nothing proves that the probes of this path are on it",
                          "in the [[path]]: pin_answers with an address that answers there");
    case PinStanding::pending:
      break;
  }
  return path_finding(state.path, "pin", Status::unknown, seen_of(state.v6, "no check has ended"));
}

Finding finding_of(const MtuState& state) {
  std::string seen = seen_of(state.v6, state.reason);
  switch (state.standing) {
    case MtuStanding::ok:
      return path_finding(state.path, "mtu", Status::good, std::move(seen));
    case MtuStanding::too_small:
      return path_finding(
          state.path, "mtu", state.sessions_fit ? Status::warning : Status::problem,
          std::move(seen),
          state.sessions_fit
              ? "long packets of the traffic on this path are lost or come in pieces"
              : fmt::format("its own probes of {} octets do not fit either", state.session_octets),
          state.octets ? fmt::format("in the [[path]], if that is right: mtu = {}", *state.octets)
                       : "in the [[path]], if that is right: a smaller mtu");
    case MtuStanding::unknown:
      return path_finding(state.path, "mtu", Status::unknown, std::move(seen));
    case MtuStanding::pending:
      break;
  }
  return path_finding(state.path, "mtu", Status::unknown, seen_of(state.v6, "no check has ended"));
}

template <class Counts>
std::string list(const Counts& counts) {
  std::string text;
  for (const auto& [name, count] : counts) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, name);
  }
  return text;
}

}  // namespace

Findings pin_findings(PinMode mode, std::span<const PinState> states) {
  if (mode == PinMode::off) {
    return {path_finding("", "pin", Status::note, "not checked: pin_check is off",
                         "a path whose probes take another one is not found")};
  }
  Findings findings;
  for (const PinState& state : states) findings.push_back(finding_of(mode, state));
  return findings;
}

Findings mtu_findings(std::span<const MtuState> states) {
  Findings findings;
  for (const MtuState& state : states) findings.push_back(finding_of(state));
  return findings;
}

Findings counter_findings(const probe::TransportCounters& counters) {
  Findings findings;
  if (std::string errors = list(counters.errors); !errors.empty()) {
    findings.push_back(
        path_finding("", "engine", Status::note, std::move(errors), "while the paths were probed"));
  }
  if (const std::string ignored = list(counters.ignored); !ignored.empty()) {
    findings.push_back(path_finding("", "engine", Status::note, "ignored " + ignored,
                                    "packets that came to the engine and were none of its own"));
  }
  return findings;
}

}  // namespace strait::cli
