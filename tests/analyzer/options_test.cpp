// SPDX-License-Identifier: Apache-2.0
#include "analyzer/options.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace strait;
using namespace strait::analyzer;

TEST_CASE("analyzer options are read from the configuration, defaults where it is silent") {
  auto document = ConfigDocument::parse(R"([analyzer]
objective = "p99"
confidence = 0.99
span_windows = 3
freshness = "20s"
min_gain = "2ms"
hold_down = "10m"
repeat = 5
grain = "origin"
max_parts = 0
local_pref = 250
plan_expiry = "5m"
weights = "traffic.json"
weights_max_age = "2h"
)",
                                        "strait.toml");
  REQUIRE(document);
  const Options options = read_options(document->root().table("analyzer"));
  CHECK_FALSE(document->errors());
  CHECK(options.weights.file == "traffic.json");
  CHECK(options.weights.max_age == std::chrono::hours{2});
  CHECK(options.decision.evidence.objective == 0.99);
  CHECK(options.decision.evidence.confidence == 0.99);
  CHECK(options.decision.evidence.span_windows == 3);
  CHECK(options.decision.evidence.freshness == Nanos{20'000'000'000});
  CHECK(options.decision.min_gain == Nanos{2'000'000});
  CHECK(options.decision.hold_down == Nanos{600'000'000'000});
  CHECK(options.decision.repeat == 5);
  CHECK(options.decision.grain == Grain::origin);
  CHECK(options.decision.max_parts == 0);
  CHECK(options.decision.max_loss == 0.01);
  CHECK(options.plan.local_pref == LocalPref{250});
  CHECK(options.plan.expiry == Nanos{300'000'000'000});
}

TEST_CASE("analyzer options out of bounds are errors at their place") {
  struct Case {
    const char* line;
    const char* error;
  };
  const auto c = GENERATE(values<Case>({
      {"objective = \"p42\"", "objective"},
      {"confidence = 1.5", "confidence"},
      {"local_pref = 100", "local_pref"},
      {"local_pref = 1001", "local_pref"},
      {"max_local_pref = 150", "below local_pref"},
      {"repeat = 0", "repeat"},
      {"grain = \"town\"", "want region, country, origin or prefix"},
      {"max_parts = -1", "max_parts"},
      {"max_loss = -0.1", "max_loss"},
      {"hold_down = 90", "hold_down"},
      {"hold_dwon = \"90s\"", "hold_down"},
  }));
  CAPTURE(c.line);
  auto document = ConfigDocument::parse(std::string{"[analyzer]\n"} + c.line + "\n", "strait.toml");
  REQUIRE(document);
  static_cast<void>(read_options(document->root().table("analyzer")));
  const auto error = document->errors();
  REQUIRE(error);
  CHECK_THAT(error->message, Catch::Contains(c.error));
  CHECK_THAT(error->message, Catch::Contains("strait.toml:2"));
}
