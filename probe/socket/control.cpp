// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/control.hpp"

#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/ip.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "probe/socket/sock_address.hpp"

namespace strait::probe::kernel {
namespace {

// A control message of the kernel's, with its bytes copied out: they need not be aligned.
template <class Value>
Value value_of(const cmsghdr& message) {
  Value value{};
  const std::size_t room = message.cmsg_len - CMSG_LEN(0);
  std::memcpy(&value, CMSG_DATA(&message), std::min(sizeof value, room));
  return value;
}

std::optional<timespec> set_stamp(const timespec& stamp) {
  if (stamp.tv_sec == 0 && stamp.tv_nsec == 0) return std::nullopt;
  return stamp;
}

void read_stamps(const cmsghdr& message, IncomingControl& control) {
  const auto stamps = value_of<scm_timestamping>(message);
  // The error queue may hold the card's and the kernel's stamp of one packet as two messages.
  if (const auto software = set_stamp(stamps.ts[0])) control.software = software;
  if (const auto hardware = set_stamp(stamps.ts[2])) control.hardware = hardware;
}

// The offender's address follows the error (SO_EE_OFFENDER of ip(7)).
void read_error(const cmsghdr& message, IncomingControl& control) {
  struct {
    sock_extended_err error;
    sockaddr_in6 offender;
  } found{};
  static_assert(sizeof found == sizeof(sock_extended_err) + sizeof(sockaddr_in6));
  found = value_of<decltype(found)>(message);
  control.error = found.error;

  sockaddr_storage storage{};
  std::memcpy(&storage, &found.offender, sizeof found.offender);
  if (!is_unspecified_family(storage)) control.offender = to_endpoint(storage).address;
}

void read_ipv4(const cmsghdr& message, IncomingControl& control) {
  switch (message.cmsg_type) {
    case IP_TTL:
      control.hop_limit = static_cast<std::uint8_t>(value_of<int>(message));
      break;
    case IP_TOS:
      control.dscp_ecn = value_of<std::uint8_t>(message);
      break;
    case IP_RECVERR:
      read_error(message, control);
      break;
    case IP_PKTINFO:
      control.local =
          boost::asio::ip::address_v4{ntohl(value_of<in_pktinfo>(message).ipi_addr.s_addr)};
      break;
    default:
      break;
  }
}

void read_ipv6(const cmsghdr& message, IncomingControl& control) {
  switch (message.cmsg_type) {
    case IPV6_HOPLIMIT:
      control.hop_limit = static_cast<std::uint8_t>(value_of<int>(message));
      break;
    case IPV6_TCLASS:
      control.dscp_ecn = static_cast<std::uint8_t>(value_of<int>(message));
      break;
    case IPV6_RECVERR:
      read_error(message, control);
      break;
    case IPV6_PKTINFO: {
      const auto found = value_of<in6_pktinfo>(message);
      boost::asio::ip::address_v6::bytes_type bytes{};
      std::memcpy(bytes.data(), &found.ipi6_addr, bytes.size());
      const boost::asio::ip::address_v6 plain{bytes};
      control.local =
          plain.is_link_local() ? boost::asio::ip::address_v6{bytes, found.ipi6_ifindex} : plain;
      break;
    }
    default:
      break;
  }
}

}  // namespace

void OutgoingControl::append(int level, int type, std::span<const std::byte> value) {
  assert(length_ + CMSG_SPACE(value.size()) <= bytes_.size());
  cmsghdr header{};
  header.cmsg_level = level;
  header.cmsg_type = type;
  header.cmsg_len = CMSG_LEN(value.size());
  std::memcpy(&bytes_.at(length_), &header, sizeof header);
  std::memcpy(&bytes_.at(length_ + CMSG_LEN(0)), value.data(), value.size());
  length_ += CMSG_SPACE(value.size());
}

void OutgoingControl::add_traffic_class(bool v6, std::uint8_t dscp_ecn) {
  const int value = dscp_ecn;
  append(v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS,
         std::as_bytes(std::span{&value, 1}));
}

void OutgoingControl::add_hop_limit(bool v6, std::uint8_t hop_limit) {
  const int value = hop_limit;
  append(v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_HOPLIMIT : IP_TTL,
         std::as_bytes(std::span{&value, 1}));
}

void OutgoingControl::add_source(const Address& source) {
  if (source.is_v4()) {
    in_pktinfo from{};
    from.ipi_spec_dst.s_addr = htonl(source.to_v4().to_uint());
    append(IPPROTO_IP, IP_PKTINFO, std::as_bytes(std::span{&from, 1}));
    return;
  }
  in6_pktinfo from{};
  const auto address = source.to_v6();
  const auto bytes = address.to_bytes();
  std::memcpy(&from.ipi6_addr, bytes.data(), bytes.size());
  from.ipi6_ifindex = static_cast<unsigned>(address.scope_id());
  append(IPPROTO_IPV6, IPV6_PKTINFO, std::as_bytes(std::span{&from, 1}));
}

void OutgoingControl::attach(msghdr& header) const {
  // sendmsg only reads the buffer; its interface cannot say so.
  header.msg_control = const_cast<std::byte*>(bytes_.data());
  header.msg_controllen = length_;
}

IncomingControl read_control(const msghdr& header) {
  IncomingControl control;
  // CMSG_NXTHDR wants a pointer that is not const, and writes nothing.
  auto* const writable = const_cast<msghdr*>(&header);
  for (const cmsghdr* message = CMSG_FIRSTHDR(&header); message != nullptr;
       message = CMSG_NXTHDR(writable, const_cast<cmsghdr*>(message))) {
    if (message->cmsg_level == SOL_SOCKET && message->cmsg_type == SO_TIMESTAMPING) {
      read_stamps(*message, control);
    } else if (message->cmsg_level == IPPROTO_IP) {
      read_ipv4(*message, control);
    } else if (message->cmsg_level == IPPROTO_IPV6) {
      read_ipv6(*message, control);
    }
  }
  return control;
}

}  // namespace strait::probe::kernel
