// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal/live_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "cli/terminal/cells.hpp"

namespace strait::cli {
namespace {

constexpr std::size_t longest_trend = 240;  // points, more than a screen is wide
constexpr std::size_t shortest_trend = 8;

std::string time_cell(const std::optional<Nanos>& time) {
  return time ? strait::to_text(*time) : "-";
}

std::string quantile_cell(const Window& window, double q) {
  const auto found = reported_quantile(window, q);
  if (!found.enough) return "n/a";
  return found.infinite ? "lost" : time_cell(found.value);
}

std::string loss_cell(const Window& window) {
  if (window.counts.received + window.counts.lost == 0) return "-";
  return fmt::format("{:.2f}%", loss_percent(window.counts));
}

// A column of figures; those that matter less go first where there is no room.
struct Figure {
  const char* name;
  std::size_t width;  // with the space in front
  unsigned rank;
  std::string (*text)(const Window& window);
};
constexpr std::size_t most_figures = 7;
const std::array<Figure, most_figures>& figures() {
  static constexpr std::array<Figure, most_figures> all{{
      {"sent", 8, 3, [](const Window& w) { return std::to_string(w.counts.sent); }},
      {"loss", 9, 0, loss_cell},
      {"min", 11, 6, [](const Window& w) { return time_cell(w.rtt.min()); }},
      {"p50", 11, 1, [](const Window& w) { return quantile_cell(w, 0.5); }},
      {"p95", 11, 2, [](const Window& w) { return quantile_cell(w, 0.95); }},
      {"p99", 11, 4, [](const Window& w) { return quantile_cell(w, 0.99); }},
      {"max", 11, 5, [](const Window& w) { return time_cell(w.rtt.max()); }},
  }};
  return all;
}

// Where it stands among the others; whatever has no such figure comes last.
double sort_key(const Window& window, LiveView::Sort sort) {
  if (sort == LiveView::Sort::loss) return -loss_percent(window.counts);
  const auto found = reported_quantile(window, sort == LiveView::Sort::p50 ? 0.5 : 0.95);
  if (!found.value || found.infinite) return found.enough ? -1e18 : 0;
  return -static_cast<double>(found.value->count());
}

std::string_view name_of(LiveView::Sort sort) {
  constexpr std::array<std::string_view, 5> names{"given", "name", "loss", "p50", "p95"};
  return names.at(static_cast<std::size_t>(sort));
}

}  // namespace

struct LiveView::Layout {
  std::size_t target = 0;
  std::size_t path = 0;  // 0: there are none
  std::array<bool, most_figures> shown{};
  std::size_t trend = 0;
};

void LiveView::add_point(Row& row, const Window& now) {
  const auto replies = now.rtt.count() - row.window.rtt.count();
  Point point;
  point.lost = now.counts.lost > row.window.counts.lost;
  if (replies > 0) {
    point.mean = (now.rtt.sum() - row.window.rtt.sum()) / static_cast<std::int64_t>(replies);
  }
  row.trend.push_back(point);
  if (row.trend.size() > longest_trend) row.trend.pop_front();
  row.window = now;
}

void LiveView::update(std::span<const TargetReport> reports, Nanos elapsed) {
  if (paused_) return;
  elapsed_ = elapsed;
  if (rows_.size() != reports.size()) {
    rows_.clear();
    for (const TargetReport& report : reports) {
      const SessionKey& key = report.window.session;
      Row row;
      row.target = key.target;
      row.path = key.path;
      rows_.push_back(std::move(row));
    }
  }
  for (std::size_t i = 0; i < reports.size(); ++i) add_point(rows_[i], reports[i].window);
}

void LiveView::next_sort() {
  sort_ = sort_ == Sort::p95 ? Sort::given : static_cast<Sort>(static_cast<unsigned>(sort_) + 1);
}

void LiveView::scroll(int rows) {
  const auto down = static_cast<std::size_t>(std::max(rows, 0));
  const auto up = static_cast<std::size_t>(std::max(-rows, 0));
  top_ = top_ + down - std::min(up, top_ + down);
}

LiveView::Order LiveView::ordered() const {
  Order order;
  order.reserve(rows_.size());
  for (const Row& row : rows_) order.push_back(&row);
  if (sort_ == Sort::given) return order;
  if (sort_ == Sort::name) {
    std::ranges::stable_sort(order, {}, [](const Row* row) {
      return std::pair{std::string_view{row->target}, std::string_view{row->path}};
    });
    return order;
  }
  std::vector<std::pair<double, const Row*>> keyed;
  keyed.reserve(order.size());
  for (const Row* const row : order) keyed.emplace_back(sort_key(row->window, sort_), row);
  std::ranges::stable_sort(keyed, {}, &std::pair<double, const Row*>::first);
  std::ranges::transform(keyed, order.begin(), &std::pair<double, const Row*>::second);
  return order;
}

LiveView::Layout LiveView::layout(std::size_t columns) const {
  Layout found;
  std::size_t target = std::string_view{"target"}.size();
  std::size_t path = 0;
  for (const Row& row : rows_) {
    target = std::max(target, characters(row.target));
    path = std::max(path, characters(row.path));
  }
  found.target = std::min(target, std::max<std::size_t>(columns / 4, 1));
  if (path > 0) found.path = std::min(std::max<std::size_t>(path, 4), columns / 4);
  std::size_t used = found.target + (found.path > 0 ? found.path + 1 : 0);
  constexpr unsigned before_trend = 2;  // loss and the median are worth more than it
  bool trend = false;
  for (unsigned rank = 0; rank < most_figures; ++rank) {
    if (rank == before_trend) {
      trend = used + 1 + shortest_trend <= columns;
      if (trend) used += 1 + shortest_trend;
    }
    const auto* const figure = std::ranges::find(figures(), rank, &Figure::rank);
    if (used + figure->width > columns) break;
    used += figure->width;
    found.shown.at(static_cast<std::size_t>(figure - figures().begin())) = true;
  }
  if (trend)
    found.trend = shortest_trend + std::min(columns - used, longest_trend - shortest_trend);
  return found;
}

std::string LiveView::header(const Layout& layout, bool unicode) {
  auto text = left("target", layout.target, unicode);
  if (layout.path > 0) text += " " + left("path", layout.path, unicode);
  for (std::size_t i = 0; i < most_figures; ++i) {
    const Figure& figure = figures().at(i);
    if (layout.shown.at(i)) text += fmt::format("{:>{}}", figure.name, figure.width);
  }
  return layout.trend > 0 ? text + " trend" : text;
}

std::string LiveView::text_of(const Row& row, const Layout& layout, bool unicode) {
  auto text = left(row.target, layout.target, unicode);
  if (layout.path > 0) text += " " + left(row.path, layout.path, unicode);
  for (std::size_t i = 0; i < most_figures; ++i) {
    const Figure& figure = figures().at(i);
    if (layout.shown.at(i)) text += fmt::format("{:>{}}", figure.text(row.window), figure.width);
  }
  return layout.trend > 0 ? text + " " + trend_of(row, layout.trend, unicode) : text;
}

// The newest points, the newest last, between the least and the greatest of them.
std::string LiveView::trend_of(const Row& row, std::size_t columns, bool unicode) {
  constexpr std::array<std::string_view, 8> blocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::array<std::string_view, 8> letters{"_", ".", "-", "~", "=", "+", "*", "#"};
  const auto& levels = unicode ? blocks : letters;
  const auto begin =
      row.trend.end() - static_cast<std::ptrdiff_t>(std::min(columns, row.trend.size()));
  Nanos least = Nanos::max();
  Nanos most = Nanos::min();
  for (auto point = begin; point != row.trend.end(); ++point) {
    const std::optional<Nanos> mean = point->mean;
    if (!mean) continue;
    least = std::min(least, *mean);
    most = std::max(most, *mean);
  }
  std::string text;
  for (auto point = begin; point != row.trend.end(); ++point) {
    const std::optional<Nanos> mean = point->mean;
    if (point->lost) {
      text += unicode ? "×" : "x";
    } else if (!mean) {
      text += ' ';
    } else {
      const auto range = std::max<std::int64_t>((most - least).count(), 1);
      const auto level = (*mean - least).count() * 7 / range;
      text += levels.at(static_cast<std::size_t>(std::clamp<std::int64_t>(level, 0, 7)));
    }
  }
  return text;
}

std::string LiveView::title() const {
  std::uint64_t sent = 0;
  std::uint64_t missed = 0;
  for (const Row& row : rows_) {
    sent += row.window.counts.sent;
    missed += row.window.counts.missed;
  }
  auto text = fmt::format("strait probe  {} rows  {} sent  {}s", rows_.size(), sent,
                          std::chrono::duration_cast<std::chrono::seconds>(elapsed_).count());
  if (missed > 0) text += fmt::format("  {} slots missed by this machine", missed);
  return paused_ ? text + "  PAUSED (probing goes on)" : text;
}

std::string LiveView::help() const {
  return fmt::format("q quit  p pause  s sort: {}  up/down scroll", name_of(sort_));
}

std::vector<LiveView::Line> LiveView::render(const Size& size, bool unicode) {
  std::vector<Line> lines;
  if (size.rows == 0 || size.columns == 0) return lines;
  // What cannot be spared comes first: rows, then the header, the title, the help.
  const bool has_header = size.rows >= 2;
  const bool has_title = size.rows >= 3;
  const bool has_help = size.rows >= 4;
  const std::size_t room =
      size.rows - (has_header ? 1 : 0) - (has_title ? 1 : 0) - (has_help ? 1 : 0);
  top_ = std::min(top_, rows_.size() - std::min(room, rows_.size()));
  const Layout columns = layout(size.columns);
  const auto add = [&](const std::string& text, Style style) {
    lines.push_back({cut(text, size.columns, unicode), style});
  };
  if (has_title) add(title(), Style::title);
  if (has_header) add(header(columns, unicode), Style::header);
  const Order order = ordered();
  for (std::size_t i = top_; i < std::min(order.size(), top_ + room); ++i) {
    const Row& row = *order[i];
    const bool bad = !row.trend.empty() && row.trend.back().lost;
    add(text_of(row, columns, unicode), bad ? Style::bad : Style::good);
  }
  if (!has_help) return lines;
  while (lines.size() + 1 < size.rows) lines.push_back({"", Style::good});
  const auto hidden = order.size() - std::min(room, order.size());
  add(help() + (hidden > 0 ? fmt::format("  ({} more rows)", hidden) : ""), Style::help);
  return lines;
}

}  // namespace strait::cli
