// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "probe/matcher.hpp"
#include "probe/prober.hpp"
#include "probe/rejections.hpp"
#include "probe/stamp_extension.hpp"
#include "probe/tally.hpp"

namespace strait::probe {

// An address and port in a form that compares in a few instructions. Scope ids are not compared:
// a flow is bound to its device already.
class PeerKey {
 public:
  PeerKey() = default;
  PeerKey(const Endpoint& endpoint, bool with_port)
      : bytes_{bytes(endpoint.address)}, port_{endpoint.port}, with_port_{with_port} {}

  [[nodiscard]] bool matches(const Endpoint& endpoint) const {
    const Bytes other = bytes(endpoint.address);
    return bytes_[0] == other[0] && bytes_[1] == other[1] &&
           (!with_port_ || port_ == endpoint.port);
  }

 private:
  using Bytes = std::array<std::uint64_t, 2>;
  static Bytes bytes(const Address& address) {
    if (address.is_v4()) return {0xffff, address.to_v4().to_uint()};
    const auto octets = address.to_v6().to_bytes();
    Bytes bytes;
    std::memcpy(bytes.data(), octets.data(), sizeof bytes);
    return bytes;
  }

  Bytes bytes_{};
  std::uint16_t port_ = 0;
  bool with_port_ = false;
};

// The slots of a session that are still to come. Copied, so that what could not be sent can be
// taken up again.
struct SlotPlan {
  static constexpr std::uint64_t endless = ~std::uint64_t{0};

  Schedule schedule;
  std::uint64_t left = endless;

  [[nodiscard]] bool due(MonoTime now) const { return left > 0 && schedule.next() <= now; }
  // Ends the slot at schedule.next(). Returns how many after it are missed.
  std::uint64_t end_slot(MonoTime now) {
    std::uint64_t missed = schedule.advance(now);
    if (left == endless) return missed;
    missed = std::min(missed, left - 1);
    left -= 1 + missed;
    return missed;
  }
};

// What is touched for every probe of a session: compact and contiguous, no text.
struct alignas(64) Session {
  Session(const SessionSpec& spec, FlowId opened, std::uint32_t number, MonoTime now,
          std::uint64_t seed)
      : slots{Schedule{spec.schedule, now, seed}, spec.count == 0 ? SlotPlan::endless : spec.count},
        timeout{spec.timeout},
        flow{opened},
        id{number},
        payload_size{static_cast<std::uint32_t>(spec.flow.max_payload)},
        icmp{spec.key.protocol == Protocol::icmp},
        udp_echo{spec.key.protocol == Protocol::udp_echo},
        tcp{spec.key.protocol == Protocol::tcp},
        twamp_light{spec.twamp_light},
        require_ssid{spec.require_ssid},
        format{spec.timestamps},
        peer{spec.flow.destination, spec.key.protocol != Protocol::icmp},
        matcher{Matcher::capacity_for(spec.schedule.interval, spec.timeout), spec.first_sequence} {}

  // Two steps, because the second one reads what the first one asks for.
  void prefetch() const {
    const auto* const here = reinterpret_cast<const std::byte*>(this);
    for (std::size_t at = 0; at < sizeof(Session); at += 64) __builtin_prefetch(here + at, 1);
  }
  // What a probe that leaves counts in, and what one that is answered does.
  void prefetch_departing() const {
    if (current != nullptr) prefetch_lines(current, &current->rtt);
  }
  void prefetch_arriving() const {
    if (current == nullptr) return;
    __builtin_prefetch(current, 1);
    prefetch_lines(&current->rtt, &current->ipdv + 1);
  }
  static void prefetch_lines(const void* from, const void* end) {
    const auto* line = static_cast<const std::byte*>(from);
    for (; line < end; line += 64) __builtin_prefetch(line, 1);
  }

  SlotPlan slots;
  Nanos timeout;
  Nanos soon{};              // a short T4 - T1 among the newest replies; 0: none yet
  Tally* current = nullptr;  // of the newest window; owned by SessionRecord
  FlowId flow;
  std::uint32_t id;
  std::uint32_t payload_size;
  std::uint16_t ssid = 0;
  bool live = true;     // false: this place is free
  bool sending = true;  // still has slots
  bool active = true;   // sending, or waiting for a reply
  bool in_wheel = false;
  bool removed = false;  // goes when its last window is closed
  bool icmp;
  bool udp_echo;
  bool tcp;
  bool twamp_light;
  bool require_ssid;
  TimestampFormat format;
  PeerKey peer;
  std::unique_ptr<StampExtension> extension;  // of a STAMP session with TLVs or a key
  Matcher matcher;
};

// The rest: what is touched once per window or less.
struct SessionRecord {
  SessionKey key;
  std::vector<std::unique_ptr<Tally>> tallies;  // oldest first
  std::unique_ptr<Rejections> rejections;       // null before the first ICMP error
};

}  // namespace strait::probe
