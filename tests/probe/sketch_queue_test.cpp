// SPDX-License-Identifier: Apache-2.0
#include "probe/sketch_queue.hpp"

#include <catch2/catch.hpp>

using namespace strait;
using namespace strait::probe;

TEST_CASE("a sketch that was filled through a queue equals one that was filled directly") {
  SketchQueue queue;
  Sketch queued[2];
  Sketch direct[2];
  for (int i = -3; i < 1000; ++i) {
    const auto which = static_cast<std::size_t>(i & 1);
    const Nanos value{i * i * 997 * (i < 0 ? -1 : 1)};
    queue.add(queued[which], value);
    direct[which].record(value);
  }
  CHECK(queued[0].count() < direct[0].count());
  queue.flush();
  queue.flush();
  CHECK(queued[0] == direct[0]);
  CHECK(queued[1] == direct[1]);
}
