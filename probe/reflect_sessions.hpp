// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>

#include "core/address.hpp"
#include "core/clock.hpp"
#include "probe/siphash.hpp"

namespace strait::probe {

// What a stateful reflector keeps of a session: the 4-tuple and the SSID (RFC 8972 §3).
struct ReflectorSession {
  std::uint32_t next_sequence = 0;  // of its replies (RFC 8762 §4.3.1)
  std::uint32_t received = 0;
  WallTime last_sent;  // T3 of the reply before next_sequence
};

// A bounded table of sessions. A session that was idle for long is forgotten; while the table is
// full of others a new one is not let in, so that no sender takes the place of another. Strangers
// get half of it at most: they may be made up.
class ReflectorSessions {
 public:
  ReflectorSessions(std::size_t most, Nanos idle);

  // The session of a packet that came now, new or known; null: the table is full.
  [[nodiscard]] ReflectorSession* find(const Endpoint& source, const Endpoint& destination,
                                       std::uint16_t ssid, MonoTime now, bool stranger = false);
  [[nodiscard]] std::size_t size() const { return by_key_.size(); }

 private:
  using Key = std::array<std::uint64_t, 5>;
  struct Entry {
    Key key;
    MonoTime used;
    bool stranger;
    ReflectorSession session;
  };
  struct Hash {
    std::array<std::uint64_t, 2> secret;  // so that nobody can aim at one place
    [[nodiscard]] std::size_t operator()(const Key& key) const;
  };

  void forget_idle(MonoTime now);

  std::size_t most_;
  std::size_t strangers_ = 0;
  Nanos idle_;
  std::list<Entry> entries_;  // the newest used first
  std::unordered_map<Key, std::list<Entry>::iterator, Hash> by_key_;
};

}  // namespace strait::probe
