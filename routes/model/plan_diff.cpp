// SPDX-License-Identifier: Apache-2.0
#include "routes/model/plan_diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <span>
#include <tuple>

namespace strait::routes {
namespace {

constexpr std::size_t listed = 10;

std::vector<Prefix> without(const std::optional<Preference>& from,
                            const std::optional<Preference>& others) {
  std::vector<Prefix> rest;
  if (!from) return rest;
  const std::vector<Prefix> none;
  const std::vector<Prefix>& other = others ? others->prefixes : none;
  std::ranges::set_difference(from->prefixes, other, std::back_inserter(rest));
  return rest;
}

std::string describe(const std::optional<Preference>& preference) {
  if (!preference) return "plain BGP";
  return fmt::format("{} (local-pref {}, {} prefixes)", preference->path,
                     preference->local_pref.value(), preference->prefixes.size());
}

std::string list(char sign, std::span<const Prefix> prefixes) {
  if (prefixes.empty()) return {};
  std::string text = fmt::format("  {}", sign);
  for (const Prefix& prefix : prefixes.first(std::min(listed, prefixes.size()))) {
    text += " " + to_string(prefix);
  }
  if (prefixes.size() > listed) text += fmt::format(" and {} more", prefixes.size() - listed);
  return text + "\n";
}

}  // namespace

bool PreferenceChange::changes() const {
  if (before.has_value() != after.has_value()) return true;
  if (!before) return false;
  return before->path != after->path || before->local_pref != after->local_pref || !added.empty() ||
         !removed.empty();
}

std::vector<PreferenceChange> diff(const Plan& before, const Plan& after) {
  std::map<std::tuple<std::string, std::string>, PreferenceChange> changes;
  const auto sorted = [](Preference preference) {
    std::ranges::sort(preference.prefixes);
    return preference;
  };
  for (const Preference& old : before.preferences) {
    changes[{old.traffic_class, old.protocol}].before = sorted(old);
  }
  for (const Preference& fresh : after.preferences) {
    changes[{fresh.traffic_class, fresh.protocol}].after = sorted(fresh);
  }
  std::vector<PreferenceChange> result;
  for (auto& [key, change] : changes) {
    change.added = without(change.after, change.before);
    change.removed = without(change.before, change.after);
    result.push_back(std::move(change));
  }
  return result;
}

std::string diff_text(const Plan& before, const Plan& after) {
  std::string text;
  bool any = false;
  for (const PreferenceChange& change : diff(before, after)) {
    const auto& named = change.after ? change.after : change.before;
    if (!named) continue;
    const std::string where = fmt::format("{} at {}", named->traffic_class, named->protocol);
    if (!change.changes()) {
      text += fmt::format("{}: stays {}\n", where, describe(change.after));
      continue;
    }
    any = true;
    text += fmt::format("{}: {} -> {}\n", where, describe(change.before), describe(change.after));
    if (change.after && !change.after->reason.empty()) {
      text += fmt::format("  because {}\n", change.after->reason);
    }
    text += list('+', change.added) + list('-', change.removed);
  }
  return any ? text : text + "No change.\n";
}

}  // namespace strait::routes
