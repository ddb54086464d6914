// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/result.hpp"
#include "core/window.hpp"
#include "exporters/sqlite_database.hpp"

namespace strait::exporters {

// One row of the table `windows` and back. Counts above 2^63 - 1 cannot be stored: an error.
inline constexpr std::string_view insert_window =
    "INSERT INTO windows (start_ns, session, length_ns, scheduled, missed, sent, received, lost,"
    " late, duplicate, reordered, errors, rtt, forward, reverse, lag, uncertain, ipdv,"
    " source, uncertainty_ns, far, clocks)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT DO UPDATE SET length_ns = excluded.length_ns, scheduled = excluded.scheduled,"
    " missed = excluded.missed, sent = excluded.sent, received = excluded.received,"
    " lost = excluded.lost, late = excluded.late, duplicate = excluded.duplicate,"
    " reordered = excluded.reordered, errors = excluded.errors, rtt = excluded.rtt,"
    " forward = excluded.forward, reverse = excluded.reverse, lag = excluded.lag,"
    " uncertain = excluded.uncertain, ipdv = excluded.ipdv,"
    " source = excluded.source, uncertainty_ns = excluded.uncertainty_ns, far = excluded.far,"
    " clocks = excluded.clocks"
    " WHERE excluded.sent >= windows.sent";
[[nodiscard]] Result<void> bind_window(SqliteStatement& statement, std::int64_t session,
                                       const Window& window);

inline constexpr std::string_view select_windows =
    "SELECT path, target, protocol, dscp, start_ns, length_ns, scheduled, missed, sent, received,"
    " lost, late, duplicate, reordered, errors, rtt, forward, reverse, lag, source, uncertainty_ns,"
    " uncertain, flow, far, clocks, ipdv"
    " FROM windows JOIN sessions ON sessions.id = windows.session";
// The current row; an error says what of it is damaged.
[[nodiscard]] Result<Window> read_window(const SqliteStatement& row);

}  // namespace strait::exporters
