// SPDX-License-Identifier: Apache-2.0
#include "analyzer/policy.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace strait;
using namespace strait::analyzer;

namespace {

routes::Path through(std::vector<std::string> countries) {
  routes::Path path;
  path.name = "path";
  path.countries = std::move(countries);
  return path;
}

std::vector<Policy> policies_of(const std::string& lines) {
  auto document = ConfigDocument::parse("[[policy]]\nclass = \"europe\"\n" + lines, "strait.toml");
  REQUIRE(document);
  auto policies = read_policies(document->root());
  REQUIRE_FALSE(document->errors());
  return policies;
}

}  // namespace

TEST_CASE("a path breaks a policy by the countries that it enters, and the rule is named") {
  struct Case {
    const char* lines;
    std::vector<std::string> countries;
    const char* broken;  // empty: it keeps to it
  };
  const auto c = GENERATE(values<Case>({
      {"avoid_transit = [\"DZ\"]", {"MA", "ES"}, ""},
      {"avoid_transit = [\"DZ\"]", {"MA", "DZ", "IT"}, "avoid_transit of europe: it enters DZ"},
      {"allow_transit = [\"MA\", \"ES\"]", {"MA", "ES"}, ""},
      {"allow_transit = [\"MA\", \"ES\"]", {"MA", "PT"}, "allow_transit of europe: it enters PT"},
      {"allow_transit = []", {"MA"}, "allow_transit of europe: it enters MA"},
      {"keep_domestic = true", {"MA", "MA"}, ""},
      {"keep_domestic = true", {"MA", "ES"}, "keep_domestic of europe: it leaves MA for ES"},
      {"keep_domestic = true", {}, "its segments are not known"},
      {"avoid_transit = [\"DZ\"]", {}, "its segments are not known"},
      {"avoid_transit = []", {}, ""},
  }));
  CAPTURE(c.lines, c.countries);
  const auto policies = policies_of(c.lines);
  const auto broken = violation(policies, "europe", through(c.countries));
  if (*c.broken == '\0') {
    CHECK_FALSE(broken);
  } else {
    REQUIRE(broken);
    CHECK_THAT(*broken, Catch::Contains(c.broken));
  }
  CHECK_FALSE(violation(policies, "africa", through(c.countries)));
}

TEST_CASE("no country is banned by default") {
  CHECK_FALSE(violation({}, "europe", through({"MA", "DZ"})));
  CHECK_FALSE(violation({}, "europe", through({})));
}

TEST_CASE("a policy that says nothing, twice the same class or no country is an error") {
  struct Case {
    const char* text;
    const char* error;
  };
  const auto c = GENERATE(values<Case>({
      {"[[policy]]\nclass = \"europe\"\n", "needs one of allow_transit"},
      {"[[policy]]\navoid_transit = [\"DZ\"]\n", "class"},
      {"[[policy]]\nclass = \"europe\"\navoid_transit = [\"Algeria\"]\n", "is no country"},
      {"[[policy]]\nclass = \"europe\"\navoid_transit = [\"dz\"]\n", "is no country"},
      {"[[policy]]\nclass = \"europe\"\nkeep_domestic = true\n"
       "[[policy]]\nclass = \"europe\"\nkeep_domestic = true\n",
       "has a policy already"},
      {"[[policy]]\nclass = \"europe\"\nkeep_domestik = true\n", "keep_domestic"},
  }));
  CAPTURE(c.text);
  auto document = ConfigDocument::parse(c.text, "strait.toml");
  REQUIRE(document);
  static_cast<void>(read_policies(document->root()));
  const auto error = document->errors();
  REQUIRE(error);
  CHECK_THAT(error->message, Catch::Contains(c.error));
}
