// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal/live_screen.hpp"

#define NCURSES_NOMACROS 1  // its macros have the names of functions
#include <fmt/format.h>
#include <ncurses.h>
#include <termcap.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <clocale>
#include <cstdlib>

#include "cli/terminal/histogram.hpp"

namespace strait::cli {
namespace {

attr_t attribute_of(LiveView::Style style, bool colours) {
  switch (style) {
    case LiveView::Style::title:
      return A_BOLD;
    case LiveView::Style::header:
      return A_UNDERLINE;
    case LiveView::Style::bad:
      return colours ? static_cast<attr_t>(COLOR_PAIR(1)) : A_BOLD;
    case LiveView::Style::help:
      return A_REVERSE;
    case LiveView::Style::good:
      break;
  }
  return A_NORMAL;
}

LiveScreen::Key key_of(int code) {
  using Key = LiveScreen::Key;
  switch (code) {
    case 'q':
    case 'Q':
      return Key::quit;
    case 'p':
    case ' ':
      return Key::pause;
    case 's':
      return Key::sort;
    case KEY_UP:
    case 'k':
      return Key::up;
    case KEY_DOWN:
    case 'j':
      return Key::down;
    case KEY_PPAGE:
      return Key::page_up;
    case KEY_NPAGE:
      return Key::page_down;
    case KEY_RESIZE:
      return Key::resize;
    default:
      return Key::none;
  }
}

bool wants_colour() {
  const char* const no_color = std::getenv("NO_COLOR");
  return ::has_colors() && (no_color == nullptr || *no_color == '\0');
}

// newterm() could say so too, but keeps some memory when it fails.
bool is_known_terminal() {
  const char* const type = std::getenv("TERM");
  return type != nullptr && ::tgetent(nullptr, type) == 1;
}

}  // namespace

struct LiveScreen::Terminal {
  SCREEN* screen = nullptr;
  bool colours = false;
  bool unicode = false;
};

Result<std::unique_ptr<LiveScreen>> LiveScreen::open(std::string_view command,
                                                     std::string_view instead) {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) {
    return fail(Errc::bad_input,
                fmt::format("{}: --live wants a terminal for standard input and output; without "
                            "one: {}",
                            command, instead));
  }
  auto terminal = std::make_unique<Terminal>();
  std::setlocale(LC_CTYPE, "");  // ncurses asks it what a character is
  terminal->unicode = canvas_of(STDOUT_FILENO).unicode;
  if (is_known_terminal()) terminal->screen = ::newterm(nullptr, stdout, stdin);
  if (terminal->screen == nullptr) {
    const char* const type = std::getenv("TERM");
    return fail(Errc::unsupported,
                fmt::format("{}: --live: nothing is known of the terminal '{}': set TERM", command,
                            type == nullptr ? "" : type));
  }
  ::set_term(terminal->screen);
  ::cbreak();
  ::noecho();
  ::keypad(::stdscr, TRUE);
  ::curs_set(0);
  terminal->colours = wants_colour();
  if (terminal->colours) {
    ::start_color();
    ::use_default_colors();
    ::init_pair(1, COLOR_RED, -1);
  }
  return std::unique_ptr<LiveScreen>{new LiveScreen{std::move(terminal)}};
}

LiveScreen::LiveScreen(std::unique_ptr<Terminal> terminal) : terminal_{std::move(terminal)} {}

LiveScreen::~LiveScreen() {
  ::endwin();
  ::delscreen(terminal_->screen);
}

LiveView::Size LiveScreen::size() const {
  ::set_term(terminal_->screen);
  return {static_cast<std::size_t>(std::max(::getmaxy(::stdscr), 0)),
          static_cast<std::size_t>(std::max(::getmaxx(::stdscr), 0))};
}

bool LiveScreen::unicode() const { return terminal_->unicode; }

void LiveScreen::draw(std::span<const LiveView::Line> lines) {
  ::werase(::stdscr);
  int row = 0;
  for (const LiveView::Line& line : lines) {
    const attr_t attribute = attribute_of(line.style, terminal_->colours);
    ::wattr_on(::stdscr, attribute, nullptr);
    // The last corner cannot be written without scrolling; ncurses then says so, and it is there.
    ::mvaddnstr(row++, 0, line.text.c_str(), static_cast<int>(line.text.size()));
    ::wattr_off(::stdscr, attribute, nullptr);
  }
  ::wrefresh(::stdscr);
}

LiveScreen::Key LiveScreen::wait_key(Nanos patience) {
  ::set_term(terminal_->screen);
  ::wtimeout(
      ::stdscr,
      static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(patience).count()));
  return key_of(::wgetch(::stdscr));
}

}  // namespace strait::cli
