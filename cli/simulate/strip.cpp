// SPDX-License-Identifier: Apache-2.0
#include "cli/simulate/strip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace strait::cli {
namespace {

constexpr double visible_loss = 0.01;
constexpr double least_range_ms = 1;  // smaller differences stay small on the screen

double to_ms(Nanos time) { return static_cast<double>(time.count()) * 1e-6; }

}  // namespace

Strips::Strips(WallTime from, Nanos length, std::size_t columns)
    : from_{from}, length_{length}, columns_{columns} {}

std::optional<double> Strips::Column::delay() const {
  double sum = 0;
  double targets = 0;
  for (const auto& [target, sketch] : rtt) {
    const auto median = sketch.quantile(0.5);
    if (!median) continue;
    sum += to_ms(*median);
    ++targets;
  }
  if (targets == 0) return std::nullopt;
  return sum / targets;
}

void Strips::add(std::span<const Window> windows) {
  for (const Window& window : windows) {
    empty_ = false;
    Row& row = rows_[window.session.path];
    row.columns.resize(columns_);
    const auto part = static_cast<std::size_t>((window.start - from_) /
                                               (length_ / static_cast<Nanos::rep>(columns_)));
    Column& column = row.columns[std::min(part, columns_ - 1)];
    column.rtt.try_emplace(window.session.target, lag_schema).first->second.merge(window.rtt);
    column.sent += window.counts.sent;
    column.lost += window.counts.lost;
  }
}

std::string Strips::bar(const Column& column, const Row& row) {
  constexpr std::array bars{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  if (column.sent == 0) return " ";
  const auto delay = column.delay();
  if (!delay || !row.least) return "x";
  if (static_cast<double>(column.lost) > visible_loss * static_cast<double>(column.sent)) {
    return "!";
  }
  const double range = std::max(row.most - *row.least, least_range_ms);
  const double share = std::clamp((*delay - *row.least) / range, 0.0, 1.0);
  return bars.at(static_cast<std::size_t>(std::lround(share * (bars.size() - 1))));
}

std::string Strips::figures(const Row& row) {
  double sum = 0;
  double columns = 0;
  double worst = 0;
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
  for (const Column& column : row.columns) {
    sent += column.sent;
    lost += column.lost;
    const auto delay = column.delay();
    if (!delay) continue;
    sum += *delay;
    ++columns;
    worst = std::max(worst, *delay);
  }
  if (sent == 0) return "not measured";
  if (columns == 0) return "everything lost";
  return fmt::format("{:6.1f} ms, worst {:6.1f} ms, loss {:.2f} %", sum / columns, worst,
                     100 * static_cast<double>(lost) / static_cast<double>(sent));
}

std::vector<std::string> Strips::turn() {
  std::vector<std::string> lines;
  for (auto& [path, row] : rows_) {
    for (const Column& column : row.columns) {
      const auto delay = column.delay();
      if (!delay) continue;
      row.least = std::min(row.least.value_or(*delay), *delay);
      row.most = std::max(row.most, *delay);
    }
    std::string line;
    for (const Column& column : row.columns) line += bar(column, row);
    lines.push_back(fmt::format("{:<16} {}  {}", path, line, figures(row)));
    row.columns.assign(columns_, Column{});
  }
  from_ += length_;
  empty_ = true;
  return lines;
}

}  // namespace strait::cli
