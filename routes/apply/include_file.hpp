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
  // Puts the copy's content back; the copy itself stays. What the file holds is not lost where it
  // is somebody's edit, neither the copy's content nor what has the hash `ours` (sha256_hex();
  // empty: not known, and nothing is taken for an edit): it goes to FILE.edited, as the words say;
  // without an edit there are none.
  [[nodiscard]] Result<std::string> put_back(std::string_view ours) const;
  // The same, and the copy goes.
  [[nodiscard]] Result<std::string> restore(std::string_view ours) const;
  void forget_previous() const;
  // What the copy holds; nothing if there was no file.
  [[nodiscard]] const std::optional<std::string>& previous() const { return previous_; }
  // What the file holds; nothing if there is none.
  [[nodiscard]] Result<std::optional<std::string>> content() const { return content_of(file_); }

 private:
  static Result<std::optional<std::string>> content_of(const std::string& file);
  [[nodiscard]] Result<std::string> set_edit_aside(std::string_view ours) const;

  std::string file_;
  std::string kept_;
  std::optional<std::string> previous_;
};

}  // namespace strait::routes
