// SPDX-License-Identifier: Apache-2.0
#include "analyzer/outlook.hpp"

#include <fmt/format.h>

#include "analyzer/words.hpp"

namespace strait::analyzer {
namespace {

std::string bound_text(const std::optional<Nanos>& bound) {
  return bound ? delay_text(*bound) : std::string{"unknown"};
}

// Nothing where no path could be compared.
std::optional<std::string> to_a_better_path(const Verdict& verdict,
                                            const DecisionOptions& options) {
  if (!verdict.rival || !verdict.gain_wanted) return std::nullopt;
  if (!verdict.whole.empty() && verdict.path && verdict.rival == verdict.path) {
    return fmt::format(
        "it goes by {} again once {} no longer surely gains more than {} (its lower bound is {}) "
        "in "
        "{} windows running",
        verdict.whole, *verdict.path, delay_text(*verdict.gain_wanted),
        bound_text(verdict.gain_low), options.repeat);
  }
  return fmt::format(
      "{} is preferred once it surely gains more than {} (its lower bound is {}) in {} windows "
      "running ({} so far){}",
      *verdict.rival, delay_text(*verdict.gain_wanted), bound_text(verdict.gain_low),
      options.repeat, verdict.streak,
      verdict.hold_until && verdict.at < *verdict.hold_until
          ? fmt::format(", and not before {}", strait::to_string(*verdict.hold_until))
          : "");
}

}  // namespace

std::vector<std::string> outlook(const Verdict& verdict, const DecisionOptions& options) {
  std::vector<std::string> sentences;
  if (const auto better = to_a_better_path(verdict, options)) sentences.push_back(*better);
  if (verdict.path) {
    sentences.push_back(fmt::format(
        "{} is left at once when it surely loses more than {:.2f} %, or more than half of the "
        "newest window, and another path is eligible or surely loses less",
        *verdict.path, options.max_loss * 100));
  }
  for (const Ranked& ranked : verdict.ranking) {
    if (ranked.eligible) continue;
    sentences.push_back(fmt::format("{} is not eligible while: {}", ranked.path, ranked.reason));
  }
  return sentences;
}

}  // namespace strait::analyzer
