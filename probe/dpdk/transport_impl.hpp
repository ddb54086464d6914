// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "probe/dpdk/flow_table.hpp"
#include "probe/dpdk/poll_plan.hpp"
#include "probe/dpdk/port_queue.hpp"
#include "probe/dpdk/shared.hpp"
#include "probe/dpdk/transport.hpp"

namespace strait::probe::dpdk {

// The transport's parts: transport.cpp opens flows, waits and counts, departing.cpp sends,
// arriving.cpp receives, upkeep.cpp minds next hops and devices. Nothing here is called from
// outside this folder.
struct DpdkTransport::Impl {
  enum Problem : std::uint8_t {
    unresolved,
    queue_full,
    no_buffer,
    too_long,
    closed_flow,
    moved,
    conflict,
    link_down,
    device_gone,
    lane_full,
    problem_count
  };
  static constexpr std::array<std::string_view, problem_count> problem_names{
      "next-hop-unresolved", "device-queue-full", "no-packet-buffer", "payload-too-long",
      "closed-flow",         "next-hop-moved",    "address-conflict", "link-down",
      "device-gone",         "lane-full"};

  // A device as this thread has it. `queue` is absent where the device has fewer queues than there
  // are threads, and while the device is gone.
  struct Port {
    Device* device = nullptr;
    std::unique_ptr<PortQueue> queue;
    std::uint64_t generation = 0;
    bool given_up = false;
  };
  // A station that flows of this thread use.
  struct Joined {
    Station* station = nullptr;
    PortIndex port = 0;
    std::uint64_t version = 0;
    std::vector<NeighborId> neighbors;
  };

  Impl(std::shared_ptr<DpdkShared> common, unsigned which);
  ~Impl() { free_held(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  Impl(Impl&&) = delete;
  Impl& operator=(Impl&&) = delete;

  std::shared_ptr<DpdkShared> shared;
  unsigned number;
  bool busy;
  TscClock clock;
  FlowTable flows;
  std::vector<Port> ports;  // by the shared index of the device
  std::vector<Joined> stations;
  Nanos cpu_at_last_sleep{};
  PollPlan plan{shared->options().poll_share};
  TransmitWatch& watch;
  std::thread::id thread;  // the one that polls, once it has begun
  MonoTime upkeep_due;

  std::array<rte_mbuf*, burst_limit> held{};  // their payloads are with the caller
  std::size_t held_count = 0;
  std::array<rte_mbuf*, burst_limit> staged{};     // of the burst that is being sent
  std::array<rte_mbuf*, burst_limit> collected{};  // by the poll under way
  std::size_t next_port = 0;
  StationIndex last_station = 0;  // the one that a frame came to
  std::uint64_t polled_at = 0;    // TSC of the last poll
  bool more_waiting = false;
  bool device_full = false;

  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::array<std::uint64_t, problem_count> problems{};
  std::array<std::uint64_t, frame_kinds> ignored{};
  std::uint64_t no_flow_count = 0;
  std::uint64_t not_ours = 0;
  std::uint64_t other_vlan = 0;
  std::uint64_t malformed_arp = 0;
  std::uint64_t malformed_neighbor = 0;
  std::uint64_t largest_gap = 0;

  // transport.cpp
  [[nodiscard]] Nanos used_since_last_sleep();
  void adopt_thread();
  Result<FlowId> open_flow(const FlowSpec& spec);
  StationIndex join(Station& station, PortIndex port);
  [[nodiscard]] std::string unknown_next_hops() const;
  void count_devices(TransportCounters& counters) const;

  // departing.cpp
  struct Run {
    std::size_t examined = 0;  // departures, refused ones too
    std::size_t frames = 0;
    PortIndex port = 0;
  };
  [[nodiscard]] bool refuse(Departure& departure);
  Run stage(std::span<Departure> burst, std::span<rte_mbuf*> frames);
  std::size_t send_run(std::span<Departure> burst);

  // arriving.cpp
  void free_held();
  [[nodiscard]] Stamp stamp_at(const ReceiveTime& time, const Device& device) const;
  [[nodiscard]] std::optional<StationIndex> station_at(PortIndex port, const Vlan& vlan);
  enum class Taken : std::uint8_t { no, held, passed_on };
  Taken accept(PortIndex port, rte_mbuf* frame, const ReceiveTime& time, Arrival& arrival);
  Taken accept_packet(PortIndex port, const ParsedFrame& parsed, Arrival& arrival);
  bool take_segment(const ParsedFrame& parsed, FlowId flow);
  bool pass_on(std::uint16_t local_port, rte_mbuf* frame, const ReceiveTime& time);
  std::size_t take_all(PortIndex port, std::span<rte_mbuf*> frames, const ReceiveTime& time,
                       std::span<Arrival> burst);
  std::size_t poll_port(PortIndex port, std::span<Arrival> burst);
  std::size_t poll_lanes(std::span<Arrival> burst);

  // upkeep.cpp
  void upkeep(MonoTime now);
  void adopt_devices();
  void mind_device(Port& port);
  void update_station(StationIndex index);
  void update_stations();
  void mind_stations(MonoTime now);
  [[nodiscard]] Station::Emit emitter(PortIndex port);
  void hear(PortIndex port, std::span<const std::byte> frame, const ParsedFrame& parsed,
            MonoTime now);
};

}  // namespace strait::probe::dpdk
