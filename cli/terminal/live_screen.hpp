// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "cli/terminal/live_view.hpp"
#include "core/result.hpp"

namespace strait::cli {

// The terminal as long as it shows a live view; what was on it before comes back at the end. One at
// a time, used by one thread. Only its source knows ncurses.
class LiveScreen {
 public:
  enum class Key : std::uint8_t { none, quit, pause, sort, up, down, page_up, page_down, resize };

  // Fails where standard input or output is no terminal, or one that ncurses does not know. The
  // error begins with the name of the command and ends with what does without a terminal.
  [[nodiscard]] static Result<std::unique_ptr<LiveScreen>> open(std::string_view command,
                                                                std::string_view instead);
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

// What a key does to a view of so many rows. False: somebody wants to leave.
template <class View>
bool obey(LiveScreen::Key key, View& view, std::size_t page) {
  using Key = LiveScreen::Key;
  const int rows = static_cast<int>(std::max<std::size_t>(page, 1));
  if (key == Key::pause) view.toggle_pause();
  if (key == Key::sort) view.next_sort();
  if (key == Key::up) view.scroll(-1);
  if (key == Key::down) view.scroll(1);
  if (key == Key::page_up) view.scroll(-rows);
  if (key == Key::page_down) view.scroll(rows);
  return key != Key::quit;
}

}  // namespace strait::cli
