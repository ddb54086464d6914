// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <sstream>

#include "cli/config/configuration.hpp"
#include "cli/routes/inbound_run.hpp"
#include "core/clock.hpp"
#include "core/file.hpp"
#include "exporters/sqlite_store.hpp"
#include "tests/temporary_folder.hpp"

using namespace strait;
using namespace strait::cli;

namespace {

constexpr Nanos minute = std::chrono::minutes{1};
constexpr Nanos ms = std::chrono::milliseconds{1};

// Three paths: replies to "ours" come as traffic does, those to the others by their upstreams.
constexpr const char* text = R"(
[site]
name = "test"
asn = 64500
[[path]]
name = "ours"
upstream_asn = 64501
device = "eth1"
source_v4 = "198.51.100.1"
[[path]]
name = "atlas"
upstream_asn = 64501
device = "eth1"
source_v4 = "192.0.2.1"
comes_back = true
levers = ["community 64501:70"]
[[path]]
name = "loukkos"
upstream_asn = 64502
device = "eth2"
source_v4 = "192.0.2.5"
comes_back = true
[[region]]
name = "lusaka"
prefixes = ["203.0.113.0/25"]
[[target]]
name = "madrid"
address = "203.0.113.200"
region = "europe"
[[target]]
name = "zambia"
address = "203.0.113.10"
region = "lusaka"
[[inbound]]
class = "europe"
prefixes = ["198.51.100.0/24"]
[[inbound]]
class = "lusaka"
prefixes = ["198.51.100.0/24"]
[exporters]
store = "STORE"
)";

class Place {
 public:
  Place() : now_{SystemClock{}.now().wall} {
    std::string config = text;
    config.replace(config.find("STORE"), 5, folder_ + "/store.db");
    REQUIRE(replace_file(file(), config));
  }

  [[nodiscard]] std::string file() const { return folder_ + "/strait.toml"; }
  [[nodiscard]] WallTime ago(int minutes) const { return now_ - minutes * minute; }

  // Windows of a minute that ended `first` to `last` minutes ago, with that delay of the way back.
  void measured(const char* path, const char* target, int first, int last, Nanos reverse) {
    for (int i = first; i >= last; --i) {
      Window window;
      window.session = {.path = path, .target = target, .protocol = Protocol::stamp};
      window.start = WallTime{(ago(i).time_since_epoch() / minute - 1) * minute};
      window.length = minute;
      window.source = StampSource::kernel;
      window.counts.sent = window.counts.received = 200;
      window.clocks.state = ClockState::usable;
      for (int probe = 0; probe < 200; ++probe) {
        window.rtt.record(40 * ms, 1);
        window.reverse.record(reverse + (probe % 10) * ms / 100, 1);
      }
      windows_.push_back(std::move(window));
    }
  }
  std::string inbound(std::optional<WallTime> made = std::nullopt, bool json = false) {
    auto store = exporters::SqliteStore::open(folder_ + "/store.db");
    REQUIRE(store);
    REQUIRE((*store)->append(windows_));
    store->reset();
    std::ostringstream results;
    std::ostringstream progress;
    const auto status = run_inbound({.source = {.config = file(), .json = json}, .made = made},
                                    {results, progress});
    if (!status) FAIL(status.error().message);
    return results.str();
  }

 private:
  WallTime now_;
  testing::TemporaryFolder temporary_;
  std::string folder_ = temporary_.path();
  std::vector<Window> windows_;
};

}  // namespace

TEST_CASE("inbound names one change at a time, that of the class which gains most") {
  Place place;
  for (const char* target : {"madrid", "zambia"}) {
    place.measured("ours", target, 14, 0, 20 * ms);
    place.measured("atlas", target, 14, 0, 20 * ms);
  }
  place.measured("loukkos", "madrid", 14, 0, 12 * ms);
  place.measured("loukkos", "zambia", 14, 0, 8 * ms);
  const std::string text = place.inbound();
  INFO(text);
  CHECK_THAT(text, Catch::Contains("comes by atlas, as far as delays tell"));
  CHECK_THAT(text, Catch::Contains("next: announce 198.51.100.0/24 to the upstream of atlas with "
                                   "community 64501:70"));
  CHECK_THAT(text, Catch::Contains("waits: one change at a time, that of lusaka first"));
  CHECK_THAT(text, Catch::Contains("expected: 12.0"));
}

TEST_CASE("no further change is named before the effect of the last one is known") {
  Place place;
  const WallTime made = place.ago(16);
  for (const char* target : {"madrid", "zambia"}) {
    place.measured("atlas", target, 30, 0, 20 * ms);
    place.measured("loukkos", target, 30, 0, 12 * ms);
  }
  place.measured("ours", "madrid", 30, 0, 20 * ms);
  place.measured("ours", "zambia", 30, 16, 20 * ms);
  SECTION("not measured") {
    CHECK_THAT(place.inbound(made),
               Catch::Contains("the effect of the change at") && !Catch::Contains("next:"));
  }
  SECTION("measured") {
    place.measured("ours", "zambia", 14, 0, 12 * ms);
    const std::string text = place.inbound(made);
    INFO(text);
    CHECK_THAT(text, Catch::Contains("next: announce"));
    CHECK_THAT(text, Catch::Contains("above loukkos: before 8.0"));
    CHECK_THAT(text, Catch::Contains("the change did -8.0"));
    CHECK_THAT(place.inbound(made, true), Catch::Contains("\"type\":\"inbound\"") &&
                                              Catch::Contains("\"effects\":[{\"path\":\"atlas\""));
  }
}

TEST_CASE("an address that all upstreams announce is not one that only one does") {
  std::string mistaken = text;
  mistaken.replace(mistaken.find("source_v4 = \"192.0.2.1\""), 23, "source_v4 = \"198.51.100.9\"");
  const auto parsed = parse_configuration(mistaken, "t.toml");
  REQUIRE_FALSE(parsed);
  CHECK_THAT(parsed.error().message, Catch::Contains("[[inbound]] class 'europe'"));
}
