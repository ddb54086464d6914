// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "routes/dialects/wording.hpp"

namespace strait::routes {
namespace {

// Short enough for "STRAIT-NAME-4294967295-V6" in every router.
constexpr NameRule narrow_names{.longest = 40, .marks = "_-."};

Result<void> check_prefix(const Prefix& prefix) {
  const std::string text = to_string(prefix);
  if (const auto same = parse_prefix(text); same && *same == prefix) return {};
  return fail(Errc::bad_input, fmt::format("prefix {}: want one without host bits", text));
}

void add(SessionScript& session, Preference preference) {
  const bool v4 = !of_family(preference.prefixes, false).empty();
  const bool v6 = !of_family(preference.prefixes, true).empty();
  auto raise = std::ranges::find(session.raises, preference.local_pref, &Raise::local_pref);
  if (raise == session.raises.end()) {
    raise = session.raises.insert(
        session.raises.end(),
        Raise{.local_pref = preference.local_pref, .preferences = {}, .v4 = false, .v6 = false});
  }
  raise->v4 = raise->v4 || v4;
  raise->v6 = raise->v6 || v6;
  raise->preferences.push_back(std::move(preference));
}

using Neighbors = std::map<std::string, std::set<Address>>;  // by session

// The sessions of a path, and who stands at their other end.
void add_sessions(const Path& path, Neighbors& sessions) {
  if (!path.protocol.empty()) {
    auto& neighbors = sessions[path.protocol];
    if (path.neighbor_v4) neighbors.insert(*path.neighbor_v4);
  }
  const std::string& second = path.protocol_v6.empty() ? path.protocol : path.protocol_v6;
  if (!second.empty() && path.neighbor_v6) sessions[second].insert(*path.neighbor_v6);
}

Result<std::map<std::string, SessionScript>> sessions_of_paths(std::span<const Path> paths) {
  Neighbors known;
  for (const Path& path : paths) add_sessions(path, known);
  std::map<std::string, SessionScript> sessions;
  for (const auto& [protocol, neighbors] : known) {
    if (auto good = check_name("protocol", protocol, narrow_names); !good) {
      return fail(std::move(good));
    }
    sessions[protocol] = {
        .protocol = protocol, .neighbors = {neighbors.begin(), neighbors.end()}, .raises = {}};
  }
  return sessions;
}

Result<void> check_prefixes(const std::vector<Prefix>& prefixes) {
  for (const Prefix& prefix : prefixes) {
    if (auto good = check_prefix(prefix); !good) return good;
  }
  return {};
}

}  // namespace

Result<Script> script_of(const Plan& plan, const Surroundings& around, std::string_view router) {
  auto preferences = in_order(plan, narrow_names);
  if (!preferences) return fail(std::move(preferences));
  auto sessions = sessions_of_paths(around.paths);
  if (!sessions) return fail(std::move(sessions));

  Script script;
  script.head = {
      fmt::format("strait: BGP preferences for {}, format 1. Generated: the next plan "
                  "overwrites changes.",
                  router)};
  std::ranges::move(origin_lines(plan), std::back_inserter(script.head));
  for (Preference& preference : *preferences) {
    if (auto good = check_prefixes(preference.prefixes); !good) return fail(std::move(good));
    if (preference.prefixes.empty()) continue;
    script.prefixes += preference.prefixes.size();
    SessionScript& session = (*sessions)[preference.protocol];
    session.protocol = preference.protocol;
    add(session, std::move(preference));
  }
  for (auto& [protocol, session] : *sessions) {
    std::ranges::sort(session.raises, {}, &Raise::local_pref);
    script.sessions.push_back(std::move(session));
  }
  return script;
}

Error no_neighbor(std::string_view router, const SessionScript& session) {
  return {.code = Errc::bad_input,
          .message = fmt::format("{}: session {} has no neighbour's address: set neighbor_v4 or "
                                 "neighbor_v6 of its [[path]]",
                                 router, session.protocol)};
}

std::string comment(std::string_view mark, const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += fmt::format("{}{}\n", mark, line);
  return text;
}

std::vector<std::string> words_of(const Preference& preference) {
  return {fmt::format("prefer {} via {}: session {}, local-pref {}, {} prefixes",
                      preference.traffic_class, preference.path, preference.protocol,
                      preference.local_pref.value(), preference.prefixes.size()),
          "reason: " + comment_text(preference.reason)};
}

}  // namespace strait::routes
