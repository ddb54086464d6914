// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "analyzer/target.hpp"
#include "core/address.hpp"
#include "core/clock.hpp"
#include "core/config.hpp"
#include "core/strong.hpp"

namespace strait::analyzer {

// What traffic a prefix had, as somebody counted it.
struct TrafficRow {
  Prefix prefix;
  Asn asn;              // that most of its routes begin in; 0: not known
  std::string country;  // of registration, "MA"; empty: not known
  std::string region;   // likewise
  std::uint64_t packets_to = 0;
  std::uint64_t octets_to = 0;  // of IP
  std::uint64_t packets_from = 0;
  std::uint64_t octets_from = 0;

  [[nodiscard]] std::uint64_t octets() const { return octets_to + octets_from; }
};

struct Traffic {
  WallTime from;
  WallTime to;                       // of the newest packet
  std::vector<std::string> sources;  // interfaces, files
  std::vector<TrafficRow> rows;
  std::uint64_t octets_elsewhere = 0;  // of no row
};

// An AS, a country, or a prefix.
using TrafficWord = std::variant<Asn, std::string, Prefix>;
// "AS64500", "ES", "198.51.100.0/24".
[[nodiscard]] Result<TrafficWord> parse_traffic_word(std::string_view text);

// What a target stands for: the traffic of these. Without words, that of the rows which hold its
// address.
struct TargetTraffic {
  Address address;
  std::vector<TrafficWord> words;
};
using TrafficOfTargets = std::map<std::string, TargetTraffic, std::less<>>;  // by target

// Reads [[target]] name, address and stands_for; mistakes are recorded in the document.
[[nodiscard]] TrafficOfTargets read_traffic_of_targets(ConfigTable root);

struct Weighed {
  std::vector<Target> targets;       // the same ones in their order
  std::vector<std::string> notes;    // a sentence each: what was not used, and why
  bool used = false;                 // any weight is the traffic's
  std::vector<std::string> classes;  // whose weights are the traffic's
  std::uint64_t octets = 0;          // of all rows
  std::uint64_t octets_placed = 0;   // of those that a target stands for
  // By class, what its targets stand for as a share of all traffic; empty where it is not used.
  std::map<std::string, double, std::less<>> shares;
  // By class, what is sent to those, on average; without the classes that nothing is sent to. What
  // was captured may be a part of all.
  std::map<std::string, BitRate, std::less<>> rates;
};

// A target without traffic in a class that has some keeps this share: a capture is not all that
// there is.
inline constexpr double least_traffic_share = 0.01;

// Gives the targets of each class their share of its traffic for a weight. A row belongs to the
// targets whose word fits it best (the longest prefix, then AS, then country), in equal parts. A
// target whose weight is 0 is left out, and a class without any traffic keeps its weights, as all
// do when the traffic ended more than `oldest` before `now`, lies ahead of it, or is none.
[[nodiscard]] Weighed weigh(std::span<const Target> targets, const TrafficOfTargets& words,
                            const Traffic& traffic, WallTime now, Nanos oldest);

}  // namespace strait::analyzer
