// SPDX-License-Identifier: Apache-2.0
// What `strait probe` makes of its figures: histogram, table, CSV, plugin, live view.
#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "analyzer/evidence.hpp"
#include "cli/probe/nagios.hpp"
#include "cli/probe/table.hpp"
#include "cli/probe/tally.hpp"
#include "cli/probe/thresholds.hpp"
#include "cli/terminal/histogram.hpp"
#include "cli/terminal/live_view.hpp"

using namespace strait;
using namespace strait::cli;
using namespace std::chrono_literals;

namespace {

// `received` replies of `rtt` each, then so many lost.
TargetReport report(const char* target, std::uint64_t received, std::uint64_t lost,
                    Nanos rtt = 10ms, const char* path = "") {
  TargetReport made;
  made.target = target;
  made.address = parse_address("192.0.2.1").value();
  made.size = 56;
  made.window.session = {.path = path, .target = target};
  made.window.length = 1s;
  made.window.counts.scheduled = made.window.counts.sent = received + lost;
  made.window.counts.received = received;
  made.window.counts.lost = lost;
  for (std::uint64_t i = 0; i < received; ++i) made.window.rtt.record(rtt);
  return made;
}

ProbeOptions plugin(const char* warn, const char* critical) {
  ProbeOptions options;
  options.warn = parse_thresholds(warn).value();
  options.critical = parse_thresholds(critical).value();
  return options;
}

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end == std::string::npos ? text.size() : end + 1;
  }
  return lines;
}

}  // namespace

TEST_CASE("a run is over when each target's own number of probes is decided") {
  const auto session = [](const char* target, std::uint64_t count, const char* path = "") {
    probe::SessionSpec spec;
    spec.key = {.path = path, .target = target};
    spec.count = count;
    return spec;
  };
  // Slowed, "b" gets fewer probes than "a" in the same time; "a" has two flows.
  const std::vector<probe::SessionSpec> sessions{session("a", 50), session("a", 50),
                                                 session("b", 3), session("b", 2, "atlas")};
  const auto decided = [&](const std::vector<TargetReport>& reports) {
    return all_decided(reports, sessions);
  };
  CHECK(decided({report("a", 99, 1), report("b", 3, 0), report("b", 1, 1, 10ms, "atlas")}));
  CHECK_FALSE(decided({report("a", 98, 1), report("b", 3, 0)}));
  CHECK_FALSE(decided({report("a", 100, 0), report("b", 2, 0)}));
  CHECK_FALSE(decided({report("b", 1, 0, 10ms, "atlas")}));
  TargetReport waiting = report("b", 3, 0);
  waiting.window.counts.received = 2;
  CHECK_FALSE(decided({waiting}));
  // Of a server that has gone no session is left, whatever is still out.
  TargetReport gone = report("c", 1, 0);
  gone.window.counts.sent = 5;
  CHECK(decided({gone, report("b", 3, 0)}));
}

TEST_CASE("a histogram is as wide as its canvas, in either set of characters") {
  Sketch rtt;
  rtt.record(1ms, 1000);
  rtt.record(2ms, 500);
  rtt.record(4ms, 1);
  for (const std::size_t width : {40U, 60U, 80U}) {
    for (const bool unicode : {false, true}) {
      CAPTURE(width, unicode);
      const auto text = histogram(rtt, {width, unicode});
      std::size_t widest = 0;
      for (const auto& line : lines_of(text)) widest = std::max(widest, characters(line));
      CHECK(widest == width);
      CHECK((text.find("█") != std::string::npos) == unicode);
      CHECK((text.find('#') != std::string::npos) == !unicode);
      // What there is one of has a mark.
      CHECK(text.ends_with(unicode ? "▏ 1\n" : "# 1\n"));
    }
  }
  CHECK(histogram(Sketch{}, {}).empty());
}

TEST_CASE("each line of a histogram names a bound of its own") {
  Sketch rtt;
  for (int i = 0; i < 8; ++i) rtt.record(17'000ns + i * 100ns);
  const auto lines = lines_of(histogram(rtt, {}));
  REQUIRE(lines.size() > 4);
  std::set<std::string> bounds;
  for (const auto& line : lines) bounds.insert(std::string{line.substr(0, line.find(" ms"))});
  CHECK(bounds.size() == lines.size());
}

TEST_CASE("thresholds are a percentile, a loss, or both") {
  const auto both = parse_thresholds("p95=50ms,loss=1.5%");
  REQUIRE(both);
  CHECK(both->rtt->q == Approx(0.95));
  CHECK(both->rtt->limit == 50ms);
  CHECK(both->loss == 1.5);
  CHECK_FALSE(parse_thresholds("loss=0")->rtt);
  for (const char* const bad :
       {"", "p95", "q95=1ms", "p0=1ms", "p100=1ms", "pnan=1ms", "p95=1", "p95=0s", "loss=101",
        "loss=", "loss=nan", "loss=1,loss=2", "p50=1ms,p95=1ms", "p50=1ms,", "50ms"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_thresholds(bad));
  }
}

TEST_CASE("a plugin says the state that the guidelines have for it") {
  struct Case {
    const char* what;
    TargetReport report;
    PluginState state;
    const char* says;
  };
  const auto options = plugin("p50=20ms,loss=5%", "p50=40ms,loss=20%");
  const std::vector<Case> cases{
      {"good", report("a", 100, 0), PluginState::ok, "STRAIT OK: a: p50 10.00 ms, loss 0.00 % |"},
      {"at the limit is not beyond it", report("a", 95, 5), PluginState::ok, "loss 5.00 %"},
      {"slow", report("a", 100, 0, 30ms), PluginState::warning, "is above 20ms"},
      {"slower", report("a", 100, 0, 50ms), PluginState::critical, "is above 40ms"},
      {"lossy", report("a", 90, 10), PluginState::warning, "a: loss 10.00 % is above 5 %"},
      {"lossier", report("a", 70, 30), PluginState::critical, "a: loss 30.00 % is above 20 %"},
      {"a median among the lost", report("a", 40, 60), PluginState::critical,
       "p50 of lost probes is above 40ms"},
      {"dead", report("a", 0, 10), PluginState::critical, "a: no reply to 10 probes"},
      {"too few", report("a", 3, 0), PluginState::unknown, "p50 needs 6 probes"},
      {"nothing sent", report("a", 0, 0), PluginState::unknown, "no probe was sent and decided"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.what);
    const auto result = plugin_result({&each.report, 1}, options, {});
    CHECK(result.state == each.state);
    CHECK_THAT(result.line, Catch::Contains(each.says));
    CHECK(std::ranges::count(result.line, '\n') == 1);
    CHECK(std::ranges::count(result.line, '|') == 1);
  }
}

TEST_CASE("performance data has label, value, unit, thresholds and range") {
  const auto options = plugin("p50=20ms,loss=5%", "p50=40ms,loss=20%");
  const auto good = report("it's", 100, 0);
  CHECK_THAT(plugin_result({&good, 1}, options, {}).line,
             Catch::EndsWith("| 'it''s p50'=0.010000s;0.020000;0.040000;0; "
                             "'it''s loss'=0.00%;5;20;0;100\n"));
  const auto few = report("x", 3, 0);
  CHECK_THAT(plugin_result({&few, 1}, options, {}).line,
             Catch::Contains("'x p50'=U;0.020000;0.040000;0;"));
}

TEST_CASE("a plugin says what its own machine did not send") {
  auto late = report("a", 100, 0);
  late.window.counts.missed = 7;
  CHECK_THAT(plugin_result({&late, 1}, plugin("loss=5%", "loss=9%"), {}).line,
             Catch::Contains("loss 0.00 %, 7 slots missed by this machine | "));
}

TEST_CASE("the worst of several targets is the plugin's state, and bad hides unknown") {
  const auto options = plugin("loss=5%", "loss=20%");
  const std::vector<TargetReport> reports{report("a", 100, 0), report("b", 90, 10)};
  const auto result = plugin_result(reports, options, {});
  CHECK(result.state == PluginState::warning);
  CHECK_THAT(result.line, Catch::StartsWith("STRAIT WARNING: 1 of 2 good: b: loss 10.00 %"));
  const std::vector<std::string> unresolved{"target 'c': no such name"};
  CHECK(plugin_result(reports, options, unresolved).state == PluginState::warning);
  CHECK(plugin_result({reports.data(), 1}, options, unresolved).state == PluginState::unknown);
}

TEST_CASE("every CSV line has the header's number of cells, quoted where it must be") {
  auto odd = report("a,\"b\"", 10, 1, 10ms, "p");
  odd.window.counts.errors["icmp-ttl"] = 2;
  const std::vector<TargetReport> reports{odd, report("dead", 0, 10), report("none", 0, 0)};
  const auto text = to_csv(reports);
  std::vector<std::size_t> cells;
  bool in_quotes = false;
  std::size_t commas = 0;
  for (const char each : text) {
    if (each == '"') in_quotes = !in_quotes;
    if (each == ',' && !in_quotes) ++commas;
    if (each == '\n') cells.push_back(std::exchange(commas, 0) + 1);
  }
  CHECK(cells == std::vector<std::size_t>(4, 37));
  CHECK_THAT(text, Catch::Contains("\r\np,\"a,\"\"b\"\"\",192.0.2.1,icmp,0,56,"));
  CHECK_THAT(text, Catch::Contains(",icmp-ttl=2\r\n"));
  // Ten lost probes: the median is infinite, p90 has too few.
  CHECK_THAT(text, Catch::Contains(",100.0000,72.2467,100.0000,,inf,inf,inf,,,,,,,,,,,,,,,\r\n"));
}

TEST_CASE("the paths of a target stand side by side with floor and stretch") {
  std::vector<TargetReport> reports{report("t", 400, 0, 30ms, "atlas"),
                                    report("t", 10, 0, 15ms, "estepona")};
  reports[0].floor = 20ms;
  reports[1].floor = 20ms;
  const auto lines = lines_of(to_table(reports, false));
  REQUIRE(lines.size() == 5);
  CHECK(lines[0] == "t (192.0.2.1): icmp, 56 octets");
  CHECK_THAT(lines[1], Catch::StartsWith("  path") && Catch::EndsWith("floor  stretch"));
  CHECK_THAT(lines[2], Catch::StartsWith("  atlas") && Catch::EndsWith("20.00 ms     1.50"));
  CHECK_THAT(lines[3], Catch::Contains("n/a (needs 72)"));
  CHECK_THAT(lines[4], Catch::StartsWith("  estepona: faster than light in fibre"));
}

TEST_CASE("a live view stays inside its screen, however small") {
  std::vector<TargetReport> reports;
  for (int i = 0; i < 40; ++i) {
    reports.push_back(report(("target-with-a-long-name-" + std::to_string(i)).c_str(), 0, 0, 1ms,
                             i % 2 == 0 ? "atlas-offshore" : "b"));
  }
  LiveView view;
  view.update(reports, 0s);
  for (int second = 1; second < 20; ++second) {
    for (auto& each : reports) {
      ++each.window.counts.sent;
      ++each.window.counts.received;
      each.window.rtt.record(10ms + second * 1ms);
    }
    view.update(reports, second * 1s);
  }
  for (const std::size_t rows : {0U, 1U, 2U, 3U, 4U, 5U, 24U, 60U}) {
    for (const std::size_t columns : {0U, 1U, 2U, 5U, 10U, 20U, 40U, 80U, 200U, 500U}) {
      for (const bool unicode : {false, true}) {
        CAPTURE(rows, columns, unicode);
        const auto lines = view.render({rows, columns}, unicode);
        CHECK(lines.size() <= rows);
        for (const auto& line : lines) CHECK(characters(line.text) <= columns);
      }
    }
  }
  const auto lines = view.render({24, 80}, true);
  REQUIRE(lines.size() == 24);
  CHECK_THAT(lines[0].text, Catch::StartsWith("strait probe  40 rows  760 sent  19s"));
  CHECK_THAT(lines[1].text,
             Catch::Contains("loss") && Catch::Contains("p95") && Catch::Contains("trend"));
  CHECK_THAT(lines[2].text, Catch::Contains("▁") && Catch::Contains("█"));
  CHECK_THAT(lines[23].text, Catch::Contains("q quit") && Catch::Contains("(19 more rows)"));
}

TEST_CASE("a live view sorts the worst first, scrolls and holds still") {
  std::vector<TargetReport> reports{report("fast", 10, 0, 1ms), report("lossy", 5, 5, 2ms),
                                    report("slow", 10, 0, 30ms)};
  LiveView view;
  view.update(reports, 1s);
  const auto first = [&] { return view.render({24, 80}, false)[2].text.substr(0, 5); };
  CHECK(first() == "fast ");
  view.sort_by(LiveView::Sort::loss);
  CHECK(first() == "lossy");
  CHECK(view.render({24, 80}, false)[2].style == LiveView::Style::bad);
  view.sort_by(LiveView::Sort::p50);
  CHECK(first() == "slow ");
  view.next_sort();
  CHECK(view.sort() == LiveView::Sort::p95);
  view.next_sort();
  CHECK(view.sort() == LiveView::Sort::given);

  view.scroll(5);  // there are three rows, and room for two
  CHECK(view.render({5, 80}, false)[2].text.starts_with("lossy"));
  view.scroll(-9);
  CHECK(view.render({5, 80}, false)[2].text.starts_with("fast"));

  view.toggle_pause();
  const auto before = view.render({24, 80}, false);
  CHECK_THAT(before[0].text, Catch::Contains("PAUSED"));
  reports[0].window.counts.lost = 7;
  view.update(reports, 2s);
  CHECK(view.render({24, 80}, false) == before);
}

TEST_CASE("the trend shows where probes were lost") {
  std::vector<TargetReport> reports{report("t", 1, 0, 5ms)};
  LiveView view;
  view.update(reports, 1s);
  ++reports[0].window.counts.lost;
  view.update(reports, 2s);
  view.update(reports, 3s);  // nothing came
  reports[0].window.rtt.record(20ms);
  view.update(reports, 4s);
  CHECK_THAT(view.render({24, 80}, false)[2].text, Catch::EndsWith(" _x #"));
}
