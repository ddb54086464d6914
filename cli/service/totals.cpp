// SPDX-License-Identifier: Apache-2.0
#include "cli/service/totals.hpp"

#include <algorithm>

namespace strait::cli {
namespace {

SessionKey without_flow(SessionKey key) {
  key.flow = 0;
  return key;
}

// Adds a window of any flow to the sum over the flows; one of no length has nothing in it yet.
void add_flow(Window& into, const Window& window) {
  if (into.length == Nanos{0}) {
    into = window;
    into.session.flow = 0;
  } else if (window.session.flow == 0) {
    merge(into, window);
  } else {
    Window copy = window;
    copy.session.flow = 0;
    merge(into, copy);
  }
}

void add_newest(std::optional<Window>& newest, const Window& window) {
  if (newest && newest->start > window.start) return;
  if (!newest || newest->start < window.start) newest.emplace();
  add_flow(*newest, window);
}

}  // namespace

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
    auto& snapshot = found[without_flow(key)];
    add_flow(snapshot.total, session.total);
    if (session.newest) add_newest(snapshot.newest, *session.newest);
  }
  for (const Window& window : open) add_flow(found[without_flow(window.session)].total, window);
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
