// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/rir_stats.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "routes/sources/line_reader.hpp"

namespace strait::routes {
namespace {

constexpr std::size_t reasons_listed = 10;
constexpr std::size_t most_registries = 64;
constexpr std::size_t most_kinds = 64;  // of records that are passed over
constexpr std::uint64_t all_v4 = std::uint64_t{1} << 32U;

// The fields of a line; those above the eighth are nobody's business here.
class Fields {
 public:
  explicit Fields(std::string_view line) {
    while (count_ < fields_.size()) {
      const std::size_t bar = line.find('|');
      fields_[count_++] = line.substr(0, bar);
      if (bar == std::string_view::npos) return;
      line.remove_prefix(bar + 1);
    }
  }
  [[nodiscard]] std::string_view operator[](std::size_t index) const {
    return index < count_ ? fields_[index] : std::string_view{};
  }
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  std::array<std::string_view, 8> fields_;
  std::size_t count_ = 0;
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

bool is_version_line(const Fields& fields) {
  // "2|afrinic|20260101|..." and LACNIC's "2.3|lacnic|...": seven fields that begin with a number.
  const std::string_view version = fields[0];
  return fields.count() >= 6 && !version.empty() && version.front() >= '0' &&
         version.front() <= '9' && !fields[1].empty();
}

// "20260131" as "2026-01-31"; empty if it is no date ("00000000" occurs).
std::string date_text(std::string_view text) {
  const auto value = number(text);
  if (text.size() != 8 || !value || *value < 19000000) return {};
  return fmt::format("{}-{}-{}", text.substr(0, 4), text.substr(4, 2), text.substr(6, 2));
}

class Reader {
 public:
  explicit Reader(std::string name) : name_{std::move(name)} {}

  Result<RirStats> read(ByteSource& source) {
    LineReader lines{source};
    while (const auto line = lines.next()) {
      ++line_;
      if (lines.cut()) {
        damaged("a line that is too long");
      } else if (!take(*line)) {
        return fail(Errc::bad_input,
                    fmt::format("{}:{}: want a version line such as "
                                "\"2|afrinic|20260101|...\", as registries' statistics begin",
                                name_, line_));
      }
      if (stats_.blocks.size() > most_rir_records) {
        return fail(Errc::bad_input, fmt::format("{}: above {} records", name_, most_rir_records));
      }
    }
    if (!begun_) return fail(Errc::bad_input, fmt::format("{}: no version line", name_));
    if (const auto why = source.damage(); !why.empty()) damaged(why);
    check_promises();
    return std::move(stats_);
  }

 private:
  // False if the file is something else.
  bool take(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') return true;
    const Fields fields{line};
    if (!begun_) {
      if (!is_version_line(fields)) return false;
      begun_ = true;
      // The end of the period that the file covers; else the serial, if it is a date.
      date_ = date_text(fields[5]);
      if (date_.empty()) date_ = date_text(fields[2]);
    } else if (fields[1] == "*" || fields[5] == "summary") {
      promise(fields);
    } else if (fields.count() < 7) {
      damaged(fmt::format("{} fields: want at least 7", fields.count()));
    } else {
      take_record(fields);
    }
    return true;
  }

  // "afrinic|*|ipv4|*|5302|summary"
  void promise(const Fields& fields) {
    const auto count = number(fields[4]);
    if (Tally* const tally = tally_of(fields[2]); tally != nullptr && count) {
      tally->promised = count;
    } else {
      damaged("a summary of what is not known");
    }
  }

  void take_record(const Fields& fields) {
    Tally* const tally = tally_of(fields[2]);
    if (tally == nullptr) {
      damaged(fmt::format("type '{}': want asn, ipv4 or ipv6", fields[2]));
      return;
    }
    ++tally->read;
    if (fields[2] == "asn") {
      pass_over("AS number");
      return;
    }
    const std::string_view status = fields[6];
    if (status != "allocated" && status != "assigned") {
      pass_over(status);
      return;
    }
    const auto country = parse_country(fields[1]);
    if (!country) {
      pass_over("no country");
      return;
    }
    auto block = fields[2] == "ipv4" ? v4_block(fields) : v6_block(fields);
    if (!block) return;
    const auto source = source_of(fields[0]);
    if (!source) {
      damaged("too many registries");
      return;
    }
    block->country = *country;
    block->source = *source;
    stats_.blocks.push_back(*block);
  }

  std::optional<RegisteredBlock> v4_block(const Fields& fields) {
    const auto start = parse_address(fields[3]);
    const auto count = number(fields[4]);
    if (!start || !start->is_v4() || !count) {
      damaged(fmt::format("'{}|{}': want an IPv4 address and a count", fields[3], fields[4]));
      return std::nullopt;
    }
    const std::uint64_t first = start->to_v4().to_uint();
    if (*count == 0 || *count > all_v4 - first) {
      damaged(fmt::format("{} addresses from {} on", *count, fields[3]));
      return std::nullopt;
    }
    return RegisteredBlock{
        .first = first, .last = first + *count - 1, .country = {}, .v6 = false, .source = 0};
  }

  std::optional<RegisteredBlock> v6_block(const Fields& fields) {
    const auto start = parse_address(fields[3]);
    const auto length = number(fields[4]);
    if (!start || !start->is_v6() || !length || *length > 64) {
      damaged(fmt::format("'{}|{}': want an IPv6 address and a prefix length up to 64", fields[3],
                          fields[4]));
      return std::nullopt;
    }
    const auto size = static_cast<std::uint8_t>(*length);
    const KeyV6 whole = KeyV6::of({.network = *start, .length = 128});
    if (KeyV6::of(whole.high, whole.low, size).high != whole.high) {
      damaged(fmt::format("{}/{}: host bits are set", fields[3], size));
      return std::nullopt;
    }
    return block_of({.network = *start, .length = size}, {});
  }

  // The number of the registry, which is there from now on.
  std::optional<std::uint16_t> source_of(std::string_view registry) {
    auto& all = stats_.registries;
    const auto it = std::ranges::find(all, registry, &RegistrationSource::name);
    if (it != all.end()) return static_cast<std::uint16_t>(it - all.begin());
    if (all.size() == most_registries) return std::nullopt;
    all.push_back({.name = std::string{registry}, .date = date_});
    return static_cast<std::uint16_t>(all.size() - 1);
  }

  void pass_over(std::string_view what) {
    const auto it = stats_.passed_over.find(what);
    if (it != stats_.passed_over.end()) {
      ++it->second;
    } else if (stats_.passed_over.size() < most_kinds) {
      stats_.passed_over.emplace(what, 1);
    } else {
      ++stats_.passed_over["other"];
    }
  }

  void damaged(std::string_view why) {
    if (++stats_.damaged > reasons_listed) return;
    stats_.reasons.push_back(fmt::format("{}:{}: {}", name_, line_, why));
  }

  // How many records of a type the summary promises, and how many there are.
  struct Tally {
    std::string_view type;
    std::optional<std::uint64_t> promised;
    std::uint64_t read = 0;
  };
  Tally* tally_of(std::string_view type) {
    auto* const it = std::ranges::find(tallies_, type, &Tally::type);
    return it == tallies_.end() ? nullptr : it;
  }
  void check_promises() {
    for (const Tally& tally : tallies_) {
      if (!tally.promised || tally.read >= *tally.promised) continue;
      damaged(fmt::format("{} {} records, but the summary promises {}", tally.read, tally.type,
                          *tally.promised));
    }
  }

  std::string name_;
  std::uint64_t line_ = 0;
  bool begun_ = false;
  std::string date_;
  std::array<Tally, 3> tallies_{Tally{.type = "asn", .promised = {}, .read = 0},
                                Tally{.type = "ipv4", .promised = {}, .read = 0},
                                Tally{.type = "ipv6", .promised = {}, .read = 0}};
  RirStats stats_;
};

}  // namespace

Result<RirStats> read_rir_stats(ByteSource& source, const std::string& name) {
  return Reader{name}.read(source);
}

bool looks_like_rir_stats(std::string_view beginning) {
  while (!beginning.empty()) {
    const std::string_view line = beginning.substr(0, beginning.find('\n'));
    const bool passed_over = line.empty() || line.front() == '#' || line == "\r";
    if (!passed_over) return is_version_line(Fields{line});
    beginning.remove_prefix(std::min(beginning.size(), line.size() + 1));
  }
  return false;
}

}  // namespace strait::routes
