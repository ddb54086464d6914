// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "core/clock.hpp"
#include "routes/sources/bmp_server.hpp"

namespace strait::cli {

// What happens at a station, told in lines: it remembers what it told of each router, and tells
// what is new.
class BmpStory {
 public:
  explicit BmpStory(bool json) : json_{json} {}

  // Whole lines, or nothing.
  [[nodiscard]] std::string news(const routes::MonitoredRouter& router, WallTime now);
  // The sum of what a router said, one line of each peer.
  [[nodiscard]] std::string sum(const routes::MonitoredRouter& router) const;
  // A file that was written or taken away, or what went wrong with it.
  [[nodiscard]] std::string file(const Address& router, std::string_view what,
                                 std::string_view text, WallTime now) const;

 private:
  struct SeenPeer {
    bool up = false;
    std::uint64_t ups = 0;
    std::uint64_t ended = 0;  // BmpPeer::ended as bits
  };
  struct Seen {
    bool connected = false;
    std::uint64_t sessions = 0;
    std::string name;
    std::map<std::tuple<std::uint8_t, std::uint64_t, Address, std::uint32_t>, SeenPeer> peers;
  };

  [[nodiscard]] std::string line(const Address& router, WallTime now, std::string_view event,
                                 const routes::BmpPeer* peer, std::string_view text) const;
  [[nodiscard]] std::string news_of(const Address& router, const routes::BmpPeer& peer,
                                    SeenPeer& seen, WallTime now) const;

  bool json_;
  std::map<Address, Seen> seen_;
};

}  // namespace strait::cli
