// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "probe/socket/clock_bridge.hpp"
#include "probe/socket/connector.hpp"
#include "probe/socket/control.hpp"
#include "probe/socket/flow_table.hpp"
#include "probe/socket/icmp_header.hpp"
#include "probe/socket/message_batch.hpp"
#include "probe/socket/notices.hpp"
#include "probe/socket/peer_table.hpp"
#include "probe/socket/probe_socket.hpp"
#include "probe/socket/sock_address.hpp"
#include "probe/socket/tcp_socket.hpp"
#include "probe/transport.hpp"

namespace strait::probe::kernel {

// One socket and the flows that share it: same path, family and local port, told apart by the far
// end's address and port. Maps the kernel's count of transmit stamps back to (flow, tag).
class Channel {
 public:
  // `flows` outlives the channel.
  [[nodiscard]] static Result<std::unique_ptr<Channel>> open(SocketKey key, std::uint16_t port,
                                                             const SocketSettings& settings,
                                                             FlowTable& flows);

  [[nodiscard]] const SocketKey& key() const { return key_; }
  [[nodiscard]] std::uint16_t local_port() const { return socket_.local_port; }
  [[nodiscard]] int fd() const { return socket_.fd.value(); }
  [[nodiscard]] SocketKind kind() const { return socket_.kind; }
  [[nodiscard]] bool empty() const { return by_peer_.empty(); }
  // The five-tuple with this far end is still free.
  [[nodiscard]] bool has_room_for(const Endpoint& destination) const;

  [[nodiscard]] Result<FlowId> add(const FlowSpec& spec);
  void remove(FlowId flow);

  // Sends a prefix of the run, all of whose flows are of this channel; less than all only when the
  // kernel's queue is full. What the error queue holds by then is appended to `notices`.
  [[nodiscard]] std::size_t send(std::span<Departure> run, ClockBridge& clock,
                                 TransportCounters& counters, Notices& notices);

  struct Received {
    std::size_t arrivals = 0;  // filled in
    std::size_t slots = 0;     // of the batch that are taken
    bool drained = false;      // the socket has no more
  };
  [[nodiscard]] Received receive(std::span<Arrival> arrivals, MessageBatch& batch,
                                 std::size_t first_slot, ClockBridge& clock,
                                 TransportCounters& counters);

  // Transmit stamps and ICMP errors.
  void read_error_queue(ClockBridge& clock, TransportCounters& counters, Notices& notices);

 private:
  Channel(SocketKey key, ProbeSocket socket, const SocketSettings& settings, FlowTable& flows);

  // A departure that waits for its transmit stamp.
  static constexpr std::size_t ring_size = 8192;  // a power of two: indexed by low bits

  struct Outstanding {
    std::uint32_t count = 0;  // the kernel's number for it
    FlowId flow = no_flow;
    std::uint32_t life = 0;  // of the flow
    std::uint32_t tag = 0;
    MonoTime earliest;  // it left after this
  };

  void prepare(std::span<const Departure> run);
  [[nodiscard]] std::size_t send_by_connect(std::span<Departure> run, ClockBridge& clock,
                                            TransportCounters& counters);
  void note_sent(std::span<Departure> sent, const Instant& before, Nanos took);
  void restart_stamp_count();
  [[nodiscard]] PeerKey sender_of(const MessageBatch& batch, std::size_t slot) const;
  // Takes off what is the protocol's own and completes `sender` with the port; false: it is no
  // reply to us.
  [[nodiscard]] bool unwrap(Arrival& arrival, PeerKey& sender) const;
  [[nodiscard]] bool quotes_ours(std::span<const std::byte> quoted, Arrival& notice,
                                 PeerKey& peer) const;
  [[nodiscard]] bool read_datagram(const MessageBatch& batch, std::size_t slot,
                                   const ClockBridge& clock, TransportCounters& counters,
                                   Arrival& arrival) const;
  void read_error(std::size_t slot, ClockBridge& clock, TransportCounters& counters,
                  Notices& notices);
  void read_transmit_stamp(const IncomingControl& control, const ClockBridge& clock,
                           TransportCounters& counters, Notices& notices);
  void read_icmp_error(std::size_t slot, const IncomingControl& control, const ClockBridge& clock,
                       TransportCounters& counters, Notices& notices) const;

  SocketKey key_;
  ProbeSocket socket_;
  bool transmit_stamps_;
  std::uint8_t dscp_;  // of packets without control data
  std::uint8_t hop_limit_;
  bool fragments_ = true;  // may leave this socket
  FlowTable& flows_;
  PeerTable by_peer_;
  std::vector<mmsghdr> messages_;
  std::vector<std::array<iovec, 2>> vectors_;
  std::vector<IcmpHeaderBytes> icmp_headers_;
  std::vector<TcpSynBytes> syns_;
  std::unordered_map<FlowId, TcpFar> tcp_;  // the flows of a TCP channel
  std::unique_ptr<Connector> connector_;    // null: a socket of our own sends
  std::vector<Outstanding> outstanding_;    // a ring, indexed by the kernel's number
  std::uint32_t next_count_ = 0;
  std::uint32_t too_long_for_ = 0;  // the device's MTU, when the newest send() met it
  MessageBatch error_batch_;
};

}  // namespace strait::probe::kernel
