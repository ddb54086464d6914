// SPDX-License-Identifier: Apache-2.0
// pathemu: several network paths in one process. Each joins two interfaces and delays, jitters,
// loses or cuts what passes, by path, direction and far-end prefix; it keeps and writes down the
// delays that it really applied. Commands: see command.hpp.
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>

#include "tests/lab/control_socket.hpp"
#include "tests/lab/emulator.hpp"

namespace {

using namespace strait;
using namespace strait::lab;

struct Options {
  std::string start_file;
  std::string control;
  std::string log;
  std::uint64_t seed = 1;
};

Result<void> run_start_file(Emulator& emulator, const std::string& file, WallTime now) {
  std::ifstream in{file};
  if (!in) return fail(Errc::not_found, fmt::format("start file '{}': cannot be read", file));
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.empty() || line.front() == '#') continue;
    auto command = parse_command(line);
    auto answer =
        command ? emulator.run(*command, now) : Result<std::string>{fail(std::move(command))};
    if (!answer) {
      return fail(answer.error().code,
                  fmt::format("{}:{}: {}", file, number, answer.error().message));
    }
  }
  return {};
}

std::string answer_line(Emulator& emulator, const std::string& line, WallTime now) {
  auto command = parse_command(line);
  if (!command) return fmt::format("error {}\n", command.error().message);
  if (std::holds_alternative<AddPath>(*command)) return "error path: only in the start file\n";
  const auto answer = emulator.run(*command, now);
  emulator.flush();
  return answer ? *answer + "ok\n" : fmt::format("error {}\n", answer.error().message);
}

void arm(int timer, std::optional<WallTime> due) {
  itimerspec when{};
  if (due) {
    // An absolute time of zero would disarm the timer; one that has passed fires at once.
    const auto since_epoch = due->time_since_epoch().count();
    when.it_value = {.tv_sec = since_epoch / 1'000'000'000, .tv_nsec = since_epoch % 1'000'000'000};
  }
  ::timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, nullptr);
}

// SIGINT and SIGTERM, to be read instead of delivered.
Descriptor end_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  return Descriptor{::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
}

class Loop {
 public:
  Loop(Emulator& emulator, ControlSocket& control) : emulator_{emulator}, control_{control} {}

  Result<void> run() {
    // The ring's timestamps are CLOCK_REALTIME, so the due times and the timer are too.
    const Descriptor timer{::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)};
    const Descriptor signals = end_signals();
    if (timer.get() < 0 || signals.get() < 0) return system_error("timerfd or signalfd");
    for (;;) {
      arm(timer.get(), emulator_.next_due());
      auto waiting = waiting_for(signals.get(), timer.get());
      if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
        return system_error("poll");
      if (waiting[0].revents != 0) return {};
      std::uint64_t expirations = 0;
      if (waiting[1].revents != 0 && ::read(timer.get(), &expirations, sizeof expirations) < 0 &&
          errno != EAGAIN) {
        return system_error("timerfd");
      }
      serve(waiting);
      emulator_.advance(clock_);
    }
  }

 private:
  static constexpr std::size_t first_port = 2;

  std::vector<pollfd> waiting_for(int signals, int timer) {
    std::vector<pollfd> waiting{{signals, POLLIN, 0}, {timer, POLLIN, 0}};
    for (const int fd : emulator_.fds()) waiting.push_back({fd, POLLIN, 0});
    first_control_ = waiting.size();
    for (const int fd : control_.fds()) waiting.push_back({fd, POLLIN, 0});
    return waiting;
  }

  void serve(const std::vector<pollfd>& waiting) {
    for (std::size_t i = first_port; i < first_control_; ++i) {
      if ((waiting[i].revents & POLLERR) != 0) emulator_.clear_error(i - first_port);
      if (waiting[i].revents != 0) emulator_.receive(i - first_port);
    }
    for (std::size_t i = first_control_; i < waiting.size(); ++i) {
      if (waiting[i].revents == 0) continue;
      control_.serve(waiting[i].fd, [this](const std::string& line) {
        return answer_line(emulator_, line, clock_.now().wall);
      });
    }
  }

  Emulator& emulator_;
  ControlSocket& control_;
  SystemClock clock_;
  std::size_t first_control_ = first_port;
};

Result<void> emulate(const Options& options) {
  std::ofstream log;
  if (!options.log.empty()) {
    log.open(options.log);
    if (!log) return system_error(fmt::format("log '{}'", options.log));
  }
  Emulator emulator{options.seed, std::move(log)};
  if (auto done = run_start_file(emulator, options.start_file, SystemClock{}.now().wall); !done) {
    return done;
  }
  auto control = ControlSocket::open(options.control);
  if (!control) return fail(std::move(control));
  ::mlockall(MCL_CURRENT | MCL_FUTURE);  // helps, not needed
  return Loop{emulator, *control}.run();
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  CLI::App app{"Emulate several network paths between pairs of interfaces"};
  app.add_option("start", options.start_file, "File of commands to start with")->required();
  app.add_option("--control", options.control, "UNIX socket to make for commands")->required();
  app.add_option("--log", options.log, "CSV file for the delay of each packet");
  app.add_option("--seed", options.seed, "Of jitter and loss")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (const auto done = emulate(options); !done) {
    fmt::print(stderr, "pathemu: {}\n", done.error().message);
    return done.error().code == Errc::no_permission ? 3 : 4;
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "pathemu: %s\n", error.what());
  return 4;
}
