// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <optional>

#include "analyzer/gather.hpp"
#include "analyzer/pool.hpp"
#include "tests/analyzer/windows.hpp"

namespace strait::analyzer {
namespace {

using test::minute;
using test::ms;
using test::start;
using test::WindowBuilder;

Window with_pairs(const std::string& target, int index, Nanos difference, std::uint64_t pairs) {
  Window window = WindowBuilder("atlas", target, index).replies(20 * ms, pairs + 1);
  window.ipdv.record(difference, pairs);
  return window;
}

std::optional<PacketVariation> gathered(const std::vector<Window>& windows,
                                        const std::vector<Target>& targets, bool asked = true) {
  EvidenceOptions options;
  options.ipdv = asked;
  const Network network{.targets = targets, .paths = {}, .far_ends = {}};
  const auto all = gather(windows, network, options, start + (2 * minute));
  REQUIRE(all.size() == 1);
  return all.front().ipdv;
}

const std::vector<Target> paris{{.name = "paris", .traffic_class = "europe"}};

}  // namespace

TEST_CASE("percentiles of IPDV need as many pairs as make them no maximum") {
  struct Case {
    std::uint64_t pairs;
    bool p50;
    bool p95;
    bool p99;
  };
  const auto c = GENERATE(values<Case>({{1, false, false, false},
                                        {2, true, false, false},
                                        {19, true, false, false},
                                        {20, true, true, false},
                                        {99, true, true, false},
                                        {100, true, true, true}}));
  CAPTURE(c.pairs);
  const auto found = gathered({with_pairs("paris", 0, 2 * ms, c.pairs)}, paris);
  REQUIRE(found.has_value());
  CHECK(found->pairs == c.pairs);
  CHECK(found->p50.has_value() == c.p50);
  CHECK(found->p95.has_value() == c.p95);
  CHECK(found->p99.has_value() == c.p99);
  if (c.p50) CHECK(*found->p50 == 2 * ms);
}

TEST_CASE("windows without a pair tell nothing of IPDV, nor do those of whom nobody asks it") {
  CHECK_FALSE(gathered({WindowBuilder("atlas", "paris").replies(20 * ms, 300)}, paris).has_value());
  CHECK_FALSE(gathered({with_pairs("paris", 0, ms, 300)}, paris, false).has_value());
}

TEST_CASE("IPDV is of all windows of the span, each percentile at its rank") {
  const auto found =
      gathered({with_pairs("paris", 0, 1 * ms, 94), with_pairs("paris", 1, 5 * ms, 4),
                with_pairs("paris", 2, 9 * ms, 2)},
               paris);
  REQUIRE(found.has_value());
  CHECK(found->pairs == 100);
  CHECK(found->p50->count() == Approx((1 * ms).count()).epsilon(0.011));
  CHECK(found->p95->count() == Approx((5 * ms).count()).epsilon(0.011));
  CHECK(found->p99->count() == Approx((9 * ms).count()).epsilon(0.011));
}

TEST_CASE("a target counts in IPDV by its weight, not by its pairs") {
  const std::vector<Target> two{{.name = "madrid", .traffic_class = "europe", .weight = 1},
                                {.name = "paris", .traffic_class = "europe", .weight = 3}};
  const auto found =
      gathered({with_pairs("madrid", 0, 8 * ms, 3000), with_pairs("paris", 0, 2 * ms, 100)}, two);
  REQUIRE(found.has_value());
  CHECK(found->pairs == 3100);
  CHECK(found->p50->count() == Approx((2 * ms).count()).epsilon(0.011));
  CHECK(found->p95->count() == Approx((8 * ms).count()).epsilon(0.011));
}

}  // namespace strait::analyzer
