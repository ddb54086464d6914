// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/result.hpp"
#include "routes/apply/include_file.hpp"
#include "routes/apply/router_target.hpp"

namespace strait::routes {

// One route of a prefix, as the router shows it.
struct SeenRoute {
  std::string session;  // as `protocol` of a path; where no path has it, the router's own name
  bool best = false;
  std::optional<LocalPref> local_pref;  // BGP only
  bool marked = false;                  // carries 65535:0 or 65535:666
  // BIRD and FRR only:
  std::optional<Address> from;  // the neighbour; BIRD tells it where it is not the next hop
  std::optional<Address> next_hop;
};

// What telling a router comes down to; one implementation for each daemon. The plan is in the
// include file already. Nothing here believes an exit status alone. Not thread-safe.
class RouterControl {
 public:
  RouterControl() = default;
  RouterControl(const RouterControl&) = delete;
  RouterControl& operator=(const RouterControl&) = delete;
  RouterControl(RouterControl&&) = delete;
  RouterControl& operator=(RouterControl&&) = delete;
  virtual ~RouterControl() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;  // "BIRD"
  // Whether the router itself undoes what nobody confirms.
  [[nodiscard]] virtual bool has_timer() const = 0;
  // Whether it runs whatever the include file holds, so that it goes back only with the file.
  [[nodiscard]] virtual bool follows_file() const { return false; }
  // The daemon's own check of the file that is in place. Changes nothing.
  [[nodiscard]] virtual Result<void> check() = 0;
  // Runs it, with the router's rollback timer where there is one.
  [[nodiscard]] virtual Result<void> load() = 0;
  [[nodiscard]] virtual Result<void> confirm() = 0;
  // Back to `before`, what the file held before load(); nothing: there was no file. With a timer
  // that is what the router remembers.
  [[nodiscard]] virtual Result<void> undo(const std::optional<std::string>& before) = 0;
  // Runs the file that is in place, which holds `text`, for good; ends a timer that may run.
  [[nodiscard]] virtual Result<void> settle_on(const std::optional<std::string>& text) = 0;
  // All routes of exactly that prefix; none is no error.
  [[nodiscard]] virtual Result<std::vector<SeenRoute>> routes(const Prefix& prefix) = 0;
  // The prefixes that the router has from a neighbour inside its AS, behind its import policy,
  // sorted. BIRD and FRR only.
  [[nodiscard]] virtual Result<std::vector<Prefix>> heard_from(const Address& neighbor);
};

// The router of a target, which must answer. `lock`: of the apply that this is for; programs that
// change the router hold it too, so that nobody goes on from an apply that was killed while a
// program of it is still at work. It must outlive the control.
[[nodiscard]] Result<std::unique_ptr<RouterControl>> reach(const RouterTarget& target,
                                                           const ApplyLock* lock = nullptr);

// By the address of the neighbour, the session that it is at the other end of.
[[nodiscard]] std::string session_of(const std::vector<Path>& paths, const Address& neighbor);

}  // namespace strait::routes
