// SPDX-License-Identifier: Apache-2.0
#include "cli/totals.hpp"

#include <algorithm>

namespace strait::cli {

Totals::Session& Totals::add_up(const Window& window) {
  auto [entry, fresh] = sessions_.try_emplace(window.session);
  Session& session = entry->second;
  if (fresh) {
    session.total = window;
  } else {
    merge(session.total, window);
  }
  return session;
}

void Totals::add(std::span<const Window> closed) {
  for (const Window& window : closed) {
    Session& session = add_up(window);
    if (!session.newest || session.newest->start <= window.start) session.newest = window;
  }
}

void Totals::add_refused(std::span<const Window> closed) {
  for (const Window& window : closed) add_up(window);
}

void Totals::forget_newest(std::string_view path) {
  for (auto& [key, session] : sessions_) {
    if (key.path == path) session.newest.reset();
  }
}

void Totals::keep_only(const std::vector<SessionKey>& sessions) {
  std::erase_if(sessions_, [&](const auto& entry) {
    return std::ranges::find(sessions, entry.first) == sessions.end();
  });
}

std::vector<exporters::SessionSnapshot> Totals::with(
    std::span<const Window> open,
    const std::map<std::string, std::string, std::less<>>& region_of) const {
  std::map<SessionKey, exporters::SessionSnapshot> found;
  for (const auto& [key, session] : sessions_) {
    found[key].total = session.total;
    found[key].newest = session.newest;
  }
  for (const Window& window : open) {
    auto [entry, fresh] = found.try_emplace(window.session);
    if (fresh) {
      entry->second.total = window;
    } else {
      merge(entry->second.total, window);
    }
  }
  std::vector<exporters::SessionSnapshot> snapshots;
  snapshots.reserve(found.size());
  for (auto& [key, snapshot] : found) {
    if (const auto region = region_of.find(key.target); region != region_of.end()) {
      snapshot.region = region->second;
    }
    snapshots.push_back(std::move(snapshot));
  }
  return snapshots;
}

}  // namespace strait::cli
