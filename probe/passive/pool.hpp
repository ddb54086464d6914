// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace strait::probe::passive {

// Address space that takes memory only where it is used; huge pages where the kernel has them and
// it is worth it. Errors: std::bad_alloc.
[[nodiscard]] inline void* map_pages(std::size_t bytes) {
  constexpr std::size_t worth_huge_pages = std::size_t{16} << 20U;
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc{};  // NOLINT(misc-const-correctness)
  if (bytes >= worth_huge_pages) static_cast<void>(::madvise(memory, bytes, MADV_HUGEPAGE));
  return memory;
}

// For large containers whose elements are looked at in any order.
template <class T>
struct PageAllocator {
  using value_type = T;  // NOLINT(readability-identifier-naming): the standard's

  PageAllocator() = default;
  template <class Other>
  explicit PageAllocator(const PageAllocator<Other>& /*other*/) {}
  [[nodiscard]] static T* allocate(std::size_t count) {
    return static_cast<T*>(map_pages(count * sizeof(T)));
  }
  static void deallocate(T* memory, std::size_t count) { ::munmap(memory, count * sizeof(T)); }
  friend bool operator==(const PageAllocator&, const PageAllocator&) { return true; }
};

// At most `limit` objects in one stretch of address space, which takes memory only where it has
// been used; huge pages where the kernel has them, because the flows of a capture come in any
// order. A handle is an index from 1 on; 0 is none.
template <class T>
class Pool {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  using Handle = std::uint32_t;

  explicit Pool(std::uint32_t limit) : limit_{limit}, bytes_{(limit + std::size_t{1}) * sizeof(T)} {
    base_ = static_cast<T*>(map_pages(bytes_));
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  Pool(Pool&& other) = delete;
  Pool& operator=(Pool&&) = delete;
  ~Pool() { ::munmap(base_, bytes_); }

  // A new object; 0 when all are in use.
  [[nodiscard]] Handle take() {
    Handle handle = 0;
    if (!free_.empty()) {
      handle = free_.back();
      free_.pop_back();
    } else if (used_ < limit_) {
      handle = ++used_;
    } else {
      return 0;
    }
    new (base_ + handle) T{};
    return handle;
  }
  void give_back(Handle handle) { free_.push_back(handle); }

  [[nodiscard]] T& operator[](Handle handle) {
    assert(handle > 0 && handle <= used_);
    return base_[handle];
  }
  [[nodiscard]] const T& operator[](Handle handle) const { return base_[handle]; }
  // Also of a handle that is 0 or was never taken: it costs nothing but the hint.
  void prefetch(Handle handle, std::size_t octets = sizeof(T)) const {
    const char* const object = reinterpret_cast<const char*>(base_ + handle);
    for (std::size_t at = 0; at < octets; at += 64) __builtin_prefetch(object + at, 1);
  }

  [[nodiscard]] std::uint32_t limit() const { return limit_; }
  [[nodiscard]] std::uint32_t highest() const { return used_; }  // handle ever taken
  [[nodiscard]] std::uint32_t in_use() const {
    return used_ - static_cast<std::uint32_t>(free_.size());
  }
  // What objects have taken so far.
  [[nodiscard]] std::size_t memory_bytes() const { return used_ * sizeof(T); }

 private:
  std::uint32_t limit_;
  std::size_t bytes_;
  T* base_ = nullptr;
  std::uint32_t used_ = 0;
  std::vector<Handle> free_;
};

}  // namespace strait::probe::passive
