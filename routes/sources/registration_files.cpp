// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/registration_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <map>

#include "routes/sources/byte_source.hpp"
#include "routes/sources/rir_stats.hpp"

namespace strait::routes {
namespace {

// Gathers what the files say, source after source.
class Gathering {
 public:
  Result<void> add_file(const std::string& file) {
    const auto is_rir = is_rir_file(file);
    if (!is_rir) return tl::make_unexpected(is_rir.error());
    if (*is_rir) return add_rir(file);
    const auto table = CsvTable::load(file);
    if (!table) return tl::make_unexpected(table.error());
    return add_csv(*table, file);
  }

  Result<void> add_csv(const CsvTable& table, const std::string& name) {
    const auto source = add_sources({{.name = name, .date = {}}});
    if (!source) return tl::make_unexpected(source.error());
    std::map<Prefix, std::size_t> rows;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      const auto bad = [&](const std::string& why) {
        return fail(Errc::bad_input, fmt::format("{}: row {}: {}", name, row + 1, why));
      };
      const auto prefix = parse_prefix(table.cell(row, "prefix"));
      if (!prefix) return bad(prefix.error().message);
      const auto country = parse_country(table.cell(row, "country_iso2"));
      if (!country) {
        return bad(fmt::format("country_iso2 '{}': want two letters such as MA",
                               table.cell(row, "country_iso2")));
      }
      const auto [before, fresh] = rows.try_emplace(*prefix, row);
      if (!fresh && table.cell(before->second, "country_iso2") != table.cell(row, "country_iso2")) {
        return bad(fmt::format("{} is registered in {}, and in {} by row {}", to_string(*prefix),
                               table.cell(row, "country_iso2"),
                               table.cell(before->second, "country_iso2"), before->second + 1));
      }
      auto block = block_of(*prefix, *country);
      if (!block) return bad(fmt::format("prefix {}: want at most /64", to_string(*prefix)));
      block->source = *source;
      blocks_.push_back(*block);
    }
    return {};
  }

  RegistrationFiles finish() {
    RegistrationFiles files{.registrations = Registrations{std::move(blocks_), std::move(sources_)},
                            .notes = std::move(notes_),
                            .complete = complete_};
    const std::uint64_t conflicts = files.registrations.conflict_count();
    if (conflicts > 0) {
      files.notes.push_back(fmt::format("registrations: {} addresses with two countries; first: {}",
                                        conflicts, files.registrations.conflicts().front()));
    }
    return files;
  }

 private:
  static Result<bool> is_rir_file(const std::string& file) {
    const auto source = open_source(file);
    if (!source) return tl::make_unexpected(source.error());
    std::array<std::byte, 8192> beginning{};
    std::size_t count = 0;
    while (count < beginning.size()) {
      const std::size_t more = (*source)->read(std::span{beginning}.subspan(count));
      if (more == 0) break;
      count += more;
    }
    return looks_like_rir_stats({reinterpret_cast<const char*>(beginning.data()), count});
  }

  Result<void> add_rir(const std::string& file) {
    const auto source = open_source(file);
    if (!source) return tl::make_unexpected(source.error());
    auto stats = read_rir_stats(**source, file);
    if (!stats) return tl::make_unexpected(stats.error());
    if (stats->damaged > 0) {
      complete_ = false;
      notes_.push_back(fmt::format("{} lines or records could not be read; first {}",
                                   stats->damaged, stats->reasons.front()));
    }
    const auto first = add_sources(std::move(stats->registries));
    if (!first) return tl::make_unexpected(first.error());
    for (RegisteredBlock& block : stats->blocks) {
      block.source = static_cast<std::uint16_t>(block.source + *first);
    }
    blocks_.insert(blocks_.end(), stats->blocks.begin(), stats->blocks.end());
    return {};
  }

  // The number of the first of them.
  Result<std::uint16_t> add_sources(std::vector<RegistrationSource> sources) {
    const std::size_t first = sources_.size();
    if (first + sources.size() > std::numeric_limits<std::uint16_t>::max()) {
      return fail(Errc::bad_input, "too many files of registrations");
    }
    std::ranges::move(sources, std::back_inserter(sources_));
    return static_cast<std::uint16_t>(first);
  }

  std::vector<RegisteredBlock> blocks_;
  std::vector<RegistrationSource> sources_;
  std::vector<std::string> notes_;
  bool complete_ = true;
};

}  // namespace

Result<RegistrationFiles> load_registrations(std::span<const std::string> files) {
  Gathering all;
  for (const std::string& file : files) {
    if (auto added = all.add_file(file); !added) return fail(std::move(added));
  }
  return all.finish();
}

Result<RegistrationFiles> registrations_of(const CsvTable& table, const std::string& name) {
  Gathering all;
  if (auto added = all.add_csv(table, name); !added) return fail(std::move(added));
  return all.finish();
}

}  // namespace strait::routes
