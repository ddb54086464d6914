// SPDX-License-Identifier: Apache-2.0
#include "exporters/options.hpp"

#include <catch2/catch.hpp>
#include <chrono>

using namespace strait;
using namespace strait::exporters;
using namespace std::chrono_literals;

namespace {

struct Read {
  ExporterOptions options;
  std::string errors;
};

Read read(const std::string& text) {
  auto document = ConfigDocument::parse(text, "test.toml");
  REQUIRE(document.has_value());
  ConfigTable root = document->root();
  const ExporterOptions options = read_exporter_options(root.table("exporters"));
  const auto errors = document->errors();
  return {options, errors ? errors->message : ""};
}

}  // namespace

TEST_CASE("without a table the metrics are served on loopback and nothing is written") {
  const auto [options, errors] = read("");
  CHECK(errors.empty());
  REQUIRE(options.listen.size() == 2);
  CHECK(to_string(options.listen[0]) == "127.0.0.1:11650");
  CHECK(to_string(options.listen[1]) == "[::1]:11650");
  CHECK(options.store.empty());
  CHECK(options.json.empty());
}

TEST_CASE("every option is read") {
  const auto [options, errors] = read(R"([exporters]
listen = ["0.0.0.0:9000", "2001:db8::1"]
store = "/var/lib/strait/strait.db"
retention = "30d"
json = "-"
)");
  CHECK(errors.empty());
  REQUIRE(options.listen.size() == 2);
  CHECK(to_string(options.listen[0]) == "0.0.0.0:9000");
  CHECK(to_string(options.listen[1]) == "[2001:db8::1]:11650");
  CHECK(options.store == "/var/lib/strait/strait.db");
  CHECK(options.retention == 30 * 24h);
  CHECK(options.json == "-");
}

TEST_CASE("an empty list serves nothing") {
  CHECK(read("[exporters]\nlisten = []\n").options.listen.empty());
}

TEST_CASE("mistakes are reported where they are") {
  struct Case {
    const char* text;
    const char* error;
  };
  const auto c = GENERATE(values<Case>({
      {"[exporters]\nlisten = [\"localhost:1\"]\n", "localhost"},
      {"[exporters]\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n", "twice"},
      {"[exporters]\nstore = \"x\"\nretention = \"1s\"\n", "at least 1h"},
      {"[exporters]\nretention = \"30d\"\n", "no store"},
      {"[exporters]\nstroe = \"x\"\n", "unknown key 'stroe'"},
      {"[exporters]\njson = 3\n", "json"},
  }));
  CAPTURE(c.text);
  const std::string errors = read(c.text).errors;
  CHECK_THAT(errors, Catch::Contains("test.toml:") && Catch::Contains(c.error));
}
