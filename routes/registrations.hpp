// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "routes/prefix_key.hpp"

namespace strait::routes {

// Where addresses are registered: "MA". "EU", "AP" and "ZZ" occur and are no countries.
struct CountryCode {
  std::array<char, 2> letters{'Z', 'Z'};

  friend auto operator<=>(const CountryCode&, const CountryCode&) = default;
  [[nodiscard]] std::string_view text() const { return {letters.data(), letters.size()}; }
};
// Two letters, of either case.
[[nodiscard]] std::optional<CountryCode> parse_country(std::string_view text);

// Addresses that one record registers: IPv4 addresses as numbers, or the upper halves of IPv6
// addresses (nobody registers less than a /64). Both ends are in it.
struct RegisteredBlock {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  CountryCode country;
  bool v6 = false;
  std::uint16_t source = 0;
};
// Nothing for an IPv6 prefix longer than /64.
[[nodiscard]] std::optional<RegisteredBlock> block_of(const Prefix& prefix, CountryCode country);

// Who said so.
struct RegistrationSource {
  std::string name;  // of the registry, "afrinic", or of a file that no registry wrote
  std::string date;  // of the file, "2026-11-20"; empty: it does not say

  friend bool operator==(const RegistrationSource&, const RegistrationSource&) = default;
};

// Who registered what, for many look-ups. Immutable once made.
//
// A block inside another one wins over it. Of two records of the same addresses the one of the
// source with the lower number wins; if their countries differ, that is a conflict. Registered in
// is not located in: the registries say so themselves.
class Registrations {
 public:
  struct Match {
    CountryCode country;
    std::uint16_t source = 0;

    friend bool operator==(const Match&, const Match&) = default;
  };

  Registrations() = default;
  Registrations(std::vector<RegisteredBlock> blocks, std::vector<RegistrationSource> sources);

  // Where the whole prefix is registered: by one block, or by several side by side that name the
  // same country (the source is that of the first). Nothing if any part of it is elsewhere.
  [[nodiscard]] std::optional<Match> find(const KeyV4& key) const;
  [[nodiscard]] std::optional<Match> find(const KeyV6& key) const;
  [[nodiscard]] std::optional<Match> find(const Prefix& prefix) const;

  [[nodiscard]] const RegistrationSource& source(const Match& match) const {
    return sources_[match.source];
  }
  // Of the first 10, "2 records of 196.0.0.0 to 196.0.255.255: MA (afrinic) and FR (ripencc)".
  [[nodiscard]] const std::vector<std::string>& conflicts() const { return conflicts_; }
  [[nodiscard]] std::uint64_t conflict_count() const { return conflict_count_; }
  [[nodiscard]] bool empty() const { return v4_.starts.empty() && v6_.starts.empty(); }

 private:
  // Pieces without overlap, ascending.
  struct Piece {
    std::uint64_t last = 0;
    Match match;
  };
  struct Table {
    std::vector<std::uint64_t> starts;
    std::vector<Piece> pieces;

    void append(std::uint64_t first, std::uint64_t last, const Match& match);
    [[nodiscard]] std::optional<Match> find(std::uint64_t first, std::uint64_t last) const;
  };

  void fill(std::vector<RegisteredBlock> blocks, Table& table);
  void note_conflict(const RegisteredBlock& a, const RegisteredBlock& b);

  std::vector<RegistrationSource> sources_;
  Table v4_;
  Table v6_;
  std::vector<std::string> conflicts_;
  std::uint64_t conflict_count_ = 0;
};

}  // namespace strait::routes
