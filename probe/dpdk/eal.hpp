// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "probe/dpdk/options.hpp"

namespace strait::probe::dpdk {

// The arguments for rte_eal_init() that `options` come to, the program's name first. Pure.
[[nodiscard]] std::vector<std::string> eal_command_line(const DpdkOptions& options);

// DPDK's Environment Abstraction Layer: one per process, started by the first ensure() and cleaned
// up at exit. Starting takes about 150 ms, of which 100 are DPDK's own TSC estimate, which we do
// not use. Safe to call from several threads.
class Eal {
 public:
  // Starts the EAL, or finds it started. Fails when it runs with other arguments already.
  // The calling thread keeps its CPU affinity.
  [[nodiscard]] static Result<Eal*> ensure(const DpdkOptions& options);

  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;
  Eal(Eal&&) = delete;
  Eal& operator=(Eal&&) = delete;
  ~Eal();

  // The port of an EAL device such as "net_af_packet0,iface=veth0" or "0000:03:00.0"; a virtual
  // device that is not there yet is made. A failure says what to do about it.
  [[nodiscard]] Result<std::uint16_t> attach(const std::string& device);

  // Forgets a virtual device whose port is closed, so that attach() makes it anew. Others stay.
  void detach(const std::string& device);

  // Gives the calling thread an lcore id, which makes its buffer allocation fast; until it ends.
  // A thread that gets none works too, only slower.
  static void register_thread();

 private:
  Eal() = default;
  std::vector<std::string> arguments_;
};

}  // namespace strait::probe::dpdk
