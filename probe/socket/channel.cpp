// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/channel.hpp"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>

#include "probe/octets.hpp"
#include "probe/socket/best_stamp.hpp"
#include "probe/socket/tallies.hpp"

namespace strait::probe::kernel {
namespace {

constexpr std::size_t send_batch = 128;
constexpr std::size_t error_batch_size = 128;
constexpr std::size_t error_octets = 256;  // of the packet that an ICMP error quotes
// Linux takes no path's MTU for less than 552 (net.ipv4.route.min_pmtu); less two headers.
constexpr std::size_t never_fragmented = 552 - 20 - 8;
constexpr int most_attempts = 8;  // an error may be about an earlier packet

// An ICMP error about an earlier packet is handed to the next call of send or receive, whatever
// that is about (ip(7), IP_RECVERR); the error queue has the details.
bool is_pending_icmp_error(int error) {
  switch (error) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENOPROTOOPT:
    case EPROTO:
    case EMSGSIZE:
    case EACCES:
    case EOPNOTSUPP:
    case ENONET:
      return true;
    default:
      return false;
  }
}

bool is_full_queue(int error) { return error == EAGAIN || error == ENOBUFS || error == ENOMEM; }

std::string_view send_error_name(int error) {
  switch (error) {
    case EAGAIN:
      return "send-would-block";
    case ENOBUFS:
      return "send-no-buffers";
    case ENETUNREACH:
    case EHOSTUNREACH:
      return "send-unreachable";
    case EMSGSIZE:
      return "send-too-long";
    case EPERM:
    case EACCES:
      return "send-not-permitted";
    case ENODEV:
    case ENXIO:
    case ENETDOWN:
      return "send-device-down";
    case EINVAL:
    case EADDRNOTAVAIL:
      return "send-bad-address";
    default:
      return "send-failed";
  }
}

}  // namespace

Result<std::unique_ptr<Channel>> Channel::open(SocketKey key, std::uint16_t port,
                                               const SocketSettings& settings, FlowTable& flows) {
  auto socket = open_probe_socket(key, port, settings);
  if (!socket) return fail(std::move(socket));
  std::unique_ptr<Channel> channel{
      new Channel{std::move(key), std::move(*socket), settings, flows}};
  if (channel->kind() == SocketKind::connects) {
    auto connector = Connector::make(channel->key(), channel->fd(), channel->local_port());
    if (!connector) return fail(std::move(connector));
    channel->connector_ = std::move(*connector);
    return channel;
  }
  if (channel->key().tests_mtu) {
    if (auto set = never_fragment(channel->fd(), channel->key().v6); !set) {
      return fail(std::move(set));
    }
  } else if (!channel->key().v6) {
    if (auto set = allow_fragments(channel->fd(), false); !set) return fail(std::move(set));
    channel->fragments_ = false;
  }
  return channel;
}

Channel::Channel(SocketKey key, ProbeSocket socket, const SocketSettings& settings,
                 FlowTable& flows)
    : key_{std::move(key)},
      socket_{std::move(socket)},
      transmit_stamps_{settings.transmit_stamps},
      dscp_{settings.dscp},
      hop_limit_{settings.hop_limit},
      flows_{flows},
      messages_(send_batch),
      vectors_(send_batch),
      icmp_headers_(send_batch),
      syns_(key_.kind == FlowKind::tcp_syn ? send_batch : 0),
      outstanding_(ring_size),
      error_batch_{error_batch_size, error_octets} {}

bool Channel::has_room_for(const Endpoint& destination) const {
  return by_peer_.find(to_peer_key(destination)) == no_flow;
}

Result<FlowId> Channel::add(const FlowSpec& spec) {
  if (!fragments_ && spec.max_payload > never_fragmented) {
    if (auto set = allow_fragments(fd(), true); !set) return fail(std::move(set));
    fragments_ = true;
  }
  std::unique_ptr<OutgoingControl> control;
  TcpFar far{spec.destination, {}, spec.dscp, spec.hop_limit};
  if (socket_.kind == SocketKind::raw_tcp) {
    const auto source = source_toward(key_, spec.destination);
    if (!source) return tl::make_unexpected(source.error());
    far.source = *source;
    control = std::make_unique<OutgoingControl>();
    control->add_source(*source);  // the one that the checksum is over
  }
  if (spec.dscp != dscp_ || spec.hop_limit != hop_limit_) {
    if (!control) control = std::make_unique<OutgoingControl>();
    control->add_traffic_class(key_.v6, static_cast<std::uint8_t>(spec.dscp << 2U));
    control->add_hop_limit(key_.v6, spec.hop_limit);
  }
  // A raw socket takes a port for the number of a protocol.
  const Endpoint to =
      key_.kind == FlowKind::tcp_syn ? Endpoint{spec.destination.address, 0} : spec.destination;
  const FlowId flow = flows_.add(*this, to_sock_address(to), std::move(control));
  if (key_.kind == FlowKind::tcp_syn) tcp_.emplace(flow, far);
  by_peer_.add(to_peer_key(spec.destination), flow);
  return flow;
}

void Channel::remove(FlowId flow) {
  if (const auto far = tcp_.find(flow); far != tcp_.end()) {
    by_peer_.remove(to_peer_key(far->second.destination));
    tcp_.erase(far);
    if (connector_) connector_->forget(flow);
  } else {
    by_peer_.remove(to_peer_key(flows_[flow].destination));
  }
  flows_.remove(flow);
}

void Channel::prepare(std::span<const Departure> run) {
  for (const Departure& departure : run) flows_.prefetch(departure.flow);
  for (std::size_t i = 0; i < run.size(); ++i) {
    const Flow& flow = flows_[run[i].flow];
    // sendmmsg only reads these; its interface cannot say so.
    const iovec data{.iov_base = const_cast<std::byte*>(run[i].payload.data()),
                     .iov_len = run[i].payload.size()};
    msghdr& header = messages_[i].msg_hdr;
    header = {};
    header.msg_name = const_cast<sockaddr*>(flow.destination.get());
    header.msg_namelen = flow.destination.length;
    header.msg_iov = vectors_[i].data();
    if (flow.control) flow.control->attach(header);
    header.msg_iovlen = 1;
    if (key_.kind == FlowKind::udp) {
      vectors_[i][0] = data;
      continue;
    }
    if (key_.kind == FlowKind::tcp_syn) {
      const TcpFar& far = tcp_.at(run[i].flow);
      syns_[i] = syn_segment(far.source, socket_.local_port, far.destination,
                             load<std::uint32_t>(run[i].payload, 0));
      vectors_[i][0] = {.iov_base = &syns_[i], .iov_len = tcp_syn_size};
      continue;
    }
    icmp_headers_[i] = echo_request(key_.v6, socket_.local_port,
                                    static_cast<std::uint16_t>(run[i].tag), run[i].payload);
    vectors_[i] = {iovec{.iov_base = &icmp_headers_[i], .iov_len = icmp_header_octets}, data};
    header.msg_iovlen = 2;
  }
}

void Channel::note_sent(std::span<Departure> sent, const Instant& before, Nanos took) {
  for (Departure& departure : sent) {
    departure.sent = {
        .mono = before.mono, .wall = before.wall, .source = StampSource::user, .uncertainty = took};
    departure.refused = false;
    departure.stamp_follows = transmit_stamps_;
    if (!transmit_stamps_) continue;
    outstanding_[next_count_ % ring_size] = {.count = next_count_,
                                             .flow = departure.flow,
                                             .life = flows_[departure.flow].life,
                                             .tag = departure.tag,
                                             .earliest = before.mono};
    ++next_count_;
  }
}

// Kernels differ in whether a packet that was refused takes a number for its transmit stamp. After
// an error the count starts again, so that no stamp is ever given to the wrong probe.
void Channel::restart_stamp_count() {
  if (!transmit_stamps_) return;
  next_count_ = 0;
  std::ranges::fill(outstanding_, Outstanding{});
  // It worked when the socket was made; should it not, stamps go missing and `user` ones are used.
  if (!request_stamps(fd(), true)) transmit_stamps_ = false;
}

std::size_t Channel::send(std::span<Departure> run, ClockBridge& clock, TransportCounters& counters,
                          Notices& notices) {
  if (connector_) return send_by_connect(run, clock, counters);
  std::size_t done = 0;
  int attempts = 0;  // for the packet at `done`
  while (done < run.size()) {
    const auto part = run.subspan(done, std::min(run.size() - done, send_batch));
    prepare(part);
    const Instant before = clock.sample();
    const int sent = ::sendmmsg(fd(), messages_.data(), static_cast<unsigned>(part.size()), 0);
    const int error = errno;
    const auto taken = static_cast<std::size_t>(std::max(sent, 0));
    note_sent(part.first(taken), before, clock.sample().mono - before.mono);
    done += taken;
    counters.sent += taken;
    too_long_for_ = 0;
    read_error_queue(clock, counters, notices);
    if (taken == part.size()) continue;

    restart_stamp_count();
    if (sent > 0) {
      attempts = 0;
      continue;  // the next call says why the rest was not taken
    }
    const bool pending = is_pending_icmp_error(error) && too_long_for_ == 0;
    if (++attempts < most_attempts && (error == EINTR || pending)) continue;
    count(counters.errors, send_error_name(error));
    if (is_full_queue(error)) return done;
    run[done].refused = true;
    run[done].too_long = error == EMSGSIZE;
    run[done].device_mtu = too_long_for_;
    ++done;
    attempts = 0;
  }
  return done;
}

std::size_t Channel::send_by_connect(std::span<Departure> run, ClockBridge& clock,
                                     TransportCounters& counters) {
  for (Departure& departure : run) {
    const auto failure = connector_->begin(departure, tcp_.at(departure.flow), clock);
    departure.refused = failure.has_value();
    if (!failure) {
      ++counters.sent;
      count(counters.errors, "tcp-by-connect");  // for want of CAP_NET_RAW: says so
    } else if (!failure->step.empty()) {
      count(counters.errors, failure->step);
    } else {
      const bool pending = failure->error == EALREADY;
      count(counters.errors, pending ? "connect-pending" : send_error_name(failure->error));
    }
  }
  return run.size();
}

Channel::Received Channel::receive(std::span<Arrival> arrivals, MessageBatch& batch,
                                   std::size_t first_slot, ClockBridge& clock,
                                   TransportCounters& counters) {
  Received result;
  if (connector_) {
    result.arrivals = connector_->receive(arrivals, clock, counters);
    result.drained = true;
    return result;
  }
  const std::size_t wanted = std::min(arrivals.size(), batch.size() - first_slot);
  int got = batch.receive(fd(), 0, first_slot, wanted);
  for (int retry = 0; got < 0 && errno != EAGAIN && retry < most_attempts; ++retry)
    got = batch.receive(fd(), 0, first_slot, wanted);
  if (got <= 0) {
    result.drained = true;
    return result;
  }
  clock.sample();
  result.slots = static_cast<std::size_t>(got);
  result.drained = result.slots < wanted;
  for (std::size_t slot = first_slot; slot < first_slot + result.slots; ++slot)
    by_peer_.prefetch(sender_of(batch, slot));
  for (std::size_t slot = first_slot; slot < first_slot + result.slots; ++slot) {
    if (read_datagram(batch, slot, clock, counters, arrivals[result.arrivals])) ++result.arrivals;
  }
  return result;
}

PeerKey Channel::sender_of(const MessageBatch& batch, std::size_t slot) const {
  PeerKey sender = to_peer_key(batch.sender(slot));
  if (key_.kind != FlowKind::udp) sender.port = 0;
  return sender;
}

bool Channel::read_datagram(const MessageBatch& batch, std::size_t slot, const ClockBridge& clock,
                            TransportCounters& counters, Arrival& arrival) const {
  arrival = {};
  if (batch.truncated(slot)) {
    count(counters.ignored, "too-long");
    return false;
  }
  arrival.payload = batch.payload(slot);
  PeerKey sender = sender_of(batch, slot);
  if (!unwrap(arrival, sender)) {
    count(counters.ignored, key_.kind == FlowKind::tcp_syn ? "no-answer-to-a-syn" : "not-our-echo");
    return false;
  }
  arrival.flow = by_peer_.find(sender);
  if (arrival.flow == no_flow) {
    count(counters.ignored, "unknown-source");
    return false;
  }
  arrival.source = to_endpoint(batch.sender(slot));
  if (key_.kind != FlowKind::udp) arrival.source.port = sender.port;
  const IncomingControl control = read_control(batch.header(slot));
  arrival.received = best_stamp(control, clock, counters);
  arrival.hop_limit = control.hop_limit.value_or(0);
  arrival.dscp_ecn = control.dscp_ecn;
  ++counters.received;
  return true;
}

}  // namespace strait::probe::kernel
