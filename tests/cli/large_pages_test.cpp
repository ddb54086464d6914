// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/large_pages.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/sanitizer.hpp"

namespace strait::cli {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20U;

long page_faults() {
  rusage usage{};
  (void)::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

// Of filling 32 MiB in blocks of 1 kB.
long faults_of_many_blocks() {
  std::vector<void*> blocks(std::size_t{32} * 1024);
  const long before = page_faults();
  for (void*& block : blocks) {
    block = std::malloc(1000);
    if (block != nullptr) std::memset(block, 1, 1000);
  }
  const long faults = page_faults() - before;
  for (void* const block : blocks) std::free(block);
  return faults;
}

// In a process of its own, whose heap nobody has used or expects anything of.
int status_of(bool (*holds)()) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(holds() ? 0 : 1);
  int status = -1;
  (void)::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Whether the kernel has them to give at this moment: memory may be too scattered.
bool has_large_pages() {
  constexpr std::size_t size = 64 * mebibyte;
  void* const memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  const bool asked = ::madvise(memory, size, MADV_HUGEPAGE) == 0;
  const long before = page_faults();
  std::memset(memory, 1, size);
  const long faults = page_faults() - before;
  ::munmap(memory, size);
  return asked && faults < 1000;
}

TEST_CASE("a heap that is expected is not faulted in by small pages, and can be outgrown") {
#if defined(STRAIT_ADDRESS_SANITIZER) || defined(STRAIT_THREAD_SANITIZER)
  WARN("the sanitizers have a heap of their own");
#else
  if (status_of(has_large_pages) != 0) {
    WARN("the kernel has no large pages to give: whether they are used is not seen");
  } else {
    CHECK(status_of([] {
            expect_heap(64 * mebibyte);
            return faults_of_many_blocks() < 2000;
          }) == 0);
  }
  CHECK(status_of([] {
          expect_heap(8 * mebibyte);
          return faults_of_many_blocks() >= 0;
        }) == 0);
#endif
}

}  // namespace
}  // namespace strait::cli
