// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/control_socket.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

namespace strait::lab {
namespace {

constexpr std::size_t longest_line = 4096;

// False when the client is not there any more, or does not read what it asked for.
bool send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

Result<ControlSocket> ControlSocket::open(const std::string& file) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (file.size() >= sizeof address.sun_path) {
    return fail(Errc::bad_input, fmt::format("control socket '{}': path too long", file));
  }
  std::memcpy(static_cast<char*>(address.sun_path), file.data(), file.size());
  Descriptor listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (listener.get() < 0) return system_error("control socket");
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return system_error(fmt::format("control socket '{}'", file));
  }
  ControlSocket socket{std::move(listener), file};
  if (::listen(socket.listener_.get(), 8) != 0) return system_error("listen");
  return socket;
}

ControlSocket::~ControlSocket() {
  if (listener_.get() >= 0) ::unlink(file_.c_str());
}

std::vector<int> ControlSocket::fds() const {
  std::vector<int> fds{listener_.get()};
  for (const auto& [fd, client] : clients_) fds.push_back(fd);
  return fds;
}

void ControlSocket::accept() {
  Descriptor fd{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
  if (const int number = fd.get(); number >= 0) clients_[number] = {std::move(fd), {}};
}

void ControlSocket::serve(int fd, const Answer& answer) {
  if (fd == listener_.get()) {
    accept();
    return;
  }
  const auto client = clients_.find(fd);
  if (client == clients_.end()) return;
  std::array<char, longest_line> buffer{};
  const auto length = ::recv(fd, buffer.data(), buffer.size(), 0);
  std::string& unread = client->second.unread;
  bool alive = length > 0 && unread.size() < longest_line;
  if (alive) unread.append(buffer.data(), static_cast<std::size_t>(length));
  for (auto end = unread.find('\n'); alive && end != std::string::npos; end = unread.find('\n')) {
    alive = send_all(fd, answer(unread.substr(0, end)));
    unread.erase(0, end + 1);
  }
  if (!alive) clients_.erase(client);
}

}  // namespace strait::lab
