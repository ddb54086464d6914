// SPDX-License-Identifier: Apache-2.0
#include "routes/registrations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <tuple>
#include <utility>

namespace strait::routes {
namespace {

constexpr std::size_t most_conflicts = 10;
constexpr std::uint64_t greatest = std::numeric_limits<std::uint64_t>::max();

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// An address of a block, for people.
std::string address_text(std::uint64_t value, bool v6) {
  if (v6) return KeyV6::of(value, 0, 128).prefix().network.to_string();
  return boost::asio::ip::address_v4{static_cast<std::uint32_t>(value)}.to_string();
}

// What covers the place where a sweep from low to high addresses has come to: the innermost block
// is the last one.
class OpenBlocks {
 public:
  // Gives f(first, last, block) what lies before `place` and has not been given yet.
  template <class F>
  void close_before(std::uint64_t place, F f) {
    while (!open_.empty() && open_.back().last < place) close(f);
    if (open_.empty()) {
      at_ = place;
      return;
    }
    if (at_ < place) f(at_, place - 1, open_.back());
    at_ = place;
  }
  template <class F>
  void close_all(F f) {
    while (!open_.empty()) close(f);
  }
  void open(const RegisteredBlock& block) { open_.push_back(block); }

 private:
  template <class F>
  void close(F& f) {
    const RegisteredBlock block = open_.back();
    open_.pop_back();
    if (ended_ || block.last < at_) return;
    f(at_, block.last, block);
    ended_ = block.last == greatest;
    at_ = block.last + 1;
  }

  std::vector<RegisteredBlock> open_;
  std::uint64_t at_ = 0;
  bool ended_ = false;  // at_ would be above the greatest address
};

// Outer blocks before inner ones, so that the latter end on top; of equal ones the winner last.
bool opens_before(const RegisteredBlock& a, const RegisteredBlock& b) {
  return std::tuple{a.first, b.last, b.source} < std::tuple{b.first, a.last, a.source};
}

}  // namespace

std::optional<CountryCode> parse_country(std::string_view text) {
  if (text.size() != 2) return std::nullopt;
  const CountryCode code{.letters = {upper(text[0]), upper(text[1])}};
  const auto letter = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (!std::ranges::all_of(code.letters, letter)) return std::nullopt;
  return code;
}

std::optional<RegisteredBlock> block_of(const Prefix& prefix, CountryCode country) {
  if (prefix.network.is_v4()) {
    const KeyV4 key = KeyV4::of(prefix);
    return RegisteredBlock{.first = key.network(),
                           .last = key.last_covered().network(),
                           .country = country,
                           .v6 = false,
                           .source = 0};
  }
  if (prefix.length > 64) return std::nullopt;
  const KeyV6 key = KeyV6::of(prefix);
  return RegisteredBlock{.first = key.high,
                         .last = key.last_covered().high,
                         .country = country,
                         .v6 = true,
                         .source = 0};
}

Registrations::Registrations(std::vector<RegisteredBlock> blocks,
                             std::vector<RegistrationSource> sources)
    : sources_{std::move(sources)} {
  const auto v6 = std::ranges::stable_partition(blocks, std::logical_not{}, &RegisteredBlock::v6);
  fill({v6.begin(), v6.end()}, v6_);
  blocks.erase(v6.begin(), v6.end());
  fill(std::move(blocks), v4_);
}

void Registrations::fill(std::vector<RegisteredBlock> blocks, Table& table) {
  std::ranges::stable_sort(blocks, opens_before);
  const auto append = [&](std::uint64_t first, std::uint64_t last, const RegisteredBlock& block) {
    table.append(first, last, {.country = block.country, .source = block.source});
  };
  OpenBlocks open;
  const RegisteredBlock* before = nullptr;
  for (const RegisteredBlock& block : blocks) {
    const bool same =
        before != nullptr && before->first == block.first && before->last == block.last;
    if (same && before->country != block.country) note_conflict(block, *before);
    open.close_before(block.first, append);
    open.open(block);
    before = &block;
  }
  open.close_all(append);
}

void Registrations::note_conflict(const RegisteredBlock& a, const RegisteredBlock& b) {
  if (++conflict_count_ > most_conflicts) return;
  conflicts_.push_back(fmt::format("2 records of {} to {}{}: {} ({}) and {} ({})",
                                   address_text(a.first, a.v6), address_text(a.last, a.v6),
                                   a.v6 ? "/64" : "", a.country.text(), sources_[a.source].name,
                                   b.country.text(), sources_[b.source].name));
}

void Registrations::Table::append(std::uint64_t first, std::uint64_t last, const Match& match) {
  if (!pieces.empty() && pieces.back().match == match && pieces.back().last + 1 == first) {
    pieces.back().last = last;
    return;
  }
  starts.push_back(first);
  pieces.push_back({.last = last, .match = match});
}

std::optional<Registrations::Match> Registrations::Table::find(std::uint64_t first,
                                                               std::uint64_t last) const {
  const auto behind = std::ranges::upper_bound(starts, first);
  if (behind == starts.begin()) return std::nullopt;
  auto at = static_cast<std::size_t>(behind - starts.begin() - 1);
  if (pieces[at].last < first) return std::nullopt;
  const Match match = pieces[at].match;
  for (; pieces[at].last < last; ++at) {
    const bool goes_on = at + 1 < pieces.size() && starts[at + 1] == pieces[at].last + 1 &&
                         pieces[at + 1].match.country == match.country;
    if (!goes_on) return std::nullopt;
  }
  return match;
}

std::optional<Registrations::Match> Registrations::find(const KeyV4& key) const {
  return v4_.find(key.network(), key.last_covered().network());
}

std::optional<Registrations::Match> Registrations::find(const KeyV6& key) const {
  return v6_.find(key.high, key.last_covered().high);
}

std::optional<Registrations::Match> Registrations::find(const Prefix& prefix) const {
  return prefix.network.is_v4() ? find(KeyV4::of(prefix)) : find(KeyV6::of(prefix));
}

}  // namespace strait::routes
