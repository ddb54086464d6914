// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"

namespace strait::lab {

// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_{fd} {}
  Descriptor(Descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();

  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_ = -1;
};

// "WHAT: strerror(errno)" as an error.
[[nodiscard]] tl::unexpected<Error> system_error(const std::string& what);

// Every frame that comes in on one interface, with the kernel's time of arrival (TPACKET_V2 ring,
// packet(7)), and a way to send frames out of it past the queueing discipline.
class PacketSocket {
 public:
  // Counters only grow.
  struct Counters {
    std::uint64_t truncated = 0;  // longer than a slot of the ring: dropped
    std::uint64_t ring_full = 0;  // dropped by the kernel
    std::uint64_t send_failed = 0;
  };
  using Visit = std::function<void(std::span<const std::byte> frame, WallTime arrived)>;

  [[nodiscard]] static Result<PacketSocket> open(const std::string& interface);
  PacketSocket(PacketSocket&& other) noexcept;
  PacketSocket& operator=(PacketSocket&&) = delete;
  PacketSocket(const PacketSocket&) = delete;
  PacketSocket& operator=(const PacketSocket&) = delete;
  ~PacketSocket();

  [[nodiscard]] int fd() const { return fd_.get(); }
  // Visits all frames that wait in the ring, with their VLAN tags. The frame is valid during the
  // visit only.
  void receive(const Visit& visit);
  // Takes the error that poll() tells of: the link went down, or away. Up again, it goes on.
  void clear_error();
  // Sends all frames, in order; true for each that the device took.
  [[nodiscard]] std::vector<bool> send(std::span<const std::span<const std::byte>> frames);
  [[nodiscard]] Counters counters();

 private:
  PacketSocket(Descriptor fd, std::byte* ring) : fd_{std::move(fd)}, ring_{ring} {}

  Descriptor fd_;
  std::byte* ring_ = nullptr;
  std::size_t next_ = 0;
  Counters counters_;
};

}  // namespace strait::lab
