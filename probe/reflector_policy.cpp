// SPDX-License-Identifier: Apache-2.0
#include "probe/reflector_policy.hpp"

#include <algorithm>
#include <bit>

#include "probe/octets.hpp"
#include "probe/random.hpp"
#include "probe/siphash.hpp"

namespace strait::probe {
namespace {

// A bucket holds what its rate gives in this time, and at least one token.
constexpr Nanos burst = std::chrono::seconds{1};

std::array<std::uint64_t, 2> key_of(const Address& address) {
  if (address.is_v4()) return {0, std::uint64_t{address.to_v4().to_uint()} << 32};
  const auto octets = address.to_v6().to_bytes();
  const auto bytes = std::as_bytes(std::span{octets});
  return {load<std::uint64_t>(bytes, 0), load<std::uint64_t>(bytes, 8)};
}

// The first `length` bits: of the second word for IPv4, of both for IPv6.
std::array<std::uint64_t, 2> mask_of(bool v6, unsigned length) {
  const auto top = [](unsigned bits) {
    return bits == 0 ? std::uint64_t{0} : ~std::uint64_t{0} << (64 - bits);
  };
  if (!v6) return {0, top(length)};
  return {top(std::min(length, 64U)), length > 64 ? top(length - 64) : 0};
}

Nanos cost_of(Rate rate) {
  if (rate.per_second <= 0) return Nanos{0};
  return Nanos{std::max<std::int64_t>(1, static_cast<std::int64_t>(1e9 / rate.per_second))};
}

bool unicast(const Address& address) {
  if (address.is_unspecified() || address.is_multicast()) return false;
  return address.is_v6() || address.to_v4().to_uint() < 0xf0000000U;  // class E and broadcast
}

// Another reflector there, or echo, chargen and their like: one forged packet, and the two would
// answer each other for ever. A sender's port is none of the well-known ones (RFC 6335 section 6).
bool answers_itself(std::uint16_t port, std::uint16_t local_port) {
  constexpr std::uint16_t first_user_port = 1024;
  return local_port != 0 && (port < first_user_port || port == local_port);
}

}  // namespace

ReflectorPolicy::ReflectorPolicy(const ReflectorPolicyOptions& options)
    : options_{options},
      buckets_(std::bit_ceil(std::max<std::size_t>(options.sources, ways))),
      hash_key_{entropy_word(), entropy_word()},
      source_cost_{cost_of(options.source_rate)},
      total_cost_{cost_of(options.total_rate)} {
  for (const Prefix& prefix : options.allow) {
    const bool v6 = prefix.network.is_v6();
    allow_.push_back({key_of(prefix.network), mask_of(v6, prefix.length), v6});
  }
}

bool ReflectorPolicy::allowed(const Address& source) const {
  const Key key = key_of(source);
  return std::ranges::any_of(allow_, [&](const Mask& mask) {
    return mask.v6 == source.is_v6() && (key[0] & mask.bits[0]) == mask.network[0] &&
           (key[1] & mask.bits[1]) == mask.network[1];
  });
}

ReflectorPolicy::Bucket& ReflectorPolicy::bucket_of(const Key& source, MonoTime now) {
  const std::uint64_t hash = SipHash{hash_key_}(source[0], source[1]);
  const std::size_t sets = buckets_.size() / ways;
  const auto set = std::span{buckets_}.subspan(hash % sets * ways, ways);
  Bucket* oldest = set.data();
  for (Bucket& bucket : set) {
    if (bucket.taken && bucket.source == source) {
      bucket.used = now;
      return bucket;
    }
    const bool freer = oldest->taken && (!bucket.taken || bucket.used < oldest->used);
    if (freer) oldest = &bucket;
  }
  *oldest = {.source = source, .full_at = now, .used = now, .taken = true};
  return *oldest;
}

bool ReflectorPolicy::take(Bucket& bucket, Nanos cost, MonoTime now) {
  if (cost == Nanos{0}) return true;
  const MonoTime full_at = std::max(bucket.full_at, now) + cost;
  if (full_at - now > std::max(burst, cost)) return false;
  bucket.full_at = full_at;
  return true;
}

Refusal ReflectorPolicy::admit(const Endpoint& source, MonoTime now, std::size_t request) {
  if (source.port == 0 || !unicast(source.address)) return Refusal::bad_source;
  const bool stranger = !allowed(source.address);
  if (stranger) {
    if (!options_.open) return Refusal::not_allowed;
    if (answers_itself(source.port, options_.local_port)) return Refusal::bad_source;
    if (request < reflected_size(request)) return Refusal::would_amplify;
  }
  if (source_cost_ > Nanos{0}) {
    Bucket& bucket = bucket_of(key_of(source.address), now);
    if (!take(bucket, source_cost_, now)) return Refusal::rate_limited;
  }
  if (stranger && !take(strangers_, 2 * total_cost_, now)) return Refusal::rate_limited;
  return take(total_, total_cost_, now) ? Refusal::none : Refusal::rate_limited;
}

}  // namespace strait::probe
