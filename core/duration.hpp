// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <compare>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace strait {

using Nanos = std::chrono::nanoseconds;

// Reads "250us", "15ms", "1.5s", "1m", "2h", "7d"; the unit is compulsory, the value >= 0.
[[nodiscard]] Result<Nanos> parse_duration(std::string_view text);

// The exact value in the largest unit that keeps it whole: "15ms", "1500us", "90s"; parses back.
[[nodiscard]] std::string to_string(Nanos duration);

// For people: four significant digits in ms below a second ("19.28 ms", "0.553 ms"), else "1.50 s".
[[nodiscard]] std::string to_text(Nanos duration);

// Events per second.
struct Rate {
  double per_second = 0;

  friend bool operator==(const Rate&, const Rate&) = default;
};

// Reads "100/s", "6/m", "1.5/s".
[[nodiscard]] Result<Rate> parse_rate(std::string_view text);
[[nodiscard]] std::string to_string(Rate rate);

// Of traffic.
struct BitRate {
  double per_second = 0;  // bits

  friend auto operator<=>(const BitRate&, const BitRate&) = default;
};

// Reads "10 Gbit/s", "500Mbit/s", "1.5 Tbit/s": decimal units (bit/s, kbit/s, Mbit/s, Gbit/s,
// Tbit/s), above 0.
[[nodiscard]] Result<BitRate> parse_bit_rate(std::string_view text);
// Four significant digits in the largest unit that keeps it at 1 or above: "10 Gbit/s".
[[nodiscard]] std::string to_string(BitRate rate);

}  // namespace strait
