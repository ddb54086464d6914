// SPDX-License-Identifier: Apache-2.0
#include "cli/analyze/changes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "core/duration.hpp"
#include "exporters/text_table.hpp"

namespace strait::cli {
namespace {

using analyzer::Change;
using analyzer::ChangeKind;
using analyzer::Incident;

std::string signed_text(Nanos size) {
  return size < Nanos{0} ? fmt::format("-{}", to_text(-size)) : fmt::format("+{}", to_text(size));
}

// Of the change whose size is the middle one.
std::string size_text(const Incident& incident) {
  if (incident.kind == ChangeKind::outage || incident.kind == ChangeKind::loss) {
    double most = 0;
    for (const Change& change : incident.changes) most = std::max(most, change.loss);
    return fmt::format("{:.1f} % lost", most * 100);
  }
  std::vector<const Change*> changes;
  changes.reserve(incident.changes.size());
  for (const Change& change : incident.changes) changes.push_back(&change);
  std::ranges::sort(changes, {}, [](const Change* change) { return change->size; });
  const Change& middle = *changes[changes.size() / 2];
  return fmt::format("{} [{}, {}]", signed_text(middle.size), signed_text(middle.size_low),
                     signed_text(middle.size_high));
}

bool ends(ChangeKind kind) { return kind != ChangeKind::level_shift && kind != ChangeKind::clock; }

std::string end_text(const Incident& incident) {
  if (!ends(incident.kind)) return "-";
  return incident.to ? to_string(*incident.to) : std::string{"lasts"};
}

std::string why_text(const Incident& incident) {
  std::vector<std::string> words;
  if (incident.one_target) {
    words.push_back(fmt::format("the far end {}", incident.changes.front().session.target));
  }
  if (incident.one_flow) words.emplace_back("one ECMP member");
  if (incident.diurnal) words.emplace_back("diurnal");
  if (!incident.explained_by.empty()) {
    words.push_back(fmt::format("explained by {}", fmt::join(incident.explained_by, ", ")));
  }
  return fmt::format("{}", fmt::join(words, "; "));
}

}  // namespace

std::string incidents_text(std::span<const Incident> incidents) {
  exporters::TextTable table;
  table.add_row({{"from"}, {"to"}, {"what"}, {"size"}, {"paths"}, {"sessions", {}, true}, {""}});
  for (const Incident& incident : incidents) {
    table.add_row({{to_string(incident.from)},
                   {end_text(incident)},
                   {std::string{to_string(incident.kind)}},
                   {size_text(incident)},
                   {fmt::format("{}", fmt::join(incident.paths, ", "))},
                   {std::to_string(incident.changes.size()), {}, true},
                   {why_text(incident)}});
  }
  return table.render("", false);
}

std::vector<Incident> incidents_of(std::span<const Window> windows,
                                   std::span<const routes::Path> paths) {
  std::set<SessionKey> known;
  Nanos length{};
  for (const Window& window : windows) {
    known.insert(window.session);
    length = std::max(length, window.length);
  }
  const std::vector<SessionKey> sessions(known.begin(), known.end());
  return analyzer::group_changes(analyzer::detect_changes(windows), sessions, paths, length);
}

}  // namespace strait::cli
