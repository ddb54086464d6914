// SPDX-License-Identifier: Apache-2.0
#include "analyzer/traffic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

namespace strait::analyzer {
namespace {

// Clocks of two machines may differ by so much.
constexpr Nanos ahead{std::chrono::minutes{5}};

bool is_letter(char c) { return c >= 'A' && c <= 'Z'; }

// How well a word fits a row: greater is better, 0 not at all.
class Fit {
 public:
  explicit Fit(const TrafficRow& row) : row_{row} {}

  unsigned operator()(Asn asn) const { return asn == row_.asn && asn.value() != 0 ? 2 : 0; }
  unsigned operator()(const std::string& country) const { return country == row_.country ? 1 : 0; }
  unsigned operator()(const Prefix& prefix) const {
    return contains(prefix, row_.prefix) ? prefix_fit + prefix.length : 0;
  }
  [[nodiscard]] unsigned of(const TargetTraffic& target) const {
    if (target.words.empty()) {
      return contains(row_.prefix, target.address) ? prefix_fit + row_.prefix.length : 0;
    }
    unsigned best = 0;
    for (const TrafficWord& word : target.words) best = std::max(best, std::visit(*this, word));
    return best;
  }

 private:
  static constexpr unsigned prefix_fit = 3;
  const TrafficRow& row_;
};

struct Octets {
  double all = 0;
  double to = 0;  // of these: that we send
};
using OctetsByTarget = std::map<std::string, Octets, std::less<>>;

// Adds the row's octets to the targets that it fits best; whether there is one.
bool share_out(const TrafficRow& row, const TrafficOfTargets& words,
               const std::set<std::string_view>& counted, OctetsByTarget& octets) {
  const Fit fit{row};
  unsigned best = 1;
  std::vector<std::string_view> found;
  for (const auto& [name, target] : words) {
    if (!counted.contains(name)) continue;
    const unsigned fits = fit.of(target);
    if (fits < best) continue;
    if (fits > best) found.clear();
    best = fits;
    found.emplace_back(name);
  }
  const auto parts = static_cast<double>(found.size());
  for (const std::string_view name : found) {
    Octets& its = octets.find(name)->second;
    its.all += static_cast<double>(row.octets()) / parts;
    its.to += static_cast<double>(row.octets_to) / parts;
  }
  return !found.empty();
}

std::optional<std::string> unusable(const Traffic& traffic, std::uint64_t octets, WallTime now,
                                    Nanos oldest) {
  if (octets == 0) return "there is no traffic in it";
  if (traffic.to > now + ahead) {
    return fmt::format("it ends at {}, which is yet to come", strait::to_string(traffic.to));
  }
  if (now - traffic.to > oldest) {
    return fmt::format("it ended at {}, more than {} ago", strait::to_string(traffic.to),
                       strait::to_string(oldest));
  }
  return std::nullopt;
}

Octets octets_of(const Target& target, const OctetsByTarget& octets) {
  const auto found = octets.find(target.name);
  return found == octets.end() ? Octets{} : found->second;
}

// All of it; `placed`: the octets of rows for which a target stands.
OctetsByTarget share_out(std::span<const Target> targets, const TrafficOfTargets& words,
                         const Traffic& traffic, std::uint64_t& placed) {
  OctetsByTarget octets;
  std::set<std::string_view> counted;
  for (const Target& target : targets) {
    if (target.weight > 0 && words.contains(target.name)) {
      counted.insert(octets.try_emplace(target.name).first->first);
    }
  }
  for (const TrafficRow& row : traffic.rows) {
    if (share_out(row, words, counted, octets)) placed += row.octets();
  }
  return octets;
}

// What the targets of a class have together.
std::map<std::string, Octets, std::less<>> class_octets(std::span<const Target> targets,
                                                        const OctetsByTarget& octets) {
  std::map<std::string, Octets, std::less<>> sums;
  for (const Target& target : targets) {
    const Octets its = octets_of(target, octets);
    Octets& sum = sums[target.traffic_class];
    sum.all += its.all;
    sum.to += its.to;
  }
  return sums;
}

// A mean over less would be that of a moment.
constexpr Nanos shortest_capture = std::chrono::minutes{1};

void add_rates(const Traffic& traffic, const std::map<std::string, Octets, std::less<>>& sums,
               Weighed& result) {
  const Nanos length = traffic.to - traffic.from;
  if (length < shortest_capture) return;
  const double seconds = std::chrono::duration<double>(length).count();
  for (const auto& [name, sum] : sums) {
    if (sum.to > 0) result.rates[name] = BitRate{sum.to * 8 / seconds};
  }
}

}  // namespace

Result<TrafficWord> parse_traffic_word(std::string_view text) {
  if (text.find('/') != std::string_view::npos) {
    const auto prefix = parse_prefix(text);
    if (!prefix) return tl::make_unexpected(prefix.error());
    return TrafficWord{*prefix};
  }
  if (text.size() == 2 && std::ranges::all_of(text, is_letter)) {
    return TrafficWord{std::string{text}};
  }
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  if (text.starts_with("AS")) {
    const auto [stop, error] = std::from_chars(text.data() + 2, end, number);
    if (error == std::errc{} && stop == end && number != 0) return TrafficWord{Asn{number}};
  }
  return fail(Errc::bad_input,
              fmt::format("'{}': want an AS (AS64500), a country (ES) or a prefix", text));
}

TrafficOfTargets read_traffic_of_targets(ConfigTable root) {
  TrafficOfTargets all;
  for (ConfigTable& table : root.tables("target")) {
    TargetTraffic target;
    target.address = table.address("address").value_or(Address{});
    for (const std::string& text : table.texts("stands_for")) {
      auto word = parse_traffic_word(text);
      if (word) {
        target.words.push_back(std::move(*word));
      } else {
        table.error("stands_for", word.error().message);
      }
    }
    all.try_emplace(table.text("name").value_or(""), std::move(target));
  }
  return all;
}

Weighed weigh(std::span<const Target> targets, const TrafficOfTargets& words,
              const Traffic& traffic, WallTime now, Nanos oldest) {
  Weighed result;
  result.targets.assign(targets.begin(), targets.end());
  for (const TrafficRow& row : traffic.rows) result.octets += row.octets();
  if (const auto why = unusable(traffic, result.octets, now, oldest)) {
    result.notes.push_back(fmt::format("the traffic's weights are not used: {}", *why));
    return result;
  }
  const OctetsByTarget octets = share_out(targets, words, traffic, result.octets_placed);
  const auto sums = class_octets(targets, octets);
  for (Target& target : result.targets) {
    const double sum = sums.find(target.traffic_class)->second.all;
    if (sum <= 0 || target.weight <= 0) continue;
    target.weight = std::max(octets_of(target, octets).all / sum, least_traffic_share);
    result.used = true;
  }
  const double all =
      static_cast<double>(result.octets) + static_cast<double>(traffic.octets_elsewhere);
  for (const auto& [name, sum] : sums) result.shares[name] = sum.all / all;
  add_rates(traffic, sums, result);
  for (const auto& [name, sum] : sums) {
    if (sum.all > 0) {
      result.classes.push_back(name);
      continue;
    }
    result.notes.push_back(
        fmt::format("no target of {} stands for any traffic: its weights stay", name));
  }
  return result;
}

}  // namespace strait::analyzer
