// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

namespace strait::probe {

// Tells probes that were lost on the way there from replies that were lost on the way back, by the
// reflector's own counting: the Sequence Number of a stateful reflector (RFC 8762 §4.3.1), or the
// counters of a Direct Measurement TLV (RFC 8972 §4.5). Nothing is assumed of a reflector: one that
// copies our numbers, or whose counter also counts for others, tells nothing, and then nothing is
// said. What was lost before the first reply that tells something is not judged.
class LossSplit {
 public:
  // The numbers of one reply that was not seen before. `sent`: how many we had sent, or the probe's
  // number; `received` and `replied`: the reflector's, the same for a Sequence Number.
  struct Numbers {
    std::uint32_t sent = 0;
    std::uint32_t received = 0;
    std::uint32_t replied = 0;
    bool counters = false;     // of a Direct Measurement TLV
    bool second_copy = false;  // this probe has been answered already
  };
  // How many more (or fewer, when one that was missing has come) are known to be lost.
  struct Step {
    std::int64_t forward = 0;
    std::int64_t reverse = 0;
    bool restarted = false;  // the reflector began to count anew
  };

  Step note(const Numbers& numbers);
  // A number was given to a probe that could not be sent: what came before it is history.
  void skip(std::uint32_t sent) {
    begun_ = false;
    not_before_ = sent + 1;
  }

  // The reflector counts this session by itself.
  [[nodiscard]] bool counts() const { return begun_ && state_ == State::counts; }

 private:
  enum class State : std::uint8_t { undecided, counts, unusable };

  void begin(const Numbers& numbers);
  void begin_at(const Numbers& numbers);
  [[nodiscard]] bool prove(const Numbers& numbers);
  [[nodiscard]] bool restarted(const Numbers& numbers) const;
  enum class Seen : std::uint8_t { fresh, before, too_old };
  [[nodiscard]] Seen look_up(std::uint32_t replied);
  [[nodiscard]] Step difference();
  // It does not count this session after all: what was said is taken back.
  [[nodiscard]] Step give_up();

  State state_ = State::undecided;
  bool begun_ = false;
  std::optional<std::uint32_t> not_before_;
  Numbers first_;
  Numbers newest_;             // the largest of each
  std::uint64_t recent_ = 0;   // bit n: reply newest_.replied - n has come
  std::uint32_t replies_ = 0;  // since first_
  std::uint32_t twice_ = 0;    // probes that arrived there twice
  std::int64_t forward_ = 0;   // as said so far
  std::int64_t reverse_ = 0;
};

}  // namespace strait::probe
