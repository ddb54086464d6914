// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "core/address.hpp"
#include "probe/prober.hpp"

namespace strait::probe {

// A SYN makes a host remember a connection, and looks like the beginning of an attack where many
// come; so nobody else's address gets more than one a second, unless somebody says that it may.
inline constexpr Nanos polite_interval = std::chrono::seconds{1};

// False for addresses that no one else has: loopback, link-local, private (RFC 1918, RFC 4193),
// benchmarking (RFC 2544), and those in `own`.
[[nodiscard]] bool is_foreign(const Address& address, std::span<const Address> own);

// The addresses of this machine; empty when the kernel does not say.
[[nodiscard]] std::vector<Address> own_addresses();

// Slows down the TCP sessions to foreign addresses so that the sessions to one address send one SYN
// a second together: over all paths, by all flows. True when that changed anything. Those with
// `force_rate` stay as they are.
bool make_polite(std::span<SessionSpec> sessions, std::span<const Address> own);

}  // namespace strait::probe
