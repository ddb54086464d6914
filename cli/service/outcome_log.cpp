// SPDX-License-Identifier: Apache-2.0
#include "cli/service/outcome_log.hpp"

#include <utility>

#include "exporters/json_lines.hpp"

namespace strait::cli {

Result<std::unique_ptr<OutcomeLog>> OutcomeLog::open(const std::string& file) {
  auto json = exporters::JsonFile::open(file);
  if (!json) return tl::make_unexpected(json.error());
  return std::unique_ptr<OutcomeLog>{new OutcomeLog{std::move(*json)}};
}

void OutcomeLog::note(const probe::Outcome& outcome) {
  const std::string line = exporters::to_json(outcome);
  const std::scoped_lock lock{mutex_};
  if (waiting_.size() + line.size() >= most_waiting) {
    ++dropped_;
    return;
  }
  if (!waiting_.empty()) waiting_ += '\n';
  waiting_ += line;
}

Result<std::uint64_t> OutcomeLog::flush() {
  std::string lines;
  std::uint64_t dropped = 0;
  {
    const std::scoped_lock lock{mutex_};
    lines.swap(waiting_);
    dropped = std::exchange(dropped_, 0);
  }
  if (lines.empty()) return dropped;
  // The file adds the last line feed.
  if (auto written = file_.write(lines); !written) return tl::make_unexpected(written.error());
  return dropped;
}

}  // namespace strait::cli
