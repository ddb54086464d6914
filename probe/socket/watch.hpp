// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "core/duration.hpp"
#include "core/result.hpp"
#include "probe/socket/fd.hpp"

namespace strait::probe::kernel {

class Channel;

// Waits for any of the channels' sockets. A descriptor in an epoll set is called back by the kernel
// for each packet that is sent, stamped or received, whether or not anybody waits; one that is
// polled is not. So the first few are polled, and only the others are in an epoll set.
class Watch {
 public:
  struct Ready {
    Channel* channel = nullptr;
    bool has_errors = false;  // something is in the error queue
  };

  [[nodiscard]] static Result<Watch> open();

  [[nodiscard]] Result<void> add(Channel& channel);
  void remove(Channel& channel);

  // Those that have something, after at most `timeout`. Valid until the next call.
  [[nodiscard]] std::span<const Ready> wait(Nanos timeout);

 private:
  explicit Watch(Fd epoll) : epoll_{std::move(epoll)} {}
  void take_epoll();

  Fd epoll_;
  std::vector<pollfd> polled_;  // the channels', then the epoll set's if it has members
  std::vector<Channel*> channels_;
  std::size_t in_epoll_ = 0;
  std::vector<Ready> ready_;
};

}  // namespace strait::probe::kernel
