// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes: refused, or a sketch that encodes to those very bytes and is in itself sound.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "core/sketch.hpp"

namespace {

using strait::Nanos;
using strait::Sketch;

void require(bool sound) {
  if (!sound) std::abort();
}

void require_sound(const Sketch& sketch) {
  std::uint64_t total = sketch.zero_count();
  for (const Sketch::Bucket& bucket : sketch.buckets()) total += bucket.count;
  require(total == sketch.count());
  require(sketch.memory_bytes() <= 200'000);
  if (sketch.empty()) return;

  Nanos last = *sketch.min();
  for (int i = 0; i <= 20; ++i) {
    const Nanos value = *sketch.quantile(i / 20.0);
    require(value >= last && value <= *sketch.max());
    last = value;
  }
  require(*sketch.mean() >= *sketch.min() && *sketch.mean() <= *sketch.max());
  require(sketch.count_at_or_below(*sketch.max()) == total);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto input = std::as_bytes(std::span{bytes, size});
  const auto sketch = strait::decode_sketch(input);
  if (!sketch) return 0;

  const auto again = encode(*sketch);
  require(std::ranges::equal(again, input));
  require_sound(*sketch);

  Sketch doubled = *sketch;
  doubled.merge(*sketch);
  require(doubled.count() == 2 * sketch->count());
  require(sketch->folded(Sketch::min_schema).count() == sketch->count());
  require_sound(sketch->folded(Sketch::min_schema));
  return 0;
}
