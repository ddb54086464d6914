// SPDX-License-Identifier: Apache-2.0
// Any text: a scenario or a complaint; a scenario can be simulated, and its windows make sense.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "probe/simulated/read_scenario.hpp"
#include "probe/simulated/simulation.hpp"

using namespace strait;
using namespace strait::probe::simulated;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto scenario = parse_scenario({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!scenario) return 0;
  if (scenario->window / scenario->interval > 200) return 0;
  Simulation simulation{*std::move(scenario)};
  for (int slot = 0; slot < 3 && !simulation.done(); ++slot) {
    for (const Window& window : simulation.next()) {
      if (window.counts.sent != window.counts.received + window.counts.lost) std::abort();
      if (window.rtt.count() != window.counts.received) std::abort();
      if (window.rtt.zero_count() != 0) std::abort();
    }
  }
  return 0;
}
