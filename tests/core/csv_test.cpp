// SPDX-License-Identifier: Apache-2.0
#include "core/csv.hpp"

#include <catch2/catch.hpp>

using namespace strait;

TEST_CASE("a CSV table reads plain and quoted cells by the name of their column") {
  const auto table =
      CsvTable::parse("id,name,notes\r\na,\"Estepona, ES\",\"said \"\"yes\"\"\"\nb,,\n", "t.csv");
  REQUIRE(table.has_value());
  REQUIRE(table->rows() == 2);
  CHECK(table->cell(0, "name") == "Estepona, ES");
  CHECK(table->cell(0, "notes") == "said \"yes\"");
  CHECK(table->cell(1, "id") == "b");
  CHECK(table->cell(1, "notes").empty());
  CHECK(table->cell(1, "absent").empty());
  CHECK(table->has("id"));
  CHECK_FALSE(table->has("absent"));
}

TEST_CASE("a quoted cell may span lines, and the last line needs no end") {
  const auto table = CsvTable::parse("a,b\n\"x\ny\",z", "t.csv");
  REQUIRE(table.has_value());
  CHECK(table->cell(0, "a") == "x\ny");
  CHECK(table->cell(0, "b") == "z");
}

TEST_CASE("a broken CSV file is refused with file and line") {
  struct Case {
    const char* text;
    const char* error;
  };
  const auto c = GENERATE(values<Case>({
      {"", "no header line"},
      {"a,b\n1\n", "t.csv:2: 1 cells, but the header has 2"},
      {"a,b\n1,2\n1,2,3\n", "t.csv:3: 3 cells, but the header has 2"},
      {"a\n\"open\n", "t.csv:2: a quoted cell does not end"},
      {"a\n\"closed\"x\n", "t.csv:2: a quoted cell does not end"},
  }));
  CAPTURE(c.text);
  const auto table = CsvTable::parse(c.text, "t.csv");
  REQUIRE_FALSE(table.has_value());
  CHECK_THAT(table.error().message, Catch::Contains(c.error));
}
