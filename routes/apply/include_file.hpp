// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace strait::routes {

// Held while one process applies to one include file: FILE.lock, which says who that is.
class ApplyLock {
 public:
  [[nodiscard]] static Result<ApplyLock> take(const std::string& include_file, std::string_view by);
  ApplyLock(ApplyLock&& other) noexcept;
  ApplyLock& operator=(ApplyLock&&) = delete;
  ApplyLock(const ApplyLock&) = delete;
  ApplyLock& operator=(const ApplyLock&) = delete;
  ~ApplyLock();
  // For programs that must hold it too.
  [[nodiscard]] int descriptor() const { return fd_; }

 private:
  explicit ApplyLock(int fd) : fd_{fd} {}
  int fd_;
};

// The include file and FILE.previous, the copy of what it held before, which exists only while an
// apply runs. A copy without an apply tells of one that was killed: what is in the file may never
// have been confirmed, so the copy is what to go back to.
class IncludeFile {
 public:
  explicit IncludeFile(std::string file) : file_{std::move(file)}, kept_{file_ + ".previous"} {}

  [[nodiscard]] bool unfinished() const;
  // Makes the copy, or takes the one that is there for it.
  [[nodiscard]] Result<void> keep_previous();
  [[nodiscard]] Result<void> write(std::string_view text) const;
  // Puts the copy's content back; the copy itself stays.
  [[nodiscard]] Result<void> put_back() const;
  // The same, and the copy goes.
  [[nodiscard]] Result<void> restore() const;
  void forget_previous() const;
  // What the copy holds; nothing if there was no file.
  [[nodiscard]] const std::optional<std::string>& previous() const { return previous_; }
  // What the file holds; nothing if there is none.
  [[nodiscard]] Result<std::optional<std::string>> content() const { return content_of(file_); }

 private:
  static Result<std::optional<std::string>> content_of(const std::string& file);

  std::string file_;
  std::string kept_;
  std::optional<std::string> previous_;
};

}  // namespace strait::routes
