// SPDX-License-Identifier: Apache-2.0
#include "cli/simulate/story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ostream>

#include "core/duration.hpp"
#include "exporters/text_table.hpp"

namespace strait::cli {

using exporters::Colour;
using exporters::painted;
using probe::simulated::Happening;
using probe::simulated::Truth;

namespace {

constexpr std::size_t text_width = 88;
constexpr unsigned most_congestions = 3;  // of a path that are told
constexpr unsigned most_reasons = 5;      // of a class; the store has all

// How much time a row of bars shows, and in how many bars.
struct Scale {
  Nanos length;
  std::size_t columns;
};

Scale scale_of(Nanos whole) {
  using std::chrono::days;
  if (whole <= days{2}) return {std::chrono::hours{2}, 24};
  if (whole <= days{35}) return {days{1}, 24};
  if (whole <= days{120}) return {days{7}, 28};
  return {days{28}, 28};
}

std::string minute_of(WallTime time) {
  std::string text = to_string(std::chrono::floor<std::chrono::minutes>(time));
  text.resize(16);
  text[10] = ' ';
  return text;
}

std::string size_text(Nanos size) {
  return size < Nanos{0} ? fmt::format("-{}", to_text(-size)) : fmt::format("+{}", to_text(size));
}

std::string whom(const Truth& truth) {
  if (truth.targets.empty()) return fmt::format("{}", fmt::join(truth.paths, ", "));
  if (truth.paths.empty()) return fmt::format("{}", fmt::join(truth.targets, ", "));
  return fmt::format("{} towards {}", fmt::join(truth.paths, ", "), fmt::join(truth.targets, ", "));
}

std::string what(const Truth& truth) {
  switch (truth.kind) {
    case Happening::cut:
      return "cut";
    case Happening::shift:
      return fmt::format("another way, {}", size_text(truth.size));
    case Happening::one_member:
      return fmt::format("another way of one ECMP member, {}", size_text(truth.size));
    case Happening::queueing:
      return fmt::format("a queue of {} in the mean", to_text(truth.size));
    case Happening::loss:
      return fmt::format("{:.2f} % of the packets are lost", truth.loss * 100);
    case Happening::outage:
      return "the reflector is down";
    case Happening::lie:
      return fmt::format("the reflector lies by {}", to_text(truth.size));
    case Happening::clock_step:
      return fmt::format("the far clock is set by {}", size_text(truth.size));
    case Happening::clock_drift:
      return fmt::format("the far clock drifts by {:.1f} ppm",
                         static_cast<double>(truth.size.count()) * 1e-3);
    case Happening::pause:
      return "nothing is probed";
    case Happening::congestion:
      break;
  }
  const std::string loss =
      truth.loss > 0.001 ? fmt::format(", {:.1f} % lost", truth.loss * 100) : "";
  return fmt::format("congested until {}: a queue of up to {} in the mean{}", minute_of(truth.to),
                     to_text(truth.size), loss);
}

// Words that fit into lines of `text_width`.
std::vector<std::string> wrapped(std::string_view text) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    std::string& last = lines.back();
    if (!last.empty() && last.size() + word.size() >= text_width) {
      lines.emplace_back(word);
    } else {
      last += fmt::format("{}{}", last.empty() ? "" : " ", word);
    }
  }
  return lines;
}

std::string mean_text(const Choice& choice) {
  const auto mean = choice.mean_ms();
  if (!mean) return "-";
  return fmt::format("{:.2f} ms", *mean);
}

}  // namespace

Story::Story(const probe::simulated::World& world, std::ostream& out, bool colours,
             std::function<void()> before)
    : world_{world},
      out_{out},
      colours_{colours},
      before_{std::move(before)},
      truths_{world.truths()},
      strips_{world.scenario().start, scale_of(world.scenario().length).length,
              scale_of(world.scenario().length).columns} {}

void Story::head(std::span<const routes::Path> paths, std::uint64_t seed) {
  const auto& scenario = world_.scenario();
  out() << (colours_ ? painted(scenario.title, Colour::bold) : scenario.title) << '\n';
  for (const std::string& line : wrapped(fmt::format("Source: {}", scenario.source))) {
    out() << line << '\n';
  }
  out() << fmt::format("{} to {} UTC, a probe every {}, windows of {}, seed {}\n\n",
                       minute_of(scenario.start), minute_of(scenario.end()),
                       to_string(scenario.interval), to_string(scenario.window), seed);
  exporters::TextTable table;
  table.add_row({{"path"}, {"floor", {}, true}, {"over"}, {"fails together with"}});
  for (const routes::Path& path : paths) {
    const std::string floor =
        path.one_way_floor > Nanos{0} ? to_text(2 * path.one_way_floor) : std::string{"-"};
    table.add_row({{path.name},
                   {floor, {}, true},
                   {fmt::format("{}", fmt::join(path.segments, " > "))},
                   {fmt::format("{}", fmt::join(path.risk_groups, ", "))}});
  }
  out() << table.render("  ", colours_) << '\n';
}

void Story::line(WallTime time, std::string_view text) {
  out() << fmt::format("{}  {}\n", minute_of(time), text);
}

void Story::happen(const Truth& truth) {
  if (truth.kind == Happening::congestion) {
    const unsigned told = ++congestions_[truth.paths.front()];
    if (told > most_congestions) return;
    const std::string_view more = told == most_congestions ? " (and so on: --truth has all)" : "";
    line(truth.from, fmt::format("{}: {}{}", whom(truth), what(truth), more));
    return;
  }
  std::string text =
      whom(truth).empty() ? what(truth) : fmt::format("{}: {}", whom(truth), what(truth));
  if (!truth.words.empty()) text += fmt::format(" ({})", truth.words);
  line(truth.from, colours_ ? painted(text, Colour::red) : text);
  running_.push_back(truth);
}

void Story::over(const Truth& truth) {
  const std::string text = whom(truth).empty()
                               ? fmt::format("over: {}", what(truth))
                               : fmt::format("over: {}: {}", whom(truth), what(truth));
  line(truth.to, colours_ ? painted(text, Colour::yellow) : text);
}

void Story::pass(WallTime end, std::span<const Window> windows) {
  for (; next_ < truths_.size() && truths_[next_].from < end; ++next_) happen(truths_[next_]);
  std::ranges::stable_sort(running_, {}, &Truth::to);
  while (!running_.empty() && running_.front().to < end) {
    over(running_.front());
    running_.erase(running_.begin());
  }
  strips_.add(windows);
  if (end >= strips_.end()) flush_strips();
}

void Story::flush_strips() {
  const auto& scenario = world_.scenario();
  const WallTime from = strips_.end() - scale_of(scenario.length).length;
  std::string title = minute_of(from);
  if (scale_of(scenario.length).length >= std::chrono::days{1}) title.resize(10);
  for (const std::string& row : strips_.turn()) {
    out() << fmt::format("  {:<16}  {}\n", title, row);
    title.clear();
  }
}

void Story::verdicts(WallTime time, std::span<const analyzer::Verdict> verdicts) {
  for (const analyzer::Verdict& verdict : verdicts) {
    if (verdict.path == verdict.previous) continue;
    const std::string now = verdict.path ? fmt::format("prefer {}", *verdict.path)
                                         : std::string{"withdraw, plain BGP decides"};
    const std::string text = fmt::format("{}: {}", verdict.traffic_class, now);
    line(time, colours_ ? painted(text, Colour::green) : text);
    if (++told_[verdict.traffic_class] > most_reasons) continue;
    for (const std::string& words : wrapped(verdict.reason)) {
      out() << fmt::format("{:18}{}\n", "", words);
    }
  }
}

void Story::foot(const std::vector<ClassScore>& scores) {
  if (!strips_.empty()) flush_strips();
  out() << "\nTrue mean round trips of what carried each class, and windows on a path that was "
           "dead:\n";
  exporters::TextTable table;
  table.add_row({{"class"},
                 {"strait", {}, true},
                 {"dead", {}, true},
                 {"changes", {}, true},
                 {"plain BGP", {}, true},
                 {"dead", {}, true},
                 {"oracle", {}, true},
                 {"changes", {}, true}});
  for (const ClassScore& score : scores) {
    table.add_row({{score.region},
                   {mean_text(score.strait), {}, true},
                   {std::to_string(score.strait.dead), {}, true},
                   {std::to_string(score.strait.changes), {}, true},
                   {mean_text(score.plain), {}, true},
                   {std::to_string(score.plain.dead), {}, true},
                   {mean_text(score.oracle), {}, true},
                   {std::to_string(score.oracle.changes), {}, true}});
  }
  out() << table.render("  ", colours_)
        << "Plain BGP stays on the default path and does not notice; the oracle knows the truth.\n";
}

}  // namespace strait::cli
