// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/window.hpp"

namespace strait::probe::simulated {

// What is simulated, as a scenario file tells it (strait-scenario(5)). Round trips throughout.

// Bursty loss, Gilbert (1960) and Elliott (1963): a good state and a bad one, each held for an
// exponential time.
struct BurstModel {
  Nanos every{};    // mean time from the end of one burst to the next
  Nanos length{};   // mean
  double loss = 1;  // of the probes of a burst
};

struct PathModel {
  std::string name;
  std::vector<std::string> segments;  // catalogue ids, in order
  Nanos jitter{100'000};              // mean of the exponential wait that each probe has anyhow
  double heavy_tail = 0;              // share of the probes whose wait is Pareto (shape 1.5)
  double loss = 0;                    // of all probes, by chance
  std::optional<BurstModel> burst;
  std::vector<Nanos> members;          // what each ECMP member adds; empty: one that adds nothing
  double forward_share = 0.5;          // of the round trip that is the way there
  double capacity = 0;                 // Gb/s; 0: it never queues
  double load = 0;                     // Gb/s, the mean of a working day
  Nanos buffer{50'000'000};            // the longest queue
  std::vector<std::string> spills_to;  // paths that take its load when it is cut; empty: all

  [[nodiscard]] std::size_t member_of(std::uint16_t flow) const {
    return members.empty() ? 0 : flow % members.size();
  }
};

struct TargetModel {
  std::string name;
  std::string region;
  double weight = 1;
  std::map<std::string, Nanos, std::less<>> rtt;  // by path: without any wait; absent: not probed
  Nanos clock_offset{};                           // far clock minus ours, at the start
  double clock_drift = 0;                         // s/s
  std::optional<Nanos> clock_error;  // what both clocks claim; absent: no one-way delays
};

// The load of every path through the day and the week.
struct DemandModel {
  double swing = 0.4;       // at the peak this share above the mean, 12 hours later below it
  double peak_hour = 20.5;  // UTC
  double weekend = 0.9;     // factor of Saturdays and Sundays
};

enum class Happening : std::uint8_t {
  cut,         // path: everything is lost, its load goes elsewhere
  shift,       // path: all round trips are longer by `size` (shorter if negative)
  one_member,  // path: only those of ECMP member `member`
  queueing,    // path: a queue of mean `size` that the load does not explain
  loss,        // path: this share of the probes is lost
  outage,      // target: its reflector answers nobody
  lie,  // target: its replies claim round trips shorter by `size`; of some paths only, if named
  clock_step,   // target: its clock is set by `size`
  clock_drift,  // target: its clock runs off by `size` a second
  pause,        // nothing is probed, and there are no windows
  congestion,   // only in the truth: a path's load makes a queue
};
[[nodiscard]] std::string_view to_string(Happening happening);

struct EventModel {
  Happening kind = Happening::cut;
  std::vector<std::string> paths;  // of those kinds that are of paths; none twice
  // Of those that are of targets; of a shift, a queue or loss: only towards these, if there are
  // any.
  std::vector<std::string> targets;
  WallTime from;
  WallTime to;  // the end of the scenario where none was given
  Nanos size{};
  double loss = 0;
  std::size_t member = 0;
  std::string words;  // what to call it

  [[nodiscard]] bool active(WallTime time) const { return from <= time && time < to; }
  [[nodiscard]] bool of_path(std::string_view path) const;
  [[nodiscard]] bool of_target(std::string_view target) const;
};

struct Scenario {
  std::string title;
  std::string source;  // where the story is from
  WallTime start;
  Nanos length{};
  Nanos window{60'000'000'000};
  Nanos interval{1'000'000'000};  // between the probes of a session, all its flows together
  std::uint16_t flows = 1;
  Protocol protocol = Protocol::stamp;
  std::uint64_t seed = 1;
  double missing = 0;  // share of the windows that are never written
  DemandModel demand;
  std::vector<PathModel> paths;
  std::vector<TargetModel> targets;
  std::map<std::string, std::string, std::less<>> defaults;  // by region: the path BGP uses
  std::vector<EventModel> events;

  [[nodiscard]] WallTime end() const { return start + length; }
};

// How large a scenario may be, so that memory stays bounded whatever a file says.
inline constexpr std::size_t most_paths = 64;
inline constexpr std::size_t most_targets = 256;
inline constexpr std::size_t most_events = 10'000;
inline constexpr std::int64_t most_probes_in_window = 100'000;

}  // namespace strait::probe::simulated
