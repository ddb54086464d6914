// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/window.hpp"

namespace strait::cli {

// A path's delay through a stretch of time as a row of bars, one for each of `columns` equal parts:
// the mean of its targets' median round trips, between the least and the greatest that the path has
// shown so far; "x" where everything was lost, "!" where more than 1 % was, " " without windows.
class Strips {
 public:
  Strips(WallTime from, Nanos length, std::size_t columns);

  void add(std::span<const Window> windows);
  [[nodiscard]] WallTime end() const { return from_ + length_; }
  // A line for each path, and an empty stretch of the same length after it.
  [[nodiscard]] std::vector<std::string> turn();
  [[nodiscard]] bool empty() const { return empty_; }  // nothing was added since the last turn

 private:
  struct Column {
    std::map<std::string, Sketch, std::less<>> rtt;  // by target
    std::uint64_t sent = 0;
    std::uint64_t lost = 0;

    [[nodiscard]] std::optional<double> delay() const;  // ms
  };
  struct Row {
    std::vector<Column> columns;
    std::optional<double> least;  // ms, so far
    double most = 0;
  };
  [[nodiscard]] static std::string bar(const Column& column, const Row& row);
  [[nodiscard]] static std::string figures(const Row& row);

  WallTime from_;
  Nanos length_;
  std::size_t columns_;
  bool empty_ = true;
  std::map<std::string, Row, std::less<>> rows_;  // by path
};

}  // namespace strait::cli
