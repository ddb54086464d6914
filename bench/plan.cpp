// SPDX-License-Identifier: Apache-2.0
// How long it takes from a table and windows of 2,000 targets, in three regions, 60 countries and
// as many origins, to verdicts and a plan: bench_plan [V4 V6 [PEERS [MAX_PARTS]]]. One line of
// JSON; STRAIT_BENCH_BIRD names a file for what BIRD is told.
#include <sys/resource.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/decision.hpp"
#include "bench/mrt_table.hpp"
#include "routes/classify.hpp"
#include "routes/dialects/bird.hpp"
#include "routes/dialects/prefix_patterns.hpp"
#include "routes/dialects/wording.hpp"
#include "routes/part_index.hpp"
#include "routes/plan_from_rib.hpp"
#include "routes/preferable.hpp"
#include "routes/sources/mrt.hpp"

namespace {

using namespace strait;

// Seconds of processor time, user and system.
double seconds(const std::function<void()>& work) {
  const auto used = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto in_seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime);
  };
  const double before = used();
  work();
  return used() - before;
}

double resident_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
}

Result<routes::RibDump> table_of(const bench::TableShape& shape) {
  const auto file = std::filesystem::temp_directory_path() /
                    ("strait-bench-plan-" + std::to_string(shape.v4) + ".mrt");
  std::ofstream{file, std::ios::binary} << bench::make_table(shape);
  auto dump = routes::load_mrt(file.string(), {});
  std::filesystem::remove(file);
  return dump;
}

// Every prefix that no other one covers is registered in one of 60 countries.
routes::RegistrationFiles registered(const routes::Rib& rib) {
  std::vector<routes::RegisteredBlock> blocks;
  unsigned turn = 0;
  rib.for_each([&](const routes::RibEntry& entry) {
    const unsigned country = ++turn * 7919 % 60;
    const auto letter = [](unsigned number) { return static_cast<char>('A' + number); };
    const auto block =
        routes::block_of(entry.prefix, {.letters = {letter(country / 10), letter(country % 10)}});
    if (!block) return;
    if (!blocks.empty() && blocks.back().v6 == block->v6 && block->last <= blocks.back().last) {
      return;
    }
    blocks.push_back(*block);
  });
  routes::RegistrationFiles files;
  files.registrations = {std::move(blocks), {{.name = "bench", .date = {}}}};
  return files;
}

// Three regions of 20 countries.
Result<routes::Regions> regions_of(const routes::Rib& rib) {
  std::map<std::string, std::string, std::less<>> countries;
  for (int i = 0; i < 60; ++i) {
    countries[{static_cast<char>('A' + i / 10), static_cast<char>('A' + i % 10)}] =
        i < 20   ? "africa"
        : i < 40 ? "europe"
                 : "middle-east";
  }
  auto regions = routes::Regions::make({}, countries);
  if (regions) regions->set_registrations(registered(rib));
  return regions;
}

std::vector<routes::Path> paths_of(unsigned peers) {
  std::vector<routes::Path> paths(peers);
  for (unsigned i = 0; i < peers; ++i) {
    paths[i].name = fmt::format("path{}", i);
    paths[i].protocol = fmt::format("up{}", i);
    paths[i].neighbor_v4 = boost::asio::ip::address_v4{0xc0000201U + 4 * i};
  }
  return paths;
}

// Targets in `count` prefixes, spread over the table, no two of them in one origin.
struct Targets {
  std::vector<analyzer::Target> all;
  analyzer::TargetPlaces places;
};

Targets targets_in(const routes::Rib& rib, const routes::Regions& regions,
                   const routes::RibClasses& classes, std::size_t count) {
  Targets targets;
  std::set<std::pair<std::string, Asn>> seen;
  const std::size_t step = std::max<std::size_t>(rib.v4().keys.size() / count, 1);
  rib.for_each([&](const routes::RibEntry& entry) {
    if (entry.ordinal % step != 0 || !entry.prefix.network.is_v4()) return;
    auto place = routes::place_of(entry.prefix.network, rib, regions, classes);
    if (!place || place->region == routes::no_region || !place->origin) return;
    if (!seen.emplace(place->country, *place->origin).second) return;
    const std::string name = fmt::format("t{}", targets.all.size());
    targets.all.push_back(
        {.name = name, .traffic_class = std::string{regions.name(place->region)}});
    targets.places[name] = {
        .country = place->country, .origin = place->origin, .prefix = place->prefix};
  });
  return targets;
}

constexpr Nanos minute{60'000'000'000};
constexpr WallTime start{29'000'000 * minute};

// So many minutes of every target over every path, 100 probes each: 20 ms and a queue by the first,
// 22 ms by the others, but every fifth target is 8 ms nearer by one of those.
Nanos least_delay(std::size_t target, std::size_t path, std::size_t paths) {
  if (path == 0) return Nanos{20'000'000};
  const bool nearer = target % 5 == 0 && path == 1 + target / 5 % (paths - 1);
  return Nanos{nearer ? 14'000'000 : 22'000'000};
}

std::vector<Window> windows_of(const Targets& targets, std::span<const routes::Path> paths,
                               int minutes) {
  std::mt19937_64 random{1};  // NOLINT(bugprone-random-generator-seed)
  std::exponential_distribution<double> queue{1.0 / 500'000};
  std::vector<Window> windows;
  windows.reserve(static_cast<std::size_t>(minutes) * targets.all.size() * paths.size());
  for (int i = 0; i < minutes; ++i) {
    for (std::size_t t = 0; t < targets.all.size(); ++t) {
      for (std::size_t p = 0; p < paths.size(); ++p) {
        Window& window = windows.emplace_back();
        window.session = {.path = paths[p].name, .target = targets.all[t].name};
        window.start = start + i * minute;
        window.length = minute;
        window.source = StampSource::kernel;
        window.counts.sent = window.counts.received = 100;
        const Nanos least = least_delay(t, p, paths.size());
        for (int probe = 0; probe < 100; ++probe) {
          window.rtt.record(least + Nanos{static_cast<Nanos::rep>(queue(random))});
        }
      }
    }
  }
  return windows;
}

// What the verdicts wish: the first path for each region, whatever was measured, so that nearly
// every prefix is in the plan; and that of every part that is split.
std::vector<routes::Wish> wishes_of(const analyzer::Decision& decision,
                                    std::span<const routes::Path> paths) {
  std::vector<routes::Wish> wishes;
  for (const char* const region : {"africa", "europe", "middle-east"}) {
    wishes.push_back({.traffic_class = region, .path = paths[0].name, .reason = "because"});
  }
  for (const analyzer::PartVerdict& part : decision.parts) {
    if (part.standing != analyzer::PartStanding::split) continue;
    wishes.push_back({.traffic_class = part.verdict.traffic_class,
                      .path = part.verdict.path.value_or(""),
                      .reason = part.verdict.reason});
  }
  return wishes;
}

// What decide() is given, and how long it takes: at once, and when a minute more has been measured.
struct Judged {
  analyzer::Decision decision;
  double first = 0;
  double next = 0;
};

Judged judge(const Targets& targets, std::span<const analyzer::MeasuredPart> parts,
             std::span<const routes::Path> paths, std::size_t max_parts) {
  constexpr int minutes = 12;
  const std::vector<Window> windows = windows_of(targets, paths, minutes + 1);
  const std::span before = std::span{windows}.first(windows.size() * minutes / (minutes + 1));
  analyzer::DecisionOptions options;
  options.grain = analyzer::Grain::origin;
  options.max_parts = max_parts;
  analyzer::DecisionInputs inputs{.windows = before,
                                  .network = {targets.all, paths, {}},
                                  .routed = {},
                                  .default_path = {},
                                  .pins = {},
                                  .parts = parts};
  for (const analyzer::Target& target : targets.all) {
    inputs.default_path[target.traffic_class] = paths[0].name;
  }
  for (const analyzer::MeasuredPart& part : parts) {
    inputs.default_path[part.part.name] = paths[0].name;
  }
  Judged judged;
  judged.first = seconds(
      [&] { judged.decision = analyzer::decide(inputs, {}, options, start + minutes * minute); });
  inputs.windows = windows;
  judged.next = seconds([&] {
    judged.decision =
        analyzer::decide(inputs, judged.decision.memory, options, start + (minutes + 1) * minute);
  });
  return judged;
}

int run(const bench::TableShape& shape, std::size_t max_parts) {
  const auto dump = table_of(shape);
  if (!dump) {
    std::fprintf(stderr, "%s\n", dump.error().message.c_str());
    return 1;
  }
  const routes::Rib& rib = dump->rib;
  const auto regions = regions_of(rib);
  if (!regions) return 1;
  const auto paths = paths_of(shape.peers);
  routes::PlanLimits limits;
  limits.max_prefixes = rib.prefix_count();
  limits.site_asn = Asn{64500};
  limits.refuse = routes::Problems::all();
  // The table's ASes are of the block that IANA has reserved.
  limits.refuse.remove(routes::Problem::bogon_asn);
  limits.refuse.remove(routes::Problem::private_asn);

  std::optional<routes::RibClasses> classes;
  const double classified = seconds([&] { classes.emplace(rib, *regions); });
  Targets targets;
  std::vector<analyzer::MeasuredPart> measured;
  const double placed = seconds([&] {
    targets = targets_in(rib, *regions, *classes, 2000);
    measured = analyzer::measured_parts(targets.all, targets.places, analyzer::Grain::origin, {});
  });
  const Judged judged = judge(targets, measured, paths, max_parts);
  const auto count = [&](analyzer::PartStanding standing) {
    return std::ranges::count(judged.decision.parts, standing, &analyzer::PartVerdict::standing);
  };
  std::vector<routes::Part> parts(measured.size());
  std::ranges::transform(measured, parts.begin(), &analyzer::MeasuredPart::part);
  std::optional<routes::PartIndex> index;
  const double indexed = seconds([&] { index.emplace(rib, *regions, *classes, parts); });
  std::optional<routes::Preferable> preferable;
  const double guarded = seconds([&] { preferable.emplace(rib, *classes, paths, limits); });
  limits.classes = &*classes;
  limits.parts = &*index;
  limits.preferable = &*preferable;

  auto wishes = wishes_of(judged.decision, paths);
  routes::Plan plan;
  const auto planned = [&] { plan = routes::plan_from_rib(wishes, paths, rib, *regions, limits); };
  const double first = seconds(planned);
  wishes.back().path = paths.back().name;
  const double again = seconds(planned);
  std::size_t prefixes = 0;
  std::size_t patterns = 0;
  for (const auto& each : plan.preferences) {
    prefixes += each.prefixes.size();
    for (const bool v6 : {false, true}) {
      patterns += routes::patterns_of(routes::of_family(each.prefixes, v6)).size();
    }
  }
  std::string text;
  const double bird = seconds([&] { text = routes::render_bird(plan).value(); });
  if (const char* const file = std::getenv("STRAIT_BENCH_BIRD")) std::ofstream{file} << text;
  std::printf(
      "{\"prefixes\":%zu,\"routes\":%zu,\"targets\":%zu,\"parts\":%zu,\"split\":%td,"
      "\"left_out\":%td,\"place_s\":%.3f,\"decide_s\":%.3f,\"decide_next_s\":%.3f,"
      "\"wishes\":%zu,\"classify_s\":%.3f,"
      "\"parts_s\":%.3f,\"guards_s\":%.3f,\"plan_s\":%.3f,\"plan_again_s\":%.3f,"
      "\"preferences\":%zu,\"preferred\":%zu,\"patterns\":%zu,\"bird_s\":%.3f,"
      "\"bird_mb\":%.1f,\"preferable_mb\":%.1f,\"rss_mb\":%.0f}\n",
      rib.prefix_count(), rib.route_count(), targets.all.size(), parts.size(),
      count(analyzer::PartStanding::split), count(analyzer::PartStanding::left_out), placed,
      judged.first, judged.next, wishes.size(), classified, indexed, guarded, first, again,
      plan.preferences.size(), prefixes, patterns, bird, static_cast<double>(text.size()) / 1e6,
      static_cast<double>(preferable->memory()) / 1e6, resident_mb());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  bench::TableShape shape;
  const auto number = [&](int i, unsigned otherwise) {
    return argc > i ? static_cast<unsigned>(std::strtoul(argv[i], nullptr, 10)) : otherwise;
  };
  shape.v4 = number(1, shape.v4);
  shape.v6 = number(2, shape.v6);
  shape.peers = number(3, shape.peers);
  return run(shape, number(4, 2000));
}
