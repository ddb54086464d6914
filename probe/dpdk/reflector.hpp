// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/result.hpp"
#include "probe/dpdk/options.hpp"
#include "probe/reflector_policy.hpp"

namespace strait::probe::dpdk {

struct DpdkReflectorOptions {
  std::string device;  // as of a path; empty: the only one of the DpdkOptions
  // Answered for by ARP and Neighbour Discovery; should be none of the kernel's.
  std::vector<Address> addresses;
  std::vector<std::uint16_t> vlans;  // outer first; empty: untagged
  ReflectorPolicyOptions policy;     // who gets replies, and the UDP port
  ReflectorMode mode;
};

struct DpdkReflectorCounters {
  std::uint64_t stamp_replies = 0;
  std::uint64_t echo_replies = 0;
  std::map<std::string, std::uint64_t, std::less<>> refused;  // by reason
  std::map<std::string, std::uint64_t, std::less<>> ignored;  // foreign traffic, by reason
};

// A STAMP Session-Reflector on a DPDK port that answers in the memory of the request: T2 is the TSC
// when the poll returned, T3 when the reply is written. Replies go back to the MAC address that the
// request came from, with its tags and without its labels. Also answers ARP, Neighbour Discovery
// and ICMP echo for its addresses. Used by one thread.
class DpdkReflector {
 public:
  [[nodiscard]] static Result<std::unique_ptr<DpdkReflector>> open(
      const DpdkOptions& options, const DpdkReflectorOptions& reflector);
  DpdkReflector(const DpdkReflector&) = delete;
  DpdkReflector& operator=(const DpdkReflector&) = delete;
  DpdkReflector(DpdkReflector&&) = delete;
  DpdkReflector& operator=(DpdkReflector&&) = delete;
  ~DpdkReflector();

  // Polls once and answers. Returns how many frames there were, whatever they were.
  std::size_t step();
  // Steps until told to stop. `busy` never sleeps; `adaptive` sleeps 20 us at a time while requests
  // come, and up to 1 ms when none came for a second: replies are then late by that much, which
  // shows in the round trip because T2 can only be taken when the packet is seen.
  void run(const std::stop_token& stop);

  [[nodiscard]] DpdkReflectorCounters counters() const;

 private:
  struct Impl;
  explicit DpdkReflector(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace strait::probe::dpdk
