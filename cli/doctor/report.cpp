// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/frame/exit_status.hpp"
#include "exporters/json_lines.hpp"
#include "exporters/json_writer.hpp"

namespace strait::cli {
namespace {

using probe::doctor::Finding;
using probe::doctor::Findings;
using probe::doctor::Status;

constexpr std::array statuses{Status::good, Status::note, Status::warning, Status::problem,
                              Status::unknown};

std::size_t count(const Findings& findings, Status status) {
  return static_cast<std::size_t>(std::ranges::count(findings, status, &Finding::status));
}

const char* colour_of(Status status) {
  switch (status) {
    case Status::good:
      return "\x1b[32m";
    case Status::warning:
      return "\x1b[33m";
    case Status::problem:
      return "\x1b[1;31m";
    case Status::note:
    case Status::unknown:
      break;
  }
  return "\x1b[36m";
}

std::string mark(Status status, bool colours) {
  const auto word = fmt::format("{:<8}", probe::doctor::to_string(status));
  return colours ? fmt::format("{}{}\x1b[0m", colour_of(status), word) : word;
}

std::string line(const Finding& finding, bool colours) {
  std::string text = fmt::format("  {} {}", mark(finding.status, colours), finding.check);
  if (!finding.subject.empty()) text += fmt::format(" ({})", finding.subject);
  text += ": " + finding.seen;
  if (!finding.meaning.empty()) text += ": " + finding.meaning;
  text += '\n';
  if (!finding.remedy.empty()) text += fmt::format("             mend: {}\n", finding.remedy);
  return text;
}

// The findings by group, in the order of the groups.
Findings sorted(Findings findings) {
  std::ranges::stable_sort(findings, {}, &Finding::group);
  return findings;
}

}  // namespace

int exit_status(const Findings& findings) {
  const auto problem = [](const Finding& finding) { return finding.status == Status::problem; };
  const auto access = [&](const Finding& finding) { return problem(finding) && finding.access; };
  if (std::ranges::any_of(findings, access)) return exit_permission;
  return std::ranges::any_of(findings, problem) ? exit_failed : 0;
}

std::string to_text(const Findings& findings, bool colours) {
  std::string text;
  std::string group;
  for (const Finding& finding : sorted(findings)) {
    if (const auto name = probe::doctor::to_string(finding.group); name != group) {
      group = name;
      text += colours ? fmt::format("\x1b[1m{}\x1b[0m\n", group) : group + '\n';
    }
    text += line(finding, colours);
  }
  std::string sum;
  for (const Status status : statuses) {
    sum += fmt::format("{}{} {}", sum.empty() ? "" : ", ", count(findings, status),
                       probe::doctor::to_string(status));
  }
  return text + sum + '\n';
}

std::string to_json(const Findings& findings) {
  std::string lines;
  for (const Finding& finding : sorted(findings)) {
    exporters::JsonWriter json;
    json.begin_object()
        .member("strait", exporters::json_version)
        .member("type", "finding")
        .member("group", probe::doctor::to_string(finding.group))
        .member("check", finding.check)
        .member("subject", finding.subject)
        .member("status", probe::doctor::to_string(finding.status))
        .member("seen", finding.seen)
        .member("meaning", finding.meaning)
        .member("remedy", finding.remedy);
    lines += json.end_object().take() + '\n';
  }
  exporters::JsonWriter json;
  json.begin_object()
      .member("strait", exporters::json_version)
      .member("type", "doctor")
      .member("exit_status", exit_status(findings));
  for (const Status status : statuses) {
    json.member(probe::doctor::to_string(status), count(findings, status));
  }
  return lines + json.end_object().take() + '\n';
}

}  // namespace strait::cli
