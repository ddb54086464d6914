// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "cli/live_view.hpp"
#include "core/result.hpp"

namespace strait::cli {

// The terminal as long as it shows a live view; what was on it before comes back at the end. One at
// a time, used by one thread. Only its source knows ncurses.
class LiveScreen {
 public:
  enum class Key : std::uint8_t { none, quit, pause, sort, up, down, page_up, page_down, resize };

  // Fails where standard input or output is no terminal, or one that ncurses does not know.
  [[nodiscard]] static Result<std::unique_ptr<LiveScreen>> open();
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;
  LiveScreen(LiveScreen&&) = delete;
  LiveScreen& operator=(LiveScreen&&) = delete;
  ~LiveScreen();

  [[nodiscard]] LiveView::Size size() const;
  [[nodiscard]] bool unicode() const;
  void draw(std::span<const LiveView::Line> lines);
  // The next key, or none within the time.
  [[nodiscard]] Key wait_key(Nanos patience);

 private:
  struct Terminal;
  explicit LiveScreen(std::unique_ptr<Terminal> terminal);

  std::unique_ptr<Terminal> terminal_;
};

}  // namespace strait::cli
