// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace strait::testing {

// A control socket that answers each command from a table, by its first letters; an empty answer
// closes the connection, as a BIRD that dies does. One client.
class FakeBird {
 public:
  using Answers = std::map<std::string, std::string>;

  FakeBird(const std::string& socket, Answers answers)
      : socket_{socket}, answers_{std::move(answers)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(socket, std::begin(address.sun_path));
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::listen(listener_, 1);
    thread_ = std::thread{[this] { serve(); }};
  }
  FakeBird(const FakeBird&) = delete;
  FakeBird& operator=(const FakeBird&) = delete;
  ~FakeBird() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    ::unlink(socket_.c_str());
  }

  // Those that came so far.
  [[nodiscard]] std::vector<std::string> commands() const {
    const std::scoped_lock lock{mutex_};
    return commands_;
  }

 private:
  void serve() {
    const int client = ::accept(listener_, nullptr, nullptr);
    if (client < 0) return;
    send(client, answers_.at("greeting"));
    std::string pending;
    char chunk[4096];
    for (ssize_t got = 0; (got = ::recv(client, chunk, sizeof chunk, 0)) > 0;) {
      pending.append(chunk, static_cast<std::size_t>(got));
      if (!answer_lines(client, pending)) break;
    }
    ::close(client);
  }
  bool answer_lines(int client, std::string& pending) {
    for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
      const std::string line = pending.substr(0, end);
      pending.erase(0, end + 1);
      {
        const std::scoped_lock lock{mutex_};
        commands_.push_back(line);
      }
      const auto answer = std::ranges::find_if(
          answers_, [&](const auto& entry) { return line.starts_with(entry.first); });
      if (answer == answers_.end() || answer->second.empty()) return false;
      send(client, answer->second);
    }
    return true;
  }
  static void send(int client, const std::string& text) {
    ::send(client, text.data(), text.size(), MSG_NOSIGNAL);
  }

  std::string socket_;
  Answers answers_;
  int listener_ = -1;
  mutable std::mutex mutex_;
  std::vector<std::string> commands_;  // guarded by mutex_
  std::thread thread_;                 // last: it uses what is above
};

}  // namespace strait::testing
