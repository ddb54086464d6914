// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "core/address.hpp"
#include "core/result.hpp"
#include "probe/socket/fd.hpp"

namespace strait::probe::kernel {

// A reflector's non-blocking UDP socket on `local`: it tells when each request came, with what hop
// limit and traffic class and to which address; replies leave with a hop limit of 255.
[[nodiscard]] Result<Fd> open_listener(const Endpoint& local, std::size_t receive_buffer);

}  // namespace strait::probe::kernel
