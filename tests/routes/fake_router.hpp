// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/file.hpp"

namespace strait::testing {

// A BIRD that has a configuration, the include file alone: it loads, undoes and confirms it, and
// its routes follow it. One client after the other; each may go away at any time.
class FakeRouter {
 public:
  FakeRouter(std::string socket, std::string include)
      : socket_{std::move(socket)}, include_{std::move(include)}, running_{on_disk()} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(socket_, std::begin(address.sun_path));
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::listen(listener_, 1);
    thread_ = std::thread{[this] { serve(); }};
  }
  FakeRouter(const FakeRouter&) = delete;
  FakeRouter& operator=(const FakeRouter&) = delete;
  ~FakeRouter() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    ::unlink(socket_.c_str());
  }

  [[nodiscard]] std::string running() const {
    const std::scoped_lock lock{mutex_};
    return running_;
  }
  // The time of "configure timeout" is over.
  void let_timer_run_out() {
    const std::scoped_lock lock{mutex_};
    undo();
  }
  void restart() {
    const std::scoped_lock lock{mutex_};
    running_ = on_disk();
    before_.reset();
  }

 private:
  [[nodiscard]] std::string on_disk() const { return read_file(include_).value_or(""); }
  void undo() {
    if (before_) running_ = *before_;
    before_.reset();
  }
  // 192.0.2.0/24 alone, raised if the configuration says so.
  [[nodiscard]] std::string route() const {
    const bool raised = running_.find("protocol u1") != std::string::npos;
    return std::string{"1007-Table master4:\n 192.0.2.0/24         unicast [u1 12:00:00.000] * "} +
           "(100) [AS64497i]\n \tvia 10.0.0.1 on eth0\n1008-\tType: BGP univ\n1012-\tBGP.origin: " +
           "IGP\n \tBGP.local_pref: " + (raised ? "200" : "100") + "\n0000 \n";
  }
  std::string answer(const std::string& line) {
    const std::scoped_lock lock{mutex_};
    if (line == "configure check") return "0002-Reading configuration\n0020 Configuration OK\n";
    if (line.starts_with("configure timeout ")) {
      before_ = running_;
      running_ = on_disk();
      return "0002-Reading\n0022-Undo scheduled in 30 s\n0003 Reconfigured\n";
    }
    if (line == "configure confirm") {
      if (!before_) return "0019 Nothing to do\n";
      before_.reset();
      return "0018 Reconfiguration confirmed\n";
    }
    if (line == "configure undo") {
      undo();
      return "0021-Undo requested\n0003 Reconfigured\n";
    }
    if (line == "configure") {
      running_ = on_disk();
      before_.reset();
      return "0002-Reading\n0003 Reconfigured\n";
    }
    if (line.starts_with("show route 192.0.2.0/24")) return route();
    return line.starts_with("show route") ? "8001 Network not found\n" : "9001 syntax error\n";
  }
  void serve() {
    for (int client = 0; (client = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(client)) {
      send(client, "0001 BIRD 2.0.12 ready.\n");
      std::string pending;
      std::array<char, 4096> chunk{};
      for (ssize_t got = 0; (got = ::recv(client, chunk.data(), chunk.size(), 0)) > 0;) {
        pending.append(chunk.data(), static_cast<std::size_t>(got));
        for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
          send(client, answer(pending.substr(0, end)));
          pending.erase(0, end + 1);
        }
      }
    }
  }
  static void send(int client, const std::string& text) {
    ::send(client, text.data(), text.size(), MSG_NOSIGNAL);
  }

  std::string socket_;
  std::string include_;
  int listener_ = -1;
  mutable std::mutex mutex_;
  std::string running_;                // guarded by mutex_, as the next
  std::optional<std::string> before_;  // to undo to, while the timer runs
  std::thread thread_;                 // last: it uses what is above
};

}  // namespace strait::testing
