// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/result.hpp"
#include "probe/dpdk/options.hpp"

namespace strait::probe::dpdk {

// Two DPDK ports (net_ring) joined by a wire in memory: no kernel, no privilege. The devices are
// known by their names until the process ends. Used by one thread unless it is direct.
class RingWire {
 public:
  enum class Kind : std::uint8_t {
    direct,   // what one port sends is what the other one receives
    carried,  // only when carry() is called, which can look and drop
  };
  [[nodiscard]] static Result<RingWire> make(const DpdkOptions& options, const std::string& name,
                                             Kind kind);
  RingWire(RingWire&&) noexcept;
  RingWire& operator=(RingWire&&) noexcept;
  RingWire(const RingWire&) = delete;
  RingWire& operator=(const RingWire&) = delete;
  ~RingWire();

  [[nodiscard]] const std::string& left() const;  // what to name as the device
  [[nodiscard]] const std::string& right() const;
  [[nodiscard]] const std::string& right(unsigned queue) const;  // of make_queues()

  // Shown each frame and whether it goes from left to right; false drops it.
  // A port of `queues` queues at the left, and for each of them a port of its own at the right,
  // joined directly. What the right port i sends comes to the left by queue i, or by the next one
  // when they are `crossed`: as from a NIC that hashes replies as it likes.
  [[nodiscard]] static Result<RingWire> make_queues(const DpdkOptions& options,
                                                    const std::string& name, unsigned queues,
                                                    bool crossed);

  using Decide = std::function<bool(std::span<std::byte> frame, bool to_right)>;
  // Moves what is waiting, both ways. Returns how many frames got through.
  std::size_t carry(const Decide& decide);
  // Puts a copy of a frame on the wire towards the left or right port.
  bool inject(std::span<const std::byte> frame, bool to_right);

 private:
  struct Impl;
  explicit RingWire(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace strait::probe::dpdk
