// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace strait::cli {

// The heap's next `octets` (at most 1 GiB count) are taken from the kernel at once and, where it
// has transparent huge pages (madvise(2), MADV_HUGEPAGE), in pages of 2 MiB: with ten thousand
// sessions each probe touches pages that the processor has no translation for, and each page's
// first use is a fault. Asks for nothing below 8 MiB; without huge pages nothing changes. Call it
// from the main thread, before what is going to need the memory.
void expect_heap(std::size_t octets);

}  // namespace strait::cli
