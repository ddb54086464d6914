// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/duration.hpp"
#include "core/result.hpp"

namespace strait::exporters {

struct HttpAnswer {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// By path, such as "/metrics". Called on the server's render thread, one call at a time.
using HttpRoutes = std::map<std::string, std::function<HttpAnswer()>, std::less<>>;

struct HttpServerOptions {
  std::vector<Endpoint> listen;
  std::size_t max_connections = 256;  // one more takes the place of the one idle for the longest
  std::size_t max_header_bytes = 8192;
  std::size_t max_body_bytes = 4096;               // of a request; it is ignored
  Nanos idle_timeout{std::chrono::seconds{90}};    // between two requests of a connection
  Nanos request_timeout{std::chrono::seconds{5}};  // from the first octet of a request to its end
  Nanos write_timeout{std::chrono::seconds{10}};   // for a whole response
};

// A small HTTP/1.1 server for GET and HEAD (RFC 9110, RFC 9112) on a thread of its own. No client,
// however slow or broken, holds up another one or the caller.
class HttpServer {
 public:
  // Listens on every endpoint or fails. Port 0 takes a free port; see endpoints().
  [[nodiscard]] static Result<HttpServer> start(HttpServerOptions options, HttpRoutes routes);

  HttpServer(HttpServer&&) noexcept;
  HttpServer& operator=(HttpServer&&) noexcept;
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();  // stops

  [[nodiscard]] const std::vector<Endpoint>& endpoints() const;

  // Closes all connections and returns within a second. Harmless when called again.
  void stop();

 private:
  class State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace strait::exporters
