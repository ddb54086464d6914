// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/duration.hpp"
#include "core/result.hpp"
#include "probe/prober.hpp"

namespace strait::cli {

struct TwampKeeperOptions {
  bool again = true;  // a server that fails is asked again, after a pause that grows
  Nanos first_pause{std::chrono::seconds{1}};
  Nanos longest_pause{std::chrono::minutes{1}};
  Nanos patience{std::chrono::seconds{5}};  // for each answer of a server
  // Told of what changes: a server that fails, and one that is there again (`good`). On the
  // keeper's thread.
  std::function<void(bool good, const std::string&)> log;
};

// A server whose sessions we do not have, or not all of them.
struct TwampFailure {
  std::string path;
  std::string target;
  Error error;
};

// The control connections behind the TWAMP sessions among those that are to be probed: one for each
// path and target, on a thread of their own. While a session is not agreed on nothing of it may be
// sent. All members are called from one other thread.
class TwampKeeper {
 public:
  explicit TwampKeeper(TwampKeeperOptions options);
  TwampKeeper(const TwampKeeper&) = delete;
  TwampKeeper& operator=(const TwampKeeper&) = delete;
  TwampKeeper(TwampKeeper&&) = delete;
  TwampKeeper& operator=(TwampKeeper&&) = delete;
  ~TwampKeeper();  // ends all sessions with Stop-Sessions

  // The sessions that are wanted from now on; those of other protocols are none of its business.
  // The connections of unchanged ones stay.
  void want(const std::vector<probe::SessionSpec>& sessions);

  // Waits until each server has given its sessions or failed, or `stop` says so.
  void settle(const std::function<bool()>& stop) const;

  // Grows whenever what ready() or failures() give has changed.
  [[nodiscard]] std::uint64_t changes() const { return changes_.load(); }
  // The sessions as agreed on, with the ports of both ends.
  [[nodiscard]] std::vector<probe::SessionSpec> ready() const;
  [[nodiscard]] std::vector<TwampFailure> failures() const;
  // Servers that gave some of their sessions only. None with `again`: then they are asked for the
  // others, whose lack is among the failures until they are given.
  [[nodiscard]] std::vector<TwampFailure> shortfalls() const;
  // The local ports of the sessions are kept for them until then: call it at the moment before
  // their flows are opened.
  void release_ports();

 private:
  class Impl;
  std::atomic<std::uint64_t> changes_{0};
  std::unique_ptr<Impl> impl_;
};

[[nodiscard]] bool any_twamp(const std::vector<probe::SessionSpec>& sessions);

}  // namespace strait::cli
