// SPDX-License-Identifier: Apache-2.0
#include "probe/clock_quality.hpp"

#include <sys/timex.h>

#include <algorithm>

namespace strait::probe {

ClockQuality clock_quality(const timex& clock, int state) {
  const bool unsynchronised =
      state < 0 || state == TIME_ERROR || (static_cast<unsigned>(clock.status) & STA_UNSYNC) != 0;
  return {.synchronised = !unsynchronised,
          .max_error = std::chrono::microseconds{std::max<long>(clock.maxerror, 0)},
          .leap_second =
              state == TIME_INS || state == TIME_DEL || state == TIME_OOP || state == TIME_WAIT};
}

ClockQuality read_clock_quality() {
  timex clock{};  // modes = 0: read only
  const int state = adjtimex(&clock);
  return clock_quality(clock, state);
}

}  // namespace strait::probe
