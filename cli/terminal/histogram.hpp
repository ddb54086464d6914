// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/sketch.hpp"

namespace strait::cli {

// What the lines for people may use.
struct Canvas {
  std::size_t width = 80;  // columns
  bool unicode = false;    // blocks of an eighth of a column, else '#'
};

// The terminal's width, else COLUMNS, else 80; and whether the locale's characters are UTF-8.
[[nodiscard]] Canvas canvas_of(int fd);

// A line for each range of times that has samples, at most a dozen, as wide as the canvas; empty
// without a sample above 0.
[[nodiscard]] std::string histogram(const Sketch& rtt, const Canvas& canvas);

}  // namespace strait::cli
