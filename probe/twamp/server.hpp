// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/address.hpp"
#include "core/result.hpp"
#include "probe/twamp/server_connection.hpp"
#include "probe/twamp/test_ports.hpp"

namespace strait::probe::twamp {

struct ServerOptions {
  std::vector<Endpoint> listen;  // TCP
  TestPortOptions test;          // its policy says whose connections are taken, too
  ServerLimits limits;
  std::size_t connections = 128;           // at a time
  std::size_t connections_per_client = 8;  // of one address
  Rate connection_rate{10};                // new ones of one address
};

struct ServerCounters {
  std::uint64_t connections = 0;  // accepted
  std::uint64_t sessions = 0;     // likewise
  Tallies refused;                // connections and requests, by reason
  Tallies ended;                  // connections, by reason
  ReflectorCounters test;         // packets of the sessions
};

// A TWAMP server (RFC 5357) with its Session-Reflector. Works while the io_context runs; used by
// that one thread.
class Server {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Server>> open(boost::asio::io_context& context,
                                                            const ServerOptions& options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  Server(Server&&) = delete;
  Server& operator=(Server&&) = delete;
  ~Server();

  // Closes everything, so that the io_context runs out of work.
  void stop();
  [[nodiscard]] ServerCounters counters() const;
  // Where it listens; a port of 0 in the options has become the one that the kernel chose.
  [[nodiscard]] std::vector<Endpoint> endpoints() const;
  [[nodiscard]] std::size_t connections() const;  // that are open
  [[nodiscard]] std::size_t test_ports() const;   // likewise

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace strait::probe::twamp
