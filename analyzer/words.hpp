// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "analyzer/evidence.hpp"
#include "analyzer/verdict.hpp"

namespace strait::analyzer {

// Evidence in words and numbers, for people. A number that does not exist is a word.

[[nodiscard]] std::string_view to_string(Adequacy adequacy);

// "p95" for 0.95, "p99.9" for 0.999.
[[nodiscard]] std::string quantile_name(double q);

// "19.62 ms", or "infinite" for a lost probe's delay.
[[nodiscard]] std::string delay_text(Nanos delay);

// "p95 19.62 ms [19.41 ms, 19.90 ms]"; "p95 19.62 ms [insufficient]" where the probes are too few
// for both bounds; "p95 infinite" where it falls on lost probes.
[[nodiscard]] std::string to_text(const Percentile& percentile);

// ", mixed over 2 ECMP members" where its percentiles are; else nothing.
[[nodiscard]] std::string mixture_text(const Evidence& evidence);

// "0.33 % [0.09 %, 1.21 %] of 600 lost"; "nothing was sent".
[[nodiscard]] std::string to_text(const Proportion& loss);

}  // namespace strait::analyzer
