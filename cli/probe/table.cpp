// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analyzer/evidence.hpp"
#include "analyzer/wilson.hpp"
#include "exporters/csv.hpp"
#include "exporters/text_table.hpp"

namespace strait::cli {
namespace {

using exporters::Colour;
using exporters::TextTable;

// A row that has nothing to show there.
constexpr const char* none = "-";

TextTable::Cell number(std::string text) { return {std::move(text), Colour::none, true}; }

std::string time_text(const std::optional<Nanos>& time) {
  if (!time) return none;
  return *time == analyzer::infinite_delay ? "lost" : strait::to_text(*time);
}

std::string quantile_cell(const Window& window, double q, bool interval) {
  const auto quantile = reported_quantile(window, q);
  if (!quantile.enough) return fmt::format("n/a (needs {})", quantile.needed);
  if (quantile.infinite) return "lost";
  auto text = time_text(quantile.value);
  if (interval) text += fmt::format(" [{}, {}]", time_text(quantile.low), time_text(quantile.high));
  return text;
}

std::string loss_cell(const Counts& counts) {
  if (counts.received + counts.lost == 0) return none;
  const auto loss = analyzer::wilson(counts.lost, counts.received + counts.lost);
  return fmt::format("{:.2f} % [{:.2f} %, {:.2f} %]", loss.value * 100, loss.low * 100,
                     loss.high * 100);
}

std::string name_of(const TargetReport& report) {
  const auto address = report.address.to_string();
  return report.target == address ? address : fmt::format("{} ({})", report.target, address);
}

using Reports = std::span<const TargetReport>;

bool over_paths(Reports reports) { return !reports.front().window.session.path.empty(); }

bool has_floors(Reports reports) {
  return std::ranges::any_of(reports, [](const auto& report) { return report.floor.has_value(); });
}

void add_header(TextTable& table, Reports reports, const char* what) {
  std::vector<TextTable::Cell> row{{what}};
  for (const char* const name : {"sent", "lost", "min", "p50 [95 %]", "p95", "p99", "max"}) {
    row.push_back(number(name));
  }
  if (has_floors(reports)) {
    row.push_back(number("floor"));
    row.push_back(number("stretch"));
  }
  table.add_row(std::move(row));
}

void add_row(TextTable& table, const TargetReport& report, std::string name, bool floors) {
  const Window& window = report.window;
  const bool silent = window.counts.received == 0;
  std::vector<TextTable::Cell> row{{std::move(name), silent ? Colour::red : Colour::none}};
  row.push_back(number(std::to_string(window.counts.sent)));
  row.push_back(number(loss_cell(window.counts)));
  row.push_back(number(time_text(window.rtt.min())));
  row.push_back(number(silent ? none : quantile_cell(window, 0.5, true)));
  row.push_back(number(silent ? none : quantile_cell(window, 0.95, false)));
  row.push_back(number(silent ? none : quantile_cell(window, 0.99, false)));
  row.push_back(number(time_text(window.rtt.max())));
  if (floors) {
    const auto times = stretch(report);
    row.push_back(number(time_text(report.floor)));
    row.push_back(number(times ? fmt::format("{:.2f}", *times) : none));
  }
  table.add_row(std::move(row));
}

// What a row has no column for: a line each.
std::string notes(Reports reports) {
  std::string text;
  for (const TargetReport& report : reports) {
    const std::string& path = report.window.session.path;
    const auto who = path.empty() ? report.target : path;
    const Counts& counts = report.window.counts;
    const auto note = [&](std::string_view what, std::uint64_t count) {
      if (count > 0) text += fmt::format("  {}: {}: {}\n", who, what, count);
    };
    note("late", counts.late);
    note("duplicate", counts.duplicate);
    note("reordered", counts.reordered);
    note("slots missed by this machine", counts.missed);
    note("samples kept apart, too uncertain", report.window.uncertain.count());
    for (const auto& [kind, count] : counts.errors) note(kind, count);
    if (const auto times = stretch(report); times && *times < 1) {
      text += fmt::format(
          "  {}: faster than light in fibre: a place, a segment or the path is not "
          "what it should be\n",
          who);
    }
  }
  return text;
}

std::string target_block(Reports reports, bool colour) {
  const TargetReport& first = reports.front();
  auto text = exporters::painted(name_of(first), colour ? Colour::bold : Colour::none) +
              fmt::format(": {}\n", what_text(first));
  TextTable table;
  add_header(table, reports, "path");
  for (const TargetReport& report : reports) {
    add_row(table, report, report.window.session.path, has_floors(reports));
  }
  return text + table.render("  ", colour) + notes(reports);
}

std::string nanos(const std::optional<Nanos>& time) {
  if (!time) return "";
  return *time == analyzer::infinite_delay ? "inf" : std::to_string(time->count());
}

std::string errors_of(const Counts& counts) {
  std::string text;
  for (const auto& [kind, count] : counts.errors) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", kind, count);
  }
  return text;
}

void add_quantiles(std::vector<std::string>& cells, const Window& window) {
  for (const double q : reported_quantiles) {
    const auto quantile = reported_quantile(window, q);
    if (!quantile.enough) {
      cells.resize(cells.size() + 3);
      continue;
    }
    cells.push_back(quantile.infinite ? "inf" : nanos(quantile.value));
    cells.push_back(nanos(quantile.low));
    cells.push_back(nanos(quantile.high));
  }
}

std::string csv_line(const TargetReport& report) {
  const Window& window = report.window;
  const Counts& counts = window.counts;
  const bool decided = counts.received + counts.lost > 0;
  const auto loss = analyzer::wilson(counts.lost, counts.received + counts.lost);
  const auto percent = [decided](double share) {
    return decided ? fmt::format("{:.4f}", share * 100) : "";
  };
  std::vector<std::string> cells{exporters::csv_cell(window.session.path),
                                 exporters::csv_cell(report.target),
                                 report.address.to_string(),
                                 std::string{strait::to_string(window.session.protocol)},
                                 std::to_string(window.session.dscp),
                                 std::to_string(report.size),
                                 strait::to_string(window.start)};
  for (const auto count : {counts.sent, counts.received, counts.lost, counts.late, counts.duplicate,
                           counts.reordered, counts.missed, window.uncertain.count()}) {
    cells.push_back(std::to_string(count));
  }
  for (const double share : {loss.value, loss.low, loss.high}) cells.push_back(percent(share));
  cells.push_back(nanos(window.rtt.min()));
  add_quantiles(cells, window);
  cells.push_back(nanos(window.rtt.max()));
  cells.push_back(nanos(window.rtt.mean()));
  cells.push_back(nanos(report.floor));
  const auto times = stretch(report);
  cells.push_back(times ? fmt::format("{:.4f}", *times) : "");
  cells.emplace_back(window.rtt.empty() ? "" : strait::to_string(window.source));
  cells.push_back(exporters::csv_cell(errors_of(counts)));
  return fmt::format("{}\r\n", fmt::join(cells, ","));
}

constexpr std::string_view csv_header =
    "path,target,address,protocol,dscp,octets,start,sent,received,lost,late,duplicate,reordered,"
    "missed,kept_apart,loss_percent,loss_low_percent,loss_high_percent,min_ns,p50_ns,p50_low_ns,"
    "p50_high_ns,p90_ns,p90_low_ns,p90_high_ns,p95_ns,p95_low_ns,p95_high_ns,p99_ns,p99_low_ns,"
    "p99_high_ns,max_ns,mean_ns,floor_ns,stretch,timestamps,errors\r\n";

}  // namespace

std::string to_table(Reports reports, bool colour) {
  if (reports.empty()) return "";
  if (!over_paths(reports)) {
    TextTable table;
    add_header(table, reports, "target");
    for (const TargetReport& report : reports) add_row(table, report, name_of(report), false);
    return table.render("", colour) + notes(reports);
  }
  std::string text;
  for (std::size_t begin = 0; begin < reports.size();) {
    std::size_t end = begin + 1;
    const auto& label = reports[begin].window.session.target;
    while (end < reports.size() && reports[end].window.session.target == label) ++end;
    text += target_block(reports.subspan(begin, end - begin), colour);
    begin = end;
  }
  return text;
}

std::string to_csv(Reports reports) {
  std::string text{csv_header};
  for (const TargetReport& report : reports) text += csv_line(report);
  return text;
}

}  // namespace strait::cli
