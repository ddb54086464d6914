// SPDX-License-Identifier: Apache-2.0
#include "analyzer/one_way_change.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "analyzer/pair_slopes.hpp"

namespace strait::analyzer {
namespace {

constexpr std::size_t most_reference = 120;
constexpr double normal_of_mad = 1.4826;  // standard deviation of a normal in median deviations
constexpr double margin = 4;              // standard deviations that noise does not reach
constexpr double least_error = 20e-6;     // stamps of software are no better
constexpr double largest_drift = 1e-3;    // twice what a kernel slews its clock by

// Seconds, relative to the first window, so that doubles hold nanoseconds.
struct Point {
  double at = 0;
  double forward = 0;
  double reverse = 0;

  [[nodiscard]] double offset() const { return (forward - reverse) / 2; }
};

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double spread(std::vector<double> values) {
  const double centre = median(values);
  for (double& value : values) value = std::abs(value - centre);
  return median(values) * normal_of_mad;
}

// The reference as a line: what the two directions would be at a time if nothing had changed.
class Line {
 public:
  Line(std::span<const Point> points, double slope)
      : drift_{std::clamp(slope, -largest_drift, largest_drift)} {
    std::vector<double> forward;
    std::vector<double> reverse;
    std::vector<double> times;
    for (const Point& point : points) {
      forward.push_back(point.forward - drift_ * point.at);
      reverse.push_back(point.reverse + drift_ * point.at);
      times.push_back(point.at);
    }
    noise_ = std::max(spread(forward), spread(reverse));
    forward_ = median(forward);
    reverse_ = median(reverse);
    centre_ = median(times);
    const double spacing = (points.back().at - points.front().at) / std::sqrt(12.0);
    drift_error_ = noise_ / (spacing * std::sqrt(static_cast<double>(points.size())));
  }

  [[nodiscard]] double drift() const { return drift_; }
  [[nodiscard]] double forward(const Point& point) const {
    return point.forward - drift_ * point.at - forward_;
  }
  [[nodiscard]] double reverse(const Point& point) const {
    return point.reverse + drift_ * point.at - reverse_;
  }
  [[nodiscard]] double error(double at) const {
    return std::max(least_error, margin * (noise_ + drift_error_ * std::abs(at - centre_)));
  }

 private:
  double drift_;
  double forward_ = 0;
  double reverse_ = 0;
  double noise_ = 0;
  double centre_ = 0;
  double drift_error_ = 0;
};

OneWayShift shift_of(double forward, double reverse, double error) {
  const bool forward_moved = std::abs(forward) > error;
  const bool reverse_moved = std::abs(reverse) > error;
  if (!forward_moved && !reverse_moved) return OneWayShift::unchanged;
  const bool opposite = forward_moved && reverse_moved && (forward > 0) != (reverse > 0);
  return opposite ? OneWayShift::ambiguous : OneWayShift::changed;
}

Nanos from_seconds(double seconds) { return Nanos{std::llround(seconds * 1e9)}; }

std::vector<Point> points_of(std::span<const Window* const> windows, WallTime& newest) {
  std::vector<Point> points;
  Nanos first_forward{};
  Nanos first_reverse{};
  WallTime begin;
  for (const Window* const window : windows) {
    const auto& forward = window->clocks.raw_forward;
    const auto& reverse = window->clocks.raw_reverse;
    if (!forward || !reverse) continue;
    const WallTime middle = window->start + window->length / 2;
    if (points.empty()) {
      first_forward = *forward;
      first_reverse = *reverse;
      begin = middle;
    }
    newest = middle;
    const auto seconds = [](Nanos value) { return static_cast<double>(value.count()) * 1e-9; };
    const double at = seconds(middle - begin);
    if (!points.empty() && at <= points.back().at) continue;
    points.push_back({at, seconds(*forward - first_forward), seconds(*reverse - first_reverse)});
  }
  return points;
}

OneWayChange change_of(std::span<const Window* const> windows) {
  OneWayChange change;
  if (windows.empty()) return change;
  change.session = windows.front()->session;
  const std::vector<Point> points = points_of(windows, change.at);
  std::vector<TimedValue> offsets;
  offsets.reserve(points.size());
  for (const Point& point : points) offsets.push_back({point.at, point.offset()});
  PairSlopes slopes{offsets};
  std::size_t begin = 0;  // of the reference
  std::size_t odd = 0;    // ambiguous ones in a row
  for (std::size_t i = least_reference; i < points.size(); ++i) {
    begin = std::max(begin, i > most_reference ? i - most_reference : 0);
    const bool newest = i + 1 == points.size();
    // An ambiguous window belongs to no reference; two in a row begin a new one.
    const std::size_t end = i - odd;
    change.reference = end - begin;
    if (change.reference < least_reference) {
      change.shift = OneWayShift::too_few;
      continue;
    }
    slopes.move_to(begin, end);
    const Line line{std::span{points}.subspan(begin, change.reference), slopes.median()};
    const Point& point = points[i];
    const double error = line.error(point.at);
    change.shift = shift_of(line.forward(point), line.reverse(point), error);
    change.drift = line.drift();
    change.error = from_seconds(error);
    change.forward = from_seconds(line.forward(point));
    change.reverse = from_seconds(line.reverse(point));
    if (change.shift != OneWayShift::ambiguous) {
      odd = 0;
    } else if (++odd == 2 && !newest) {
      begin = i - 1;
      odd = 0;
      ++change.steps;
    }
  }
  return change;
}

}  // namespace

std::string_view to_string(OneWayShift shift) {
  constexpr std::array<std::string_view, 4> names{"too-few", "unchanged", "changed", "ambiguous"};
  return names.at(static_cast<std::size_t>(shift));
}

OneWayChange one_way_change(std::span<const Window> windows) {
  std::vector<const Window*> its;
  its.reserve(windows.size());
  for (const Window& window : windows) its.push_back(&window);
  return change_of(its);
}

std::vector<OneWayChange> one_way_changes(std::span<const Window> windows) {
  std::map<SessionKey, std::vector<const Window*>> sessions;
  for (const Window& window : windows) {
    if (window.clocks.raw_forward) sessions[window.session].push_back(&window);
  }
  std::vector<OneWayChange> changes;
  for (auto& [key, its] : sessions) {
    std::ranges::sort(its, {}, &Window::start);
    changes.push_back(change_of(its));
  }
  return changes;
}

}  // namespace strait::analyzer
