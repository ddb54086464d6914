// SPDX-License-Identifier: Apache-2.0
#include "exporters/csv.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/exporters/samples.hpp"

using namespace strait;
using namespace strait::exporters;

TEST_CASE("evidence as CSV has as many cells as its header, and none for what is not known") {
  auto evidence = samples::evidence("atlas \"A\", north", "europe");
  analyzer::Evidence nothing;
  nothing.path = "loukkos";
  nothing.traffic_class = "europe";
  nothing.adequacy_reason = "not measured";
  evidence.rtt[0].worth = 57;
  evidence.windows_with_loss = 1;
  const std::string text = to_csv(std::vector{evidence, nothing});
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  REQUIRE(lines.size() == 3);
  CHECK_THAT(lines[0], Catch::StartsWith("class,path,from,to,windows,samples,kept_apart,p50_ns,"));
  CHECK_THAT(lines[1], Catch::StartsWith("europe,\"atlas \"\"A\"\", north\","));
  CHECK_THAT(lines[1], Catch::Contains(",57,"));
  CHECK(lines[2] ==
        "europe,loukkos,,,0,0,0,,,,,,,,,,,,,,,,,,,0,0,,,,0,0,0,,,,,,,,false,not measured,,,,,");
  CHECK_THAT(lines[0], Catch::EndsWith(",method,ipdv_pairs,ipdv_p50_ns,ipdv_p95_ns,ipdv_p99_ns"));
  CHECK_THAT(lines[1], Catch::EndsWith(",596,110000,290000,480000"));
  const auto commas = [](const std::string& line) { return std::ranges::count(line, ','); };
  CHECK(commas(lines[2]) == commas(lines[0]));
  CHECK(commas(lines[1]) == commas(lines[0]) + 1);  // one is quoted
}
