// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "probe/dpdk/reflector.hpp"
#include "probe/dpdk/ring_wire.hpp"
#include "probe/dpdk/transport.hpp"
#include "probe/pin_check.hpp"
#include "probe/prober.hpp"

namespace strait::bench {

// The value, or the end of the program with the error's words.
template <class T>
T must(Result<T> result);
[[noreturn]] void give_up(const Error& error);

double thread_cpu_seconds();

// What is around the probes of a pair.
enum class Dress : std::uint8_t {
  plain,  // untagged IPv4
  full,   // IPv6 with flow labels, two VLAN tags, two MPLS labels, four flows each, pins checked
};

struct Measured {
  double probes = 0;
  double lost = 0;
  double missed = 0;  // slots, as a share of all
  double cpu = 0;
  double reflector_share = 0;  // of the CPU time

  [[nodiscard]] double rate() const { return probes / cpu; }
  [[nodiscard]] double prober_rate() const { return probes / (cpu * (1 - reflector_share)); }
};

// One prober and one STAMP reflector in one thread, on a wire of rings of their own.
class Pair {
 public:
  // `offered` probes a second, by `sessions` sessions together.
  Pair(const probe::dpdk::DpdkOptions& options, std::size_t sessions, double offered,
       Dress dress = Dress::plain);

  // Adds sessions that each probe once in `interval`.
  void add(std::size_t sessions, Nanos interval, Nanos timeout);
  // Until it has used so much CPU time, however long a busy machine takes to give it.
  void loop(double cpu_seconds);
  // Half of it is warming up: ARP, and every table as large as it gets.
  Measured measure(double cpu_seconds);

 private:
  [[nodiscard]] probe::SessionSpec session(std::size_t number, Nanos interval, Nanos timeout) const;
  [[nodiscard]] Counts slots() const;

  Dress dress_;
  std::size_t count_ = 0;
  std::vector<Address> near_;
  std::vector<Address> far_;
  probe::dpdk::RingWire wire_;
  std::unique_ptr<probe::dpdk::DpdkTransport> transport_;
  std::unique_ptr<probe::PinChecker> pins_;
  std::unique_ptr<probe::dpdk::DpdkReflector> reflector_;
  std::unique_ptr<probe::Prober> prober_;
  std::uint64_t reflecting_ = 0;
};

// The most that a pair can do: asks for a little more than it was able to do when it was asked for
// far too much, so that it is never idle and few slots are missed.
Measured saturate(const probe::dpdk::DpdkOptions& options, std::size_t sessions, double seconds,
                  Dress dress = Dress::plain);

template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error());
  return std::move(*result);
}

}  // namespace strait::bench
