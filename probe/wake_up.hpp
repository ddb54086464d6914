// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace strait::probe {

// Asks the kernel to run the calling thread soon after its sleeps end: its timers are not rounded
// up (prctl PR_SET_TIMERSLACK), and from Linux 6.12 on it asks for time slices of 0.1 ms, for which
// it goes before a thread that is in the middle of a longer one. Needs no privilege and takes no
// more of a processor. Once per thread is enough; does nothing to real-time threads.
void sharpen_wake_ups();

}  // namespace strait::probe
