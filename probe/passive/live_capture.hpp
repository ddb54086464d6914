// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "probe/passive/packet.hpp"

namespace strait::probe::passive {

struct LiveOptions {
  std::string filter;  // in the words of pcap-filter(7); empty: everything
  std::uint32_t snapshot =
      192;  // octets of a packet: all headers, and the first of what they carry
  bool promiscuous = false;
};

// What an interface has counted since it was opened.
struct LiveTally {
  std::uint64_t packets = 0;  // that were read
  std::uint64_t dropped = 0;  // by the kernel or the card, for want of room
};

// Packets as they pass an interface. Not thread-safe.
class LiveCapture {
 public:
  // `number` is CapturedPacket::interface. Errors: no such interface, no permission, a filter that
  // does not parse.
  [[nodiscard]] static Result<LiveCapture> open(const std::string& interface, std::uint32_t number,
                                                const LiveOptions& options);
  LiveCapture(LiveCapture&& other) noexcept;
  LiveCapture& operator=(LiveCapture&& other) noexcept;
  LiveCapture(const LiveCapture&) = delete;
  LiveCapture& operator=(const LiveCapture&) = delete;
  ~LiveCapture();

  // What has come, at most a few hundred packets, without waiting. Their data is valid until the
  // next call.
  [[nodiscard]] Result<std::span<const CapturedPacket>> read();
  // Readable when something has come.
  [[nodiscard]] int descriptor() const;
  [[nodiscard]] const std::string& interface() const;
  [[nodiscard]] LiveTally tally() const;

 private:
  struct Device;
  explicit LiveCapture(std::unique_ptr<Device> device);

  std::unique_ptr<Device> device_;
};

// Waits until one of them has something, or for that long.
void wait_for_any(std::span<const LiveCapture> captures, std::chrono::milliseconds longest);

}  // namespace strait::probe::passive
