// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "core/result.hpp"
#include "exporters/json_file.hpp"
#include "probe/prober.hpp"

namespace strait::cli {

// A JSON line for every probe. The probing thread notes outcomes, another one writes them, so that
// a slow disk delays no probe. What piles up beyond `most_waiting` octets is dropped and counted.
class OutcomeLog {
 public:
  static constexpr std::size_t most_waiting = std::size_t{16} << 20U;

  // A file, or "-" for the standard output.
  [[nodiscard]] static Result<std::unique_ptr<OutcomeLog>> open(const std::string& file);

  void note(const probe::Outcome& outcome);
  // Writes what was noted; gives the number dropped since the last call.
  [[nodiscard]] Result<std::uint64_t> flush();
  [[nodiscard]] Result<void> reopen() { return file_.reopen(); }

 private:
  explicit OutcomeLog(exporters::JsonFile file) : file_{std::move(file)} {}

  exporters::JsonFile file_;
  std::mutex mutex_;
  std::string waiting_;  // lines with their line feeds; guarded, as below
  std::uint64_t dropped_ = 0;
};

}  // namespace strait::cli
