// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"
#include "routes/bmp_router.hpp"

namespace strait::routes {

struct BmpServerOptions {
  std::vector<Endpoint> listen;
  std::vector<Prefix> allow;  // where routers may be; nobody else is heard
  std::size_t routers = 64;   // that are connected at a time
  BmpLimits limits;           // of each router
};

// A router that is connected, or was.
struct MonitoredRouter {
  Address address;
  std::unique_ptr<BmpRouter> router;
  bool connected = false;
  WallTime since;              // connected or not
  std::string trouble;         // why it is not connected any more
  std::uint64_t sessions = 0;  // how often it connected
  std::uint64_t octets = 0;    // of this session
};

struct BmpServerCounters {
  std::uint64_t refused = 0;   // connections from elsewhere than `allow`
  std::uint64_t crowded = 0;   // connections above `routers`
  std::uint64_t replaced = 0;  // sessions that a newer one of the same router ended
};

// The station: hears the BMP sessions that routers open to it, and says nothing (RFC 7854 section
// 3.2). A router is named by its address; of two sessions of one router the newer one counts, since
// routers come back before the old connection is known to be dead. What a router said stays, as
// that of a router that is not connected, until it connects again and begins anew.
//
// All on the context's thread. Octets are read only when those before them have been worked off, so
// that a router that sends faster is held back by TCP.
class BmpServer {
 public:
  // Called after something changed: a router came or went, or messages were worked off.
  using Heard = std::function<void(const MonitoredRouter&)>;

  [[nodiscard]] static Result<std::unique_ptr<BmpServer>> open(boost::asio::io_context& context,
                                                               const BmpServerOptions& options,
                                                               const Clock& clock, Heard heard);
  BmpServer(const BmpServer&) = delete;
  BmpServer& operator=(const BmpServer&) = delete;
  BmpServer(BmpServer&&) = delete;
  BmpServer& operator=(BmpServer&&) = delete;
  ~BmpServer();

  [[nodiscard]] std::vector<Endpoint> endpoints() const;
  [[nodiscard]] std::vector<MonitoredRouter*> routers();  // by address
  [[nodiscard]] const BmpServerCounters& counters() const;
  void stop();  // closes everything; the context has no more work of ours

 private:
  class State;
  explicit BmpServer(std::shared_ptr<State> state) : state_{std::move(state)} {}
  std::shared_ptr<State> state_;
};

}  // namespace strait::routes
