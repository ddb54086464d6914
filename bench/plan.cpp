// SPDX-License-Identifier: Apache-2.0
// How long it takes from verdicts for three regions, their 60 countries and 2,000 origins and a
// table to a plan: bench_plan [V4 V6 [PEERS]]. One line of JSON; STRAIT_BENCH_BIRD names a file for
// what BIRD is told.
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
#include <span>
#include <string>
#include <utility>
#include <vector>

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

// The countries and origins of `count` prefixes, spread over the table.
std::vector<routes::Part> parts_of(const routes::Rib& rib, const routes::Regions& regions,
                                   const routes::RibClasses& classes, std::size_t count) {
  std::map<std::string, routes::Part> parts;  // a whole sorts before its parts
  const std::size_t step = std::max<std::size_t>(rib.v4().keys.size() / count, 1);
  rib.for_each([&](const routes::RibEntry& entry) {
    if (entry.ordinal % step != 0 || !entry.prefix.network.is_v4()) return;
    auto place = routes::place_of(entry.prefix.network, rib, regions, classes);
    if (!place || place->region == routes::no_region || !place->origin) return;
    const std::string region{regions.name(place->region)};
    const std::string country = region + ":" + place->country;
    const std::string origin = fmt::format("{}:AS{}", country, place->origin->value());
    routes::Part part{.name = country,
                      .whole = region,
                      .traffic_class = region,
                      .country = place->country,
                      .origin = std::nullopt,
                      .prefix = std::nullopt};
    parts.try_emplace(country, part);
    part.name = origin;
    part.whole = country;
    part.origin = place->origin;
    parts.try_emplace(origin, part);
  });
  std::vector<routes::Part> all;
  for (auto& [name, part] : parts) all.push_back(std::move(part));
  return all;
}

// The regions by one path each, and every fifth part by another.
std::vector<routes::Wish> wishes_of(std::span<const routes::Part> parts,
                                    std::span<const routes::Path> paths) {
  std::vector<routes::Wish> wishes;
  for (const char* const region : {"africa", "europe", "middle-east"}) {
    wishes.push_back({.traffic_class = region, .path = paths[0].name, .reason = "because"});
  }
  for (std::size_t i = 0; i < parts.size(); i += 5) {
    wishes.push_back({.traffic_class = parts[i].name,
                      .path = paths[i / 5 % paths.size()].name,
                      .reason = "because"});
  }
  return wishes;
}

int run(const bench::TableShape& shape) {
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
  const auto parts = parts_of(rib, *regions, *classes, 2000);
  std::optional<routes::PartIndex> index;
  const double indexed = seconds([&] { index.emplace(rib, *regions, *classes, parts); });
  std::optional<routes::Preferable> preferable;
  const double guarded = seconds([&] { preferable.emplace(rib, *classes, paths, limits); });
  limits.classes = &*classes;
  limits.parts = &*index;
  limits.preferable = &*preferable;

  auto wishes = wishes_of(parts, paths);
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
      "{\"prefixes\":%zu,\"routes\":%zu,\"parts\":%zu,\"wishes\":%zu,\"classify_s\":%.3f,"
      "\"parts_s\":%.3f,\"guards_s\":%.3f,\"plan_s\":%.3f,\"plan_again_s\":%.3f,"
      "\"preferences\":%zu,\"preferred\":%zu,\"patterns\":%zu,\"bird_s\":%.3f,"
      "\"bird_mb\":%.1f,\"preferable_mb\":%.1f,\"rss_mb\":%.0f}\n",
      rib.prefix_count(), rib.route_count(), parts.size(), wishes.size(), classified, indexed,
      guarded, first, again, plan.preferences.size(), prefixes, patterns, bird,
      static_cast<double>(text.size()) / 1e6, static_cast<double>(preferable->memory()) / 1e6,
      resident_mb());
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
  return run(shape);
}
