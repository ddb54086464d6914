// SPDX-License-Identifier: Apache-2.0
#include "analyzer/words.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

namespace strait::analyzer {

std::string_view to_string(Adequacy adequacy) {
  return adequacy == Adequacy::adequate ? "adequate" : "insufficient";
}

std::string_view to_string(Ruling ruling) {
  switch (ruling) {
    case Ruling::prefer:
      return "prefer";
    case Ruling::keep:
      return "keep";
    case Ruling::insufficient:
      return "insufficient";
    case Ruling::forbidden:
      return "forbidden";
  }
  return "?";
}

std::string quantile_name(double q) { return fmt::format(FMT_COMPILE("p{:.6g}"), q * 100); }

std::string delay_text(Nanos delay) {
  return delay == infinite_delay ? "infinite" : strait::to_text(delay);
}

std::string to_text(const Percentile& percentile) {
  const std::string name = quantile_name(percentile.q);
  if (percentile.infinite()) return fmt::format(FMT_COMPILE("{} infinite"), name);
  if (!percentile.low || !percentile.high) {
    return fmt::format(FMT_COMPILE("{} {} [insufficient]"), name, delay_text(percentile.value));
  }
  return fmt::format(FMT_COMPILE("{} {} [{}, {}]"), name, delay_text(percentile.value),
                     delay_text(*percentile.low), delay_text(*percentile.high));
}

std::string mixture_text(const Evidence& evidence) {
  const std::size_t members = evidence.mixed_members();
  return members < 2 ? "" : fmt::format(FMT_COMPILE(", mixed over {} ECMP members"), members);
}

std::string to_text(const Proportion& loss) {
  if (loss.trials == 0) return "nothing was sent";
  return fmt::format(FMT_COMPILE("{:.2f} % [{:.2f} %, {:.2f} %] of {} lost"), loss.value * 100,
                     loss.low * 100, loss.high * 100, loss.trials);
}

}  // namespace strait::analyzer
