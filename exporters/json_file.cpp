// SPDX-License-Identifier: Apache-2.0
#include "exporters/json_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace strait::exporters {
namespace {

constexpr std::string_view standard_output = "-";

tl::unexpected<Error> failure(const std::string& name, std::string_view doing, int code) {
  const Errc errc = code == EACCES || code == EPERM ? Errc::no_permission : Errc::io;
  return fail(errc, fmt::format("JSON file {}: cannot {}: {}", name, doing, std::strerror(code)));
}

Result<int> open_for_append(const std::string& name) {
  const int descriptor = ::open(name.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return failure(name, "open", errno);
  return descriptor;
}

}  // namespace

Result<JsonFile> JsonFile::open(std::string name) {
  if (name == standard_output) return JsonFile{std::move(name), STDOUT_FILENO};
  const auto descriptor = open_for_append(name);
  if (!descriptor) return tl::make_unexpected(descriptor.error());
  return JsonFile{std::move(name), *descriptor};
}

JsonFile::JsonFile(JsonFile&& other) noexcept
    : name_{std::move(other.name_)}, descriptor_{std::exchange(other.descriptor_, -1)} {}

JsonFile& JsonFile::operator=(JsonFile&& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

JsonFile::~JsonFile() {
  if (descriptor_ > STDERR_FILENO) ::close(descriptor_);
}

Result<void> JsonFile::write(std::string_view json) {
  std::string line{json};
  line += '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failure(name_, "write", errno);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> JsonFile::reopen() {
  if (name_ == standard_output) return {};
  const auto descriptor = open_for_append(name_);
  if (!descriptor) return tl::make_unexpected(descriptor.error());
  ::close(std::exchange(descriptor_, *descriptor));
  return {};
}

}  // namespace strait::exporters
