// SPDX-License-Identifier: Apache-2.0
#include "exporters/sqlite_rows.hpp"

#include <fmt/core.h>

#include <array>
#include <limits>
#include <vector>

#include "exporters/json_lines.hpp"

namespace strait::exporters {
namespace {

struct CountColumn {
  int column;  // in select_windows
  const char* name;
  std::uint64_t Counts::* member;
};

// In the order of the columns, both ways.
constexpr std::array count_columns{CountColumn{6, "scheduled", &Counts::scheduled},
                                   CountColumn{7, "missed", &Counts::missed},
                                   CountColumn{8, "sent", &Counts::sent},
                                   CountColumn{9, "received", &Counts::received},
                                   CountColumn{10, "lost", &Counts::lost},
                                   CountColumn{11, "late", &Counts::late},
                                   CountColumn{12, "duplicate", &Counts::duplicate},
                                   CountColumn{13, "reordered", &Counts::reordered}};

struct SketchColumn {
  int column;
  const char* name;
  Sketch Window::* member;
};

constexpr std::array sketch_columns{SketchColumn{15, "rtt", &Window::rtt},
                                    SketchColumn{16, "forward", &Window::forward},
                                    SketchColumn{17, "reverse", &Window::reverse},
                                    SketchColumn{18, "lag", &Window::lag},
                                    SketchColumn{21, "uncertain", &Window::uncertain},
                                    SketchColumn{25, "ipdv", &Window::ipdv}};

Result<StampSource> parse_source(std::string_view word) {
  for (const StampSource source :
       {StampSource::hardware, StampSource::kernel, StampSource::tsc, StampSource::user}) {
    if (to_string(source) == word) return source;
  }
  return fail(Errc::bad_input, fmt::format("source '{}' is unknown", word));
}

Result<SessionKey> read_session(const SqliteStatement& row) {
  const auto protocol = parse_protocol(row.text(2));
  if (!protocol) return tl::make_unexpected(protocol.error());
  const std::int64_t dscp = row.integer(3);
  if (dscp < 0 || dscp > 63) return fail(Errc::bad_input, fmt::format("dscp is {}", dscp));
  const std::int64_t flow = row.integer(22);
  if (flow < 0 || flow > std::numeric_limits<std::uint16_t>::max()) {
    return fail(Errc::bad_input, fmt::format("flow is {}", flow));
  }
  return SessionKey{.path = std::string{row.text(0)},
                    .target = std::string{row.text(1)},
                    .protocol = *protocol,
                    .dscp = static_cast<std::uint8_t>(dscp),
                    .flow = static_cast<std::uint16_t>(flow)};
}

Result<Counts> read_counts(const SqliteStatement& row) {
  Counts counts;
  for (const auto& [column, name, member] : count_columns) {
    const std::int64_t value = row.integer(column);
    if (value < 0) return fail(Errc::bad_input, fmt::format("{} is {}", name, value));
    counts.*member = static_cast<std::uint64_t>(value);
  }
  auto errors = parse_counts_by_kind(row.text(14));
  if (!errors) return fail(std::move(errors));
  counts.errors = std::move(*errors);
  return counts;
}

}  // namespace

Result<void> bind_window(SqliteStatement& statement, std::int64_t session, const Window& window) {
  statement.bind(window.start.time_since_epoch().count()).bind(session);
  statement.bind(window.length.count());
  for (const auto& [column, name, member] : count_columns) {
    const std::uint64_t value = window.counts.*member;
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return fail(Errc::bad_input,
                  fmt::format("window: {} is {}, more than 2^63 - 1", name, value));
    }
    statement.bind(static_cast<std::int64_t>(value));
  }
  statement.bind(std::string_view{to_json(window.counts.errors)});
  for (const auto& [column, name, member] : sketch_columns) {
    const std::vector<std::byte> octets = encode(window.*member);
    statement.bind(std::span<const std::byte>{octets});
  }
  statement.bind(to_string(window.source)).bind(window.uncertainty.count());
  statement.bind(std::string_view{to_json(window.far)});
  statement.bind(std::string_view{to_json(window.clocks)});
  return {};
}

Result<Window> read_window(const SqliteStatement& row) {
  Window window;
  window.start = WallTime{Nanos{row.integer(4)}};
  window.length = Nanos{row.integer(5)};
  window.uncertainty = Nanos{row.integer(20)};

  auto session = read_session(row);
  if (!session) return fail(std::move(session));
  window.session = std::move(*session);

  auto counts = read_counts(row);
  if (!counts) return fail(std::move(counts));
  window.counts = std::move(*counts);

  for (const auto& [column, name, member] : sketch_columns) {
    auto sketch = decode_sketch(row.octets(column));
    if (!sketch) {
      return fail(Errc::bad_input, fmt::format("sketch {}: {}", name, sketch.error().message));
    }
    window.*member = std::move(*sketch);
  }

  auto far = parse_far_view(row.text(23));
  if (!far) return fail(std::move(far));
  window.far = std::move(*far);

  const auto clocks = parse_clocks(row.text(24));
  if (!clocks) return tl::make_unexpected(clocks.error());
  window.clocks = *clocks;

  const auto source = parse_source(row.text(19));
  if (!source) return tl::make_unexpected(source.error());
  window.source = *source;
  return window;
}

}  // namespace strait::exporters
