// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/window.hpp"
#include "exporters/snapshot.hpp"

namespace strait::cli {

// What every session has done since the service started: the closed windows added up, plus the open
// one as it stands. Counters made from it only grow, because a window that closes holds at least
// what it held while it was open.
class Totals {
 public:
  void add(std::span<const Window> closed);
  // The same for windows that are no evidence: they count, and are nobody's newest.
  void add_refused(std::span<const Window> closed);
  void forget_newest(std::string_view path);
  // Sessions that are no longer configured go with their next reading.
  void keep_only(const std::vector<SessionKey>& sessions);

  // One snapshot for each session, its flows merged: the newest window is that of the flows whose
  // window is newest. `region_of` knows the region of each target.
  [[nodiscard]] std::vector<exporters::SessionSnapshot> with(
      std::span<const Window> open,
      const std::map<std::string, std::string, std::less<>>& region_of) const;

 private:
  struct Session {
    Window total;
    std::optional<Window> newest;
  };
  Session& add_up(const Window& window);

  std::map<SessionKey, Session> sessions_;
};

}  // namespace strait::cli
