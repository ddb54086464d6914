// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/watchdog.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <chrono>

namespace strait::routes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Pipe {
  Pipe() { REQUIRE(::pipe(ends.data()) == 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  Pipe(Pipe&&) = delete;
  Pipe& operator=(Pipe&&) = delete;
  ~Pipe() {
    ::close(ends[0]);
    hang_up();
  }
  void hang_up() {
    if (ends[1] >= 0) ::close(ends[1]);
    ends[1] = -1;
  }
  std::array<int, 2> ends{};
};

bool no_child_is_left() { return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }

}  // namespace

TEST_CASE("a watchdog tells an end in good order from a death and from silence") {
  Pipe pipe;
  SECTION("a word is an end in good order, also of one who is dead by now") {
    REQUIRE(::write(pipe.ends[1], ".", 1) == 1);
    pipe.hang_up();
    CHECK(fate_behind(pipe.ends[0], seconds{60}) == Fate::well);
  }
  SECTION("an end without a word is a death, however long one would have waited") {
    pipe.hang_up();
    CHECK(fate_behind(pipe.ends[0], seconds{60}) == Fate::died);
  }
  SECTION("who is there and says nothing hangs, not before his time") {
    const auto begin = std::chrono::steady_clock::now();
    CHECK(fate_behind(pipe.ends[0], milliseconds{50}) == Fate::hangs);
    CHECK(std::chrono::steady_clock::now() - begin >= milliseconds{50});
  }
}

TEST_CASE("a watchdog whose work is not wanted has ended when it is destroyed") {
  {
    const auto watchdog = Watchdog::start({"sh", "-c", "read -r word; exit 0"});
    REQUIRE(watchdog);
  }
  CHECK(no_child_is_left());
}

TEST_CASE("a watchdog that took over leaves no zombie behind the next one") {
  auto first = Watchdog::start({"sh", "-c", "cat; exit 0"});
  REQUIRE(first);
  first->take_over();
  siginfo_t ended{};
  REQUIRE(::waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT) == 0);
  {
    const auto second = Watchdog::start({"sh", "-c", "cat; exit 0"});
    REQUIRE(second);
  }
  CHECK(no_child_is_left());
}

}  // namespace strait::routes
