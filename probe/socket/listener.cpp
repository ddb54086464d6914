// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/listener.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "probe/socket/probe_socket.hpp"

namespace strait::probe::kernel {
namespace {

constexpr int hop_limit = 255;  // RFC 5357 section 4.2.1

Result<void> set_options(int fd, bool v6) {
  struct Option {
    int level;
    int number;
    int value;
    const char* name;
  };
  static constexpr std::array v4_options{
      Option{IPPROTO_IP, IP_RECVTTL, 1, "IP_RECVTTL"},
      Option{IPPROTO_IP, IP_RECVTOS, 1, "IP_RECVTOS"},
      Option{IPPROTO_IP, IP_PKTINFO, 1, "IP_PKTINFO"},
      Option{IPPROTO_IP, IP_TTL, hop_limit, "IP_TTL"},
  };
  static constexpr std::array v6_options{
      Option{IPPROTO_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY"},
      Option{IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, "IPV6_RECVHOPLIMIT"},
      Option{IPPROTO_IPV6, IPV6_RECVTCLASS, 1, "IPV6_RECVTCLASS"},
      Option{IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO"},
      Option{IPPROTO_IPV6, IPV6_UNICAST_HOPS, hop_limit, "IPV6_UNICAST_HOPS"},
  };
  const auto options = v6 ? std::span<const Option>{v6_options} : std::span{v4_options};
  for (const Option& option : options) {
    auto set = set_option(fd, option.level, option.number, option.value, option.name);
    if (!set) return set;
  }
  return request_stamps(fd, false);
}

}  // namespace

Result<Fd> open_listener(const Endpoint& local, std::size_t receive_buffer) {
  const bool v6 = local.address.is_v6();
  Fd fd{::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd.is_open()) {
    return fail(errno == EAFNOSUPPORT ? Errc::unsupported : Errc::io,
                fmt::format("reflect on {}: {}", to_string(local), std::strerror(errno)));
  }
  if (auto set = set_options(fd.value(), v6); !set) return fail(std::move(set));
  (void)enlarge_receive_buffer(fd.value(), receive_buffer);
  if (auto bound = bind_to(fd.value(), local); !bound) {
    return fail(bound.error().code,
                fmt::format("reflect on {}: {}", to_string(local), bound.error().message));
  }
  return fd;
}

}  // namespace strait::probe::kernel
