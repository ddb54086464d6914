// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/duration.hpp"
#include "core/result.hpp"

namespace strait {

// How another program ended.
struct ProgramEnd {
  int status = 0;      // exit status; 128 + N: ended by signal N
  std::string output;  // standard output and standard error, as they came
};

// Runs a program (the first word, looked for in PATH) with nothing at its standard input, and waits
// for it. It is in a process group of its own, so that an interrupt from the terminal does not end
// it half way. One that is not done within `patience`, or says more than 64 MiB, is killed: an
// error. It inherits no descriptor but `keep`, if there is one. A status other than 0 is a value.
[[nodiscard]] Result<ProgramEnd> run_program(std::span<const std::string> words, Nanos patience,
                                             std::optional<int> keep = std::nullopt);

}  // namespace strait
