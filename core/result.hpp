// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace strait {

// What the caller can do about it; `main` maps each to an exit status.
enum class Errc {
  bad_input,      // usage, configuration or data that does not parse: exit 2
  not_found,      // something named does not exist: exit 2
  no_permission,  // privilege or device is missing: exit 3
  unsupported,    // this build, machine or peer cannot do it: exit 3
  io,             // the world failed us: exit 4
};

// What went wrong, and where, in words an operator can act on.
struct Error {
  Errc code;
  std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Errc code, std::string message) {
  return tl::make_unexpected(Error{code, std::move(message)});
}

// Hands the error of one Result on as that of another.
template <class T>
[[nodiscard]] tl::unexpected<Error> fail(Result<T>&& result) {
  return tl::make_unexpected(std::move(result).error());
}

}  // namespace strait
