// SPDX-License-Identifier: Apache-2.0
#include "probe/reflect_sessions.hpp"

#include <cstring>

#include "probe/random.hpp"

namespace strait::probe {
namespace {

std::array<std::uint64_t, 2> words_of(const Address& address) {
  if (address.is_v4()) return {0xffff, address.to_v4().to_uint()};
  const auto octets = address.to_v6().to_bytes();
  std::array<std::uint64_t, 2> words{};
  std::memcpy(words.data(), octets.data(), sizeof words);
  return words;
}

}  // namespace

std::size_t ReflectorSessions::Hash::operator()(const Key& key) const {
  const auto mix = [this](std::uint64_t a, std::uint64_t b) { return SipHash{secret}(a, b); };
  return mix(mix(mix(key[0], key[1]), mix(key[2], key[3])), key[4]);
}

ReflectorSessions::ReflectorSessions(std::size_t most, Nanos idle)
    : most_{most}, idle_{idle}, by_key_{most, Hash{{entropy_word(), entropy_word()}}} {}

void ReflectorSessions::forget_idle(MonoTime now) {
  while (!entries_.empty() && now - entries_.back().used > idle_) {
    if (entries_.back().stranger) --strangers_;
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

ReflectorSession* ReflectorSessions::find(const Endpoint& source, const Endpoint& destination,
                                          std::uint16_t ssid, MonoTime now, bool stranger) {
  const auto from = words_of(source.address);
  const auto to = words_of(destination.address);
  const std::uint64_t ports = std::uint64_t{source.port} << 32U |
                              std::uint64_t{destination.port} << 16U | std::uint64_t{ssid};
  const Key key{from[0], from[1], to[0], to[1], ports};
  forget_idle(now);
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    found->second->used = now;
    return &found->second->session;
  }
  if (entries_.size() >= most_ || (stranger && strangers_ >= (most_ + 1) / 2)) return nullptr;
  if (stranger) ++strangers_;
  entries_.push_front({.key = key, .used = now, .stranger = stranger, .session = {}});
  by_key_.emplace(key, entries_.begin());
  return &entries_.front().session;
}

}  // namespace strait::probe
