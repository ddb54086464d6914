// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "probe/dpdk/eal.hpp"
#include "probe/dpdk/endpoint.hpp"
#include "probe/dpdk/flow_table.hpp"
#include "probe/dpdk/poll_plan.hpp"
#include "probe/dpdk/transport.hpp"

namespace strait::probe::dpdk {

// The transport's parts: transport.cpp opens ports and flows, waits and counts, data_path.cpp sends
// and receives. Nothing here is called from outside this folder.
struct DpdkTransport::Impl {
  enum Problem : std::uint8_t {
    unresolved,
    queue_full,
    no_buffer,
    too_long,
    closed_flow,
    moved,
    problem_count
  };
  static constexpr std::size_t frame_kinds = static_cast<std::size_t>(FrameKind::bad_checksum) + 1;
  static constexpr std::array<std::string_view, problem_count> problem_names{
      "next-hop-unresolved", "device-queue-full", "no-packet-buffer",
      "payload-too-long",    "closed-flow",       "next-hop-moved"};

  Impl(DpdkOptions chosen, Eal& started, const TscClock& calibrated, OnEvent events);
  ~Impl() { free_held(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  Impl(Impl&&) = delete;
  Impl& operator=(Impl&&) = delete;

  DpdkOptions options;
  Eal& eal;
  TscClock clock;
  OnEvent on_event;
  FlowTable flows;
  std::vector<std::unique_ptr<PortEndpoint>> ports;
  PollPlan plan;
  std::thread::id thread;  // the one that polls, once it has begun

  std::array<rte_mbuf*, burst_limit> held{};  // their payloads are with the caller
  std::size_t held_count = 0;
  std::array<rte_mbuf*, burst_limit> staged{};     // of the burst that is being sent
  std::array<rte_mbuf*, burst_limit> collected{};  // by the poll under way
  std::size_t next_port = 0;
  std::uint64_t polled_at = 0;  // TSC of the last poll
  bool more_waiting = false;
  bool device_full = false;

  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::array<std::uint64_t, problem_count> problems{};
  std::array<std::uint64_t, frame_kinds> ignored{};
  std::uint64_t no_flow_count = 0;
  std::uint64_t not_ours = 0;
  std::uint64_t largest_gap = 0;

  std::mutex mutex;
  std::condition_variable_any wake;
  TransmitWatch watch;
  std::jthread watchdog;  // last: it uses what is above

  void say(const std::string& event) const {
    if (on_event) on_event(event);
  }
  void watch_transmissions(const std::stop_token& stop);
  void adopt_thread();

  Result<PortIndex> port_for(const std::string& wanted);
  Result<FlowId> open_flow(const FlowSpec& spec);
  [[nodiscard]] std::string unknown_next_hops() const;

  struct Run {
    std::size_t examined = 0;  // departures, refused ones too
    std::size_t frames = 0;
    PortIndex port = 0;
  };
  [[nodiscard]] bool refuse(const Departure& departure);
  Run stage(std::span<Departure> burst, std::span<rte_mbuf*> frames);
  std::size_t send_run(std::span<Departure> burst);

  void free_held();
  void housekeep(MonoTime now);
  void hear(const NeighborTable::Learned& learned, PortIndex port);
  bool accept(PortIndex port, rte_mbuf* frame, const Stamp& stamp, Arrival& arrival);
  bool accept_packet(PortIndex port, const ParsedFrame& parsed, Arrival& arrival);
  std::size_t poll_port(PortIndex port, std::span<Arrival> burst);
};

}  // namespace strait::probe::dpdk
