// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "core/duration.hpp"
#include "core/result.hpp"

namespace strait::routes {

// What BIRD said to one command. Each line has a four-digit code: 0xxx done, 1xxx data, 8xxx
// failed, 9xxx misunderstood. A reply can hold an 8xxx line and still end in 0000.
struct BirdReply {
  struct Line {
    unsigned code = 0;
    std::string text;
  };
  std::vector<Line> lines;

  [[nodiscard]] bool ok() const;  // no 8xxx or 9xxx line in it
  [[nodiscard]] bool has(unsigned code) const;
  [[nodiscard]] std::string message() const;  // the lines that say what failed, else all
};

// A conversation with a running BIRD over its control socket; what birdc does, without its exit
// status, which is 0 for failures too. Not thread-safe. After an error it is of no more use.
class BirdControl {
 public:
  // Connects and reads the greeting. `timeout` is for each reply as a whole.
  [[nodiscard]] static Result<BirdControl> connect(const std::string& socket, Nanos timeout);

  BirdControl(BirdControl&& other) noexcept;
  BirdControl& operator=(BirdControl&&) = delete;
  BirdControl(const BirdControl&) = delete;
  BirdControl& operator=(const BirdControl&) = delete;
  ~BirdControl();

  // Sends one command line and waits for its whole reply. A reply that reports a failure is a
  // reply, not an error; see BirdReply::ok.
  [[nodiscard]] Result<BirdReply> ask(std::string_view command);

  struct Owner {
    unsigned user;
    unsigned group;
  };
  // Under whom BIRD runs.
  [[nodiscard]] Result<Owner> owner() const;

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  BirdControl(int fd, std::string socket, Nanos timeout);
  Result<std::string> read_line(Deadline deadline);
  Result<void> receive(Deadline deadline);  // a signal may come instead of octets
  Result<BirdReply> read_reply();

  int fd_;
  std::string socket_;
  Nanos timeout_;
  std::string buffer_;  // received and not yet read
};

}  // namespace strait::routes
