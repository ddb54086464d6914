// SPDX-License-Identifier: Apache-2.0
// The parts of bench/rib.sh: makes dumps, reads them, walks over their records, looks addresses up.
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "bench/mrt_table.hpp"
#include "routes/classify.hpp"
#include "routes/match_index.hpp"
#include "routes/sources/byte_reader.hpp"
#include "routes/sources/mrt.hpp"

namespace {

using namespace strait;

// Seconds of processor time, user and system.
double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double resident_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
}

double timed(const std::function<void()>& work) {
  const double before = cpu_seconds();
  work();
  return cpu_seconds() - before;
}

unsigned number(const char* text) { return static_cast<unsigned>(std::strtoul(text, nullptr, 10)); }

int make(const std::vector<const char*>& words) {
  bench::TableShape shape{
      .v4 = number(words[1]), .v6 = number(words[2]), .peers = number(words[3])};
  std::ofstream{words[0], std::ios::binary} << bench::make_table(shape);
  return 0;
}

int make_updates(const std::vector<const char*>& words) {
  std::ofstream{words[0], std::ios::binary} << bench::make_updates({}, number(words[1]));
  return 0;
}

Result<routes::RibDump> load(const std::vector<const char*>& files) {
  const std::vector<std::string> names(files.begin(), files.end());
  return routes::load_mrt(names, {});
}

int read(const std::vector<const char*>& words) {
  const double before = cpu_seconds();
  const auto dump = load(words);
  if (!dump) {
    std::fprintf(stderr, "%s\n", dump.error().message.c_str());
    return 1;
  }
  std::printf(
      "{\"cpu_s\":%.3f,\"rss_mb\":%.0f,\"rib_mb\":%.0f,\"routes\":%llu,\"prefixes\":%zu,"
      "\"in_rib\":%zu,\"attributes\":%zu,\"damaged\":%llu}\n",
      cpu_seconds() - before, resident_mb(), static_cast<double>(dump->rib.memory()) / 1e6,
      static_cast<unsigned long long>(dump->report.routes), dump->rib.prefix_count(),
      dump->rib.route_count(), dump->rib.attributes().size(),
      static_cast<unsigned long long>(dump->report.damaged));
  return 0;
}

// The least that any reader must do: every octet once, and the length of every attribute.
int walk(const std::vector<const char*>& words) {
  const auto source = routes::open_source(words[0]);
  if (!source) return 1;
  std::vector<std::byte> all;
  const double cpu = timed([&] {
    std::vector<std::byte> block(1U << 20U);
    while (const std::size_t count = (*source)->read(block)) {
      all.insert(all.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(count));
    }
  });
  unsigned long long entries = 0;
  unsigned long long attributes = 0;
  const double walked = timed([&] {
    routes::ByteReader file{all};
    while (!file.empty()) {
      file.take(6);
      const unsigned subtype = file.u16();
      routes::ByteReader body{file.take(file.u32())};
      if (subtype == 1) continue;
      body.take(4);
      body.take((body.u8() + 7U) / 8U);
      for (unsigned left = body.u16(); left > 0; --left, ++entries) {
        body.take(6);
        routes::ByteReader octets{body.take(body.u16())};
        for (; !octets.empty(); ++attributes) {
          const unsigned flags = octets.u8();
          octets.u8();
          octets.take((flags & 0x10U) != 0 ? octets.u16() : octets.u8());
        }
      }
    }
  });
  std::printf("{\"read_s\":%.3f,\"walk_s\":%.3f,\"routes\":%llu,\"attributes\":%llu}\n", cpu,
              walked, entries, attributes);
  return 0;
}

int lookup(const std::vector<const char*>& words) {
  const auto dump = load(words);
  if (!dump) return 1;
  const routes::Rib& rib = dump->rib;
  std::unique_ptr<routes::MatchIndex> index;
  const double built = timed([&] { index = std::make_unique<routes::MatchIndex>(rib); });
  std::mt19937_64 random{1};
  constexpr std::size_t count = 1U << 22U;
  std::vector<std::uint32_t> anywhere(count);
  std::vector<std::uint32_t> routed(count);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> v6(count);
  for (std::size_t i = 0; i < count; ++i) {
    anywhere[i] = static_cast<std::uint32_t>(random());
    const auto& key = rib.v4().keys[random() % rib.v4().keys.size()];
    const std::uint32_t hosts = key.length() == 32 ? 0 : ~std::uint32_t{0} >> key.length();
    routed[i] = key.network() | (static_cast<std::uint32_t>(random()) & hosts);
    if (rib.v6().keys.empty()) continue;
    const auto& long_key = rib.v6().keys[random() % rib.v6().keys.size()];
    v6[i] = {long_key.high |
                 (random() & ~routes::KeyV6::mask(std::min(64U, unsigned{long_key.length()}))),
             random()};
  }
  std::size_t found = 0;
  const auto rate = [&](double seconds) { return static_cast<double>(count) / seconds / 1e6; };
  const double random_v4 = rate(timed([&] {
    for (const auto address : anywhere) found += index->find_v4(address).value_or(0);
  }));
  const double routed_v4 = rate(timed([&] {
    for (const auto address : routed) found += index->find_v4(address).value_or(0);
  }));
  const double routed_v6 = rate(timed([&] {
    for (const auto& [high, low] : v6) found += index->find_v6(high, low).value_or(0);
  }));
  std::printf(
      "{\"build_s\":%.3f,\"v4_random_m_s\":%.1f,\"v4_routed_m_s\":%.1f,\"v6_routed_m_s\":%.1f,"
      "\"sum\":%zu}\n",
      built, random_v4, routed_v4, routed_v6, found);
  return 0;
}

// Statistics of registries that registered every prefix that no other one covers, each to one of
// 100 countries: about as many records as the five have.
routes::RegistrationFiles registered(const routes::Rib& rib) {
  std::vector<routes::RegisteredBlock> blocks;
  std::mt19937 random{1};
  rib.for_each([&](const routes::RibEntry& entry) {
    const auto letter = [&] { return static_cast<char>('A' + random() % 10); };
    const auto block = routes::block_of(entry.prefix, {.letters = {letter(), letter()}});
    if (!block) return;
    const bool inside =
        !blocks.empty() && blocks.back().v6 == block->v6 && block->last <= blocks.back().last;
    if (!inside) blocks.push_back(*block);
  });
  std::printf("{\"registrations\":%zu", blocks.size());
  routes::RegistrationFiles files;
  const double made =
      timed([&] { files.registrations = {std::move(blocks), {{.name = "bench", .date = {}}}}; });
  std::printf(",\"made_s\":%.3f", made);
  return files;
}

// Every prefix by registrations alone, then with 100 origin ASes, then with 3 communities too.
int classify(const std::vector<const char*>& words) {
  const auto dump = load(words);
  if (!dump) return 1;
  const auto files = registered(dump->rib);
  std::map<std::string, std::string, std::less<>> countries;
  for (char a = 'A'; a < 'K'; ++a) {
    for (char b = 'A'; b < 'H'; ++b) countries[{a, b}] = b < 'D' ? "one" : "two";
  }
  std::vector<routes::RegionRules> rules{
      {.name = "one", .countries = {}, .asns = {}, .prefixes = {}, .communities = {}},
      {.name = "two", .countries = {}, .asns = {}, .prefixes = {}, .communities = {}}};
  for (const char* const what : {"registrations", "asns", "communities"}) {
    auto regions = routes::Regions::make(rules, countries);
    if (!regions) return 1;
    regions->set_registrations(files);
    std::size_t placed = 0;
    const double seconds = timed([&] {
      const routes::RibClasses classes{dump->rib, *regions};
      dump->rib.for_each([&](const routes::RibEntry& entry) {
        placed += classes.at(entry) != routes::no_region ? 1 : 0;
      });
    });
    std::printf(",\"%s_s\":%.3f,\"%s_placed\":%zu", what, seconds, what, placed);
    if (rules.front().asns.empty()) {
      for (std::uint32_t i = 0; i < 100; ++i) rules.front().asns.emplace_back(1000 + i);
    } else {
      for (std::uint32_t i = 0; i < 3; ++i) {
        rules.back().communities.emplace_back((65001U + i) << 16U | 7U);
      }
    }
  }
  std::puts("}");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<const char*> words(argv + std::min(argc, 2), argv + argc);
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "make" && words.size() == 4) return make(words);
  if (what == "make-updates" && words.size() == 2) return make_updates(words);
  if (what == "read" && !words.empty()) return read(words);
  if (what == "walk" && words.size() == 1) return walk(words);
  if (what == "lookup" && !words.empty()) return lookup(words);
  if (what == "classify" && !words.empty()) return classify(words);
  std::fputs(
      "usage: bench_rib make FILE V4 V6 PEERS | make-updates FILE COUNT | read FILE... | "
      "walk FILE | lookup FILE... | classify FILE...\n",
      stderr);
  return 2;
}
