// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "tests/lab/command.hpp"
#include "tests/lab/delay_line.hpp"
#include "tests/lab/packet_socket.hpp"
#include "tests/lab/paths.hpp"

namespace strait::lab {

// The paths with their interfaces: takes frames in, holds each for its delay, sends it out at the
// other end. Driven by a loop that waits for fds() and next_due(). One thread.
class Emulator {
 public:
  // `log`, when it is open, gets one line of CSV for each packet.
  Emulator(std::uint64_t seed, std::ofstream log);

  // Runs a command; what it answers, whole lines. Times on the timetable count from `now`.
  [[nodiscard]] Result<std::string> run(const Command& command, WallTime now);

  [[nodiscard]] std::vector<int> fds() const;
  void receive(std::size_t port);      // index into fds()
  void clear_error(std::size_t port);  // a link that went down, or away: else poll() never waits
  // Moves on to `now`: makes the changes and sends the frames that are due.
  void advance(const Clock& clock);
  [[nodiscard]] std::optional<WallTime> next_due() const;
  void flush() { log_.flush(); }

 private:
  // A path as one of its two interfaces has it.
  struct End {
    std::size_t path = 0;
    Direction direction = Direction::out;  // of what comes in here
    Tags tags;                             // none at the far end
    std::size_t peer = 0;                  // the port it leaves by
    Tags peer_tags;
  };
  struct Port {
    PacketSocket socket;
    std::string name;
    std::vector<End> ends;
    std::uint64_t strange = 0;  // tags or labels of no path: dropped
  };

  [[nodiscard]] Result<void> add(const AddPath& path);
  [[nodiscard]] Result<std::size_t> port(const std::string& interface);
  void take(Port& in, std::span<const std::byte> frame, WallTime arrived);
  [[nodiscard]] std::string stats();
  void send(std::size_t port, const std::vector<Held>& frames, const Clock& clock);
  void write_log(std::size_t lane, WallTime arrived, std::optional<WallTime> due,
                 std::optional<WallTime> sent, std::string_view fate);

  Paths paths_;
  std::vector<Port> ports_;
  DelayLine line_;
  std::multimap<WallTime, Change> timetable_;
  std::ofstream log_;
};

}  // namespace strait::lab
