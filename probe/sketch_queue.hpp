// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>

#include "core/sketch.hpp"

namespace strait::probe {

// Puts off recording for a burst, so that the counters of all its values are on their way into the
// cache at the same time. Holds pointers: flush() before a sketch moves, goes or is read.
class SketchQueue {
 public:
  void add(Sketch& sketch, Nanos value) {
    const Sketch::Placed placed = sketch.place(value);
    sketch.prefetch(placed);
    if (count_ == entries_.size()) flush();
    entries_[count_++] = {&sketch, placed};
  }
  void flush() {
    for (std::size_t i = 0; i < count_; ++i) entries_[i].sketch->record(entries_[i].placed);
    count_ = 0;
  }

 private:
  struct Entry {
    Sketch* sketch = nullptr;
    Sketch::Placed placed{};
  };
  std::array<Entry, 64> entries_{};
  std::size_t count_ = 0;
};

}  // namespace strait::probe
