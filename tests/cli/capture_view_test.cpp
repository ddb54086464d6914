// SPDX-License-Identifier: Apache-2.0
// What `strait capture --live` makes of the flows.
#include "cli/capture/view.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "cli/terminal/cells.hpp"

using namespace strait;
using namespace strait::cli;
using namespace std::chrono_literals;
using probe::passive::FlowReport;

namespace {

FlowReport flow(std::uint16_t port, std::uint64_t octets, Nanos to_server, int trips = 100,
                std::uint32_t again = 0) {
  FlowReport made;
  made.client_known = true;
  made.client.end = {.address = parse_address("192.0.2.1").value(), .port = port};
  made.server.end = {.address = parse_address("198.51.100.7").value(), .port = 443};
  made.client.octets = octets / 4;
  made.server.octets = octets - made.client.octets;
  made.client.signs.retransmitted = again;
  for (int i = 0; i < trips; ++i) made.client.by_sequence.record(to_server);
  return made;
}

std::vector<std::string> render(CaptureView& view, LiveView::Size size) {
  std::vector<std::string> texts;
  for (const auto& line : view.render(size, true)) texts.push_back(line.text);
  return texts;
}

// The port of the client in each row.
std::vector<std::string> order(CaptureView& view) {
  std::vector<std::string> ports;
  const auto lines = render(view, {.rows = 3 + 3, .columns = 200});
  for (std::size_t i = 2; i < 5; ++i) ports.push_back(lines.at(i).substr(10, 4));
  return ports;
}

}  // namespace

TEST_CASE("a rate is of what a flow carried since the figures before, and a new flow has none") {
  CaptureView view{FlowRank::octets};
  view.update(std::vector{flow(1000, 1000, 10ms)}, {.flows = 1, .packets = 10, .elapsed = 1s});
  CHECK(render(view, {.rows = 24, .columns = 200})[2].find(" - ") != std::string::npos);
  const std::vector later{flow(1000, 1'251'000, 10ms), flow(2000, 500, 20ms)};
  view.update(later, {.flows = 2, .packets = 900, .elapsed = 3s});
  const auto lines = render(view, {.rows = 24, .columns = 200});
  CHECK(lines[0] == "strait capture  2 flows  900 packets  3s");
  CHECK(lines[2].find(" 5M ") != std::string::npos);  // 1.25 MB in 2 s
  CHECK(lines[3].find(" - ") != std::string::npos);
  CHECK(lines.size() == 24);
}

TEST_CASE("another connection between the same ends begins without a rate") {
  CaptureView view{FlowRank::octets};
  view.update(std::vector{flow(1000, 90'000, 10ms)}, {.elapsed = 1s});
  view.update(std::vector{flow(1000, 400, 10ms)}, {.elapsed = 2s});
  CHECK(render(view, {.rows = 24, .columns = 60})[2].find(" - ") != std::string::npos);
}

TEST_CASE("flows are sorted by what is asked for, and among equals by octets") {
  CaptureView view{FlowRank::octets};
  const std::vector flows{flow(1000, 9000, 10ms), flow(2000, 8000, 30ms, 100, 2),
                          flow(3000, 7000, 20ms, 100, 2)};
  view.update(flows, {.elapsed = 1s});
  CHECK(order(view) == std::vector<std::string>{"1000", "2000", "3000"});
  view.next_sort();
  CHECK(view.sort() == CaptureView::Sort::p95);
  CHECK(order(view) == std::vector<std::string>{"2000", "3000", "1000"});
  view.next_sort();
  CHECK(view.sort() == CaptureView::Sort::retransmissions);
  CHECK(order(view) == std::vector<std::string>{"2000", "3000", "1000"});
  view.next_sort();
  CHECK(view.sort() == CaptureView::Sort::rate);
  view.next_sort();
  CHECK(order(view) == std::vector<std::string>{"1000", "2000", "3000"});
}

TEST_CASE("what has too few round trips for a percentile says so, and is last by p95") {
  CaptureView view{FlowRank::p95};
  view.update(std::vector{flow(1000, 9000, 50ms, 5), flow(2000, 800, 1ms), flow(3000, 700, 2ms, 0)},
              {.elapsed = 1s});
  const auto lines = render(view, {.rows = 24, .columns = 200});
  CHECK(lines[2].starts_with("192.0.2.1:2000"));
  CHECK(lines[3].starts_with("192.0.2.1:1000"));
  CHECK(lines[3].find("n/a") != std::string::npos);
  CHECK(lines[4].starts_with("192.0.2.1:3000"));
  CHECK(lines[4].find("n/a") == std::string::npos);
}

TEST_CASE("a row that lost something since the figures before is marked, and a pause holds all") {
  CaptureView view{FlowRank::octets};
  view.update(std::vector{flow(1000, 9000, 10ms, 100, 1)}, {.elapsed = 1s});
  CHECK(view.render({.rows = 24, .columns = 80}, true)[2].style == LiveView::Style::good);
  view.update(std::vector{flow(1000, 9500, 10ms, 100, 2)}, {.elapsed = 2s});
  CHECK(view.render({.rows = 24, .columns = 80}, true)[2].style == LiveView::Style::bad);
  const auto before = render(view, {.rows = 24, .columns = 80});
  view.toggle_pause();
  view.update(std::vector{flow(1000, 99'000, 10ms, 100, 2)}, {.elapsed = 3s});
  auto held = render(view, {.rows = 24, .columns = 80});
  CHECK(held[0] == before[0] + "  PAUSED (capturing goes on)");
  CHECK(held[2] == before[2]);
}

TEST_CASE("dropped packets stand in the title") {
  CaptureView view{FlowRank::octets};
  view.update({}, {.flows = 0, .packets = 5, .dropped = 7, .elapsed = 1s});
  const auto lines = view.render({.rows = 24, .columns = 80}, true);
  CHECK(lines[0].text == "strait capture  0 flows  5 packets  1s  7 packets dropped");
  CHECK(lines[0].style == LiveView::Style::bad);
}

TEST_CASE("no line is wider than the terminal, and there are no more than it has rows") {
  CaptureView view{FlowRank::octets};
  std::vector<FlowReport> flows;
  for (std::uint16_t port = 1000; port < 1050; ++port) flows.push_back(flow(port, 5000, 10ms));
  view.update(flows, {.flows = 50, .elapsed = 1s});
  for (const std::size_t columns : {1U, 2U, 7U, 40U, 80U, 120U, 300U}) {
    for (const std::size_t rows : {0U, 1U, 2U, 3U, 4U, 24U, 100U}) {
      view.scroll(1000);
      const auto lines = render(view, {.rows = rows, .columns = columns});
      CHECK(lines.size() <= rows);
      for (const auto& line : lines) CHECK(characters(line) <= columns);
      view.scroll(-2000);
    }
  }
}
