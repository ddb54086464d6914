// SPDX-License-Identifier: Apache-2.0
// Which of what a channel's socket hears is the channel's own: a socket for UDP hears nothing else,
// a raw one hears everybody's.
#include "probe/socket/channel.hpp"

namespace strait::probe::kernel {

bool Channel::unwrap(Arrival& arrival, PeerKey& sender) const {
  if (key_.kind == FlowKind::udp) return true;
  if (key_.kind == FlowKind::tcp_syn) {
    const auto answer = read_answer(key_.v6, socket_.local_port, arrival.payload);
    if (!answer) return false;
    sender.port = answer->port;
    arrival.payload = answer->acknowledged;
    return true;
  }
  if (socket_.kind == SocketKind::raw && !key_.v6)
    arrival.payload = skip_ipv4_header(arrival.payload).value_or(std::span<const std::byte>{});
  const auto echo = read_echo(arrival.payload);
  if (!echo || echo->type != echo_reply_type(key_.v6) || echo->identifier != socket_.local_port) {
    return false;
  }
  arrival.tag = echo->sequence;
  arrival.payload = arrival.payload.subspan(icmp_header_octets);
  return true;
}

// A raw socket is told of every program's packets; what the error quotes shows whose it was.
bool Channel::quotes_ours(std::span<const std::byte> quoted, Arrival& notice, PeerKey& peer) const {
  if (key_.kind == FlowKind::udp) return true;
  if (key_.kind == FlowKind::tcp_syn) {
    const auto port = read_quoted_syn(socket_.local_port, quoted);
    peer.port = port.value_or(0);
    return port.has_value();
  }
  const auto echo = read_echo(quoted);
  if (!echo || echo->type != echo_request_type(key_.v6) || echo->identifier != socket_.local_port) {
    return false;
  }
  notice.tag = echo->sequence;
  return true;
}

}  // namespace strait::probe::kernel
