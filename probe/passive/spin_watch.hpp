// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "probe/passive/flow_report.hpp"

namespace strait::probe::passive {

// What the spin bits of one connection say (RFC 9000 section 17.4). The server repeats the
// client's, the client inverts the server's, so that each direction changes once in a round trip,
// in turns. Whoever does not take part sends any value, also random ones; packets may overtake one
// another; and an end may have nothing to send for long (RFC 9312 section 3.8.2). So nothing is
// believed before 24 changes came in turn, nothing of a connection where more than one of 16 does
// not or where round trips jump about, and no change behind a pause, unless it comes when the
// handshake lets expect it. Times are in nanoseconds.
class SpinWatch {
 public:
  struct Found {
    std::int64_t sent = 0;  // when the change came by that this one answers
    bool whole = false;     // there and back: only one direction is seen
    bool paused = false;    // behind a pause
  };
  // A 1-RTT packet's bit. `from_client`: who sent it.
  std::optional<Found> see(bool from_client, bool value, std::int64_t time);

  // The handshake's round trip: what to expect.
  void expect(std::int64_t round_trip) { usual_ = expected_ = round_trip; }
  // An end that takes another connection ID begins with 0 again.
  void restart();

  [[nodiscard]] SpinVerdict verdict() const;
  [[nodiscard]] const SpinCounts& counts() const { return counts_; }

 private:
  struct Way {
    std::int64_t changed = 0;  // when; 0: never
    std::int64_t newest = 0;   // packet
    bool known = false;
    bool value = false;
    std::uint8_t in_doubt = 0;  // packets running since it changed back sooner than it can
  };
  enum class Last : std::uint8_t { nobody, server, client };

  // A change, and how long after the one before and the packet before in its direction it came.
  struct Change {
    bool from_client = false;
    std::int64_t time = 0;
    std::int64_t since = 0;
    std::int64_t pause = 0;
  };
  [[nodiscard]] bool answers(const Change& change);
  std::optional<Found> take(const Change& change);
  void compare(std::int64_t round_trip);
  [[nodiscard]] bool in_turn() const;
  [[nodiscard]] bool steady() const;
  [[nodiscard]] bool trusted() const;

  std::array<Way, 2> ways_{};  // of the server, of the client
  SpinCounts counts_{};
  std::int64_t usual_ = 0;
  std::int64_t expected_ = 0;
  std::int64_t before_ = 0;  // the round trip before
  std::int64_t first_ = 0;
  std::int64_t newest_ = 0;
  Last last_ = Last::nobody;  // to change
};

}  // namespace strait::probe::passive
