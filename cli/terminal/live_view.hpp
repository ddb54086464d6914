// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/probe/report.hpp"

namespace strait::cli {

// What `--live` shows, without a terminal: figures in, lines out.
class LiveView {
 public:
  enum class Sort : std::uint8_t { given, name, loss, p50, p95 };
  enum class Style : std::uint8_t { title, header, good, bad, help };
  struct Line {
    std::string text;
    Style style = Style::good;

    friend bool operator==(const Line&, const Line&) = default;
  };
  struct Size {
    std::size_t rows = 24;
    std::size_t columns = 80;
  };

  // Takes the figures as they stand since the beginning; every call is a point of the trend.
  void update(std::span<const TargetReport> reports, Nanos elapsed);

  void toggle_pause() { paused_ = !paused_; }
  [[nodiscard]] bool paused() const { return paused_; }
  void sort_by(Sort sort) { sort_ = sort; }
  void next_sort();
  [[nodiscard]] Sort sort() const { return sort_; }
  void scroll(int rows);

  // At most `size.rows` lines of at most `size.columns` characters.
  [[nodiscard]] std::vector<Line> render(const Size& size, bool unicode);

 private:
  struct Point {
    std::optional<Nanos> mean;  // of the replies since the point before; nothing without one
    bool lost = false;
  };
  struct Row {
    std::string target;
    std::string path;
    Window window;
    std::deque<Point> trend;
  };
  struct Layout;
  using Order = std::vector<const Row*>;

  static void add_point(Row& row, const Window& now);
  [[nodiscard]] Layout layout(std::size_t columns) const;
  [[nodiscard]] Order ordered() const;
  [[nodiscard]] std::string title() const;
  [[nodiscard]] std::string help() const;
  [[nodiscard]] static std::string header(const Layout& layout, bool unicode);
  [[nodiscard]] static std::string text_of(const Row& row, const Layout& layout, bool unicode);
  [[nodiscard]] static std::string trend_of(const Row& row, std::size_t columns, bool unicode);

  std::vector<Row> rows_;
  Nanos elapsed_{};
  Sort sort_ = Sort::given;
  std::size_t top_ = 0;  // the first row that is shown
  bool paused_ = false;
};

}  // namespace strait::cli
