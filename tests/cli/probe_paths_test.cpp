// SPDX-License-Identifier: Apache-2.0
// `strait probe --config` over a fake network: a path must prove that it is one.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/probe/run.hpp"
#include "tests/cli/fast_network.hpp"

using namespace strait;
using namespace strait::cli;

namespace {

constexpr const char* text = R"([[path]]
name = "north"
upstream_asn = 64501
neighbor_v4 = "192.0.2.1"
protocol = "up"
[[target]]
name = "far"
address = "198.51.100.1"
protocol = "stamp"
region = "europe"
[exporters]
listen = []
)";

struct Ran {
  int status = -1;
  std::string results;
  std::string said;
};

// The first hop is `router`.
Ran run(std::uint32_t router) {
  const auto file = std::filesystem::temp_directory_path() / "strait_probe_paths_test.toml";
  std::ofstream{file} << text;
  Seen seen;
  seen.router = router;
  ProbeOptions options;
  options.config = file.string();
  options.csv = true;
  std::ostringstream results;
  std::ostringstream said;
  std::istringstream nothing;
  const auto status =
      run_probe(options,
                [&](const ProbeOptions&) -> Result<std::unique_ptr<probe::Transport>> {
                  return std::make_unique<FastNetwork>(seen);
                },
                {.results = results, .progress = said, .input = nothing});
  std::filesystem::remove(file);
  REQUIRE(status);
  return {*status, results.str(), said.str()};
}

}  // namespace

TEST_CASE("a path whose upstream answers is measured without a word") {
  const auto ran = run(0xc0000201);  // 192.0.2.1
  CHECK(ran.status == 0);
  CHECK(ran.said.empty());
  CHECK_THAT(ran.results, Catch::Contains("\r\nnorth,far,198.51.100.1,stamp,") &&
                              Catch::Contains(",10,10,0,0,0,0,0,0,0.0000,"));
}

TEST_CASE("a path for which another router answers is not probed") {
  const auto ran = run(0xc0000209);  // 192.0.2.9
  CHECK(ran.status == 1);
  CHECK(ran.said ==
        "strait: path north (IPv4): pin failed: 192.0.2.9 answered, not 192.0.2.1; it is not "
        "probed\n");
  CHECK_THAT(ran.results, Catch::Contains("\r\nnorth,far,198.51.100.1,stamp,") &&
                              Catch::Contains(",0,0,0,0,0,0,0,0,,,,"));
}
