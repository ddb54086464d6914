// SPDX-License-Identifier: Apache-2.0
#include "core/duration.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace strait {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t nanos;
};

constexpr std::array units{
    Unit{"ns", 1},
    Unit{"us", 1'000},
    Unit{"ms", 1'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"h", 3'600'000'000'000},
    Unit{"d", 86'400'000'000'000},
};

struct BitUnit {
  std::string_view name;
  double bits;
};

constexpr std::array bit_units{BitUnit{"bit/s", 1}, BitUnit{"kbit/s", 1e3}, BitUnit{"Mbit/s", 1e6},
                               BitUnit{"Gbit/s", 1e9}, BitUnit{"Tbit/s", 1e12}};

const Unit* find_unit(std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

struct Split {
  double value;
  std::string_view rest;
};

// A plain decimal number (no sign, no exponent) and what follows it.
std::optional<Split> split_number(std::string_view text) {
  const std::size_t digits = text.find_first_not_of("0123456789.");
  const std::string_view number = text.substr(0, digits);
  double value = 0;
  const char* const end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, value, std::chars_format::fixed);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return Split{value, digits == std::string_view::npos ? "" : text.substr(digits)};
}

}  // namespace

Result<Nanos> parse_duration(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return fail(Errc::bad_input,
                fmt::format("duration '{}': {}; want a number and a unit (ns, us, ms, s, m, h, d), "
                            "such as \"100ms\"",
                            text, why));
  };
  const auto split = split_number(text);
  if (!split) return bad("not a number");
  if (split->rest.empty()) return bad("no unit");
  const Unit* const unit = find_unit(split->rest);
  if (unit == nullptr) return bad(fmt::format("unknown unit '{}'", split->rest));

  const double nanos = std::round(split->value * static_cast<double>(unit->nanos));
  if (nanos >= static_cast<double>(std::numeric_limits<std::int64_t>::max())) {
    return bad("more than 292 years");
  }
  return Nanos{static_cast<std::int64_t>(nanos)};
}

std::string to_string(Nanos duration) {
  if (duration == Nanos::zero()) return "0s";
  const Unit* best = units.data();
  for (const Unit& unit : units) {
    if (duration.count() % unit.nanos == 0) best = &unit;
  }
  return fmt::format("{}{}", duration.count() / best->nanos, best->name);
}

std::string to_text(Nanos duration) {
  const auto nanos = static_cast<double>(duration.count());
  const double size = std::abs(nanos);
  if (size >= 1e9) return fmt::format(FMT_COMPILE("{:.2f} s"), nanos / 1e9);
  if (size >= 100e6) return fmt::format(FMT_COMPILE("{:.1f} ms"), nanos / 1e6);
  if (size >= 10e6) return fmt::format(FMT_COMPILE("{:.2f} ms"), nanos / 1e6);
  return fmt::format(FMT_COMPILE("{:.3f} ms"), nanos / 1e6);
}

Result<Rate> parse_rate(std::string_view text) {
  const auto split = split_number(text);
  if (split && split->rest.starts_with('/')) {
    const Unit* const unit = find_unit(split->rest.substr(1));
    if (unit != nullptr) {
      return Rate{split->value * (1e9 / static_cast<double>(unit->nanos))};
    }
  }
  return fail(
      Errc::bad_input,
      fmt::format("rate '{}': want a number, '/' and a unit of time, such as \"100/s\"", text));
}

std::string to_string(Rate rate) { return fmt::format("{}/s", rate.per_second); }

Result<BitRate> parse_bit_rate(std::string_view text) {
  const auto split = split_number(text);
  if (split) {
    std::string_view name = split->rest;
    if (name.starts_with(' ')) name.remove_prefix(1);
    const auto* const unit = std::ranges::find(bit_units, name, &BitUnit::name);
    const bool known = unit != bit_units.end();
    if (known && split->value > 0) return BitRate{split->value * unit->bits};
  }
  return fail(Errc::bad_input,
              fmt::format("bit rate '{}': want a number above 0 and a unit (bit/s, kbit/s, Mbit/s, "
                          "Gbit/s, Tbit/s), such as \"10 Gbit/s\"",
                          text));
}

std::string to_string(BitRate rate) {
  const BitUnit* best = bit_units.data();
  for (const BitUnit& unit : bit_units) {
    if (rate.per_second >= unit.bits) best = &unit;
  }
  return fmt::format("{:.4g} {}", rate.per_second / best->bits, best->name);
}

}  // namespace strait
