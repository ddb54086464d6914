// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

#include "exporters/json_file.hpp"
#include "exporters/json_lines.hpp"
#include "exporters/json_writer.hpp"
#include "exporters/traffic_json.hpp"
#include "tests/exporters/samples.hpp"

using namespace strait;
using namespace strait::exporters;

namespace {

boost::json::object parsed(const std::string& json) {
  CAPTURE(json);
  REQUIRE(json.find('\n') == std::string::npos);
  boost::system::error_code ec;
  auto value = boost::json::parse(json, ec);
  REQUIRE_FALSE(ec);
  return value.as_object();
}

std::string text(const boost::json::value& value) {
  return {value.as_string().data(), value.as_string().size()};
}

}  // namespace

TEST_CASE("a window's line says all that the window holds") {
  const Window window = samples::window("atlas", "192.0.2.1", samples::start);
  const auto json = parsed(to_json(window));
  CHECK(json.at("strait").as_int64() == 1);
  CHECK(text(json.at("type")) == "window");
  CHECK(text(json.at("path")) == "atlas");
  CHECK(text(json.at("protocol")) == "stamp");
  CHECK(text(json.at("start")) == "2026-11-23T16:45:00Z");
  CHECK(json.at("length_ns").as_int64() == 60'000'000'000);
  CHECK(json.at("counts").at("received").as_int64() == 599);
  CHECK(json.at("counts").at("errors").at("wrong-source").as_int64() == 4);
  CHECK(text(json.at("source")) == "kernel");
  CHECK(json.at("forward").is_null());

  const auto& rtt = json.at("rtt").as_object();
  CHECK(rtt.at("count").as_int64() == 599);
  CHECK(rtt.at("min_ns").as_int64() == window.rtt.min()->count());
  CHECK(rtt.at("p95_ns").as_int64() == window.rtt.quantile(0.95)->count());
  std::int64_t in_buckets = rtt.at("zero").as_int64();
  for (const auto& bucket : rtt.at("buckets").as_array()) in_buckets += bucket.at(1).as_int64();
  CHECK(in_buckets == 599);
  CHECK(json.at("uncertain").is_null());
  CHECK(json.at("flow").as_int64() == 0);

  Window uncertain = window;
  uncertain.session.flow = 3;
  uncertain.uncertain.record(std::chrono::milliseconds{25}, 4);
  uncertain.ipdv.record(std::chrono::milliseconds{2}, 9);
  CHECK(json.at("ipdv").is_null());
  const auto more = parsed(to_json(uncertain));
  CHECK(more.at("flow").as_int64() == 3);
  CHECK(more.at("uncertain").at("count").as_int64() == 4);
  CHECK(more.at("ipdv").at("count").as_int64() == 9);
  CHECK(more.at("ipdv").at("max_ns").as_int64() == 2'000'000);
  CHECK(more.at("uncertain").at("max_ns").as_int64() == 25'000'000);
}

TEST_CASE("an outcome's line has null for what is not known") {
  const SessionKey key{
      .path = "atlas", .target = "192.0.2.1", .protocol = Protocol::stamp, .dscp = 0};
  probe::Outcome outcome;
  outcome.key = &key;
  outcome.fate = probe::Fate::received;
  outcome.sequence = 7;
  outcome.sent = samples::start + Nanos{123'456'789};
  outcome.rtt = Nanos{19'280'000};
  outcome.hop_limit = 61;
  outcome.source = StampSource::kernel;
  outcome.uncertainty = Nanos{1500};
  outcome.kept_apart = true;
  const auto json = parsed(to_json(outcome));
  CHECK(text(json.at("type")) == "outcome");
  CHECK(text(json.at("target")) == "192.0.2.1");
  CHECK(text(json.at("sent")) == "2026-11-23T16:45:00.123456789Z");
  CHECK(text(json.at("fate")) == to_string(probe::Fate::received));
  CHECK(json.at("rtt_ns").as_int64() == 19'280'000);
  CHECK(json.at("forward_ns").is_null());
  CHECK(json.at("hop_limit").as_int64() == 61);
  CHECK(json.at("forward_hop_limit").is_null());
  CHECK(json.at("uncertainty_ns").as_int64() == 1500);
  CHECK(json.at("kept_apart").as_bool());

  outcome.fate = probe::Fate::lost;
  CHECK(parsed(to_json(outcome)).at("uncertainty_ns").is_null());
  CHECK(parsed(to_json(outcome)).at("refused_by").is_null());
  outcome.refused = {probe::ErrorKind::icmp_prohibited, parse_address("192.0.2.9").value()};
  const auto refused = parsed(to_json(outcome));
  CHECK(text(refused.at("fate")) == "lost");
  CHECK(text(refused.at("refused")) == "icmp-prohibited");
  CHECK(text(refused.at("refused_by")) == "192.0.2.9");
}

TEST_CASE("evidence says what is lost, what is unbounded and what is not known") {
  analyzer::Evidence evidence = samples::evidence("atlas", "europe");
  evidence.rtt[1].value = analyzer::infinite_delay;
  evidence.stretch = std::numeric_limits<double>::quiet_NaN();
  evidence.floor = std::nullopt;
  evidence.notes = {"target 192.0.2.9 left out: no reply"};
  const auto json = parsed(to_json(evidence));
  CHECK(text(json.at("type")) == "evidence");
  CHECK(text(json.at("rtt").at(1).at("value_ns")) == "inf");
  CHECK(json.at("rtt").at(0).at("adequate").as_bool());
  CHECK(json.at("rtt").at(2).at("high_ns").is_null());
  CHECK_FALSE(json.at("rtt").at(2).at("adequate").as_bool());
  CHECK(json.at("stretch").is_null());
  CHECK(json.at("floor_ns").is_null());
  CHECK(json.at("loss").at("ratio").to_number<double>() == Approx(1.0 / 600));
  CHECK(text(json.at("notes").at(0)) == evidence.notes[0]);

  CHECK(json.at("ipdv").at("pairs").as_int64() == 596);
  CHECK(json.at("ipdv").at("p95_ns").as_int64() == 290'000);
  evidence.ipdv->p99.reset();
  CHECK(parsed(to_json(evidence)).at("ipdv").at("p99_ns").is_null());
  CHECK(parsed(to_json(analyzer::Evidence{})).at("ipdv").is_null());
  CHECK(parsed(to_json(analyzer::Evidence{})).at("loss").is_null());
  CHECK(parsed(to_json(analyzer::Evidence{})).at("detour_km").is_null());
  CHECK(json.at("great_circle").is_null());
  evidence.detour_km = 120.5;
  evidence.great_circle = analyzer::GreatCircle{
      .target = "paris", .round_trip = Nanos{18'490'000}, .stretch = 2.5, .detour_km = 2800};
  evidence.one_way = {{.target = "paris",
                       .samples = 300,
                       .forward = Nanos{7'000'000},
                       .reverse = Nanos{12'000'000},
                       .error = Nanos{100'000}}};
  const auto far = parsed(to_json(evidence));
  CHECK(far.at("detour_km").to_number<double>() == 120.5);
  CHECK(far.at("great_circle").at("stretch").to_number<double>() == 2.5);
  CHECK(far.at("one_way").at(0).at("asymmetry_ns").as_int64() == -5'000'000);
  CHECK(far.at("one_way").at(0).at("asymmetry_error_ns").as_int64() == 200'000);
  CHECK(json.at("flows").as_array().empty());
  CHECK(json.at("mixed_members").as_int64() == 0);
}

TEST_CASE("evidence of several flows lists them, and the members that they form") {
  analyzer::Evidence evidence = samples::evidence("atlas", "europe");
  evidence.kept_apart = 7;
  evidence.flows = {samples::two_flows("192.0.2.1")};
  const auto json = parsed(to_json(evidence));
  CHECK(json.at("kept_apart").as_int64() == 7);
  CHECK(json.at("mixed_members").as_int64() == 2);
  const auto& session = json.at("flows").at(0).as_object();
  CHECK(text(session.at("target")) == "192.0.2.1");
  REQUIRE(session.at("members").as_array().size() == 2);
  CHECK(session.at("members").at(1).at("flows").at(0).as_int64() == 1);
  CHECK(session.at("members").at(1).at("min_ns").as_int64() == 22'000'000);
  CHECK(session.at("flows").at(0).at("samples").as_int64() == 40);
  CHECK(session.at("unplaced").as_array().empty());
}

TEST_CASE("a verdict reads back as it was written") {
  const analyzer::Verdict verdict = samples::verdict();
  const auto back = parse_verdict(to_json(verdict));
  REQUIRE(back.has_value());
  CHECK(to_json(*back) == to_json(verdict));
  CHECK(back->at == verdict.at);  // to the nanosecond
  CHECK(back->hold_until == verdict.hold_until);
}

TEST_CASE("the verdict on a part names its whole, and that on a class none") {
  CHECK(parsed(to_json(samples::verdict())).at("whole").is_null());
  CHECK(parse_verdict(to_json(samples::verdict()))->whole.empty());
  const auto part = samples::part_verdict();
  CHECK(text(parsed(to_json(part)).at("whole")) == "europe");
  CHECK(*parse_verdict(to_json(part)) == part);
}

TEST_CASE("a decision memory reads back as it was written") {
  analyzer::DecisionMemory memory = samples::snapshot().memory;
  memory["quo\"te\n"] = {.path = {},
                         .changed = {},
                         .challenger = "x",
                         .streak = 2,
                         .judged = samples::start + Nanos{1},
                         .displaced = {},
                         .forced = false,
                         .penalty = 1.0 / 3,
                         .better = 5,
                         .against = "y"};
  const auto back = parse_memory(to_json(memory));
  REQUIRE(back.has_value());
  CHECK(*back == memory);
}

TEST_CASE("JSON that is not what it should be is refused with the member") {
  struct Case {
    const char* json;
    const char* problem;
  };
  const auto c = GENERATE(values<Case>({
      {"", "JSON verdict: "},
      {"[]", "want an object"},
      {"{}", "\"strait\": want version 1"},
      {R"({"strait":2,"type":"verdict"})", "want version 1"},
      {R"({"strait":1,"type":"window"})", "\"type\": want \"verdict\""},
      {R"({"strait":1,"type":"verdict"})", "\"class\": want a value"},
      {R"({"strait":1,"type":"verdict","class":7})", "\"class\": want text"},
      {R"({"strait":1,"type":"verdict","class":"e","at":"today"})", "\"at\": want a time"},
      {R"({"strait":1,"type":"verdict","class":"e","at":"2026-11-23T16:45:00Z","ruling":"maybe"})",
       "\"ruling\": want prefer"},
      {R"({"strait":1,"type":"verdict","class":"e","at":"2026-11-23T16:45:00Z","ruling":"keep",)"
       R"("reason":"r","gain_ns":1.5,"ranking":[]})",
       "\"gain_ns\": want nanoseconds"},
      {R"({"strait":1,"type":"verdict","class":"e","at":"2026-11-23T16:45:00Z","ruling":"keep",)"
       R"("reason":"r","ranking":[3]})",
       "\"path\": want a value"},
  }));
  CAPTURE(c.json);
  const auto verdict = parse_verdict(c.json);
  REQUIRE_FALSE(verdict.has_value());
  CHECK_THAT(verdict.error().message, Catch::Contains(c.problem));
}

TEST_CASE("text is escaped, and what is not UTF-8 becomes U+FFFD") {
  struct Case {
    std::string text;
    std::string json;
  };
  const auto c = GENERATE(values<Case>({
      {"plain", "\"plain\""},
      {"q\" b\\ n\n t\t", R"("q\" b\\ n\n t\t")"},
      {std::string("\0\x1f\x7f", 3), R"("\u0000\u001f\u007f")"},
      {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\x8d", "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\x8d\""},
      {"a\xff"
       "b",
       "\"a\xef\xbf\xbd"
       "b\""},
      {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                  // overlong
      {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},  // surrogate
      {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                  // cut off
      {"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
  }));
  JsonWriter json;
  json.value(std::string_view{c.text});
  const std::string written = json.take();
  CHECK(written == c.json);
  boost::system::error_code ec;
  boost::json::parse(written, ec);
  CHECK_FALSE(ec);
}

namespace {

// Every member's name, at any depth; what errors and classes hold are kinds and classes, not
// members.
void collect_names(const boost::json::value& value, std::set<std::string>& names) {
  if (const auto* array = value.if_array()) {
    for (const auto& each : *array) collect_names(each, names);
  }
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) {
      const std::string name{member.key().data(), member.key().size()};
      names.insert(name);
      if (name != "errors" && name != "classes") collect_names(member.value(), names);
    }
  }
}

}  // namespace

TEST_CASE("docs/JSON.md explains every member of every line") {
  std::ifstream file{STRAIT_SOURCE_DIR "/docs/JSON.md"};
  REQUIRE(file);
  std::stringstream page;
  page << file.rdbuf();
  std::set<std::string> names;
  for (const std::string& line :
       {to_json(probe::Outcome{}), to_json(samples::window("a", "b", samples::start)),
        to_json(samples::evidence("a", "b")), to_json(samples::verdict()),
        to_json(samples::snapshot().memory)}) {
    collect_names(parsed(line), names);
  }
  REQUIRE(names.size() > 60);
  names.erase("strait");
  names.erase("type");
  for (const std::string& name : names) {
    CAPTURE(name);
    CHECK(page.str().find('`' + name + '`') != std::string::npos);
  }
}

TEST_CASE("a JSON file is appended to and follows a rotation") {
  const std::string name = "/tmp/strait_json_" + std::to_string(::getpid());
  const std::string rotated = name + ".1";
  const auto lines = [](const std::string& file) {
    std::ifstream in{file};
    std::stringstream all;
    all << in.rdbuf();
    return all.str();
  };
  std::ofstream{name} << "{\"old\":1}\n";
  auto file = JsonFile::open(name);
  REQUIRE(file.has_value());
  REQUIRE(file->write("{\"a\":1}").has_value());
  std::filesystem::rename(name, rotated);
  REQUIRE(file->write("{\"b\":1}").has_value());
  REQUIRE(file->reopen().has_value());
  REQUIRE(file->write("{\"c\":1}").has_value());
  CHECK(lines(rotated) == "{\"old\":1}\n{\"a\":1}\n{\"b\":1}\n");
  CHECK(lines(name) == "{\"c\":1}\n");
  std::filesystem::remove(name);
  std::filesystem::remove(rotated);
}

TEST_CASE("a JSON file that cannot be opened or written is an error with its name") {
  const auto nowhere = JsonFile::open("/nonexistent/x.json");
  REQUIRE_FALSE(nowhere.has_value());
  CHECK_THAT(nowhere.error().message, Catch::Contains("/nonexistent/x.json"));
  auto full = JsonFile::open("/dev/full");
  REQUIRE(full.has_value());
  const auto written = full->write("{}");
  REQUIRE_FALSE(written.has_value());
  CHECK_THAT(written.error().message, Catch::Contains("No space left"));
}

TEST_CASE("traffic is read from its lines as it was written") {
  analyzer::Traffic traffic;
  traffic.from = samples::start;
  traffic.to = samples::start + std::chrono::minutes{5};
  traffic.sources = {"eth0", "a \"file\".pcap"};
  traffic.octets_elsewhere = 7;
  traffic.rows.push_back({.prefix = parse_prefix("198.51.100.0/24").value(),
                          .asn = Asn{64500},
                          .country = "ES",
                          .region = "europe",
                          .packets_to = 1,
                          .octets_to = 2,
                          .packets_from = 3,
                          .octets_from = 4});
  traffic.rows.push_back({.prefix = parse_prefix("2001:db8::/32").value(),
                          .asn = {},
                          .country = "",
                          .region = "",
                          .packets_to = 0,
                          .octets_to = 1ULL << 40U,
                          .packets_from = 0,
                          .octets_from = 0});
  const std::string lines = to_json_lines(traffic);
  const auto read = parse_traffic(lines);
  if (!read) FAIL(read.error().message);
  CHECK(to_json_lines(*read) == lines);
  CHECK(read->to == traffic.to);
  CHECK(read->sources == traffic.sources);
  REQUIRE(read->rows.size() == 2);
  CHECK(read->rows[0].asn == Asn{64500});
  CHECK(read->rows[0].country == "ES");
  CHECK(read->rows[1].octets() == 1ULL << 40U);
}

TEST_CASE("lines that are no traffic are refused with their number and the reason") {
  struct Case {
    const char* text;
    const char* error;
  };
  constexpr const char* head =
      R"({"strait":1,"type":"traffic","from":"2026-11-27T00:00:00Z","to":"2026-11-27T01:00:00Z","octets_elsewhere":0,"sources":[]})"
      "\n";
  const auto c = GENERATE(values<Case>({
      {"", "empty; want lines"},
      {"x", "line 1: JSON traffic: "},
      {R"({"strait":2,"type":"traffic"})", "want version 1"},
      {R"({"strait":1,"type":"window"})", "line 1"},
      {R"({"strait":1,"type":"traffic","from":"noon"})", "\"from\": want a time"},
      {"HEAD{}", "line 2"},
      {R"(HEAD{"strait":1,"type":"traffic_row","prefix":"10.0.0.1/8"})",
       "\"prefix\": want a prefix"},
      {R"(HEAD{"strait":1,"type":"traffic_row","prefix":"10.0.0.0/8","packets_to":-1})",
       "\"packets_to\": want a whole number"},
      {"HEAD\n", "line 2"},
  }));
  std::string text = c.text;
  if (text.starts_with("HEAD")) text.replace(0, 4, head);
  CAPTURE(text);
  const auto read = parse_traffic(text);
  REQUIRE_FALSE(read.has_value());
  CHECK_THAT(read.error().message, Catch::Contains(c.error));
}
