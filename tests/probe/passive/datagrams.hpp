// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "probe/octets.hpp"
#include "probe/passive/packet.hpp"

namespace strait::probe::passive {

// UDP between a client (192.0.2.1:40000) and a server (198.51.100.2, port 443 unless told
// otherwise) as a capture between them has it. Times are given in microseconds.
class Datagrams {
 public:
  struct Ports {
    std::uint16_t client = 40000;
    std::uint16_t server = 443;
  };
  Datagrams() = default;
  explicit Datagrams(const Ports& ports) : ports_{ports} {}

  Datagrams& client(std::int64_t micros, std::span<const std::byte> payload) {
    return add(micros, true, payload);
  }
  Datagrams& server(std::int64_t micros, std::span<const std::byte> payload) {
    return add(micros, false, payload);
  }
  [[nodiscard]] const std::vector<CapturedPacket>& packets() const { return packets_; }

 private:
  static constexpr std::int64_t start = 1'700'000'000'000'000;  // us
  static constexpr std::size_t headers = 28;

  Datagrams& add(std::int64_t micros, bool from_client, std::span<const std::byte> payload) {
    std::vector<std::byte>& packet = octets_->emplace_back(headers + payload.size());
    const std::span octets{packet};
    const auto put = [&octets](std::size_t at, auto value) { store(octets, at, value); };
    put(0, std::uint16_t{0x4500});
    put(2, static_cast<std::uint16_t>(packet.size()));
    put(8, std::uint16_t{0x4011});
    put(12, from_client ? std::uint32_t{0xc0000201} : std::uint32_t{0xc6336402});
    put(16, from_client ? std::uint32_t{0xc6336402} : std::uint32_t{0xc0000201});
    put(20, from_client ? ports_.client : ports_.server);
    put(22, from_client ? ports_.server : ports_.client);
    put(24, static_cast<std::uint16_t>(8 + payload.size()));
    for (std::size_t i = 0; i < payload.size(); ++i) packet[headers + i] = payload[i];
    packets_.push_back({.time = WallTime{Nanos{(start + micros) * 1000}},
                        .data = packet,
                        .length = static_cast<std::uint32_t>(packet.size()),
                        .interface = 0,
                        .link = LinkType::raw,
                        .other_order = false});
    return *this;
  }

  Ports ports_;
  // Shared by copies, whose packets lie in it.
  std::shared_ptr<std::deque<std::vector<std::byte>>> octets_ =
      std::make_shared<std::deque<std::vector<std::byte>>>();
  std::vector<CapturedPacket> packets_;
};

}  // namespace strait::probe::passive
