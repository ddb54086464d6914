// SPDX-License-Identifier: Apache-2.0
#include "core/program.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace strait {
namespace {

constexpr std::size_t most_output = std::size_t{64} << 20U;
constexpr int signal_base = 128;

tl::unexpected<Error> program_error(const std::string& program, std::string_view doing, int error) {
  auto code = Errc::io;
  if (error == ENOENT) code = Errc::not_found;
  if (error == EACCES) code = Errc::no_permission;
  return fail(code, fmt::format("{}: {}: {}", program, doing, std::strerror(error)));
}

// A descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_{fd} {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() { close(); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

// posix_spawn, whose two structs must be released.
class Spawn {
 public:
  Spawn() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    // What we have blocked it must not inherit.
    sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  Spawn(const Spawn&) = delete;
  Spawn& operator=(const Spawn&) = delete;
  Spawn(Spawn&&) = delete;
  Spawn& operator=(Spawn&&) = delete;
  ~Spawn() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  // Of the same number it only takes FD_CLOEXEC off.
  void give(int fd, int as) { ::posix_spawn_file_actions_adddup2(&actions_, fd, as); }
  int run(pid_t& child, std::span<const std::string> words) {
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
    return ::posix_spawnp(&child, pointers.front(), &actions_, &attributes_, pointers.data(),
                          environ);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

// Whether there is something to read, or the end. Nothing: not yet, or a signal came.
std::optional<bool> readable(int fd, std::chrono::milliseconds within) {
  pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
  const int ready = ::poll(&wait, 1, static_cast<int>(std::min<long>(within.count(), 1'000'000)));
  if (ready > 0) return true;
  if (ready == 0 || errno == EINTR) return std::nullopt;
  return false;
}

// Reads until the other end is closed. False: too late, or too much.
bool read_all(int fd, std::chrono::steady_clock::time_point deadline, std::string& text) {
  std::array<char, 65536> chunk{};
  while (text.size() <= most_output) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    const auto ready = readable(fd, left);
    if (!ready) continue;
    const ssize_t got = *ready ? ::read(fd, chunk.data(), chunk.size()) : -1;
    if (got == 0) return true;
    if (got < 0 && (!*ready || errno != EINTR)) return false;
    if (got > 0) text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return false;
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? signal_base + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Result<ProgramEnd> run_program(std::span<const std::string> words, Nanos patience,
                               std::optional<int> keep) {
  if (words.empty()) return fail(Errc::bad_input, "no program to run");
  const std::string& program = words.front();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return program_error(program, "make a pipe", errno);
  const Descriptor ours{ends[0]};
  Descriptor theirs{ends[1]};
  pid_t child = 0;
  {
    Spawn spawn;
    spawn.give(theirs.get(), STDOUT_FILENO);
    spawn.give(theirs.get(), STDERR_FILENO);
    if (keep) spawn.give(*keep, *keep);
    if (const int error = spawn.run(child, words); error != 0) {
      return program_error(program, "run", error);
    }
  }
  theirs.close();
  ProgramEnd end;
  const bool whole = read_all(ours.get(), deadline, end.output);
  if (!whole) ::kill(-child, SIGKILL);
  end.status = wait_for(child);
  if (whole) return end;
  return fail(Errc::io, fmt::format("{}: killed: not done within {}, or more than {} octets of "
                                    "output",
                                    program, strait::to_string(patience), most_output));
}

}  // namespace strait
