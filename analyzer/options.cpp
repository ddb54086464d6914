// SPDX-License-Identifier: Apache-2.0
#include "analyzer/options.hpp"

#include <fmt/format.h>

namespace strait::analyzer {
namespace {

// At most a week of one-minute windows in a span: more is a typing error.
constexpr std::int64_t most_windows = 10'080;

void read(ConfigTable& table, std::string_view key, unsigned& value, std::int64_t min) {
  if (const auto read = table.integer(key, min, most_windows)) {
    value = static_cast<unsigned>(*read);
  }
}

void read(ConfigTable& table, std::string_view key, double& value, double min, double max) {
  value = table.number(key, min, max).value_or(value);
}

void read(ConfigTable& table, std::string_view key, Nanos& value) {
  value = table.duration(key).value_or(value);
}

EvidenceOptions read_evidence(ConfigTable& table) {
  EvidenceOptions options;
  read(table, "confidence", options.confidence, 0.5, 0.9999);
  read(table, "span_windows", options.span_windows, 1);
  options.freshness = table.duration("freshness");
  read(table, "floor_margin", options.floor_margin);
  return options;
}

void read_repeat(ConfigTable& table, DecisionOptions& options) {
  read(table, "repeat", options.repeat, 1);
  options.repeat_of = std::max(options.repeat_of, options.repeat);
  if (const auto of = table.integer("repeat_of", 1, most_repeat_of)) {
    options.repeat_of = static_cast<unsigned>(*of);
    if (options.repeat > options.repeat_of) {
      table.error("repeat_of", fmt::format("repeat is {}: of {} windows there are not as many",
                                           options.repeat, options.repeat_of));
    }
  }
}

void read_grain(ConfigTable& table, DecisionOptions& options) {
  if (const auto word = table.text("grain")) {
    const auto grain = parse_grain(*word);
    if (!grain) {
      table.error("grain",
                  fmt::format("unknown grain '{}': want region, country, origin or prefix", *word));
    }
    options.grain = grain.value_or(Grain::region);
  }
  if (const auto most = table.integer("max_parts", 0, 100'000)) {
    options.max_parts = static_cast<std::size_t>(*most);
  }
}

PlanOptions read_plan(ConfigTable& table) {
  PlanOptions options;
  if (const auto most = table.integer("max_local_pref", min_local_pref.value(), 0xffffffff)) {
    options.max_local_pref = LocalPref{static_cast<std::uint32_t>(*most)};
  }
  if (const auto value =
          table.integer("local_pref", min_local_pref.value(), options.max_local_pref.value())) {
    options.local_pref = LocalPref{static_cast<std::uint32_t>(*value)};
  }
  if (options.local_pref > options.max_local_pref) {
    table.error("max_local_pref",
                fmt::format("max_local_pref is {}: below local_pref, which is {}",
                            options.max_local_pref.value(), options.local_pref.value()));
  }
  if (const auto most = table.integer("max_prefixes", 1, 100'000'000)) {
    options.max_prefixes = static_cast<std::uint64_t>(*most);
  }
  read(table, "plan_expiry", options.expiry);
  return options;
}

}  // namespace

Options read_options(ConfigTable table) {
  Options options;
  DecisionOptions& decision = options.decision;
  decision.evidence = read_evidence(table);
  if (const auto objective = read_objective(table)) {
    decision.aim = objective->aim;
    decision.evidence.objective = objective->q;
  }
  read(table, "pair_windows", decision.pair_windows, 1);
  read(table, "min_gain", decision.min_gain);
  read(table, "min_gain_ratio", decision.min_gain_ratio, 0, 10);
  read(table, "flap_half_life", decision.flap_half_life);
  read_grain(table, decision);
  read(table, "back_factor", decision.back_factor, 0, 1);
  read_repeat(table, decision);
  read(table, "false_discovery", decision.false_discovery, 0.0001, 1);
  read(table, "hold_down", decision.hold_down);
  read(table, "max_loss", decision.max_loss, 0, 1);
  read(table, "loss_margin", decision.loss_margin, 0, 1);
  options.plan = read_plan(table);
  options.weights.file = table.text("weights").value_or("");
  read(table, "weights_max_age", options.weights.max_age);
  return options;
}

}  // namespace strait::analyzer
