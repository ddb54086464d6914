// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/probe_socket.hpp"

#include <fmt/format.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <random>
#include <span>

#include "probe/socket/icmp_header.hpp"
#include "probe/socket/sock_address.hpp"
#include "probe/socket/tcp_socket.hpp"

namespace strait::probe::kernel {
namespace {

constexpr const char* grant =
    "run as root, or: setcap cap_net_raw,cap_net_admin+ep \"$(command -v strait)\"";

Errc class_of(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return Errc::no_permission;
    case ENODEV:
    case EADDRNOTAVAIL:
      return Errc::not_found;
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
      return Errc::unsupported;
    default:
      return Errc::io;
  }
}

tl::unexpected<Error> refused(int error, const std::string& doing, const std::string& remedy) {
  return fail(class_of(error), fmt::format("{}: {}{}{}", doing, std::strerror(error),
                                           remedy.empty() ? "" : "; ", remedy));
}

std::string first_line(const char* file) {
  std::string line;
  std::getline(std::ifstream{file}, line);
  return line;
}

std::string why_no_socket(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
      return "too many open files: raise the limit with 'ulimit -n'";
    case EAFNOSUPPORT:
      return "this kernel has no such address family";
    default:
      return "";
  }
}

Result<Fd> make_socket(int family, int type, int protocol, const std::string& what) {
  Fd fd{::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol)};
  if (!fd.is_open()) return refused(errno, "open a " + what + " socket", why_no_socket(errno));
  return fd;
}

struct IcmpSocket {
  Fd fd;
  SocketKind kind;
};

// A ping socket needs the group to be in net.ipv4.ping_group_range (icmp(7)), which is empty on
// most machines; a raw socket needs CAP_NET_RAW.
Result<IcmpSocket> make_icmp_socket(bool v6, bool raw_only) {
  const int family = v6 ? AF_INET6 : AF_INET;
  const int protocol = v6 ? static_cast<int>(IPPROTO_ICMPV6) : static_cast<int>(IPPROTO_ICMP);
  if (!raw_only) {
    auto ping = make_socket(family, SOCK_DGRAM, protocol, "ping");
    if (ping) return IcmpSocket{std::move(*ping), SocketKind::ping};
    if (ping.error().code != Errc::no_permission) return fail(std::move(ping));
  }
  auto raw = make_socket(family, SOCK_RAW, protocol, "raw ICMP");
  if (raw) return IcmpSocket{std::move(*raw), SocketKind::raw};
  if (raw.error().code != Errc::no_permission) return fail(std::move(raw));
  return fail(Errc::no_permission,
              fmt::format("ICMP echo needs a ping socket, but group {} is outside "
                          "net.ipv4.ping_group_range '{}', or a raw socket, but CAP_NET_RAW is "
                          "missing; sysctl -w net.ipv4.ping_group_range='0 2147483647', or {}",
                          ::getgid(), first_line("/proc/sys/net/ipv4/ping_group_range"), grant));
}

Result<void> pin_to_device(int fd, const std::string& device) {
  if (device.empty()) return {};
  if (::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device.data(),
                   static_cast<socklen_t>(device.size())) == 0) {
    return {};
  }
  const int error = errno;
  return refused(
      error, fmt::format("bind to device '{}'", device),
      error == EPERM ? fmt::format("needs CAP_NET_RAW: {}", grant) : "'ip link' lists the devices");
}

Result<void> set_mark(int fd, const std::optional<std::uint32_t>& mark) {
  if (!mark) return {};
  if (::setsockopt(fd, SOL_SOCKET, SO_MARK, &*mark, sizeof *mark) == 0) return {};
  const int error = errno;
  return refused(error, fmt::format("set mark {:#x}", *mark),
                 error == EPERM ? fmt::format("needs CAP_NET_ADMIN: {}", grant) : "");
}

struct Option {
  int number;
  const char* name;
};
constexpr std::array options_v4{Option{IP_RECVTTL, "IP_RECVTTL"}, Option{IP_RECVTOS, "IP_RECVTOS"},
                                Option{IP_RECVERR, "IP_RECVERR"}};
constexpr std::array options_v6{Option{IPV6_RECVHOPLIMIT, "IPV6_RECVHOPLIMIT"},
                                Option{IPV6_RECVTCLASS, "IPV6_RECVTCLASS"},
                                Option{IPV6_RECVERR, "IPV6_RECVERR"}};

Result<void> request_control(int fd, bool v6) {
  const int level = v6 ? static_cast<int>(IPPROTO_IPV6) : static_cast<int>(IPPROTO_IP);
  const auto options = v6 ? std::span<const Option>{options_v6} : std::span{options_v4};
  for (const Option& option : options) {
    if (auto set = set_option(fd, level, option.number, 1, option.name); !set) return set;
  }
  return {};
}

Result<void> set_defaults(int fd, bool v6, const SocketSettings& settings) {
  const int level = v6 ? static_cast<int>(IPPROTO_IPV6) : static_cast<int>(IPPROTO_IP);
  const auto hops = v6 ? Option{IPV6_UNICAST_HOPS, "IPV6_UNICAST_HOPS"} : Option{IP_TTL, "IP_TTL"};
  const auto traffic = v6 ? Option{IPV6_TCLASS, "IPV6_TCLASS"} : Option{IP_TOS, "IP_TOS"};
  if (auto set = set_option(fd, level, hops.number, settings.hop_limit, hops.name); !set)
    return set;
  return set_option(fd, level, traffic.number, settings.dscp << 2, traffic.name);
}

std::uint16_t random_identifier() {
  std::random_device device;
  return static_cast<std::uint16_t>(std::uniform_int_distribution<unsigned>{1, 0xffff}(device));
}

// A raw socket hears everybody's packets until it has its filter; what it holds from before is no
// packet of ours, and no stray one either.
void forget_unfiltered(int fd) {
  constexpr int most = 1 << 16;  // more than a receive buffer holds
  std::array<std::byte, 1> octet{};
  for (int i = 0; i < most; ++i) {
    if (::recv(fd, octet.data(), octet.size(), MSG_DONTWAIT) < 0 && errno != EINTR) return;
  }
}

Result<void> filter_raw(ProbeSocket& socket, const SocketKey& key) {
  const int fd = socket.fd.value();
  auto attached = socket.kind == SocketKind::raw_tcp
                      ? attach_tcp_filter(fd, key.v6, socket.local_port)
                      : attach_echo_filter(fd, key.v6, socket.local_port);
  if (attached) forget_unfiltered(fd);
  return attached;
}

Result<void> bind_source(ProbeSocket& socket, const SocketKey& key, std::uint16_t port) {
  const bool raw = socket.kind == SocketKind::raw || socket.kind == SocketKind::raw_tcp;
  const Endpoint local{source_of(key), raw ? std::uint16_t{0} : port};
  if (auto bound = bind_to(socket.fd.value(), local); !bound) return bound;
  if (socket.kind == SocketKind::raw_tcp) return filter_raw(socket, key);
  if (raw) {
    socket.local_port = port != 0 ? port : random_identifier();
    return filter_raw(socket, key);
  }
  const auto chosen = local_endpoint(socket.fd.value());
  if (!chosen) return tl::make_unexpected(chosen.error());
  socket.local_port = chosen->port;
  return {};
}

}  // namespace

Address source_of(const SocketKey& key) {
  const Address any = key.v6 ? Address{boost::asio::ip::address_v6::any()}
                             : Address{boost::asio::ip::address_v4::any()};
  return key.source.value_or(any);
}

Result<void> pin_socket(int fd, const SocketKey& key) {
  if (auto pinned = pin_to_device(fd, key.device); !pinned) return pinned;
  return set_mark(fd, key.mark);
}

Result<void> set_option(int fd, int level, int option, int value, const char* name) {
  if (::setsockopt(fd, level, option, &value, sizeof value) == 0) return {};
  return refused(errno, fmt::format("set socket option {}", name), "");
}

std::size_t enlarge_receive_buffer(int fd, std::size_t octets) {
  const int wanted = static_cast<int>(octets);
  // The forced form passes net.core.rmem_max, with CAP_NET_ADMIN; the plain one is cut to it.
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted) != 0)
    (void)::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
  int granted = 0;
  socklen_t length = sizeof granted;
  (void)::getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &length);
  return static_cast<std::size_t>(granted) / 2;  // the kernel doubles it for its own bookkeeping
}

Result<void> pin_socket(int fd, const std::string& device,
                        const std::optional<std::uint32_t>& mark) {
  if (auto pinned = pin_to_device(fd, device); !pinned) return pinned;
  return set_mark(fd, mark);
}

Result<void> allow_fragments(int fd, bool allowed) {
  return set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, allowed ? IP_PMTUDISC_WANT : IP_PMTUDISC_DO,
                    "IP_MTU_DISCOVER");
}

Result<void> never_fragment(int fd, bool v6) {
  return v6 ? set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE,
                         "IPV6_MTU_DISCOVER")
            : set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE, "IP_MTU_DISCOVER");
}

Result<void> bind_to(int fd, const Endpoint& local) {
  const SockAddress name = to_sock_address(local);
  if (::bind(fd, name.get(), name.length) == 0) return {};
  switch (const int error = errno) {
    case EADDRNOTAVAIL:
      return refused(error, fmt::format("bind to {}", local.address.to_string()),
                     "no device of this machine has that address: see 'ip address'");
    case EADDRINUSE:
      return refused(error, fmt::format("bind to {}", to_string(local)),
                     fmt::format("'ss -lunp sport = {}' shows who has it", local.port));
    case EACCES:
      return refused(error, fmt::format("bind to {}", to_string(local)),
                     "ports below 1024 need root or CAP_NET_BIND_SERVICE: use a higher port, or "
                     "setcap cap_net_bind_service+ep \"$(command -v strait)\"");
    default:
      return refused(error, fmt::format("bind to {}", to_string(local)), "");
  }
}

Result<Endpoint> local_endpoint(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0)
    return refused(errno, "read the local address", "");
  return to_endpoint(storage);
}

std::uint64_t receive_drops(int fd) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t length = sizeof memory;
  if (::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory.data(), &length) != 0) return 0;
  return memory[SK_MEMINFO_DROPS];
}

Result<void> request_stamps(int fd, bool transmit) {
  constexpr unsigned receive_flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_RX_HARDWARE |
                                     SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RAW_HARDWARE;
  constexpr unsigned transmit_flags =
      SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_OPT_TSONLY;
  const unsigned flags = receive_flags | (transmit ? transmit_flags : 0U);
  // The count behind OPT_ID starts at 0 when the option goes from off to on.
  auto off =
      set_option(fd, SOL_SOCKET, SO_TIMESTAMPING, static_cast<int>(flags), "SO_TIMESTAMPING");
  if (!off || !transmit) return off;
  return set_option(fd, SOL_SOCKET, SO_TIMESTAMPING,
                    static_cast<int>(flags | SOF_TIMESTAMPING_OPT_ID), "SO_TIMESTAMPING");
}

namespace {

Result<ProbeSocket> make_probe_socket(const SocketKey& key, const SocketSettings& settings) {
  ProbeSocket socket;
  if (key.kind == FlowKind::icmp_echo) {
    auto icmp = make_icmp_socket(key.v6, settings.raw_icmp);
    if (!icmp) return fail(std::move(icmp));
    socket.fd = std::move(icmp->fd);
    socket.kind = icmp->kind;
    return socket;
  }
  if (key.kind == FlowKind::tcp_syn) return make_tcp_socket(key, settings.connect_tcp);
  auto fd = make_socket(key.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0, "UDP");
  if (!fd) return fail(std::move(fd));
  socket.fd = std::move(*fd);
  if (!key.v6) return socket;
  auto only = set_option(socket.fd.value(), IPPROTO_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY");
  if (!only) return fail(std::move(only));
  return socket;
}

}  // namespace

Result<ProbeSocket> open_probe_socket(const SocketKey& key, std::uint16_t port,
                                      const SocketSettings& settings) {
  auto made = make_probe_socket(key, settings);
  if (!made) return made;
  ProbeSocket& socket = *made;
  const int fd = socket.fd.value();
  if (key.kind == FlowKind::tcp_syn) {
    if (auto reserved = reserve_port(socket, key, port); !reserved)
      return fail(std::move(reserved));
    if (socket.kind == SocketKind::connects) return made;
  }
  if (auto pinned = pin_socket(fd, key.device, key.mark); !pinned) return fail(std::move(pinned));
  if (auto asked = request_control(fd, key.v6); !asked) return fail(std::move(asked));
  if (auto set = set_defaults(fd, key.v6, settings); !set) return fail(std::move(set));
  socket.receive_buffer = enlarge_receive_buffer(fd, settings.receive_buffer);
  if (auto stamped = request_stamps(fd, settings.transmit_stamps); !stamped)
    return fail(std::move(stamped));
  if (auto bound = bind_source(socket, key, port); !bound) return fail(std::move(bound));
  return made;
}

}  // namespace strait::probe::kernel
