// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.hpp"

namespace strait::cli {

// 0 fine, 1 a threshold or target failed, and for an error what the caller can do about it.
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_permission = 3;
inline constexpr int exit_io = 4;

// The only map from kinds of error to exit status.
[[nodiscard]] constexpr int exit_status(Errc code) {
  switch (code) {
    case Errc::bad_input:
    case Errc::not_found:
      return exit_usage;
    case Errc::no_permission:
    case Errc::unsupported:
      return exit_permission;
    case Errc::io:
      break;
  }
  return exit_io;
}

}  // namespace strait::cli
