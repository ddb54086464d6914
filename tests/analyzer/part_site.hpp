// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/decision.hpp"
#include "analyzer/grain.hpp"
#include "tests/analyzer/windows.hpp"

namespace strait::analyzer::test {

inline Target target(std::string name, double weight = 1, std::string traffic_class = "europe") {
  return {.name = std::move(name), .traffic_class = std::move(traffic_class), .weight = weight};
}

inline TargetPlace place(std::string country, std::uint32_t origin, const char* prefix) {
  return {
      .country = std::move(country), .origin = Asn{origin}, .prefix = parse_prefix(prefix).value()};
}

inline const TargetPlaces places{{"paris", place("FR", 1, "198.51.100.0/24")},
                                 {"lyon", place("FR", 2, "198.51.101.0/24")},
                                 {"nice", place("FR", 2, "198.51.102.0/24")},
                                 {"madrid", place("ES", 3, "203.0.113.0/24")},
                                 {"rome", place("IT", 4, "192.0.2.0/24")}};

// A site with two paths, of which BGP uses the first; a minute is judged when it is over.
struct PartSite {
  std::vector<Target> targets{target("paris"), target("madrid"), target("rome")};
  TargetPlaces where = places;
  std::vector<routes::Path> paths{path("atlas"), path("loukkos")};
  std::map<std::string, std::string, std::less<>> by_default{{"europe", "atlas"}};
  std::optional<std::map<std::string, std::set<std::string>, std::less<>>> routed;
  Shares shares;
  DecisionOptions options;
  std::map<std::pair<std::string, std::string>, double> ms;  // by path and target, else 20
  std::map<std::pair<std::string, std::string>, int> lost;   // of 300
  std::map<std::string, int> replies;                        // of a target, else 300
  double queue_ms = 0.5;
  std::vector<Window> windows;
  DecisionMemory memory;
  Decision newest;
  std::mt19937_64 random{7};  // NOLINT(bugprone-random-generator-seed)
  int now = 0;

  PartSite() { options.grain = Grain::country; }

  void measure() {
    for (const routes::Path& way : paths) {
      for (const Target& each : targets) {
        const std::pair key{way.name, each.name};
        const auto delay = ms.find(key);
        const auto count = replies.find(each.name);
        const int some = count == replies.end() ? 300 : count->second;
        if (some == 0) continue;
        WindowBuilder window(way.name, each.name, now);
        window.noisy(random, millis(delay == ms.end() ? 20 : delay->second), millis(queue_ms),
                     some);
        if (const auto gone = lost.find(key); gone != lost.end()) {
          window.lost(static_cast<std::uint64_t>(gone->second));
        }
        windows.push_back(window);
      }
    }
    ++now;
  }
  Decision decide_now() {
    const auto parts = measured_parts(targets, where, options.grain, shares);
    auto defaults = by_default;
    for (const MeasuredPart& each : parts) {
      const auto of_class = by_default.find(each.part.traffic_class);
      if (of_class != by_default.end()) defaults.try_emplace(each.part.name, of_class->second);
    }
    const DecisionInputs inputs{.windows = windows,
                                .network = {targets, paths, {}},
                                .routed = routed,
                                .default_path = defaults,
                                .pins = {},
                                .rates = {},
                                .parts = parts};
    return decide(inputs, memory, options, start + now * minute);
  }
  void minutes(int count) {
    for (int i = 0; i < count; ++i) {
      measure();
      newest = decide_now();
      memory = newest.memory;
    }
  }
  const PartVerdict& part(const std::string& name) const {
    const auto found = std::ranges::find_if(
        newest.parts, [&](const PartVerdict& each) { return each.verdict.traffic_class == name; });
    REQUIRE(found != newest.parts.end());
    return *found;
  }
  std::string path_of(const std::string& name) const {
    return part(name).verdict.path.value_or("as " + part(name).verdict.whole);
  }
  std::vector<std::string> split() const {
    std::vector<std::string> names;
    for (const PartVerdict& each : newest.parts) {
      if (each.standing == PartStanding::split) names.push_back(each.verdict.traffic_class);
    }
    return names;
  }
};

// Spain is 5 ms nearer by loukkos, and the others 5 ms farther.
inline PartSite spain_differs() {
  PartSite site;
  for (const char* const far : {"paris", "rome"}) site.ms[{"loukkos", far}] = 25;
  site.ms[{"loukkos", "madrid"}] = 15;
  return site;
}

}  // namespace strait::analyzer::test
