// SPDX-License-Identifier: Apache-2.0
#include "probe/error_kind.hpp"

namespace strait::probe {
namespace {

ErrorKind unreachable_v4(std::uint8_t code) {
  switch (code) {
    case 0:   // net
    case 6:   // net unknown
    case 11:  // net, for this type of service
      return ErrorKind::icmp_net_unreachable;
    case 1:   // host
    case 7:   // host unknown
    case 12:  // host, for this type of service
      return ErrorKind::icmp_host_unreachable;
    case 3:
      return ErrorKind::icmp_port_unreachable;
    case 4:
      return ErrorKind::icmp_too_big;
    case 9:   // net
    case 10:  // host
    case 13:  // by a filter (RFC 1812 §5.2.7.1)
      return ErrorKind::icmp_prohibited;
    default:
      return ErrorKind::icmp_other;
  }
}

ErrorKind unreachable_v6(std::uint8_t code) {
  switch (code) {
    case 0:
      return ErrorKind::icmp_net_unreachable;
    case 3:
      return ErrorKind::icmp_host_unreachable;
    case 4:
      return ErrorKind::icmp_port_unreachable;
    case 1:
    case 5:
    case 6:
      return ErrorKind::icmp_prohibited;
    default:
      return ErrorKind::icmp_other;
  }
}

}  // namespace

ErrorKind icmp_error_kind(bool v6, std::uint8_t type, std::uint8_t code) {
  if (v6) {
    if (type == 1) return unreachable_v6(code);
    if (type == 2) return ErrorKind::icmp_too_big;
    return type == 3 ? ErrorKind::icmp_time_exceeded : ErrorKind::icmp_other;
  }
  if (type == 3) return unreachable_v4(code);
  return type == 11 ? ErrorKind::icmp_time_exceeded : ErrorKind::icmp_other;
}

}  // namespace strait::probe
