// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "analyzer/pool.hpp"
#include "analyzer/quantile_interval.hpp"
#include "analyzer/wilson.hpp"
#include "cli/probe/one_way.hpp"
#include "cli/probe/refusals.hpp"
#include "exporters/text_table.hpp"

namespace strait::cli {
namespace {

analyzer::Stream stream_of(const Window& window) {
  return {.rtt = window.rtt, .lost = window.counts.lost, .kept_apart = window.uncertain.count()};
}

std::string quantile_text(const ReportedQuantile& quantile) {
  const auto label = quantile_label(quantile.q);
  if (!quantile.enough) return fmt::format("{} n/a (needs {})", label, quantile.needed);
  if (quantile.infinite || !quantile.value) return fmt::format("{} lost", label);
  return fmt::format("{} {}", label, strait::to_text(*quantile.value));
}

std::string counts_text(const Counts& counts, const probe::RejectionCounts& rejections) {
  const auto loss = analyzer::wilson(counts.lost, counts.received + counts.lost);
  std::string text =
      fmt::format("  {} sent, {} received, {} lost", counts.sent, counts.received, counts.lost);
  if (counts.received + counts.lost > 0) {
    text += fmt::format(" ({:.2f} % [{:.2f} %, {:.2f} %])", loss.value * 100, loss.low * 100,
                        loss.high * 100);
  }
  const std::array<std::pair<std::uint64_t, const char*>, 4> rare{
      {{counts.late, "late"},
       {counts.duplicate, "duplicate"},
       {counts.reordered, "reordered"},
       {counts.missed, "slots missed by this machine"}}};
  for (const auto& [count, name] : rare) {
    if (count > 0) text += fmt::format(", {} {}", count, name);
  }
  text += '\n';
  for (const auto& [kind, count] : counts.errors) {
    const std::string senders = senders_text(rejections, kind);
    text += "  " + kind + (senders.empty() ? fmt::format(": {}", count) : senders) + '\n';
  }
  return text;
}

std::string rtt_text(const Window& window) {
  const auto min = window.rtt.min();
  const auto max = window.rtt.max();
  if (!min || !max) {
    return window.counts.received == 0 ? "  RTT  no reply\n" : "  RTT  no certain reply\n";
  }
  std::string text = fmt::format("  RTT  min {}", strait::to_text(*min));
  for (const double q : reported_quantiles)
    text += "  " + quantile_text(reported_quantile(window, q));
  return text + fmt::format("  max {}\n", strait::to_text(*max));
}

// Nothing without a pair of replies to probes that were sent one after the other.
std::string variation_text(const Window& window) {
  const auto variation = packet_variation_of(window);
  if (!variation) return "";
  std::string text = "  IPDV";
  for (const auto& [label, value] :
       {std::pair{"p50", variation->p50}, std::pair{"p95", variation->p95},
        std::pair{"p99", variation->p99}}) {
    if (value) text += fmt::format("  {} {}", label, strait::to_text(*value));
  }
  return text + fmt::format("  of {} pair{}\n", variation->pairs, variation->pairs == 1 ? "" : "s");
}

std::string bound_text(const std::optional<Nanos>& bound) {
  return !bound || *bound == analyzer::infinite_delay ? "lost" : strait::to_text(*bound);
}

// The 95 % intervals of the percentiles that have enough probes.
std::string intervals_text(const Window& window) {
  std::string text;
  if (window.rtt.empty()) return text;
  for (const double q : reported_quantiles) {
    const auto quantile = reported_quantile(window, q);
    if (!quantile.enough) continue;
    text += fmt::format("{}{} {} to {}", text.empty() ? "  95 % " : "  ", quantile_label(q),
                        bound_text(quantile.low), bound_text(quantile.high));
  }
  return text.empty() ? text : text + '\n';
}

std::string floor_text(const TargetReport& report) {
  if (!report.floor) return "";
  auto text = fmt::format("  floor {} of fibre", strait::to_text(*report.floor));
  if (const auto times = stretch(report)) {
    text += fmt::format(", stretch {:.2f}", *times);
    if (*times < 1)
      text += ": impossible, so a place, a segment or the path is not what it should be";
  }
  return text + '\n';
}

std::string apart_text(const TargetReport& report) {
  const std::uint64_t apart = report.window.uncertain.count();
  if (apart == 0) return "";
  return fmt::format("  {} of {} samples kept apart: timestamps uncertain by more than {}\n", apart,
                     apart + report.window.rtt.count(), strait::to_string(report.limit));
}

// What the reflector told of its end; nothing where it was not asked or did not say.
std::string far_text(const Window& window) {
  const FarView& far = window.far;
  std::vector<std::string> parts;
  if (far.dscp) parts.push_back(fmt::format("DSCP {} arrived", *far.dscp));
  if (!far.seen_as.empty()) parts.push_back(fmt::format("seen as {}", far.seen_as));
  if (!far.clock.empty()) parts.push_back(fmt::format("clock {}", far.clock));
  if (far.left_late) {
    parts.push_back(fmt::format("replies left up to {} after T3 ({})",
                                strait::to_string(*far.left_late), far.left_by));
  }
  std::string text;
  if (!parts.empty()) text = fmt::format("  far end  {}\n", fmt::join(parts, ", "));
  if (far.counts) {
    const auto of = [&](const char* kind) {
      const auto found = window.counts.errors.find(kind);
      return found == window.counts.errors.end() ? 0 : found->second;
    };
    text += fmt::format("  lost by direction  {} forward, {} reverse\n", of("lost-forward"),
                        of("lost-reverse"));
  }
  return text;
}

// Nothing for a single flow.
std::string members_text(const TargetReport& report) {
  if (report.flows.size() < 2) return "";
  const auto [flows, members, unplaced] = members_of(report);
  std::string text =
      fmt::format("  {} flows over {} ECMP members{}\n", flows.size(), members.size(),
                  members.size() > 1 ? ", which the percentiles above mix" : "");
  if (members.size() == 1) text = fmt::format("  {} flows over one ECMP member\n", flows.size());
  if (members.empty()) text = fmt::format("  {} flows, too few samples of each\n", flows.size());
  exporters::TextTable table;
  table.add_row(
      {{"member"}, {"flows"}, {"min", {}, true}, {"median", {}, true}, {"samples", {}, true}});
  std::size_t number = 0;
  for (const auto& member : members) {
    table.add_row({{std::to_string(++number)},
                   {analyzer::flow_list(member.flows)},
                   {strait::to_text(member.minimum), {}, true},
                   {strait::to_text(member.median), {}, true},
                   {std::to_string(member.samples), {}, true}});
  }
  for (const auto& flow : unplaced) {
    const auto maybe = [](const auto& time) { return time ? strait::to_text(*time) : "-"; };
    table.add_row(
        {{"-"},
         {std::to_string(flow.flow)},
         {maybe(flow.minimum), {}, true},
         {maybe(flow.median), {}, true},
         {std::to_string(flow.samples), {}, true},
         {fmt::format("fewer than {}, {} lost", analyzer::samples_to_place_flow, flow.lost)}});
  }
  return text + table.render("  ", false);
}

}  // namespace

analyzer::FlowMembers members_of(const TargetReport& report) {
  std::vector<analyzer::FlowDelays> flows;
  flows.reserve(report.flows.size());
  for (const auto& [number, flow] : report.flows) flows.push_back(flow);
  return analyzer::cluster_members(flows);
}

std::optional<analyzer::PacketVariation> packet_variation_of(const Window& window) {
  return analyzer::packet_variation(analyzer::Pool{{.rtt = window.ipdv}});
}

std::string quantile_label(double q) { return fmt::format("p{:g}", q * 100); }

double loss_percent(const Counts& counts) {
  const auto decided = counts.received + counts.lost;
  if (decided == 0) return 0;
  return 100.0 * static_cast<double>(counts.lost) / static_cast<double>(decided);
}

std::optional<double> stretch(const TargetReport& report) {
  const auto min = report.window.rtt.min();
  if (!min || !report.floor || *report.floor <= Nanos::zero()) return std::nullopt;
  return static_cast<double>(min->count()) / static_cast<double>(report.floor->count());
}

ReportedQuantile reported_quantile(const Window& window, double q) {
  ReportedQuantile result{
      .q = q, .needed = analyzer::probes_needed(q), .value = {}, .low = {}, .high = {}};
  // No more probes than these can count: then the sketch need not be copied to be told so.
  if (window.rtt.count() + window.counts.lost < result.needed) return result;
  const analyzer::Pool pool{stream_of(window)};
  // What percentiles rest on; the lost count by the share of the replies that are samples.
  const auto n = static_cast<std::uint64_t>(pool.front().probes() + 1e-9);
  result.enough = n >= result.needed;
  if (!result.enough) return result;
  const auto rank = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(n) - 1e-9));
  result.value = window.rtt.at_rank(rank);
  result.infinite = rank > window.rtt.count() || !result.value;
  const auto interval = analyzer::percentiles(pool, std::span{&q, 1}, 0.95);
  if (!interval.empty()) {
    result.low = interval.front().low;
    result.high = interval.front().high;
  }
  return result;
}

std::string what_text(const TargetReport& report) {
  const auto protocol = strait::to_string(report.window.session.protocol);
  // A SYN carries nothing.
  if (report.size == 0) return std::string{protocol};
  return fmt::format("{}, {} octets", protocol, report.size);
}

std::string to_text(const TargetReport& report, const ReportStyle& style) {
  const char* const bold = style.colour ? "\x1b[1m" : "";
  const char* const plain = style.colour ? "\x1b[0m" : "";
  const auto address = report.address.to_string();
  const auto name =
      report.target == address ? address : fmt::format("{} ({})", report.target, address);
  const Window& window = report.window;
  auto text = fmt::format("{}{}{}: {}", bold, name, plain, what_text(report));
  // Without a reply there is no time that a stamp could have made.
  if (!window.rtt.empty()) text += fmt::format(", {} timestamps", strait::to_string(window.source));
  text += '\n';
  text += counts_text(window.counts, report.rejections);
  text += reply_rate_text(report.reply_rate);
  text += far_text(window);
  text += rtt_text(window);
  text += intervals_text(window);
  text += variation_text(window);
  text += one_way_text(window);
  text += apart_text(report);
  text += floor_text(report);
  text += members_text(report);
  return style.histogram ? text + histogram(window.rtt, style.canvas) : text;
}

std::string to_text(const probe::Outcome& outcome) {
  const SessionKey& key = *outcome.key;
  auto text = key.path.empty() ? key.target : fmt::format("{} over {}", key.target, key.path);
  text += fmt::format(" {} {}", outcome.sequence, probe::to_string(outcome.fate));
  if (outcome.rtt) text += fmt::format(" {}", strait::to_text(*outcome.rtt));
  if (outcome.hop_limit != 0) text += fmt::format(" hop limit {}", outcome.hop_limit);
  if (outcome.reordered) text += " reordered";
  if (outcome.refused) {
    text += fmt::format(" {} by {}", probe::to_string(outcome.refused->kind),
                        outcome.refused->by.to_string());
  }
  if (outcome.kept_apart) {
    text += fmt::format(" kept apart: uncertain by {}", strait::to_text(outcome.uncertainty));
  }
  return text;
}

std::string to_text(const probe::TransportCounters& counters) {
  std::string text;
  for (const auto& [kind, count] : counters.errors)
    text += fmt::format("this machine: {}: {}\n", kind, count);
  for (const auto& [kind, count] : counters.ignored)
    text += fmt::format("ignored packets: {}: {}\n", kind, count);
  return text;
}

bool failed(const TargetReport& report, const ProbeOptions& options) {
  const Counts& counts = report.window.counts;
  if (counts.received == 0) return true;
  if (options.max_loss && loss_percent(counts) > *options.max_loss) return true;
  const auto median = report.window.rtt.quantile(0.5);
  return options.max_rtt && (!median || *median > *options.max_rtt);
}

}  // namespace strait::cli
