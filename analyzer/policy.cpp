// SPDX-License-Identifier: Apache-2.0
#include "analyzer/policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace strait::analyzer {
namespace {

using Countries = std::set<std::string, std::less<>>;

bool is_country(std::string_view text) {
  return text.size() == 2 &&
         std::ranges::all_of(text, [](char each) { return each >= 'A' && each <= 'Z'; });
}

Countries read_countries(ConfigTable& table, std::string_view key) {
  Countries countries;
  for (const std::string& text : table.texts(key)) {
    if (!is_country(text)) {
      table.error(key,
                  fmt::format("'{}' is no country: want a code of ISO 3166 such as \"ES\"", text));
    }
    countries.insert(text);
  }
  return countries;
}

Policy read_policy(ConfigTable table, std::set<std::string>& seen) {
  Policy policy;
  table.require("class");
  policy.traffic_class = table.text("class").value_or("");
  if (!policy.traffic_class.empty() && !seen.insert(policy.traffic_class).second) {
    table.error("class", fmt::format("class '{}' has a policy already", policy.traffic_class));
  }
  if (table.has("allow_transit")) policy.allow_transit = read_countries(table, "allow_transit");
  policy.avoid_transit = read_countries(table, "avoid_transit");
  policy.keep_domestic = table.boolean("keep_domestic").value_or(false);
  policy.objective = read_objective(table);
  policy.price_per_ms = table.number("price_per_ms", 1e-9, 1e12);
  policy.rate = table.bit_rate("rate");
  constexpr std::array<std::string_view, 6> rules{"allow_transit", "avoid_transit", "keep_domestic",
                                                  "objective",     "price_per_ms",  "rate"};
  if (std::ranges::none_of(rules, [&](std::string_view key) { return table.has(key); })) {
    table.error("class", fmt::format("a policy needs one of {}", fmt::join(rules, ", ")));
  }
  return policy;
}

std::optional<std::string> broken_rule(const Policy& policy, const routes::Path& path) {
  const std::string& name = policy.traffic_class;
  const bool bans = policy.allow_transit || !policy.avoid_transit.empty() || policy.keep_domestic;
  if (bans && path.countries.empty()) {
    return fmt::format("the policy of {}: its segments are not known, so nobody can tell", name);
  }
  for (const std::string& country : path.countries) {
    if (policy.avoid_transit.contains(country)) {
      return fmt::format("avoid_transit of {}: it enters {}", name, country);
    }
    if (policy.allow_transit && !policy.allow_transit->contains(country)) {
      return fmt::format("allow_transit of {}: it enters {}", name, country);
    }
    if (policy.keep_domestic && country != path.countries.front()) {
      return fmt::format("keep_domestic of {}: it leaves {} for {}", name, path.countries.front(),
                         country);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> violation(std::span<const Policy> policies,
                                     std::string_view traffic_class, const routes::Path& path) {
  const auto policy = std::ranges::find(policies, traffic_class, &Policy::traffic_class);
  return policy == policies.end() ? std::nullopt : broken_rule(*policy, path);
}

std::vector<Policy> read_policies(ConfigTable root) {
  std::vector<Policy> policies;
  std::set<std::string> seen;
  for (const ConfigTable& table : root.tables("policy"))
    policies.push_back(read_policy(table, seen));
  return policies;
}

}  // namespace strait::analyzer
