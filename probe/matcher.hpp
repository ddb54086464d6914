// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "core/clock.hpp"
#include "core/window.hpp"

namespace strait::probe {

// A timestamp's uncertainty in 10 bits, rounded up: to the nanosecond below 64 ns, to 3.2 % above,
// so that it never understates. What is beyond 67 s reads as 67 s.
struct CoarseUncertainty {
  static constexpr std::uint64_t most = std::uint64_t{63} << 30U;

  // Five bits of mantissa behind a leading one, above them the shift plus one. A mantissa that is
  // rounded up to 64 carries into the shift, which is just right.
  [[nodiscard]] static constexpr std::uint16_t encode(Nanos uncertainty) {
    if (uncertainty <= Nanos{0}) return 0;
    const auto value = std::min(static_cast<std::uint64_t>(uncertainty.count()), most);
    if (value < 32) return static_cast<std::uint16_t>(value);
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 6U;
    const std::uint64_t mantissa = (value + (std::uint64_t{1} << shift) - 1) >> shift;
    return static_cast<std::uint16_t>((shift << 5U) + mantissa);
  }
  [[nodiscard]] static constexpr Nanos decode(std::uint16_t code) {
    if (code < 32) return Nanos{code};
    const auto mantissa = static_cast<std::int64_t>((code & 31U) | 32U);
    return Nanos{mantissa << ((code >> 5U) - 1U)};
  }
};

// A probe that was sent. 32 octets, so that two share a cache line and none straddles one.
struct Probe {
  enum class State : std::uint8_t {
    none,  // never sent
    outstanding,
    stamp_pending,  // answered, but its transmit stamp is still to come
    answered,
    lost,
    answered_late,
    forgotten,  // its place was given to a later one, or is new
  };

  MonoTime sent_mono;  // once it is answered: the round trip, see answer()
  WallTime sent_wall;
  std::uint64_t wire_time = 0;  // T1 as it stands in the packet
  std::uint32_t sequence = 0;
  std::uint16_t epoch = 0;  // low bits of the number of the window it belongs to
  State state : 3 = State::none;
  StampSource source : 2 = StampSource::user;
  bool stamp_follows : 1 = false;  // a better send time is on its way
  std::uint16_t uncertainty_code : 10 = 0;

  [[nodiscard]] bool belongs_to(std::uint32_t window) const {
    return static_cast<std::uint16_t>(window) == epoch;
  }
  void set_uncertainty(Nanos uncertainty) {
    uncertainty_code = CoarseUncertainty::encode(uncertainty) & 0x3ffU;
  }
  // Nobody asks for the send time of an answered probe, so its place holds the round trip: nothing
  // where there is none, or none that counts.
  void answer(std::optional<Nanos> rtt) {
    state = State::answered;
    sent_mono = rtt ? MonoTime{*rtt} : MonoTime::min();
  }
  [[nodiscard]] std::optional<Nanos> round_trip() const {
    if (state != State::answered || sent_mono == MonoTime::min()) return std::nullopt;
    return sent_mono.time_since_epoch();
  }
  // Of the send time.
  [[nodiscard]] Nanos uncertainty() const { return CoarseUncertainty::decode(uncertainty_code); }
};
static_assert(sizeof(Probe) == 32);

// What a reply's sequence number says. A reply beyond the time-out is for the caller to tell: the
// matcher has no clock.
enum class Match : std::uint8_t {
  first,      // the first reply to an outstanding probe
  late,       // the first reply to a probe that was called lost
  duplicate,  // a further reply (RFC 5560)
  replayed,   // a number of this session that was used so long ago that its probe is forgotten
  unknown,    // a number that was never sent
};

// The probes of one session, in a ring indexed by sequence number; 32-bit wrap-around is no event.
// Decided probes stay until their place is needed, which is what tells duplicates and late replies
// from strangers. The ring begins small and doubles when half of it is open, up to its capacity: a
// session whose replies come soon stays small, and in the cache, however long its time-out.
class Matcher {
 public:
  // At most `capacity` probes are remembered, and no fewer than are open; rounded up to a power of
  // two.
  Matcher(std::uint64_t capacity, std::uint32_t first_sequence);

  // Room for twice the probes of one time-out, so that the oldest place is decided long before it
  // is needed, even under a Poisson schedule.
  [[nodiscard]] static std::uint64_t capacity_for(Nanos interval, Nanos timeout);

  [[nodiscard]] std::uint32_t next_sequence() const { return head_; }
  // The next place holds a probe whose fate is open: sending would forget it.
  [[nodiscard]] bool full() const { return head_ - tail_ >= capacity_; }
  // Probes between the oldest undecided one and the newest; 0 when all are decided.
  [[nodiscard]] std::uint32_t span() const { return head_ - tail_; }

  // The place for next_sequence(), marked outstanding. Not when full(). Places that were given out
  // before may move.
  Probe& push() {
    if (span() >= crowded_) [[unlikely]]
      grow();
    Probe& probe = ring_[head_ & mask_];
    probe.sequence = head_;
    probe.state = Probe::State::outstanding;
    ++head_;
    ++sent_;
    return probe;
  }

  // Forgets the newest probe: it was not sent after all.
  void unpush() {
    --head_;
    --sent_;
  }

  // The oldest probe whose fate is open; null when there is none.
  [[nodiscard]] Probe* oldest() {
    while (tail_ != head_) {
      Probe& probe = ring_[tail_ & mask_];
      if (undecided(probe)) return &probe;
      ++tail_;
    }
    return nullptr;
  }

  // Asks for the places of the next probe and of the oldest open one to be brought into the cache.
  void prefetch_ends() const {
    __builtin_prefetch(&ring_[head_ & mask_], 1);
    __builtin_prefetch(&ring_[tail_ & mask_], 1);
  }
  // The same for the place of a probe that may have been sent.
  void prefetch(std::uint32_t sequence) const { __builtin_prefetch(&ring_[sequence & mask_], 1); }

  // The fate of this probe is known. Said at once, oldest() need not look at it later, when it has
  // long left the cache.
  void decided(std::uint32_t sequence) {
    if (sequence == tail_) ++tail_;
  }

  // A probe that was pushed a moment ago and has not been decided.
  [[nodiscard]] Probe& newest(std::uint32_t sequence) { return ring_[sequence & mask_]; }

  // The remembered probe of this number; null when it is not remembered.
  [[nodiscard]] Probe* find(std::uint32_t sequence) {
    const std::uint32_t age = head_ - 1 - sequence;
    if (age > mask_ || age >= sent_) return nullptr;
    Probe& probe = ring_[sequence & mask_];
    return probe.state == Probe::State::forgotten ? nullptr : &probe;
  }

  struct Found {
    Match match;
    Probe* probe;  // null for replayed and unknown
  };
  [[nodiscard]] Found match(std::uint32_t sequence) {
    const std::uint32_t age = head_ - 1 - sequence;
    if (age >= sent_) return {Match::unknown, nullptr};
    if (age > mask_) return {Match::replayed, nullptr};
    Probe& probe = ring_[sequence & mask_];
    switch (probe.state) {
      case Probe::State::outstanding:
        return {Match::first, &probe};
      case Probe::State::lost:
        return {Match::late, &probe};
      case Probe::State::none:
        return {Match::unknown, nullptr};
      case Probe::State::forgotten:
        return {Match::replayed, nullptr};
      default:
        return {Match::duplicate, &probe};
    }
  }

  [[nodiscard]] std::size_t memory_bytes() const { return ring_.size() * sizeof(Probe); }

  // RFC 4737 §3.3: true if `sequence` is below the next expected one, else that moves past it.
  [[nodiscard]] bool reordered(std::uint32_t sequence) {
    if (static_cast<std::int32_t>(sequence - next_expected_) < 0) return true;
    next_expected_ = sequence + 1;
    return false;
  }

 private:
  static bool undecided(const Probe& probe) {
    return probe.state == Probe::State::outstanding || probe.state == Probe::State::stamp_pending;
  }
  void grow();
  void set_size(std::size_t size);

  std::vector<Probe> ring_;
  std::uint32_t capacity_;
  std::uint32_t mask_ = 0;
  std::uint32_t crowded_ = 0;  // a span from which on the ring should grow, if it can
  std::uint32_t head_;         // next to send
  std::uint32_t tail_;         // all before it are decided
  std::uint32_t next_expected_;
  std::uint64_t sent_ = 0;
};

}  // namespace strait::probe
