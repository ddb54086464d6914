// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "core/result.hpp"
#include "probe/socket/fd.hpp"
#include "probe/transport.hpp"

namespace strait::probe::kernel {

// What a socket must share to carry two flows.
struct SocketKey {
  FlowKind kind = FlowKind::udp;
  bool v6 = false;
  std::string device;
  std::optional<std::uint32_t> mark;
  std::optional<Address> source;
  // Its packets end on the way: the errors that come of it disturb no socket but their own.
  bool short_range = false;
  bool tests_mtu = false;  // its packets are longer than the path may take

  friend bool operator==(const SocketKey&, const SocketKey&) = default;
};

struct SocketSettings {
  std::size_t receive_buffer = 0;  // octets
  bool transmit_stamps = true;
  bool raw_icmp = false;     // do not even try a ping socket
  bool connect_tcp = false;  // do not even try a raw socket for TCP
  // What packets carry unless they say otherwise.
  std::uint8_t dscp = 0;
  std::uint8_t hop_limit = 255;
};

// `connects` is no socket yet: an epoll descriptor, for those that a Connector makes.
enum class SocketKind : std::uint8_t { udp, ping, raw, raw_tcp, connects };

// A non-blocking socket, bound and pinned as its key says, that stamps in both directions.
struct ProbeSocket {
  Fd fd;
  SocketKind kind = SocketKind::udp;
  std::uint16_t local_port = 0;    // ICMP: the identifier
  Fd reserved;                     // TCP: has the port, so that nobody else gets it
  std::size_t receive_buffer = 0;  // octets, as granted
};

// `port` 0 lets the kernel choose (raw ICMP: us). Each refusal of the kernel becomes an error that
// names the option and the remedy.
[[nodiscard]] Result<ProbeSocket> open_probe_socket(const SocketKey& key, std::uint16_t port,
                                                    const SocketSettings& settings);

// The address that the path's packets leave from; unspecified: the kernel chooses.
[[nodiscard]] Address source_of(const SocketKey& key);
// Keeps a socket on its path: device and mark.
[[nodiscard]] Result<void> pin_socket(int fd, const SocketKey& key);

// Asks for stamps; again after an error, to set the count that names transmit stamps back to 0.
[[nodiscard]] Result<void> request_stamps(int fd, bool transmit);

// IPv4: may a packet longer than the path's MTU leave in fragments? Where none is so long, to say
// no spares the kernel the search for an identification that only fragments need (RFC 6864 section
// 4).
[[nodiscard]] Result<void> allow_fragments(int fd, bool allowed);

// Every packet leaves in one piece or is refused, whatever the kernel has heard of the path's MTU:
// only the device's counts.
[[nodiscard]] Result<void> never_fragment(int fd, bool v6);

// Its packets leave by this device (empty: as routed) and with this firewall mark.
[[nodiscard]] Result<void> pin_socket(int fd, const std::string& device,
                                      const std::optional<std::uint32_t>& mark);

// Steps that the reflector's sockets share.
[[nodiscard]] Result<void> set_option(int fd, int level, int option, int value, const char* name);
// Sets the largest receive buffer up to `octets` that the kernel grants; returns what it granted.
[[nodiscard]] std::size_t enlarge_receive_buffer(int fd, std::size_t octets);
[[nodiscard]] Result<void> bind_to(int fd, const Endpoint& local);
[[nodiscard]] Result<Endpoint> local_endpoint(int fd);
// Packets that this socket's full buffer has cost since it was opened.
[[nodiscard]] std::uint64_t receive_drops(int fd);

}  // namespace strait::probe::kernel
