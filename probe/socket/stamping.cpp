// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/stamping.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <thread>

#include "probe/socket/message_batch.hpp"
#include "probe/socket/probe_socket.hpp"
#include "probe/socket/sock_address.hpp"

namespace strait::probe::kernel {
namespace {

constexpr int attempts = 100;
constexpr int milliseconds_each = 1;

// Sends a datagram to itself and looks at its stamp.
bool is_stamped(int fd, const SockAddress& self, MessageBatch& batch) {
  const std::byte octet{};
  (void)::sendto(fd, &octet, 1, 0, self.get(), self.length);
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, milliseconds_each) <= 0) return false;
  if (batch.receive(fd, 0, 0, 1) != 1) return false;
  return read_control(batch.header(0)).software.has_value();
}

}  // namespace

Fd keep_stamping_on() {
  Fd fd{::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd.is_open() || !request_stamps(fd.value(), false)) return fd;
  if (!bind_to(fd.value(), {boost::asio::ip::address_v4::loopback(), 0})) return fd;
  const auto self = local_endpoint(fd.value());
  if (!self) return fd;

  const SockAddress name = to_sock_address(*self);
  MessageBatch batch{1, 16};
  for (int attempt = 0; attempt < attempts; ++attempt) {
    if (is_stamped(fd.value(), name, batch)) return fd;
    std::this_thread::sleep_for(std::chrono::milliseconds{milliseconds_each});
  }
  return fd;
}

}  // namespace strait::probe::kernel
