// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/large_pages.hpp"

#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace strait::cli {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20U;
constexpr std::size_t large_page = 2 * mebibyte;
constexpr std::size_t worth_it = 8 * mebibyte;
constexpr std::size_t most = 1024 * mebibyte;
constexpr int usual_padding = 128 * 1024;  // glibc's M_TOP_PAD

}  // namespace

void expect_heap(std::size_t octets) {
  if (octets < worth_it) return;
  octets = std::min(octets, most);
  // Long vectors come from the heap too, and what is freed at its end stays.
  (void)::mallopt(M_MMAP_THRESHOLD, static_cast<int>(16 * mebibyte));
  (void)::mallopt(M_TRIM_THRESHOLD, static_cast<int>(most));
  (void)::mallopt(M_TOP_PAD, static_cast<int>(octets));
  void* const first = std::malloc(mebibyte);  // makes the heap grow by the padding as well
  (void)::mallopt(M_TOP_PAD, usual_padding);
  if (first == nullptr) return;
  void* begin = first;
  std::size_t left = octets;
  // Refused where the kernel has none: then the pages are small, as they were.
  if (std::align(large_page, large_page, begin, left) != nullptr) {
    (void)::madvise(begin, left / large_page * large_page, MADV_HUGEPAGE);
  }
  std::free(first);
}

}  // namespace strait::cli
