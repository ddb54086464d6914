// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"

namespace strait::exporters {

// Appends JSON lines to a file, or to the standard output when the name is "-". Each write() is one
// write(2) to a file opened for appending, so lines of several programs do not mix. Used by one
// thread.
class JsonFile {
 public:
  [[nodiscard]] static Result<JsonFile> open(std::string name);
  JsonFile(JsonFile&& other) noexcept;
  JsonFile& operator=(JsonFile&& other) noexcept;
  JsonFile(const JsonFile&) = delete;
  JsonFile& operator=(const JsonFile&) = delete;
  ~JsonFile();

  // Adds the line feed.
  [[nodiscard]] Result<void> write(std::string_view json);

  // Opens the name again: for log rotation, after the old file was renamed. On failure the old file
  // stays in use. Does nothing for the standard output.
  [[nodiscard]] Result<void> reopen();

 private:
  JsonFile(std::string name, int descriptor) : name_{std::move(name)}, descriptor_{descriptor} {}

  std::string name_;
  int descriptor_;
};

}  // namespace strait::exporters
