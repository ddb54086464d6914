// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/wording.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

namespace strait::routes {
namespace {

Result<void> check_names(const Preference& preference, const NameRule& rule) {
  if (auto name = check_name("class", preference.traffic_class, {}); !name) return name;
  if (auto name = check_name("path", preference.path, {}); !name) return name;
  return check_name("protocol", preference.protocol, rule);
}

Result<void> check_hash(std::string_view hash) {
  const auto hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (hash.empty() || (hash.size() == 64 && std::ranges::all_of(hash, hexadecimal))) return {};
  return fail(Errc::bad_input, fmt::format("evidence hash '{}': want 64 hexadecimal digits", hash));
}

// Of one session, each prefix with the preference that it is in, by prefix.
using Owned = std::vector<std::pair<Prefix, const Preference*>>;

// No prefix may be in two preferences of a session.
Result<void> check_owners(const std::vector<Preference>& preferences) {
  std::map<std::string_view, Owned> sessions;
  for (const Preference& preference : preferences) {
    Owned& owned = sessions[preference.protocol];
    const auto middle = static_cast<std::ptrdiff_t>(owned.size());
    for (const Prefix& prefix : preference.prefixes) owned.emplace_back(prefix, &preference);
    const auto prefix_of = [](const auto& each) -> const Prefix& { return each.first; };
    std::ranges::inplace_merge(owned, owned.begin() + middle, {}, prefix_of);
    const auto twice = std::ranges::adjacent_find(owned, {}, prefix_of);
    if (twice == owned.end()) continue;
    return fail(Errc::bad_input,
                fmt::format("{} at {} is in class '{}' and in class '{}'", to_string(twice->first),
                            preference.protocol, twice->second->traffic_class,
                            std::next(twice)->second->traffic_class));
  }
  return {};
}

auto place(const Preference& p) { return std::tie(p.traffic_class, p.path, p.protocol); }

char comment_letter(char c) {
  const auto code = static_cast<unsigned char>(c);
  if (code < 0x20 || code == 0x7f) return ' ';
  if (code > 0x7f || c == '?') return '.';
  return c == '\\' ? '/' : c;
}

}  // namespace

Result<void> check_name(std::string_view what, std::string_view name, const NameRule& rule) {
  const auto allowed = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           rule.marks.find(c) != std::string_view::npos;
  };
  if (!name.empty() && name.size() <= rule.longest && std::ranges::all_of(name, allowed)) return {};
  std::string marks;
  for (const char mark : rule.marks) marks += fmt::format(" {}", mark);
  return fail(Errc::bad_input, fmt::format("{} '{}': want 1 to {} letters, digits or{}", what, name,
                                           rule.longest, marks));
}

Result<std::vector<Preference>> in_order(const Plan& plan, const NameRule& rule) {
  if (auto hash = check_hash(plan.evidence_hash); !hash) return fail(std::move(hash));
  std::vector<Preference> preferences = plan.preferences;
  for (Preference& preference : preferences) {
    if (auto names = check_names(preference, rule); !names) return fail(std::move(names));
    auto& prefixes = preference.prefixes;
    if (!std::ranges::is_sorted(prefixes)) std::ranges::sort(prefixes);
    const auto twice = std::ranges::unique(prefixes);
    prefixes.erase(twice.begin(), twice.end());
  }
  if (auto owners = check_owners(preferences); !owners) return fail(std::move(owners));
  std::ranges::sort(preferences, [](const auto& a, const auto& b) { return place(a) < place(b); });
  return preferences;
}

std::span<const Prefix> of_family(const std::vector<Prefix>& prefixes, bool v6) {
  const auto first_v6 = std::ranges::partition_point(
      prefixes, [](const Prefix& prefix) { return prefix.network.is_v4(); });
  const std::span all{prefixes};
  const auto v4_count = static_cast<std::size_t>(first_v6 - prefixes.begin());
  return v6 ? all.subspan(v4_count) : all.first(v4_count);
}

void append(std::string& text, const Prefix& prefix) {
  if (prefix.network.is_v6()) {
    text += to_string(prefix);
    return;
  }
  const auto octets = prefix.network.to_v4().to_bytes();
  fmt::format_to(std::back_inserter(text), FMT_COMPILE("{}.{}.{}.{}/{}"), octets[0], octets[1],
                 octets[2], octets[3], prefix.length);
}

std::string comment_text(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool inside_character = (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;  // of UTF-8
    if (!inside_character) line += comment_letter(c);
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::vector<std::string> origin_lines(const Plan& plan) {
  return {"evidence " + (plan.evidence_hash.empty() ? "none" : "sha256:" + plan.evidence_hash),
          "made " + strait::to_string(plan.made), "expires " + strait::to_string(plan.expires)};
}

}  // namespace strait::routes
