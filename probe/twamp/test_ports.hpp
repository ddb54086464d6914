// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "probe/reflector_policy.hpp"
#include "probe/socket/reflector.hpp"
#include "probe/twamp/server_connection.hpp"

namespace strait::probe::twamp {

struct PortRange {
  std::uint16_t first = 0;  // 0: whichever port is free
  std::uint16_t last = 0;

  [[nodiscard]] bool any() const { return first == 0; }
  [[nodiscard]] bool has(std::uint16_t port) const {
    return any() || (port >= first && port <= last);
  }
};

struct TestPortOptions {
  ReflectorPolicyOptions policy;
  PortRange ports;
  std::size_t sessions = 1024;                         // at a time, of all connections
  std::size_t receive_buffer = std::size_t{1} << 20U;  // octets asked of the kernel, per socket
  std::optional<Nanos> own_clock_error;                // the operator's word, for OwnClock
};

// The Session-Reflector (RFC 5357 section 4.2): a UDP socket for each session, bound to the address
// of its control connection. Only the session's sender gets replies. Used by the io_context's one
// thread.
class ReflectingPorts final : public TestPorts {
 public:
  ReflectingPorts(boost::asio::io_context& context, const TestPortOptions& options);
  ReflectingPorts(const ReflectingPorts&) = delete;
  ReflectingPorts& operator=(const ReflectingPorts&) = delete;
  ReflectingPorts(ReflectingPorts&&) = delete;
  ReflectingPorts& operator=(ReflectingPorts&&) = delete;
  ~ReflectingPorts() override;

  // A port below 1024 other than 862, one outside the range or one that is taken is not given:
  // another is.
  [[nodiscard]] Opened open(const TestSession& session, MonoTime now) override;
  void start(SessionNumber session, MonoTime now) override;
  void stop(SessionNumber session, MonoTime until) override;
  [[nodiscard]] MonoTime last_heard(SessionNumber session) const override;

  // Gives all ports back, so that the io_context runs out of work.
  void close();
  [[nodiscard]] std::size_t open_ports() const;
  [[nodiscard]] ReflectorCounters counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strait::probe::twamp
