// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/duration.hpp"
#include "core/result.hpp"
#include "routes/sources/rtr_view.hpp"

namespace strait::routes {

// Hears the VRPs of caches by the RPKI to Router Protocol (RFC 8210, version 1, and 0 where a cache
// knows no other), over TCP: all at the same time, on a thread of its own, from start() until it is
// destroyed. What a cache says takes effect only as a whole, at its End of Data. The functions may
// be called from any thread.
//
// A cache is trusted as much as a file of VRPs is: TCP alone does not tell who is at the other end.
class RtrClient {
 public:
  // At least one cache; the first ones are preferred. `clock` must outlive the client.
  [[nodiscard]] static Result<std::unique_ptr<RtrClient>> start(const std::vector<RtrCache>& caches,
                                                                const Clock& clock);
  RtrClient(const RtrClient&) = delete;
  RtrClient& operator=(const RtrClient&) = delete;
  RtrClient(RtrClient&&) = delete;
  RtrClient& operator=(RtrClient&&) = delete;
  ~RtrClient();

  [[nodiscard]] std::vector<RtrStatus> status() const;
  [[nodiscard]] RtrView view() const;
  // The view as soon as a cache has told all it has, every cache is in trouble, or `patience` is
  // over.
  [[nodiscard]] RtrView first_view(Nanos patience) const;

 private:
  class Session;
  struct Board;

  explicit RtrClient(const Clock& clock);

  const Clock& clock_;
  std::unique_ptr<Board> board_;  // outlives the sockets of the sessions
  std::vector<std::unique_ptr<Session>> sessions_;
  std::thread thread_;
};

}  // namespace strait::routes
