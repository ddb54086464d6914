// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/nagios.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

namespace strait::cli {
namespace {

std::string_view name_of(PluginState state) {
  constexpr std::array<std::string_view, 4> names{"OK", "WARNING", "CRITICAL", "UNKNOWN"};
  return names.at(static_cast<std::size_t>(state));
}

// What is worse comes later: what is known to be bad hides what is not known.
unsigned rank(PluginState state) {
  constexpr std::array<unsigned, 4> ranks{0, 2, 3, 1};
  return ranks.at(static_cast<std::size_t>(state));
}

struct Finding {
  PluginState state = PluginState::ok;
  std::string why;
};

void worsen(Finding& finding, PluginState state, const std::string& why) {
  if (rank(state) > rank(finding.state)) finding.state = state;
  finding.why += (finding.why.empty() ? "" : ", ") + why;
}

// A '|' would begin the performance data, a line feed end the line.
std::string plain(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c == '|' || c == '\n' || c == '\r'; }, ' ');
  return text;
}

std::string label_of(const TargetReport& report) {
  const SessionKey& key = report.window.session;
  return plain(key.path.empty() ? key.target : fmt::format("{} over {}", key.target, key.path));
}

// The percentile that is judged: of whichever threshold names one.
std::optional<double> judged_quantile(const ProbeOptions& options) {
  if (options.critical && options.critical->rtt) return options.critical->rtt->q;
  if (options.warn && options.warn->rtt) return options.warn->rtt->q;
  return std::nullopt;
}

void judge_loss(Finding& finding, const Counts& counts, const ProbeOptions& options) {
  const double loss = loss_percent(counts);
  const auto judge = [&](const std::optional<Thresholds>& limits, PluginState state) {
    if (!limits || !limits->loss) return false;
    const double limit = *limits->loss;
    if (loss <= limit) return false;
    worsen(finding, state, fmt::format("loss {:.2f} % is above {:g} %", loss, limit));
    return true;
  };
  if (!judge(options.critical, PluginState::critical)) {
    static_cast<void>(judge(options.warn, PluginState::warning));
  }
}

void judge_rtt(Finding& finding, const Window& window, const ProbeOptions& options) {
  const auto q = judged_quantile(options);
  if (!q) return;
  const auto found = reported_quantile(window, *q);
  if (!found.enough) {
    worsen(finding, PluginState::unknown,
           fmt::format("{} needs {} probes", quantile_label(*q), found.needed));
    return;
  }
  const auto judge = [&](const std::optional<Thresholds>& limits, PluginState state) {
    if (!limits || !limits->rtt) return false;
    const Nanos limit = limits->rtt->limit;
    const Nanos value = found.infinite ? Nanos::max() : found.value.value_or(Nanos{0});
    if (value <= limit) return false;
    worsen(
        finding, state,
        fmt::format("{} {} is above {}", quantile_label(*q),
                    found.infinite ? "of lost probes" : strait::to_text(value), to_string(limit)));
    return true;
  };
  if (!judge(options.critical, PluginState::critical)) {
    static_cast<void>(judge(options.warn, PluginState::warning));
  }
}

Finding judge(const TargetReport& report, const ProbeOptions& options) {
  Finding finding;
  const Counts& counts = report.window.counts;
  if (counts.received + counts.lost == 0) {
    worsen(finding, PluginState::unknown, "no probe was sent and decided");
    return finding;
  }
  if (counts.received == 0) {
    worsen(finding, PluginState::critical, fmt::format("no reply to {} probes", counts.lost));
    return finding;
  }
  judge_loss(finding, counts, options);
  judge_rtt(finding, report.window, options);
  return finding;
}

std::string seconds(Nanos time) {
  return fmt::format("{:.6f}", std::chrono::duration<double>(time).count());
}

// 'label'=value[UOM];[warn];[crit];[min];[max], quotes doubled; U is not known.
std::string quoted(const std::string& label) {
  std::string text;
  for (const char each : label) {
    if (each == '\'') text += '\'';
    text += each == '=' ? ':' : each;
  }
  return fmt::format("'{}'", text);
}

std::string rtt_data(const TargetReport& report, const ProbeOptions& options, double q) {
  const auto limit = [](const std::optional<Thresholds>& limits) {
    return limits && limits->rtt ? seconds(limits->rtt->limit) : std::string{};
  };
  const auto found = reported_quantile(report.window, q);
  const bool known = found.enough && !found.infinite && found.value;
  return fmt::format(
      "{}={};{};{};0;", quoted(fmt::format("{} {}", label_of(report), quantile_label(q))),
      known ? seconds(*found.value) + "s" : "U", limit(options.warn), limit(options.critical));
}

std::string loss_data(const TargetReport& report, const ProbeOptions& options) {
  const auto limit = [](const std::optional<Thresholds>& limits) {
    return limits && limits->loss ? fmt::format("{:g}", *limits->loss) : std::string{};
  };
  const Counts& counts = report.window.counts;
  const bool known = counts.received + counts.lost > 0;
  return fmt::format("{}={};{};{};0;100", quoted(label_of(report) + " loss"),
                     known ? fmt::format("{:.2f}%", loss_percent(counts)) : "U",
                     limit(options.warn), limit(options.critical));
}

std::string performance_data(std::span<const TargetReport> reports, const ProbeOptions& options) {
  const double q = judged_quantile(options).value_or(0.5);
  std::string text;
  for (const TargetReport& report : reports) {
    text += fmt::format(" {} {}", rtt_data(report, options, q), loss_data(report, options));
  }
  return text;
}

// What a reader of an OK wants to see.
std::string worst_known(std::span<const TargetReport> reports, const ProbeOptions& options) {
  const double q = judged_quantile(options).value_or(0.5);
  std::optional<Nanos> slowest;
  double loss = 0;
  for (const TargetReport& report : reports) {
    const auto found = reported_quantile(report.window, q);
    if (found.value && (!slowest || *found.value > *slowest)) slowest = found.value;
    loss = std::max(loss, loss_percent(report.window.counts));
  }
  const char* const most = reports.size() > 1 ? "at most " : "";
  const auto rtt =
      slowest ? fmt::format("{} {}{}, ", quantile_label(q), most, strait::to_text(*slowest)) : "";
  return fmt::format("{}loss {}{:.2f} %", rtt, most, loss);
}

}  // namespace

PluginResult plugin_result(std::span<const TargetReport> reports, const ProbeOptions& options,
                           std::span<const std::string> unresolved) {
  PluginState state = PluginState::ok;
  std::vector<std::string> said;
  const auto note = [&](PluginState found, std::string why) {
    if (rank(found) > rank(state)) state = found;
    said.push_back(std::move(why));
  };
  for (const TargetReport& report : reports) {
    const auto finding = judge(report, options);
    if (finding.state == PluginState::ok) continue;
    note(finding.state, fmt::format("{}: {}", label_of(report), finding.why));
  }
  for (const std::string& why : unresolved) note(PluginState::unknown, plain(why));
  auto text =
      said.empty() ? worst_known(reports, options) : fmt::format("{}", fmt::join(said, "; "));
  if (reports.size() == 1 && said.empty()) text = fmt::format("{}: {}", label_of(reports[0]), text);
  if (reports.size() > 1) {
    text = fmt::format("{} of {} good: {}", reports.size() + unresolved.size() - said.size(),
                       reports.size() + unresolved.size(), text);
  }
  std::uint64_t missed = 0;
  for (const TargetReport& report : reports) missed += report.window.counts.missed;
  if (missed > 0) text += fmt::format(", {} slots missed by this machine", missed);
  return {state, fmt::format("STRAIT {}: {} |{}\n", name_of(state), text,
                             performance_data(reports, options))};
}

PluginResult plugin_failure(const std::string& message) {
  return {PluginState::unknown, fmt::format("STRAIT UNKNOWN: {}\n", plain(message))};
}

bool asks_for_plugin(std::span<const std::string> words) {
  if (words.empty() || words.front() != "probe") return false;
  return std::ranges::any_of(words, [](const std::string& word) {
    return word.starts_with("--warn") || word.starts_with("--critical");
  });
}

}  // namespace strait::cli
