// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/address.hpp"
#include "core/clock.hpp"
#include "probe/chrony_tracking.hpp"

namespace strait::probe {

// Asks chronyd over its command port on the loopback, which anybody on this machine may ask for
// what it tracks. Never waits: an answer is taken at the next call.
class ChronyWatch {
 public:
  // The first of `places` at which somebody listens.
  explicit ChronyWatch(std::vector<Endpoint> places = default_places());
  ~ChronyWatch();
  ChronyWatch(const ChronyWatch&) = delete;
  ChronyWatch& operator=(const ChronyWatch&) = delete;
  ChronyWatch(ChronyWatch&&) = delete;
  ChronyWatch& operator=(ChronyWatch&&) = delete;

  // Takes what has been answered and asks again; with `wait` it waits so long at most, if somebody
  // listens. Nothing where nobody does, may be asked, or has answered for 5 s.
  std::optional<ChronyStatus> ask(MonoTime now, Nanos wait = {});

  [[nodiscard]] static std::vector<Endpoint> default_places();

 private:
  bool open();
  [[nodiscard]] bool refused(MonoTime now);  // false: what came is taken
  [[nodiscard]] bool ask_here(MonoTime now, Nanos wait);
  void leave();

  std::vector<Endpoint> places_;
  std::size_t place_ = 0;
  int socket_ = -1;
  std::uint32_t sequence_;
  std::optional<MonoTime> answered_;
  ChronyStatus status_;
};

}  // namespace strait::probe
