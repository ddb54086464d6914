// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstring>

namespace strait::routes {

std::string journal_line(const JournalEntry& entry, const Plan& plan) {
  std::uint64_t prefixes = 0;
  for (const Preference& preference : plan.preferences) prefixes += preference.prefixes.size();
  const boost::json::object line{{"at", strait::to_string(entry.at)},
                                 {"step", entry.step},
                                 {"evidence", plan.evidence_hash},
                                 {"plan", entry.plan_hash},
                                 {"preferences", plan.preferences.size()},
                                 {"prefixes", prefixes},
                                 {"reason", entry.reason}};
  return boost::json::serialize(line) + "\n";
}

Result<void> append_journal(const std::string& file, std::string_view line) {
  if (file.empty()) return {};
  const int fd = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    return fail(Errc::io, fmt::format("journal {}: open: {}", file, std::strerror(errno)));
  }
  // One write: a line is whole or not there.
  const ssize_t written = ::write(fd, line.data(), line.size());
  const bool synced = ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  if (written != static_cast<ssize_t>(line.size()) || !synced) {
    return fail(Errc::io, fmt::format("journal {}: write: {}", file, std::strerror(error)));
  }
  return {};
}

}  // namespace strait::routes
