// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/result.hpp"
#include "probe/reflector_policy.hpp"

namespace strait::probe {

struct ReflectorOptions {
  std::vector<Endpoint> listen;
  // Allows 0.0.0.0 and :: in `listen`. Off by default: a reflector that answers on every address of
  // the machine is easily more open than was meant.
  bool any = false;
  ReflectorPolicyOptions policy;
  ReflectorMode mode;
  std::size_t receive_buffer = std::size_t{4} << 20U;  // octets asked of the kernel, per socket
};

struct ReflectorCounters {
  std::uint64_t received = 0;
  std::uint64_t reflected = 0;
  std::map<std::string, std::uint64_t, std::less<>> refused;  // by reason
  std::map<std::string, std::uint64_t, std::less<>> errors;   // by kind
};

// Answers STAMP and TWAMP-Light requests on UDP sockets (RFC 8762 section 4.3): T2 is the kernel's
// stamp, T3 is read just before the reply is handed over, the reply leaves from the address that
// was asked and with the request's DSCP, or the one that a TLV asks for. Works while the io_context
// runs; used by that one thread.
class SocketReflector {
 public:
  [[nodiscard]] static Result<std::unique_ptr<SocketReflector>> open(
      boost::asio::io_context& context, const ReflectorOptions& options);

  SocketReflector(const SocketReflector&) = delete;
  SocketReflector& operator=(const SocketReflector&) = delete;
  SocketReflector(SocketReflector&&) = delete;
  SocketReflector& operator=(SocketReflector&&) = delete;
  ~SocketReflector();

  // Closes the sockets, so that the io_context runs out of work.
  void stop();
  [[nodiscard]] ReflectorCounters counters() const;
  // Where it listens; a port of 0 in the options has become the one that the kernel chose.
  [[nodiscard]] std::vector<Endpoint> endpoints() const;

 private:
  class Impl;
  explicit SocketReflector(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace strait::probe
