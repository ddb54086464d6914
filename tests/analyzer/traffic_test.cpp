// SPDX-License-Identifier: Apache-2.0
#include "analyzer/traffic.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

using namespace strait;
using namespace strait::analyzer;

namespace {

const WallTime now{std::chrono::hours{500'000}};
constexpr Nanos week = std::chrono::hours{7 * 24};

TrafficRow row(const char* prefix, std::uint32_t asn, const char* country, std::uint64_t to,
               std::uint64_t from = 0) {
  TrafficRow row;
  row.prefix = parse_prefix(prefix).value();
  row.asn = Asn{asn};
  row.country = country;
  row.octets_to = to;
  row.octets_from = from;
  return row;
}

Traffic traffic(std::vector<TrafficRow> rows) {
  Traffic traffic;
  traffic.from = now - std::chrono::hours{1};
  traffic.to = now - std::chrono::minutes{1};
  traffic.rows = std::move(rows);
  return traffic;
}

TargetTraffic target(const char* address, const std::vector<const char*>& words = {}) {
  TargetTraffic target{.address = parse_address(address).value(), .words = {}};
  for (const char* const word : words) target.words.push_back(parse_traffic_word(word).value());
  return target;
}

// Weights of targets "a", "b" and "c" of one class, each 1 before.
using Weights = std::map<std::string, double>;
Weights weights(const TrafficOfTargets& words, const Traffic& of) {
  const std::vector<Target> targets{{.name = "a", .traffic_class = "europe"},
                                    {.name = "b", .traffic_class = "europe"},
                                    {.name = "c", .traffic_class = "europe"}};
  Weights found;
  for (const Target& each : weigh(targets, words, of, now, week).targets) {
    found[each.name] = each.weight;
  }
  return found;
}

}  // namespace

TEST_CASE("a target weighs its share of the octets of its class, both ways") {
  const TrafficOfTargets words{
      {"a", target("192.0.2.1")}, {"b", target("198.51.100.1")}, {"c", target("203.0.113.1")}};
  CHECK(weights(words, traffic({row("192.0.2.0/24", 0, "", 100, 200),
                                row("198.51.100.0/24", 0, "", 500, 200),
                                row("10.0.0.0/8", 0, "", 7777)})) ==
        Weights{{"a", 0.3}, {"b", 0.7}, {"c", least_traffic_share}});
}

TEST_CASE("a row belongs to the targets whose word fits it best, in equal parts") {
  struct Case {
    std::vector<const char*> a;
    std::vector<const char*> b;
    std::vector<const char*> c;
    Weights expected;
  };
  // 198.51.100.0/24 of AS64500 in ES has 60 octets, 192.0.2.0/24 of AS64501 in ES 40.
  const auto c = GENERATE(values<Case>({
      {{"AS64500"}, {"AS64501"}, {"ES"}, {{"a", 0.6}, {"b", 0.4}, {"c", 0.01}}},
      {{"AS64500"}, {"ES"}, {"FR"}, {{"a", 0.6}, {"b", 0.4}, {"c", 0.01}}},
      {{"ES"}, {"ES"}, {"AS64501"}, {{"a", 0.3}, {"b", 0.3}, {"c", 0.4}}},
      {{"198.51.0.0/16"}, {"198.51.100.0/24"}, {"ES"}, {{"a", 0.01}, {"b", 0.6}, {"c", 0.4}}},
      {{"198.51.100.0/25"},
       {"AS64500"},
       {"192.0.0.0/8", "FR"},
       {{"a", 0.01}, {"b", 0.6}, {"c", 0.4}}},
  }));
  const TrafficOfTargets words{{"a", target("10.0.0.1", c.a)},
                               {"b", target("10.0.0.2", c.b)},
                               {"c", target("10.0.0.3", c.c)}};
  const auto found = weights(words, traffic({row("198.51.100.0/24", 64500, "ES", 60),
                                             row("192.0.2.0/24", 64501, "ES", 40)}));
  for (const auto& [name, weight] : c.expected) {
    CAPTURE(name);
    CHECK(found.at(name) == Approx(weight));
  }
}

TEST_CASE("traffic that is stale, of the future or none changes no weight, and says why") {
  struct Case {
    Nanos age;
    std::uint64_t octets;
    const char* note;  // empty: it is used
  };
  const auto c = GENERATE(values<Case>({
      {std::chrono::minutes{1}, 10, ""},
      {week, 10, ""},
      {week + std::chrono::seconds{1}, 10, "more than"},
      {-std::chrono::minutes{4}, 10, ""},
      {-std::chrono::minutes{6}, 10, "yet to come"},
      {std::chrono::minutes{1}, 0, "no traffic"},
  }));
  Traffic counted = traffic({row("192.0.2.0/24", 0, "", c.octets)});
  counted.to = now - c.age;
  const std::vector<Target> targets{{.name = "a", .traffic_class = "europe", .weight = 5}};
  const Weighed weighed = weigh(targets, {{"a", target("192.0.2.1")}}, counted, now, week);
  CAPTURE(c.note);
  REQUIRE(weighed.targets.size() == 1);
  CHECK(weighed.shares.empty() == (*c.note != '\0'));
  if (*c.note == '\0') {
    CHECK(weighed.used);
    CHECK(weighed.notes.empty());
    CHECK(weighed.targets[0].weight == 1);
  } else {
    CHECK_FALSE(weighed.used);
    REQUIRE(weighed.notes.size() == 1);
    CHECK_THAT(weighed.notes[0], Catch::Contains(c.note));
    CHECK(weighed.targets[0].weight == 5);
  }
}

TEST_CASE("a class without traffic keeps its weights, and a target of weight 0 stays out") {
  const std::vector<Target> targets{{.name = "a", .traffic_class = "europe"},
                                    {.name = "b", .traffic_class = "africa", .weight = 3},
                                    {.name = "c", .traffic_class = "europe", .weight = 0}};
  const TrafficOfTargets words{
      {"a", target("10.0.0.1", {"ES"})}, {"b", target("10.0.0.2")}, {"c", target("192.0.2.1")}};
  const Weighed weighed = weigh(
      targets, words, traffic({row("192.0.2.0/24", 0, "ES", 10), row("203.0.113.0/24", 0, "", 5)}),
      now, week);
  CHECK(weighed.used);
  CHECK(weighed.classes == std::vector<std::string>{"europe"});
  CHECK(weighed.targets[0].weight == 1);
  CHECK(weighed.targets[1].weight == 3);
  CHECK(weighed.targets[2].weight == 0);
  CHECK(weighed.octets == 15);
  CHECK(weighed.shares.at("europe") == Approx(10.0 / 15));
  CHECK(weighed.shares.at("africa") == 0);
  CHECK(weighed.octets_placed == 10);
  CHECK(weighed.notes ==
        std::vector<std::string>{"no target of africa stands for any traffic: its weights stay"});
}

TEST_CASE("what a target stands for is read from the configuration, and mistakes are told") {
  auto document = ConfigDocument::parse(R"([[target]]
name = "madrid"
address = "198.51.100.10"
stands_for = ["AS64508", "ES", "203.0.113.0/24", "es", "AS0", "203.0.113.1/24"]
)",
                                        "strait.toml");
  REQUIRE(document);
  const auto words = read_traffic_of_targets(document->root());
  REQUIRE(words.contains("madrid"));
  CHECK(words.at("madrid").words ==
        std::vector<TrafficWord>{Asn{64508}, std::string{"ES"},
                                 parse_prefix("203.0.113.0/24").value()});
  const auto errors = document->errors();
  REQUIRE(errors);
  for (const char* const text : {"'es': want an AS", "'AS0': want an AS", "host bits are set"}) {
    CHECK_THAT(errors->message, Catch::Contains(text));
  }
}

TEST_CASE("a class has the rate of what is sent to it, where the capture is long enough") {
  const std::vector<Target> targets{{.name = "a", .traffic_class = "europe"},
                                    {.name = "b", .traffic_class = "europe"},
                                    {.name = "c", .traffic_class = "africa"}};
  const TrafficOfTargets words{
      {"a", target("192.0.2.1")}, {"b", target("198.51.100.1")}, {"c", target("203.0.113.1")}};
  // africa only sends to us.
  Traffic counted =
      traffic({row("192.0.2.0/24", 0, "", 1000, 9000), row("198.51.100.0/24", 0, "", 500, 0),
               row("203.0.113.0/24", 0, "", 0, 700)});
  counted.from = counted.to - std::chrono::minutes{1};
  const Weighed weighed = weigh(targets, words, counted, now, week);
  REQUIRE(weighed.rates.size() == 1);
  CHECK(weighed.rates.at("europe").per_second == Approx(200));  // 1500 octets in 60 s
  counted.from += Nanos{1};
  CHECK(weigh(targets, words, counted, now, week).rates.empty());
}
