// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/watchdog.hpp"

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
#include <limits>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>

namespace strait::routes {
namespace {

constexpr char all_well = '.';

// Watchdogs that took over, whose ends nobody has waited for yet.
class LetGo {
 public:
  void add(pid_t child) {
    const std::scoped_lock lock{mutex_};
    children_.push_back(child);
  }
  void take_in() {
    const std::scoped_lock lock{mutex_};
    std::erase_if(children_, [](pid_t child) { return ::waitpid(child, nullptr, WNOHANG) != 0; });
  }

 private:
  std::mutex mutex_;
  std::vector<pid_t> children_;
};

LetGo& let_go() {
  static LetGo children;
  return children;
}

int spawn(pid_t& child, const std::vector<std::string>& words, int input) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  // Nobody reads along, and what closes its terminal must not end it.
  for (const int output : {STDOUT_FILENO, STDERR_FILENO}) {
    ::posix_spawn_file_actions_addopen(&actions, output, "/dev/null", O_WRONLY, 0);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  const int error =
      ::posix_spawnp(&child, pointers.front(), &actions, &attributes, pointers.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  return error;
}

}  // namespace

Result<Watchdog> Watchdog::start(const std::vector<std::string>& words) {
  if (words.empty()) return fail(Errc::bad_input, "watchdog: no program to run");
  let_go().take_in();
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(Errc::io, fmt::format("watchdog: make a pipe: {}", std::strerror(errno)));
  }
  pid_t child = 0;
  const int error = spawn(child, words, ends[0]);
  ::close(ends[0]);
  if (error == 0) return Watchdog{ends[1], child};
  ::close(ends[1]);
  return fail(Errc::io, fmt::format("watchdog: run {}: {}", words.front(), std::strerror(error)));
}

Watchdog::Watchdog(Watchdog&& other) noexcept
    : pipe_{std::exchange(other.pipe_, -1)}, child_{std::exchange(other.child_, 0)} {}

void Watchdog::take_over() {
  ::close(std::exchange(pipe_, -1));
  let_go().add(std::exchange(child_, 0));
}

Watchdog::~Watchdog() {
  if (child_ == 0) return;
  // Of one that is gone we want no signal.
  sigset_t pipe_signal;
  sigset_t before;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t told = ::write(pipe_, &all_well, 1);
  if (told < 0 && errno == EPIPE) {
    const timespec at_once{};
    std::ignore = ::sigtimedwait(&pipe_signal, nullptr, &at_once);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(pipe_);
  constexpr auto patience = std::chrono::seconds{2};
  const auto end = std::chrono::steady_clock::now() + patience;
  while (::waitpid(child_, nullptr, WNOHANG) == 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
}

Fate fate_behind(int fd, Nanos patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  pollfd watched{.fd = fd, .events = POLLIN, .revents = 0};
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return Fate::hangs;
    constexpr std::int64_t most = std::numeric_limits<int>::max();
    if (::poll(&watched, 1, static_cast<int>(std::min<std::int64_t>(left.count(), most))) <= 0) {
      continue;  // nothing yet, or a signal
    }
    char said = 0;
    const ssize_t got = ::read(fd, &said, 1);
    if (got < 0 && errno == EINTR) continue;
    return got == 0 ? Fate::died : Fate::well;
  }
}

}  // namespace strait::routes
