// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "probe/dpdk/arp.hpp"
#include "probe/dpdk/neighbor_discovery.hpp"
#include "probe/dpdk/neighbor_table.hpp"

namespace strait::probe::dpdk {

// What we are on one VLAN of one port: the addresses that we answer for, by ARP (RFC 826) and
// Neighbour Discovery (RFC 4861), and the next hops that we look up. A new address is used at once,
// as an optimistic one (RFC 4429), while it is probed for duplicates (RFC 5227 §2.1, RFC 4862
// §5.4); then it is announced, so that neighbours with an old entry learn of it. Whoever else
// claims it is told once that it is ours (RFC 5227 §2.4); for as long as the claims go on and half
// a minute longer it is in conflict, and nothing should be sent from it: the replies would go
// elsewhere.
//
// Knows no device: `emit` sends. Safe to use by several threads; version() and next_due() take no
// lock.
class Station {
 public:
  // Puts a frame on the wire; false when it could not.
  using Emit = std::function<bool(std::span<const std::byte> frame)>;

  Station(const MacAddress& mac, const Vlan& vlan, bool stacked_ctags, NeighborTiming timing = {});

  [[nodiscard]] const Vlan& vlan() const { return tags_.vlan; }
  [[nodiscard]] const MacAddress& own_mac() const { return mac_; }
  void add_local(const WireAddress& address);
  NeighborId add_neighbor(const WireAddress& target, const WireAddress& source);

  // Sends what is due: requests, duplicate detection, announcements. Returns how many frames could
  // not be sent.
  std::size_t run(MonoTime now, const Emit& emit);
  [[nodiscard]] MonoTime next_due() const {
    return MonoTime{Nanos{next_due_.load(std::memory_order_relaxed)}};
  }

  struct Heard {
    NeighborTable::Change change = NeighborTable::Change::none;
    WireAddress neighbor;
    std::optional<MacAddress> conflict;  // who has begun to claim an address of ours
    WireAddress local;
    bool malformed = false;  // and nothing was done
  };
  // A frame of kind `arp` or `neighbor`: answers what asks for us, and learns what neighbours say
  // of themselves.
  Heard hear(std::span<const std::byte> frame, const ParsedFrame& parsed, MonoTime now,
             const Emit& emit);

  // Grows with every change of what mac() and in_conflict() say.
  [[nodiscard]] std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  [[nodiscard]] std::optional<MacAddress> mac(NeighborId neighbor) const;
  [[nodiscard]] bool in_conflict(const WireAddress& address) const;
  [[nodiscard]] std::vector<WireAddress> unresolved() const;
  [[nodiscard]] std::uint64_t losses() const;     // next hops that stopped answering
  [[nodiscard]] std::uint64_t conflicts() const;  // beginnings of conflicts

 private:
  struct Local {
    WireAddress address;
    unsigned probes = 0;
    unsigned announcements = 0;
    MonoTime due = MonoTime::min();
    MonoTime conflict_until = MonoTime::min();
    MonoTime defend_after = MonoTime::min();
    bool conflict = false;
  };

  bool report(const Local& local, const Emit& emit) const;
  void end_conflict(Local& local, MonoTime now);
  std::size_t run_local(Local& local, MonoTime now, const Emit& emit);
  bool ask(const NeighborTable::Request& request, const Emit& emit) const;
  bool probe(const Local& local, const Emit& emit) const;
  bool announce(const Local& local, const Emit& emit) const;
  void claim_seen(Local& local, const MacAddress& by, MonoTime now, const Emit& emit, Heard& heard);
  void learn(const Claim& claim, MonoTime now, Heard& heard);
  void hear_arp(const ArpMessage& message, MonoTime now, const Emit& emit, Heard& heard);
  void hear_neighbor(const NeighborMessage& message, const MacAddress& sender, MonoTime now,
                     const Emit& emit, Heard& heard);
  void answer(const NeighborMessage& asked, const MacAddress& sender, const Emit& emit) const;
  [[nodiscard]] Local* local(const WireAddress& address);
  void update_due();
  void changed() { version_.fetch_add(1, std::memory_order_release); }

  MacAddress mac_;
  Encapsulation tags_;
  mutable std::mutex mutex_;  // guards what follows
  std::vector<Local> locals_;
  NeighborTable neighbors_;
  std::uint64_t conflicts_ = 0;
  std::atomic<std::uint64_t> version_{0};
  std::atomic<std::int64_t> next_due_{MonoTime::max().time_since_epoch().count()};
};

}  // namespace strait::probe::dpdk
