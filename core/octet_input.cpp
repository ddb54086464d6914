// SPDX-License-Identifier: Apache-2.0
#include "core/octet_input.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace strait {
namespace {

std::string reason(int code) { return std::generic_category().message(code); }

class FileInput final : public OctetInput {
 public:
  explicit FileInput(int fd) : fd_{fd} {}
  FileInput(const FileInput&) = delete;
  FileInput& operator=(const FileInput&) = delete;
  FileInput(FileInput&&) = delete;
  FileInput& operator=(FileInput&&) = delete;
  ~FileInput() override {
    if (fd_ != STDIN_FILENO) ::close(fd_);
  }
  Result<std::size_t> read(std::span<std::byte> room) override {
    for (;;) {
      const ssize_t count = ::read(fd_, room.data(), room.size());
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) return fail(Errc::io, reason(errno));
    }
  }

 private:
  int fd_;
};

class MemoryInput final : public OctetInput {
 public:
  explicit MemoryInput(std::span<const std::byte> octets) : rest_{octets} {}
  Result<std::size_t> read(std::span<std::byte> room) override {
    const std::size_t count = std::min(room.size(), rest_.size());
    if (count > 0) std::memcpy(room.data(), rest_.data(), count);
    rest_ = rest_.subspan(count);
    return count;
  }

 private:
  std::span<const std::byte> rest_;
};

}  // namespace

Result<std::unique_ptr<OctetInput>> open_input(const std::string& file) {
  if (file == "-") return std::make_unique<FileInput>(STDIN_FILENO);
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const int code = errno;
    auto kind = Errc::io;
    if (code == ENOENT) kind = Errc::not_found;
    if (code == EACCES) kind = Errc::no_permission;
    return fail(kind, "open " + file + ": " + reason(code));
  }
  return std::make_unique<FileInput>(fd);
}

std::unique_ptr<OctetInput> memory_input(std::span<const std::byte> octets) {
  return std::make_unique<MemoryInput>(octets);
}

}  // namespace strait
