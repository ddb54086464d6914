// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/result.hpp"
#include "probe/transport.hpp"
#include "probe/twamp/client_connection.hpp"

namespace strait::probe::twamp {

struct ClientOptions {
  std::string name;  // of the server, for messages
  Endpoint server;   // TCP
  PathPin pin;       // device, mark and source address of the control connection
  std::size_t sessions = 1;
  SessionWish wish;                         // of each; the ports are chosen here
  Nanos patience{std::chrono::seconds{5}};  // for the connection, and for each answer
};

// A session as both sides know it.
struct AgreedSession {
  std::size_t number = 0;  // which of the sessions that were wanted
  Endpoint sender;
  Endpoint reflector;

  friend bool operator==(const AgreedSession&, const AgreedSession&) = default;
};

// A TWAMP Control-Client (RFC 5357): connects, has its sessions accepted and started, as many of
// them as the server gives, and stops them. The test packets are somebody else's. Works while the
// io_context runs; used by that one thread.
class Client {
 public:
  // Called when the sessions have begun, and when the client has failed.
  using OnChange = std::function<void()>;

  Client(boost::asio::io_context& context, ClientOptions options, OnChange on_change);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  Client(Client&&) = delete;
  Client& operator=(Client&&) = delete;
  ~Client();  // stops

  [[nodiscard]] bool running() const;
  [[nodiscard]] bool failed() const;
  [[nodiscard]] const Error& failure() const;  // when it has failed
  // The sessions that are running.
  [[nodiscard]] const std::vector<AgreedSession>& agreed() const;
  // Why fewer of them are running than were wanted; nothing: all are.
  [[nodiscard]] std::optional<Error> shortfall() const;

  // The senders' ports are kept free until then: call it at the moment they are bound.
  void release_ports();

  // Ends what is running with Stop-Sessions, and closes the connection.
  void stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace strait::probe::twamp
