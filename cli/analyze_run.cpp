// SPDX-License-Identifier: Apache-2.0
#include "cli/analyze_run.hpp"

#include <fmt/format.h>

#include <ostream>

#include "cli/configuration.hpp"
#include "exporters/json_lines.hpp"
#include "exporters/sqlite_store.hpp"
#include "exporters/stored_evidence.hpp"
#include "exporters/text.hpp"

namespace strait::cli {

Result<int> run_analyze(const AnalyzeOptions& options, bool colours, std::ostream& results,
                        std::ostream& progress) {
  std::string file = options.store;
  std::vector<routes::Path> paths;  // give the floors
  if (file.empty()) {
    auto configuration = load_configuration(options.config);
    if (!configuration) return fail(std::move(configuration));
    file = configuration->exporters.store;
    paths = std::move(configuration->paths);
    if (file.empty()) {
      return fail(Errc::bad_input,
                  fmt::format("analyze: {} names no store ([exporters] store)", options.config));
    }
  }
  auto store = exporters::SqliteStore::open_read_only(file);
  if (!store) return fail(std::move(store));
  const WallTime now = SystemClock{}.now().wall;
  const auto stored = exporters::stored_evidence(
      **store, {.from = now - options.since},
      {.path = options.path, .target = {}, .region = options.region}, paths, now);
  if (!stored) return tl::make_unexpected(stored.error());
  if (stored->damaged > 0) {
    progress << fmt::format("analyze: {} windows could not be read, first: {}\n", stored->damaged,
                            stored->first_problem);
  }
  if (stored->windows == 0) {
    progress << fmt::format("analyze: {} has no windows of the last {} that match\n", file,
                            to_string(options.since));
    return 1;
  }
  if (!options.json) {
    results << exporters::to_text(stored->evidence, {.colours = colours});
    return 0;
  }
  for (const analyzer::Evidence& evidence : stored->evidence) {
    results << exporters::to_json(evidence) << '\n';
  }
  return 0;
}

}  // namespace strait::cli
