// SPDX-License-Identifier: Apache-2.0
#include <rapidcheck.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>

#include "exporters/sqlite_store.hpp"

using namespace strait;
using namespace strait::exporters;

namespace {

Sketch any_sketch() {
  Sketch sketch{*rc::gen::inRange(Sketch::min_schema, Sketch::max_schema + 1)};
  for (const auto value : *rc::gen::arbitrary<std::vector<std::int32_t>>()) {
    sketch.record(Nanos{value}, *rc::gen::inRange<std::uint64_t>(1, 1'000'000));
  }
  return sketch;
}

std::uint64_t any_count() {
  return static_cast<std::uint64_t>(*rc::gen::inRange<std::int64_t>(0, INT64_MAX));
}

Window any_window() {
  Window window;
  // SQLite's text may not hold NUL octets: names come from the configuration, which has none.
  const auto name = rc::gen::string<std::string>();
  const auto plain = [&name] {
    std::string text = *name;
    std::erase(text, '\0');
    return text;
  };
  window.session = {.path = plain(),
                    .target = plain(),
                    .protocol = *rc::gen::element(Protocol::stamp, Protocol::icmp),
                    .dscp = *rc::gen::inRange<std::uint8_t>(0, 64),
                    .flow = *rc::gen::inRange<std::uint16_t>(0, 64)};
  window.start = WallTime{Nanos{*rc::gen::inRange<std::int64_t>(INT64_MIN, INT64_MAX)}};
  window.length = Nanos{*rc::gen::inRange<std::int64_t>(1, INT64_MAX)};
  window.counts = {.scheduled = any_count(),
                   .missed = any_count(),
                   .sent = any_count(),
                   .received = any_count(),
                   .lost = any_count(),
                   .late = any_count(),
                   .duplicate = any_count(),
                   .reordered = any_count(),
                   .errors = {}};
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
    window.counts.errors["kind \"" + std::to_string(i)] = any_count();
  }
  window.rtt = any_sketch();
  window.forward = any_sketch();
  window.reverse = any_sketch();
  window.lag = any_sketch();
  window.uncertain = any_sketch();
  window.ipdv = any_sketch();
  window.source = *rc::gen::element(StampSource::hardware, StampSource::kernel, StampSource::tsc,
                                    StampSource::user);
  window.uncertainty = Nanos{*rc::gen::inRange<std::int64_t>(0, INT64_MAX)};
  return window;
}

}  // namespace

TEST_CASE("any window comes back from the store as it went in") {
  auto store = SqliteStore::open(":memory:");
  REQUIRE(store.has_value());
  std::int64_t at = 0;
  CHECK(rc::check([&store, &at] {
    Window window = any_window();
    window.start = WallTime{Nanos{at++}};
    RC_ASSERT((*store)->append({&window, 1}).has_value());
    const auto back = (*store)->windows({window.start, window.start + Nanos{1}}, {});
    RC_ASSERT(back.has_value());
    RC_ASSERT(back->first_problem == "");
    RC_ASSERT(back->windows.size() == 1U);
    RC_ASSERT(back->windows[0] == window);
  }));
}
