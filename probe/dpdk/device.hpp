// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "probe/dpdk/port.hpp"
#include "probe/dpdk/station.hpp"

namespace strait::probe::dpdk {

// A port that all polling threads share, each by a queue of its own, with the stations on it.
//
// A device whose link is down or that has gone takes no probes: a driver may keep them and send
// them when the link returns, or block for ever once its ring is full. check() is called by one
// thread now and then; the polling threads only read flags.
class Device {
 public:
  enum class State : std::uint8_t { up, down, gone };

  Device(DpdkPort port, std::string argument);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& argument() const { return argument_; }
  [[nodiscard]] std::uint16_t queues() const { return queues_; }
  [[nodiscard]] const DpdkPort& port() const { return *port_; }

  // The station on a VLAN, which is made when it is not there yet.
  Station& station(const Vlan& vlan, bool stacked_ctags);
  // As far as it is there. Takes no lock.
  [[nodiscard]] Station* find_station(const Vlan& vlan) const;
  [[nodiscard]] std::vector<Station*> stations() const;

  [[nodiscard]] State state() const { return state_.load(std::memory_order_acquire); }
  // Looks at the link. Returns true when the state is another one than before.
  bool check(MonoTime now);
  // Replies that come before this time may be to probes that the driver kept while the link was
  // down: their times say nothing.
  [[nodiscard]] MonoTime suspect_until() const {
    return MonoTime{Nanos{suspect_until_.load(std::memory_order_relaxed)}};
  }
  // Of all ports that it has had.
  [[nodiscard]] PortCounters counters();
  [[nodiscard]] std::uint64_t link_losses() const { return link_losses_.load(); }

  // A device that is gone is given up by every polling thread, then closed and opened again by one:
  // release() says that this thread touches it no more; reopen() works once all have said so.
  void release(unsigned thread) { released_[thread].store(true, std::memory_order_release); }
  [[nodiscard]] bool all_released() const;
  void replace_port(DpdkPort port);
  void close_port();
  [[nodiscard]] bool has_port() const { return port_ != nullptr; }
  // Grows with each replacement.
  [[nodiscard]] std::uint64_t generation() const {
    return generation_.load(std::memory_order_acquire);
  }

 private:
  static constexpr std::size_t most_stations = 4096;

  std::unique_ptr<DpdkPort> port_;  // null while a device that has gone is not back
  std::string argument_;
  std::string name_;
  std::uint16_t queues_;
  MacAddress mac_;
  PortCounters closed_;                             // of earlier ports
  PortCounters newest_;                             // of this one, as last read
  mutable std::mutex mutex_;                        // for making stations and for the counters
  std::vector<std::unique_ptr<Station>> stations_;  // never moved: reserved in full
  std::atomic<std::size_t> station_count_{0};
  std::atomic<State> state_{State::up};
  std::atomic<std::int64_t> suspect_until_{MonoTime::min().time_since_epoch().count()};
  std::atomic<std::uint64_t> link_losses_{0};
  std::atomic<std::uint64_t> generation_{0};
  std::vector<std::atomic<bool>> released_;
};

[[nodiscard]] std::string_view to_string(Device::State state);

}  // namespace strait::probe::dpdk
