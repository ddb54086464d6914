// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analyzer/verdict.hpp"
#include "core/result.hpp"
#include "core/window.hpp"

namespace strait::exporters {

struct TimeRange {  // [from, to)
  WallTime from = WallTime::min();
  WallTime to = WallTime::max();
};

enum class WindowKind : std::uint8_t { probes, passive };

struct WindowFilter {  // what is nothing matches everything
  std::optional<std::string> path;
  std::optional<std::string> target;
  std::optional<std::string> region;  // of the target, as set_regions() was told
  // Nobody who decides by probes is given windows of captured traffic unawares.
  std::optional<WindowKind> kind = WindowKind::probes;
};

// Rows that cannot be read are left out, counted and explained; the others are still good.
struct StoredWindows {
  std::vector<Window> windows;  // by start, then session
  std::uint64_t damaged = 0;
  std::string first_problem;
};

struct StoredVerdicts {
  std::vector<analyzer::Verdict> verdicts;  // by time, then class
  std::uint64_t damaged = 0;
  std::string first_problem;
};

using TargetRegions = std::map<std::string, std::string, std::less<>>;  // target -> region

// Where closed windows, verdicts and the decision memory outlive the process. Each call is all or
// nothing: after a crash a batch is there or it is not. Used by one thread.
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  Store(Store&&) = delete;
  Store& operator=(Store&&) = delete;
  virtual ~Store() = default;

  // A second window of the same session and start is the same window told again: of the two the one
  // with more probes stays, so repeating a batch changes nothing and a cut-off one never wins.
  [[nodiscard]] virtual Result<void> append(std::span<const Window> windows) = 0;
  [[nodiscard]] virtual Result<StoredWindows> windows(const TimeRange& range,
                                                      const WindowFilter& filter) = 0;

  [[nodiscard]] virtual Result<void> set_regions(const TargetRegions& regions) = 0;
  [[nodiscard]] virtual Result<TargetRegions> regions() = 0;

  // One verdict per class and time; the newer one stays.
  [[nodiscard]] virtual Result<void> append(std::span<const analyzer::Verdict> verdicts) = 0;
  [[nodiscard]] virtual Result<StoredVerdicts> verdicts(const TimeRange& range) = 0;

  [[nodiscard]] virtual Result<void> remember(const analyzer::DecisionMemory& memory) = 0;
  // Empty before the first remember().
  [[nodiscard]] virtual Result<analyzer::DecisionMemory> last_memory() = 0;

  // Deletes at most `most` of the oldest windows, and as many verdicts, that begin before `time`;
  // returns how many windows. Less than `most` means that nothing older is left.
  [[nodiscard]] virtual Result<std::uint64_t> forget_before(WallTime time, std::uint64_t most) = 0;

  // Octets that the store takes on disk.
  [[nodiscard]] virtual Result<std::uint64_t> size() = 0;
};

}  // namespace strait::exporters
