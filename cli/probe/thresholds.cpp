// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/thresholds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace strait::cli {
namespace {

constexpr std::string_view wanted_form = "want such as p95=50ms,loss=1%";

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

// "99.9" of p99.9.
Result<Thresholds::Rtt> parse_rtt(std::string_view percentile, std::string_view limit) {
  const auto percent = parse_number(percentile);
  if (!percent || !(*percent > 0) || !(*percent < 100)) {
    return fail(
        Errc::bad_input,
        fmt::format("'p{}': want a percentile between p0 and p100, such as p95", percentile));
  }
  const auto duration = parse_duration(limit);
  if (!duration) return tl::make_unexpected(duration.error());
  if (*duration <= Nanos::zero()) {
    return fail(Errc::bad_input, fmt::format("'{}': want a time above 0", limit));
  }
  return Thresholds::Rtt{*percent / 100, *duration};
}

Result<double> parse_loss(std::string_view text) {
  const std::string_view whole = text;
  if (text.ends_with('%')) text.remove_suffix(1);
  const auto percent = parse_number(text);
  if (!percent || !(*percent >= 0) || !(*percent <= 100)) {
    return fail(Errc::bad_input,
                fmt::format("'loss={}': want per cent, a number from 0 to 100", whole));
  }
  return *percent;
}

Result<void> add(Thresholds& thresholds, std::string_view item) {
  const auto equals = item.find('=');
  const auto name = item.substr(0, equals);
  if (equals == std::string_view::npos || (name != "loss" && !name.starts_with('p'))) {
    return fail(Errc::bad_input, fmt::format("'{}': {}", item, wanted_form));
  }
  const bool again = name == "loss" ? thresholds.loss.has_value() : thresholds.rtt.has_value();
  if (again) {
    return fail(Errc::bad_input, fmt::format("'{}': want one percentile and one loss", item));
  }
  if (name == "loss") {
    const auto loss = parse_loss(item.substr(equals + 1));
    if (!loss) return tl::make_unexpected(loss.error());
    thresholds.loss = *loss;
    return {};
  }
  const auto rtt = parse_rtt(name.substr(1), item.substr(equals + 1));
  if (!rtt) return tl::make_unexpected(rtt.error());
  thresholds.rtt = *rtt;
  return {};
}

}  // namespace

Result<Thresholds> parse_thresholds(std::string_view text) {
  Thresholds thresholds;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    if (auto ok = add(thresholds, text.substr(begin, end - begin)); !ok) {
      return tl::make_unexpected(ok.error());
    }
    begin = end + 1;
  }
  return thresholds;
}

}  // namespace strait::cli
