// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "probe/socket/fd.hpp"

namespace strait::probe::kernel {

// The kernel switches receive stamping on some time after the first socket has asked for it (up to
// 50 ms were seen on a busy machine), and off when the last such socket goes. The returned socket
// keeps it on; when this returns, it works, as seen on loopback. After 100 ms in vain, or without a
// loopback device, it returns all the same: then the first replies have `user` stamps.
[[nodiscard]] Fd keep_stamping_on();

}  // namespace strait::probe::kernel
