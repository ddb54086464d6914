// SPDX-License-Identifier: Apache-2.0
#include "cli/capture/view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

#include "cli/capture/report.hpp"
#include "cli/terminal/cells.hpp"

namespace strait::cli {
namespace {

namespace passive = probe::passive;

// "12.3M": with three figures or so.
std::string scaled(double value) {
  constexpr std::array<std::string_view, 5> units{"", "k", "M", "G", "T"};
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < units.size(); ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}{}", value, units.at(unit));
}

std::string time_or_dash(const std::optional<Nanos>& time) {
  return time ? strait::to_text(*time) : "-";
}

std::string quantile_text(const std::optional<Nanos>& value, bool any) {
  return any && !value ? "n/a" : time_or_dash(value);
}

std::string_view sort_name(CaptureView::Sort sort) {
  constexpr std::array<std::string_view, 4> names{"octets", "p95", "retransmissions", "rate"};
  return names.at(static_cast<std::size_t>(sort));
}

}  // namespace

// A column of figures; those that matter less go first where there is no room.
struct CaptureView::Figure {
  const char* name;
  std::size_t width;  // with the space in front
  unsigned rank;
  std::string (*text)(const Row& row);
};

struct CaptureView::Layout {
  std::size_t client = 0;
  std::size_t server = 0;
  std::vector<const Figure*> shown;
};

std::span<const CaptureView::Figure> CaptureView::figures() {
  static constexpr std::array<Figure, 9> all{{
      {"bit/s", 8, 0, [](const Row& row) { return row.rate ? scaled(*row.rate) : "-"; }},
      {"octets", 8, 6, [](const Row& row) { return scaled(static_cast<double>(row.octets)); }},
      {"again", 7, 5, [](const Row& row) { return std::to_string(row.again); }},
      {"server min", 12, 7, [](const Row& row) { return time_or_dash(row.to_server.min); }},
      {"p50", 11, 1,
       [](const Row& row) { return quantile_text(row.to_server.p50, row.to_server.any); }},
      {"p95", 11, 3,
       [](const Row& row) { return quantile_text(row.to_server.p95, row.to_server.any); }},
      {"client min", 12, 8, [](const Row& row) { return time_or_dash(row.to_client.min); }},
      {"p50", 11, 2,
       [](const Row& row) { return quantile_text(row.to_client.p50, row.to_client.any); }},
      {"p95", 11, 4,
       [](const Row& row) { return quantile_text(row.to_client.p95, row.to_client.any); }},
  }};
  return all;
}

CaptureView::Trips CaptureView::trips_of(const Sketch& rtt) {
  return {.min = rtt.min(),
          .p50 = flow_quantile(rtt, 0.5),
          .p95 = flow_quantile(rtt, 0.95),
          .any = !rtt.empty()};
}

void CaptureView::update(std::span<const passive::FlowReport> flows, const Totals& totals) {
  if (paused_) return;
  const double seconds = std::chrono::duration<double>(totals.elapsed - totals_.elapsed).count();
  totals_ = totals;
  rows_.clear();
  std::map<std::string, Before> now;
  for (const passive::FlowReport& flow : flows) {
    Row row;
    row.client = strait::to_string(flow.client.end) + (flow.client_known ? "" : "?");
    row.server = strait::to_string(flow.server.end);
    row.octets = flow.client.octets + flow.server.octets;
    row.again = losses(flow.client.signs) + losses(flow.server.signs);
    row.to_server = trips_of(flow.client.best());
    row.to_client = trips_of(flow.server.best());
    row.ended = flow.ending != passive::FlowEnding::open;
    const auto id = fmt::format("{} {} {}", row.client, row.server, flow.protocol);
    const auto known = before_.find(id);
    // Fewer than before: another connection between the same ends.
    if (known != before_.end() && row.octets >= known->second.octets && seconds > 0) {
      row.rate = static_cast<double>(row.octets - known->second.octets) * 8 / seconds;
      row.loses = row.again > known->second.again;
    }
    now[id] = {.octets = row.octets, .again = row.again};
    rows_.push_back(std::move(row));
  }
  before_ = std::move(now);
  sort_rows();
}

// What has no such figure comes last; flows come with the most octets first, and stay so.
void CaptureView::sort_rows() {
  const auto key = [this](const Row& row) {
    switch (sort_) {
      case Sort::octets:
        return static_cast<double>(row.octets);
      case Sort::retransmissions:
        return static_cast<double>(row.again);
      case Sort::rate:
        return row.rate.value_or(-1);
      case Sort::p95:
        break;
    }
    const Nanos none{-1};
    return static_cast<double>(
        std::max(row.to_server.p95.value_or(none), row.to_client.p95.value_or(none)).count());
  };
  std::ranges::stable_sort(rows_, std::greater{}, key);
}

void CaptureView::next_sort() {
  sort_ = sort_ == Sort::rate ? Sort::octets : static_cast<Sort>(static_cast<unsigned>(sort_) + 1);
  sort_rows();
}

void CaptureView::scroll(int rows) {
  const auto down = static_cast<std::size_t>(std::max(rows, 0));
  const auto up = static_cast<std::size_t>(std::max(-rows, 0));
  top_ = top_ + down - std::min(up, top_ + down);
}

CaptureView::Layout CaptureView::layout(std::size_t columns) const {
  Layout found;
  std::size_t client = std::string_view{"client"}.size();
  std::size_t server = std::string_view{"server"}.size();
  for (const Row& row : rows_) {
    client = std::max(client, characters(row.client));
    server = std::max(server, characters(row.server));
  }
  const std::size_t most = std::max<std::size_t>(columns / 4, 1);
  found.client = std::min(client, most);
  found.server = std::min(server, most);
  std::size_t used = found.client + 1 + found.server;
  std::vector<bool> fits(figures().size());
  for (unsigned rank = 0; rank < figures().size(); ++rank) {
    const auto figure = std::ranges::find(figures(), rank, &Figure::rank);
    if (used + figure->width > columns) break;
    used += figure->width;
    fits[static_cast<std::size_t>(figure - figures().begin())] = true;
  }
  for (std::size_t i = 0; i < fits.size(); ++i) {
    if (fits[i]) found.shown.push_back(&figures()[i]);
  }
  return found;
}

// The first figure of a direction bears its name.
std::string CaptureView::header(const Layout& layout, bool unicode) {
  auto text = left("client", layout.client, unicode) + " " + left("server", layout.server, unicode);
  for (const Figure* const figure : layout.shown) {
    const std::size_t index = static_cast<std::size_t>(figure - figures().data());
    const bool has_min = std::ranges::find(layout.shown, &figures()[3]) != layout.shown.end();
    const bool has_both = std::ranges::find(layout.shown, &figures()[6]) != layout.shown.end();
    std::string name = figure->name;
    if (index == 4 && !has_min) name = "server p50";
    if (index == 7 && !has_both) name = "client p50";
    text += fmt::format("{:>{}}", name, figure->width);
  }
  return text;
}

std::string CaptureView::text_of(const Row& row, const Layout& layout, bool unicode) {
  auto text =
      left(row.client, layout.client, unicode) + " " + left(row.server, layout.server, unicode);
  for (const Figure* const figure : layout.shown) {
    text += fmt::format("{:>{}}", figure->text(row), figure->width);
  }
  return row.ended ? text + " ended" : text;
}

std::string CaptureView::title() const {
  auto text =
      fmt::format("strait capture  {} flows  {} packets  {}s", totals_.flows, totals_.packets,
                  std::chrono::duration_cast<std::chrono::seconds>(totals_.elapsed).count());
  if (totals_.dropped > 0) text += fmt::format("  {} packets dropped", totals_.dropped);
  return paused_ ? text + "  PAUSED (capturing goes on)" : text;
}

std::string CaptureView::help() const {
  return fmt::format("q quit  p pause  s sort: {}  up/down scroll", sort_name(sort_));
}

std::vector<LiveView::Line> CaptureView::render(const LiveView::Size& size, bool unicode) {
  using Style = LiveView::Style;
  std::vector<LiveView::Line> lines;
  if (size.rows == 0 || size.columns == 0) return lines;
  const std::size_t around = std::min<std::size_t>(size.rows - 1, 3);  // header, title, help
  const std::size_t room = size.rows - around;
  top_ = std::min(top_, rows_.size() - std::min(room, rows_.size()));
  const Layout columns = layout(size.columns);
  const auto add = [&](const std::string& text, Style style) {
    lines.push_back({cut(text, size.columns, unicode), style});
  };
  if (around >= 2) add(title(), totals_.dropped > 0 ? Style::bad : Style::title);
  if (around >= 1) add(header(columns, unicode), Style::header);
  const std::size_t end = std::min(rows_.size(), top_ + room);
  for (std::size_t i = top_; i < end; ++i) {
    add(text_of(rows_[i], columns, unicode), rows_[i].loses ? Style::bad : Style::good);
  }
  if (around < 3) return lines;
  while (lines.size() + 1 < size.rows) lines.push_back({"", Style::good});
  const auto hidden = rows_.size() - std::min(room, rows_.size());
  add(help() + (hidden > 0 ? fmt::format("  ({} more rows)", hidden) : ""), Style::help);
  return lines;
}

}  // namespace strait::cli
