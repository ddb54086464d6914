// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/address.hpp"
#include "core/clock.hpp"
#include "probe/reflect.hpp"

namespace strait::probe {

struct ReflectorPolicyOptions {
  std::vector<Prefix> allow;  // sources that get replies
  // Any unicast source gets replies, strangers at half of `total_rate` at most, so that a flood
  // from forged addresses leaves the other half to those on the list.
  bool open = false;
  Rate source_rate{1000};                 // per source address; 0: no limit
  Rate total_rate{};                      // all sources together; 0: no limit
  std::uint16_t local_port = stamp_port;  // 0: no loops to fear
  std::size_t sources = 4096;             // remembered at once; rounded up to a power of two
};

// Decides who gets a reply, so that the reflector is no amplifier and no loop. Memory is fixed:
// when more sources are active than are remembered, the longest silent one is forgotten.
class ReflectorPolicy {
 public:
  explicit ReflectorPolicy(const ReflectorPolicyOptions& options);

  // Refusal::none if this source may have a reply now. Takes one token. A stranger's request of
  // fewer octets than the reply is refused: a reply that is larger serves who forges addresses.
  [[nodiscard]] Refusal admit(const Endpoint& source, MonoTime now,
                              std::size_t request = stamp_packet_size);

  // Let in by `open` only, while there is a list whose sources come first.
  [[nodiscard]] bool stranger(const Address& source) const {
    return options_.open && !allow_.empty() && !allowed(source);
  }

 private:
  using Key = std::array<std::uint64_t, 2>;
  struct Mask {
    Key network;
    Key bits;
    bool v6;
  };
  // Tokens are kept as time: a bucket that is full at `full_at` has room for what fits before.
  struct Bucket {
    Key source{};
    MonoTime full_at;
    MonoTime used;
    bool taken = false;
  };
  static constexpr std::size_t ways = 4;

  [[nodiscard]] bool allowed(const Address& source) const;
  [[nodiscard]] Bucket& bucket_of(const Key& source, MonoTime now);
  [[nodiscard]] static bool take(Bucket& bucket, Nanos cost, MonoTime now);

  ReflectorPolicyOptions options_;
  std::vector<Mask> allow_;
  std::vector<Bucket> buckets_;
  std::array<std::uint64_t, 2> hash_key_{};  // so that nobody can aim at one set
  Nanos source_cost_{};                      // time that one token takes to grow back
  Bucket total_;
  Bucket strangers_;
  Nanos total_cost_{};
};

}  // namespace strait::probe
