// SPDX-License-Identifier: Apache-2.0
#include "probe/wake_up.hpp"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace strait::probe {
namespace {

// sched_setattr(2), which glibc 2.36 does not wrap.
struct SchedAttr {
  std::uint32_t size = sizeof(SchedAttr);
  std::uint32_t policy = SCHED_OTHER;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;  // ns; of a SCHED_OTHER thread the slice that it would like
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
  std::uint32_t util_min = 0;
  std::uint32_t util_max = 0;
};
static_assert(sizeof(SchedAttr) == 56);

constexpr std::uint64_t shortest_slice = 100'000;  // the least that the kernel grants

void ask_for_short_slices() {
  SchedAttr attributes;
  if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
  if (attributes.policy != SCHED_OTHER) return;
  attributes.runtime = shortest_slice;
  // Older kernels ignore it, sandboxes may refuse it: then wake-ups stay as they are.
  static_cast<void>(::syscall(SYS_sched_setattr, 0, &attributes, 0));
}

}  // namespace

void sharpen_wake_ups() {
  thread_local bool done = false;
  if (done) return;
  done = true;
  static_cast<void>(::prctl(PR_SET_TIMERSLACK, 1UL));  // ns
  ask_for_short_slices();
}

}  // namespace strait::probe
