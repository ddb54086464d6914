// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus.hpp"

#include <prometheus/text_serializer.h>

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "core/passive_method.hpp"
#include "exporters/metric_table.hpp"
#include "tests/exporters/samples.hpp"

using namespace strait;
using namespace strait::exporters;
using prometheus::MetricFamily;
using prometheus::MetricType;

namespace {

const MetricFamily* find(const std::vector<MetricFamily>& families, std::string_view name) {
  const auto found = std::ranges::find(families, name, &MetricFamily::name);
  return found == families.end() ? nullptr : &*found;
}

std::string label(const prometheus::ClientMetric& metric, std::string_view name) {
  const auto found = std::ranges::find(metric.label, name, &prometheus::ClientMetric::Label::name);
  return found == metric.label.end() ? "" : found->value;
}

// The lines of a text exposition that are samples, as "name{labels}" -> value.
std::map<std::string, double> samples_in(const std::string& text) {
  std::map<std::string, double> result;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.front() == '#') continue;
    const auto space = line.rfind(' ');
    result[line.substr(0, space)] = std::strtod(line.c_str() + space + 1, nullptr);
  }
  return result;
}

const char* word(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Summary:
      return "summary";
    case MetricType::Histogram:
      return "histogram";
    case MetricType::Untyped:
      break;
  }
  return "untyped";
}

}  // namespace

TEST_CASE("every metric of the table has a sample when everything is measured") {
  const auto families = collect(samples::snapshot());
  for (const MetricSpec& spec : all_metrics()) {
    CAPTURE(spec.name);
    CHECK(find(families, spec.name) != nullptr);
  }
}

TEST_CASE("before anything is measured only the service speaks of itself") {
  for (const MetricFamily& family : collect(Snapshot{})) {
    CAPTURE(family.name);
    CHECK((family.name.starts_with("process_") || family.name.starts_with("strait_config_")));
  }
}

TEST_CASE("parts are counted by what became of them, and none where a class has none") {
  const auto of = [](const Snapshot& snapshot, std::string_view name, std::string_view key) {
    std::map<std::string, double> found;
    const auto families = collect(snapshot);
    const MetricFamily* const family = find(families, name);
    if (family == nullptr) return found;
    for (const auto& each : family->metric) found[label(each, key)] = each.gauge.value;
    return found;
  };
  Snapshot snapshot = samples::snapshot();
  using Counts = std::map<std::string, double>;
  CHECK(of(snapshot, "strait_parts", "standing") ==
        Counts{{"unmeasured", 2}, {"as-whole", 2}, {"split", 1}, {"left-out", 1}});
  CHECK(of(snapshot, "strait_parts_prefixes_ratio", "parts") ==
        Counts{{"measured", 0.75}, {"split", 0.25}});
  CHECK(of(snapshot, "strait_parts_weight_ratio", "parts") ==
        Counts{{"measured", 0.75}, {"split", 0.5}});
  snapshot.coverage[0].measured = snapshot.coverage[0].unmeasured = 0;
  CHECK(of(snapshot, "strait_parts", "standing").empty());
}

TEST_CASE("no metric name is used twice") {
  std::set<std::string_view> names;
  for (const MetricSpec& spec : all_metrics()) {
    CAPTURE(spec.name);
    CHECK(names.insert(spec.name).second);
  }
}

TEST_CASE("a session without replies has counters but no delay") {
  Snapshot snapshot;
  SessionSnapshot dead = samples::session("cut", "europe", "192.0.2.9");
  dead.newest->rtt = dead.newest->lag = dead.total.rtt = dead.total.lag = Sketch{};
  dead.newest->counts = dead.total.counts = {.scheduled = 10, .sent = 10, .lost = 10, .errors = {}};
  snapshot.sessions = {dead};
  const auto families = collect(snapshot);

  REQUIRE(find(families, "strait_probes_lost_total") != nullptr);
  CHECK(find(families, "strait_probes_lost_total")->metric.at(0).counter.value == 10);
  for (const char* absent :
       {"strait_rtt_seconds", "strait_one_way_delay_seconds", "strait_schedule_lag_seconds",
        "strait_timestamp_uncertainty_seconds", "strait_rtt_window_seconds"}) {
    CAPTURE(absent);
    CHECK(find(families, absent) == nullptr);
  }
}

TEST_CASE("flows have series of their own only where there are several") {
  const auto families = collect(samples::snapshot());
  const auto& minimum = *find(families, "strait_flow_rtt_min_seconds");
  REQUIRE(minimum.metric.size() == 2);
  CHECK(label(minimum.metric[1], "flow") == "1");
  CHECK(label(minimum.metric[1], "target") == "192.0.2.1");
  CHECK(minimum.metric[1].gauge.value == Approx(0.022));
  CHECK(find(families, "strait_ecmp_members")->metric.at(0).gauge.value == 2);

  Snapshot single = samples::snapshot();
  single.evidence = single.newest;
  for (const MetricFamily& family : collect(single)) {
    CAPTURE(family.name);
    CHECK_FALSE((family.name == "strait_ecmp_members" || family.name.starts_with("strait_flow_")));
  }
}

TEST_CASE("samples that are kept apart are counted beside the replies") {
  Snapshot snapshot = samples::snapshot();
  snapshot.sessions[0].total.uncertain.record(Nanos{1}, 5);
  const auto families = collect(snapshot);
  const auto& apart = *find(families, "strait_samples_kept_apart_total");
  CHECK(apart.metric.at(0).counter.value == 5);
  CHECK(apart.metric.at(1).counter.value == 0);
}

TEST_CASE("a path is up when a probe was answered, down when none was, else unknown") {
  struct Case {
    std::uint64_t sent;
    std::uint64_t received;
    int up;  // -1: absent
  };
  const auto c = GENERATE(values<Case>({{10, 1, 1}, {10, 0, 0}, {0, 0, -1}}));
  CAPTURE(c.sent, c.received);
  Snapshot snapshot = samples::snapshot();
  snapshot.sessions.resize(1);
  snapshot.sessions[0].newest->counts.sent = c.sent;
  snapshot.sessions[0].newest->counts.received = c.received;
  const auto families = collect(snapshot);
  const MetricFamily* up = find(families, "strait_path_up");
  REQUIRE((up != nullptr) == (c.up >= 0));
  if (up != nullptr) CHECK(up->metric.at(0).gauge.value == c.up);
}

TEST_CASE("a pin is ok or failed, and one without an answer is neither") {
  struct Case {
    probe::PinStanding standing;
    int ok;  // -1: absent
  };
  using enum probe::PinStanding;
  const auto c = GENERATE(values<Case>({{pending, -1}, {ok, 1}, {failed, 0}, {unverified, -1}}));
  CAPTURE(to_string(c.standing));
  Snapshot snapshot = samples::snapshot();
  snapshot.pins[0].standing = c.standing;
  snapshot.pins[0].v6 = true;
  snapshot.windows_refused.clear();
  const auto families = collect(snapshot);
  const MetricFamily* pin = find(families, "strait_path_pin_ok");
  REQUIRE((pin != nullptr) == (c.ok >= 0));
  if (pin != nullptr) {
    CHECK(pin->metric.at(0).gauge.value == c.ok);
    CHECK(label(pin->metric[0], "path") == "atlas-offshore");
    CHECK(label(pin->metric[0], "family") == "ipv6");
  }
  REQUIRE(find(families, "strait_path_pin_checked_timestamp_seconds") != nullptr);
  CHECK(find(families, "strait_windows_refused_total")->metric.at(0).counter.value == 0);
}

TEST_CASE("a path takes its MTU or does not, and an MTU that nobody knows is neither") {
  struct Case {
    probe::MtuStanding standing;
    std::optional<std::uint32_t> octets;
    int ok;  // -1: absent
  };
  using enum probe::MtuStanding;
  const auto c = GENERATE(values<Case>({{pending, {}, -1},
                                        {ok, 1500, 1},
                                        {too_small, 1400, 0},
                                        {too_small, {}, 0},
                                        {unknown, {}, -1}}));
  CAPTURE(to_string(c.standing));
  Snapshot snapshot = samples::snapshot();
  snapshot.mtus[0].standing = c.standing;
  snapshot.mtus[0].octets = c.octets;
  snapshot.mtus[0].v6 = true;
  const auto families = collect(snapshot);
  const MetricFamily* const mtu = find(families, "strait_path_mtu_ok");
  REQUIRE((mtu != nullptr) == (c.ok >= 0));
  if (mtu != nullptr) {
    CHECK(mtu->metric.at(0).gauge.value == c.ok);
    CHECK(label(mtu->metric[0], "path") == "atlas-offshore");
    CHECK(label(mtu->metric[0], "family") == "ipv6");
  }
  const MetricFamily* const octets = find(families, "strait_path_mtu_octets");
  REQUIRE((octets != nullptr) == c.octets.has_value());
  if (octets != nullptr) CHECK(octets->metric.at(0).gauge.value == *c.octets);
}

TEST_CASE("a target's weight says whether it is the traffic's, where traffic is asked for") {
  const auto by_traffic = GENERATE(values<std::optional<bool>>({std::nullopt, false, true}));
  Snapshot snapshot = samples::snapshot();
  snapshot.weights[0].by_traffic = by_traffic;
  const auto families = collect(snapshot);
  const MetricFamily* const weight = find(families, "strait_target_weight");
  REQUIRE(weight != nullptr);
  CHECK(weight->metric.at(0).gauge.value == 0.75);
  CHECK(label(weight->metric[0], "class") == "europe");
  CHECK(label(weight->metric[0], "target") == "192.0.2.1");
  const MetricFamily* const traffic = find(families, "strait_target_weight_by_traffic");
  REQUIRE((traffic != nullptr) == by_traffic.has_value());
  if (traffic != nullptr) CHECK(traffic->metric.at(0).gauge.value == (*by_traffic ? 1 : 0));
}

TEST_CASE("an RPKI cache has a state always, and a count and a time once it has told its data") {
  Snapshot snapshot;
  snapshot.caches = {
      {.name = "a:323",
       .state = "fresh",
       .vrps = 500'000,
       .told = WallTime{std::chrono::seconds{1'700'000'000}}},
      {.name = "b:323", .state = "waiting", .vrps = std::nullopt, .told = std::nullopt}};
  const auto samples = samples_in(to_text_format(collect(snapshot)));
  CHECK(samples.at("strait_rpki_cache_info{cache=\"a:323\",state=\"fresh\"}") == 1);
  CHECK(samples.at("strait_rpki_cache_info{cache=\"b:323\",state=\"waiting\"}") == 1);
  CHECK(samples.at("strait_rpki_cache_vrps{cache=\"a:323\"}") == 500'000);
  CHECK(samples.at("strait_rpki_cache_told_timestamp_seconds{cache=\"a:323\"}") == 1'700'000'000);
  CHECK(samples.count("strait_rpki_cache_vrps{cache=\"b:323\"}") == 0);
  CHECK(samples.count("strait_rpki_cache_told_timestamp_seconds{cache=\"b:323\"}") == 0);
}

TEST_CASE("only percentiles that the sample carries are published, with their bounds") {
  const auto families = collect(samples::snapshot());
  const auto& window = *find(families, "strait_rtt_window_seconds");
  REQUIRE(window.metric.size() == 2);

  CHECK(label(window.metric[0], "path") == "atlas-offshore");
  CHECK(label(window.metric[0], "region") == "europe");
  const auto& quantiles = window.metric[0].summary.quantile;
  REQUIRE(quantiles.size() == 2);  // p99 has no upper bound
  CHECK(quantiles[0].quantile == 0.5);
  CHECK(quantiles[0].value == Approx(0.0193));
  CHECK(quantiles[1].quantile == 0.95);
  CHECK(window.metric[0].summary.sample_count == 2 * 599);  // since the start, not of the window
  CHECK(window.metric[1].summary.quantile.size() == 1);

  const auto& low = *find(families, "strait_rtt_window_low_seconds");
  const auto& high = *find(families, "strait_rtt_window_high_seconds");
  REQUIRE(low.metric.size() == 3);
  CHECK(label(low.metric[1], "quantile") == "0.95");
  CHECK(low.metric[1].untyped.value == Approx(0.01955));
  CHECK(high.metric[1].untyped.value == Approx(0.01959));
}

TEST_CASE("a percentile among the lost probes is +Inf, not a number") {
  Snapshot snapshot = samples::snapshot();
  snapshot.newest[0].rtt[1] = {.q = 0.95,
                               .value = analyzer::infinite_delay,
                               .low = Nanos{20'000'000},
                               .high = analyzer::infinite_delay,
                               .probes = 600};
  const std::string text = to_text_format(collect(snapshot));
  CHECK_THAT(text, Catch::Contains("strait_rtt_window_seconds{path=\"atlas-offshore\","
                                   "region=\"europe\",quantile=\"0.95\"} +Inf\n"));
}

TEST_CASE("the text says the same as the library's own serialiser") {
  Snapshot snapshot = samples::snapshot();
  snapshot.sessions[0].region = "quo\"te \\ back\nline";
  auto families = collect(snapshot);
  std::erase_if(families, [](const MetricFamily& f) { return f.name.starts_with("process_"); });
  const auto ours = samples_in(to_text_format(families));
  const auto theirs = samples_in(prometheus::TextSerializer{}.Serialize(families));

  REQUIRE(ours.size() > 100);
  // Bounds and quantiles are labels; the library writes them with 16 digits, we with all it takes.
  const auto rounded = [](const std::map<std::string, double>& samples) {
    const std::regex bound{"le=\"([^\"]*)\""};
    std::map<std::string, double> result;
    for (const auto& [name, value] : samples) {
      std::smatch match;
      std::string key = name;
      if (std::regex_search(name, match, bound)) {
        char text[32];
        std::snprintf(text, sizeof text, "%.12g", std::strtod(match[1].str().c_str(), nullptr));
        key = match.prefix().str() + text + match.suffix().str();
      }
      result[key] = value;
    }
    return result;
  };
  const auto a = rounded(ours);
  const auto b = rounded(theirs);
  REQUIRE(a.size() == b.size());
  for (const auto& [name, value] : a) {
    CAPTURE(name);
    REQUIRE(b.contains(name));
    CHECK(value == Approx(b.at(name)).epsilon(1e-14));
  }
}

TEST_CASE("promtool finds nothing to say about the metrics") {
  if (std::system("command -v promtool >/dev/null") != 0) {
    WARN("promtool is not installed: skipped");
    return;
  }
  const std::string file = "/tmp/strait_promtool_" + std::to_string(::getpid());
  std::ofstream{file} << to_text_format(collect(samples::snapshot()));
  FILE* pipe = ::popen(("promtool check metrics < " + file + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string said;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) said += static_cast<char>(c);
  const int status = ::pclose(pipe);
  std::remove(file.c_str());
  CHECK(said.empty());
  CHECK(status == 0);
  CAPTURE(said);
}

TEST_CASE("a session of captured traffic has round trips with a method, and no probes") {
  Snapshot snapshot;
  SessionSnapshot session;
  session.region = "europe";
  session.total = samples::window("atlas", "AS64500", samples::start);
  session.total.session.protocol = protocol_of(PassiveMethod::spin);
  session.newest = session.total;
  snapshot.sessions.push_back(std::move(session));
  const auto families = collect(snapshot);
  const MetricFamily* const rtt = find(families, "strait_rtt_seconds");
  REQUIRE(rtt != nullptr);
  REQUIRE(rtt->metric.size() == 1);
  CHECK(label(rtt->metric[0], "method") == "spin");
  CHECK(label(rtt->metric[0], "protocol") == "quic");
  CHECK(label(rtt->metric[0], "target") == "AS64500");
  for (const char* const name :
       {"strait_probes_total", "strait_replies_total", "strait_probes_lost_total",
        "strait_probe_errors_total", "strait_samples_kept_apart_total",
        "strait_timestamp_uncertainty_seconds"}) {
    CAPTURE(name);
    CHECK(find(families, name) == nullptr);
  }
}

TEST_CASE("distances are in metres, asymmetry in seconds with what the clocks may make of it") {
  const auto families = collect(samples::snapshot());
  const auto value = [&](const char* name) {
    const MetricFamily* const family = find(families, name);
    REQUIRE(family != nullptr);
    REQUIRE(family->metric.size() == 1);
    CHECK(label(family->metric[0], "path") == "atlas-offshore");
    return family->metric[0].gauge.value;
  };
  CHECK(value("strait_one_way_asymmetry_seconds") == Approx(-0.003));
  CHECK(value("strait_one_way_asymmetry_error_seconds") == Approx(0.0006));
  CHECK(value("strait_great_circle_stretch_ratio") == Approx(1.9));
  CHECK(value("strait_great_circle_detour_meters") == Approx(919'000));
  CHECK(value("strait_detour_meters") == Approx(306'500));
  CHECK(value("strait_stretch_ratio") == Approx(19.0 / 16));
  const auto& asymmetry = find(families, "strait_one_way_asymmetry_seconds")->metric.at(0);
  CHECK(label(asymmetry, "dscp") == "46");
  CHECK(label(asymmetry, "protocol") == "stamp");
  CHECK(label(asymmetry, "target") == "192.0.2.1");
}

TEST_CASE("IPDV has a series for each percentile that has pairs enough, and their number") {
  Snapshot snapshot = samples::snapshot();
  snapshot.newest[0].ipdv->p99.reset();
  const auto families = collect(snapshot);
  const auto& ipdv = *find(families, "strait_ipdv_window_seconds");
  REQUIRE(ipdv.metric.size() == 2);
  CHECK(label(ipdv.metric[0], "quantile") == "0.5");
  CHECK(ipdv.metric[0].untyped.value == Approx(0.00011));
  CHECK(label(ipdv.metric[1], "quantile") == "0.95");
  CHECK(ipdv.metric[1].untyped.value == Approx(0.00029));
  const auto& pairs = *find(families, "strait_ipdv_window_pairs");
  REQUIRE(pairs.metric.size() == 1);
  CHECK(pairs.metric[0].gauge.value == 596);
}

TEST_CASE("docs/METRICS.md lists the metrics of the table, with their types, and no others") {
  std::ifstream file{STRAIT_SOURCE_DIR "/docs/METRICS.md"};
  REQUIRE(file);
  std::map<std::string, std::string> documented;
  const std::regex row{R"(^\| `([a-z_]+)` \| ([a-z]+) \|.*)"};
  for (std::string line; std::getline(file, line);) {
    std::smatch match;
    if (std::regex_match(line, match, row)) documented[match[1]] = match[2];
  }
  std::map<std::string, std::string> known;
  for (const MetricSpec& spec : all_metrics()) known[std::string{spec.name}] = word(spec.type);
  CHECK(documented == known);
}
