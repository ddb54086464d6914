// SPDX-License-Identifier: Apache-2.0
#include "probe/chrony_watch.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/ip/udp.hpp>
#include <cerrno>
#include <span>
#include <utility>

#include "probe/random.hpp"

namespace strait::probe {
namespace {

constexpr Nanos forget_after = std::chrono::seconds{5};
constexpr std::size_t longest_answer = 512;  // no chronyd has a longer one

}  // namespace

std::vector<Endpoint> ChronyWatch::default_places() {
  return {{boost::asio::ip::address_v4::loopback(), chrony_port},
          {boost::asio::ip::address_v6::loopback(), chrony_port}};
}

ChronyWatch::ChronyWatch(std::vector<Endpoint> places)
    : places_{std::move(places)}, sequence_{static_cast<std::uint32_t>(entropy_word())} {}

ChronyWatch::~ChronyWatch() {
  if (socket_ >= 0) ::close(socket_);
}

bool ChronyWatch::open() {
  if (socket_ >= 0) return true;
  const Endpoint& there = places_.at(place_);
  const boost::asio::ip::udp::endpoint address{there.address, there.port};
  socket_ = ::socket(address.protocol().family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return false;
  // Connected: nobody else can answer, and the kernel tells when nobody listens.
  return ::connect(socket_, address.data(), static_cast<socklen_t>(address.size())) == 0;
}

void ChronyWatch::leave() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  place_ = (place_ + 1) % places_.size();
  answered_.reset();
}

bool ChronyWatch::refused(MonoTime now) {
  std::array<std::byte, longest_answer> message{};
  for (;;) {
    const ssize_t got = ::recv(socket_, message.data(), message.size(), 0);
    if (got < 0) return errno != EAGAIN && errno != EINTR;
    const auto octets = std::span{message}.first(static_cast<std::size_t>(got));
    const auto status = parse_chrony_tracking(octets, sequence_);
    if (!status) continue;
    answered_ = now;
    status_ = *status;
  }
}

bool ChronyWatch::ask_here(MonoTime now, Nanos wait) {
  if (!open() || refused(now)) return false;
  const auto message = chrony_tracking_request(++sequence_);
  if (::send(socket_, message.data(), message.size(), MSG_NOSIGNAL) < 0) return errno == EAGAIN;
  if (wait > Nanos{0}) {
    pollfd waited{.fd = socket_, .events = POLLIN, .revents = 0};
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(wait).count();
    static_cast<void>(::poll(&waited, 1, static_cast<int>(limit)));
  }
  return !refused(now);
}

std::optional<ChronyStatus> ChronyWatch::ask(MonoTime now, Nanos wait) {
  for (std::size_t tried = 0; tried < places_.size() && !ask_here(now, wait); ++tried) leave();
  if (!answered_ || now - *answered_ > forget_after) return std::nullopt;
  return status_;
}

}  // namespace strait::probe
