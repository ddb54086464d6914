// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/series.hpp"

#include <algorithm>

namespace strait::probe::passive {

bool SeriesPool::record(Handle& handle, Nanos rtt) {
  if (handle == 0) handle = few_.take();
  if (handle == 0) return false;
  Few& few = few_[handle];
  few.min = few.count == 0 ? rtt.count() : std::min(few.min, rtt.count());
  ++few.count;
  if (few.sketch != 0) {
    sketches_[few.sketch - 1].record(rtt);
    return true;
  }
  if (few.count <= inline_values) {
    few.values.at(few.count - 1) = rtt.count();
    return true;
  }
  if (few.count > inline_values + 1 || !spill(few)) return false;
  sketches_[few.sketch - 1].record(rtt);
  return true;
}

bool SeriesPool::spill(Few& few) {
  if (!free_sketches_.empty()) {
    few.sketch = free_sketches_.back();
    free_sketches_.pop_back();
    sketches_[few.sketch - 1] = Sketch{};
  } else if (sketches_.size() < most_sketches_) {
    sketches_.emplace_back();
    few.sketch = static_cast<std::uint32_t>(sketches_.size());
  } else {
    return false;
  }
  for (const std::int64_t value : few.values) sketches_[few.sketch - 1].record(Nanos{value});
  return true;
}

void SeriesPool::give_back(Handle handle) {
  if (handle == 0) return;
  if (const std::uint32_t sketch = few_[handle].sketch; sketch != 0) {
    sketches_[sketch - 1] = Sketch{};
    free_sketches_.push_back(sketch);
  }
  few_.give_back(handle);
}

SeriesPool::Content SeriesPool::content(Handle handle) const {
  Content content;
  if (handle == 0) return content;
  const Few& few = few_[handle];
  if (few.sketch != 0) {
    content.sketch = sketches_[few.sketch - 1];
    return content;
  }
  const std::uint32_t kept = std::min(few.count, inline_values);
  for (std::uint32_t i = 0; i < kept; ++i) content.sketch.record(Nanos{few.values.at(i)});
  content.complete = kept == few.count;
  return content;
}

std::size_t SeriesPool::memory_bytes() const {
  std::size_t bytes = few_.memory_bytes();
  for (const Sketch& sketch : sketches_) bytes += sketch.memory_bytes();
  return bytes;
}

}  // namespace strait::probe::passive
