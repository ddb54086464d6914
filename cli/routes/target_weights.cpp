// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/target_weights.hpp"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "core/file.hpp"
#include "exporters/traffic_json.hpp"

namespace strait::cli {
namespace {

constexpr std::uintmax_t most_octets = std::uintmax_t{256} << 20U;

Result<analyzer::Traffic> load_traffic(const std::string& file) {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(file, ignored);
  if (!ignored && size > most_octets) {
    return fail(Errc::bad_input,
                fmt::format("{}: {} octets; at most {} are read", file, size, most_octets));
  }
  const auto text = read_file(file);
  if (!text) return tl::make_unexpected(text.error());
  auto traffic = exporters::parse_traffic(*text);
  if (!traffic) {
    return fail(traffic.error().code, fmt::format("{}: {}", file, traffic.error().message));
  }
  return traffic;
}

}  // namespace

void TargetWeights::read(const std::string& file) {
  std::error_code missing;
  const auto changed = std::filesystem::last_write_time(file, missing);
  if (!missing && file == file_ && changed == changed_) return;
  file_ = file;
  changed_.reset();
  traffic_ = {};
  problem_.clear();
  auto loaded = load_traffic(file);
  if (!loaded) {
    problem_ = loaded.error().message;
    return;
  }
  traffic_ = std::move(*loaded);
  if (!missing) changed_ = changed;
}

const analyzer::Weighed& TargetWeights::of(const Configuration& configuration, WallTime now) {
  const analyzer::WeightOptions& options = configuration.analyzer.weights;
  weighed_ = {};
  if (options.file.empty()) {
    weighed_.targets = configuration.analyzer_targets;
    return weighed_;
  }
  read(options.file);
  if (!problem_.empty()) {
    weighed_.targets = configuration.analyzer_targets;
    weighed_.notes.push_back("the traffic's weights are not used: " + problem_);
    return weighed_;
  }
  weighed_ = analyzer::weigh(configuration.analyzer_targets, configuration.traffic_of_targets,
                             traffic_, now, options.max_age);
  return weighed_;
}

}  // namespace strait::cli
