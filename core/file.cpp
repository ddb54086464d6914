// SPDX-License-Identifier: Apache-2.0
#include "core/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

namespace strait {
namespace {

Errc kind_of(int error) {
  if (error == ENOENT) return Errc::not_found;
  return error == EACCES || error == EPERM ? Errc::no_permission : Errc::io;
}

tl::unexpected<Error> io_error(std::string_view doing, const std::string& file, int error) {
  return fail(kind_of(error), fmt::format("{} {}: {}", doing, file, std::strerror(error)));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_{fd} {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int value() const { return fd_; }
  // Closes now, so that a write error that the system reports late is not lost.
  [[nodiscard]] bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Result<std::string> read_file(const std::string& file) {
  const Descriptor fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (fd.value() < 0) return io_error("open", file, errno);
  std::string bytes;
  while (true) {
    constexpr std::size_t step = 65536;
    const std::size_t before = bytes.size();
    bytes.resize(before + step);
    const ssize_t got = ::read(fd.value(), bytes.data() + before, step);
    const int error = errno;
    bytes.resize(before + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got == 0) return bytes;
    if (got < 0 && error != EINTR) return io_error("read", file, error);
  }
}

Result<void> replace_file(const std::string& file, std::string_view bytes) {
  const auto parent = std::filesystem::path{file}.parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  const std::string beside = fmt::format("{}.{}.new", file, ::getpid());

  struct stat old{};
  const bool exists = ::stat(file.c_str(), &old) == 0;
  {
    Descriptor fd{::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    if (fd.value() < 0) return io_error("create", beside, errno);
    const bool kept_mode = !exists || ::fchmod(fd.value(), old.st_mode & 07777) == 0;
    if (!kept_mode || !write_all(fd.value(), bytes) || ::fsync(fd.value()) != 0 || !fd.close()) {
      const int error = errno;
      ::unlink(beside.c_str());
      return io_error("write", beside, error);
    }
  }
  if (::rename(beside.c_str(), file.c_str()) != 0) {
    const int error = errno;
    ::unlink(beside.c_str());
    return io_error("rename to", file, error);
  }
  const Descriptor directory{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.value() < 0 || ::fsync(directory.value()) != 0) {
    return io_error("sync folder", folder, errno);
  }
  return {};
}

}  // namespace strait
