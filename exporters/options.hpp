// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/config.hpp"

namespace strait::exporters {

inline constexpr std::uint16_t default_http_port = 11650;

// The table [exporters] of the configuration.
struct ExporterOptions {
  std::vector<Endpoint> listen;    // of /metrics; empty: no HTTP
  std::string store;               // SQLite file; empty: no store
  std::optional<Nanos> retention;  // windows older than this are deleted; nothing: kept
  std::string json;      // JSON lines of windows and verdicts: a file, or "-"; empty: none
  std::string outcomes;  // JSON lines of every probe, likewise
};

// 127.0.0.1 and [::1], port 11650; nothing written.
[[nodiscard]] ExporterOptions default_exporter_options();

// Reads [exporters]; a key that is absent keeps its default, a mistake is recorded in the document.
[[nodiscard]] ExporterOptions read_exporter_options(ConfigTable table);

}  // namespace strait::exporters
