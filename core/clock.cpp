// SPDX-License-Identifier: Apache-2.0
#include "core/clock.hpp"

#include <fmt/format.h>

#include <ctime>

namespace strait {
namespace {

Nanos read_clock(clockid_t id) {
  timespec time{};
  clock_gettime(id, &time);
  return std::chrono::seconds{time.tv_sec} + Nanos{time.tv_nsec};
}

std::optional<int> digits(std::string_view text, std::size_t from, std::size_t count) {
  if (text.size() < from + count) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(from, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// ".123456789" as nanoseconds; one to nine digits.
std::optional<Nanos> fraction(std::string_view text) {
  if (text.empty()) return Nanos::zero();
  if (text.front() != '.' || text.size() < 2 || text.size() > 10) return std::nullopt;
  std::string padded{text.substr(1)};
  padded.resize(9, '0');
  const auto value = digits(padded, 0, 9);
  if (!value) return std::nullopt;
  return Nanos{*value};
}

}  // namespace

Instant SystemClock::now() const {
  return {MonoTime{read_clock(CLOCK_MONOTONIC)}, WallTime{read_clock(CLOCK_REALTIME)}};
}

std::string to_string(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{std::chrono::floor<std::chrono::milliseconds>(time - day)};
  auto text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                          static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                          clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (clock.subseconds().count() != 0) text += fmt::format(".{:03}", clock.subseconds().count());
  return text + "Z";
}

std::optional<WallTime> parse_wall_time(std::string_view text) {
  if (text.size() < 20 || text.back() != 'Z' || text[4] != '-' || text[7] != '-' ||
      text[10] != 'T' || text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  const auto year = digits(text, 0, 4);
  const auto month = digits(text, 5, 2);
  const auto day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2);
  const auto minute = digits(text, 14, 2);
  const auto second = digits(text, 17, 2);
  const auto part = fraction(text.substr(19, text.size() - 20));
  if (!year || !month || !day || !hour || !minute || !second || !part) return std::nullopt;

  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  // 64 bits of nanoseconds reach from 1677 to 2262.
  if (*year < 1678 || *year > 2261 || !date.ok() || *hour > 23 || *minute > 59 || *second > 60)
    return std::nullopt;
  return WallTime{std::chrono::sys_days{date}} + std::chrono::hours{*hour} +
         std::chrono::minutes{*minute} + std::chrono::seconds{*second} + *part;
}

}  // namespace strait
