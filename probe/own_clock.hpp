// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "probe/chrony_watch.hpp"
#include "probe/clock_quality.hpp"
#include "probe/ptp_management.hpp"

namespace strait::probe {

// Asks linuxptp's ptp4l over its local management socket, without ever waiting for it: an answer is
// taken at the next call. linuxptp writes 0 into the kernel's bound, so what it knows must be
// asked.
class PtpWatch {
 public:
  enum class Standing : std::uint8_t {
    absent,  // nobody listens there
    silent,  // somebody does, and has not answered for 5 s, or may not be asked
    known,
  };

  // The first of `sockets` at which somebody listens.
  explicit PtpWatch(std::vector<std::string> sockets);
  ~PtpWatch();
  PtpWatch(const PtpWatch&) = delete;
  PtpWatch& operator=(const PtpWatch&) = delete;
  PtpWatch(PtpWatch&&) = delete;
  PtpWatch& operator=(PtpWatch&&) = delete;

  // Takes what has been answered and asks again. With `wait` it asks in every domain, and waits so
  // long at most if somebody listens.
  Standing ask(MonoTime now, Nanos wait = {});
  [[nodiscard]] const PtpStatus& status() const { return status_; }
  // Of no meaning to a clock that is one itself.
  [[nodiscard]] const PtpGrandmaster& grandmaster() const { return grandmaster_; }

 private:
  bool open();
  void take(MonoTime now);
  void take(std::span<const std::byte> message, MonoTime now);
  [[nodiscard]] bool complete() const;
  Standing forget(Standing standing);
  void wait_for_answer(MonoTime now, Nanos most);
  [[nodiscard]] bool send();  // false: nobody listens
  [[nodiscard]] bool send(const std::string& path);

  std::vector<std::string> sockets_;
  int socket_ = -1;
  std::uint16_t sequence_ = 0;
  std::optional<std::uint8_t> domain_;  // that answered
  std::uint8_t next_domain_ = 0;        // to try
  std::optional<MonoTime> answered_;
  std::optional<MonoTime> grandmaster_told_;
  PtpStatus status_;
  PtpGrandmaster grandmaster_;
};

// What daemons say of this machine's clock.
struct ClockDaemons {
  PtpWatch::Standing ptp_standing = PtpWatch::Standing::absent;
  PtpStatus ptp;
  PtpGrandmaster grandmaster;
  std::optional<ChronyStatus> chrony;  // nothing: it is not there or does not say
};

// What this machine's wall clock is worth. The kernel's word (adjtimex(2)) is what a daemon wrote
// into it when it last did, so chronyd's own, where it tells, takes its place. ptp4l writes no
// bound there: where it runs, the worse of its own and the kernel's counts, and one that does not
// answer, or whose grandmaster is not on UTC, leaves the clock unsynchronised, for then nobody
// knows. An operator who knows better, because the host or a receiver keeps the clock behind the
// kernel's back, may tell: that makes it synchronised, and no better than told.
class OwnClock {
 public:
  explicit OwnClock(std::optional<Nanos> told = {},
                    std::vector<std::string> ptp_sockets = {"/run/ptp4lro", "/run/ptp4l"},
                    std::vector<Endpoint> chrony_places = ChronyWatch::default_places());

  // To be called about once a second; waits for the daemons the first time, 200 ms at most, and
  // never again.
  [[nodiscard]] ClockQuality read();
  // What they said then.
  [[nodiscard]] const ClockDaemons& daemons() const { return daemons_; }

 private:
  std::optional<Nanos> told_;
  PtpWatch ptp_;
  ChronyWatch chrony_;
  ClockDaemons daemons_;
  bool asked_ = false;
};

// Such a clock's read(); a copy has a clock of its own, for another thread.
[[nodiscard]] std::function<ClockQuality()> own_clock_reader(std::optional<Nanos> told = {});

// Pure: what read() makes of them all.
[[nodiscard]] ClockQuality judge_clock(const ClockQuality& kernel, const ClockDaemons& daemons,
                                       std::optional<Nanos> told);

}  // namespace strait::probe
