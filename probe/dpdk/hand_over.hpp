// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "core/sanitizer.hpp"

#ifdef STRAIT_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

struct rte_mbuf;

namespace strait::probe::dpdk {

// DPDK's rings and pools order what two threads do to a packet buffer, one after the other. Debian
// does not build them for ThreadSanitizer, which sees no order then: so it is told, where buffers
// leave our hands and where they come into them. Otherwise nothing.
inline void give_frames([[maybe_unused]] std::span<rte_mbuf* const> frames) {
#ifdef STRAIT_THREAD_SANITIZER
  for (rte_mbuf* const frame : frames) __tsan_release(frame);
#endif
}

inline void take_frames([[maybe_unused]] std::span<rte_mbuf* const> frames) {
#ifdef STRAIT_THREAD_SANITIZER
  for (rte_mbuf* const frame : frames) __tsan_acquire(frame);
#endif
}

}  // namespace strait::probe::dpdk
