// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/bird_control.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace strait::routes {
namespace {

constexpr unsigned first_failure = 8000;
constexpr unsigned welcome = 1;

Errc kind_of(int error) {
  if (error == ENOENT) return Errc::not_found;
  return error == EACCES || error == EPERM ? Errc::no_permission : Errc::io;
}

tl::unexpected<Error> socket_error(const std::string& socket, std::string_view doing, int error) {
  const Errc code = kind_of(error);
  const char* remedy = "";
  if (code == Errc::not_found || error == ECONNREFUSED) {
    remedy = "; is BIRD running, and is that its control socket ([routes.bird] socket)?";
  } else if (code == Errc::no_permission) {
    remedy = "; join BIRD's group, or run as root";
  }
  return fail(code,
              fmt::format("BIRD at {}: {}: {}{}", socket, doing, std::strerror(error), remedy));
}

// "1007-text" goes on, "1007 text" is the last line, " text" goes on with the code before it.
struct RawLine {
  BirdReply::Line line;
  bool last = false;
  bool asynchronous = false;  // '+': a message of the daemon's own, in no reply
};

bool all_digits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

RawLine parse_line(std::string_view text, unsigned code_before) {
  if (text.starts_with('+')) return {.line = {}, .last = false, .asynchronous = true};
  const bool coded =
      text.size() >= 5 && all_digits(text.substr(0, 4)) && (text[4] == '-' || text[4] == ' ');
  if (!coded) {
    text.remove_prefix(std::min<std::size_t>(1, text.size()));
    return {.line = {code_before, std::string{text}}, .last = false, .asynchronous = false};
  }
  unsigned code = 0;
  for (const char c : text.substr(0, 4)) code = code * 10 + static_cast<unsigned>(c - '0');
  return {
      .line = {code, std::string{text.substr(5)}}, .last = text[4] == ' ', .asynchronous = false};
}

}  // namespace

bool BirdReply::ok() const {
  return std::ranges::none_of(lines, [](const Line& line) { return line.code >= first_failure; });
}

bool BirdReply::has(unsigned code) const {
  return std::ranges::find(lines, code, &Line::code) != lines.end();
}

std::string BirdReply::message() const {
  std::string text;
  for (const Line& line : lines) {
    if (line.text.empty() || (!ok() && line.code < first_failure)) continue;
    text += (text.empty() ? "" : "; ") + line.text;
  }
  return text;
}

BirdControl::BirdControl(int fd, std::string socket, Nanos timeout)
    : fd_{fd}, socket_{std::move(socket)}, timeout_{timeout} {}

BirdControl::BirdControl(BirdControl&& other) noexcept
    : fd_{std::exchange(other.fd_, -1)},
      socket_{std::move(other.socket_)},
      timeout_{other.timeout_},
      buffer_{std::move(other.buffer_)} {}

BirdControl::~BirdControl() {
  if (fd_ >= 0) ::close(fd_);
}

Result<BirdControl> BirdControl::connect(const std::string& socket, Nanos timeout) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.empty() || socket.size() >= sizeof address.sun_path) {
    return fail(Errc::bad_input, fmt::format("BIRD's control socket '{}': want a path of 1 to {} "
                                             "letters",
                                             socket, sizeof address.sun_path - 1));
  }
  std::ranges::copy(socket, std::begin(address.sun_path));
  BirdControl control{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), socket, timeout};
  if (control.fd_ < 0) return socket_error(socket, "make a socket", errno);
  if (::connect(control.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return socket_error(socket, "connect", errno);
  }
  const auto greeting = control.read_reply();
  if (!greeting) return tl::make_unexpected(greeting.error());
  if (!greeting->has(welcome)) {
    return fail(Errc::unsupported,
                fmt::format("BIRD at {}: greets with '{}'", socket, greeting->message()));
  }
  return control;
}

Result<BirdReply> BirdControl::ask(std::string_view command) {
  if (command.find('\n') != std::string_view::npos) {
    return fail(Errc::bad_input, fmt::format("BIRD command '{}': has a line break", command));
  }
  std::string line = fmt::format("{}\n", command);
  while (!line.empty()) {
    const ssize_t sent = ::send(fd_, line.data(), line.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return socket_error(socket_, "send", errno);
    line.erase(0, static_cast<std::size_t>(sent));
  }
  return read_reply();
}

Result<BirdReply> BirdControl::read_reply() {
  const Deadline deadline = std::chrono::steady_clock::now() + timeout_;
  BirdReply reply;
  while (true) {
    const auto text = read_line(deadline);
    if (!text) return tl::make_unexpected(text.error());
    RawLine raw = parse_line(*text, reply.lines.empty() ? 0 : reply.lines.back().code);
    if (raw.asynchronous) continue;
    reply.lines.push_back(std::move(raw.line));
    if (raw.last) return reply;
  }
}

Result<std::string> BirdControl::read_line(Deadline deadline) {
  while (true) {
    if (const auto end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    if (auto more = receive(deadline); !more) return fail(std::move(more));
  }
}

Result<void> BirdControl::receive(Deadline deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  pollfd wait{.fd = fd_, .events = POLLIN, .revents = 0};
  const int ready = left.count() <= 0 ? 0 : ::poll(&wait, 1, static_cast<int>(left.count()));
  if (ready < 0 && errno == EINTR) return {};
  if (ready < 0) return socket_error(socket_, "wait", errno);
  if (ready == 0) {
    return fail(Errc::io, fmt::format("BIRD at {}: no reply within {}", socket_,
                                      strait::to_string(timeout_)));
  }
  std::array<char, 65536> chunk{};
  const ssize_t got = ::recv(fd_, chunk.data(), chunk.size(), 0);
  if (got < 0 && errno == EINTR) return {};
  if (got < 0) return socket_error(socket_, "receive", errno);
  if (got == 0) return fail(Errc::io, fmt::format("BIRD at {}: closed the socket", socket_));
  buffer_.append(chunk.data(), static_cast<std::size_t>(got));
  return {};
}

Result<BirdControl::Owner> BirdControl::owner() const {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd_, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return socket_error(socket_, "ask for the owner", errno);
  }
  return Owner{.user = peer.uid, .group = peer.gid};
}

}  // namespace strait::routes
