// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/traffic.hpp"
#include "cli/capture/places.hpp"
#include "probe/passive/decode.hpp"

namespace strait::cli {

// Counts the octets of all packets by the prefix of their ends that are not local, whether or not
// they are timed. At most 200,000 prefixes. Not thread-safe.
class TrafficTally {
 public:
  // `places` must outlive it.
  explicit TrafficTally(Places& places) : places_{places} {}
  TrafficTally(const TrafficTally&) = delete;  // for pointers into itself
  TrafficTally& operator=(const TrafficTally&) = delete;
  TrafficTally(TrafficTally&&) = delete;
  TrafficTally& operator=(TrafficTally&&) = delete;
  ~TrafficTally() = default;

  void add(const probe::passive::Decoded& packet);
  [[nodiscard]] analyzer::Traffic traffic(std::vector<std::string> sources) const;

 private:
  struct Row {
    std::uint64_t packets_to = 0;
    std::uint64_t octets_to = 0;
    std::uint64_t packets_from = 0;
    std::uint64_t octets_from = 0;
  };
  // What became of an address the last time: most packets are of few.
  struct Known {
    std::array<std::uint64_t, 2> octets{};
    std::uint8_t family = 0;
    bool local = false;
    Row* row = nullptr;  // null: it is local, in no prefix, or there was no room
  };
  static constexpr unsigned known_bits = 12;

  const Known& look_up(const probe::passive::FlowKey& key, unsigned side);

  Places& places_;
  std::map<PlaceKey, Row> rows_;
  std::vector<Known> known_ = std::vector<Known>(std::size_t{1} << known_bits);
  std::uint64_t octets_elsewhere_ = 0;
  std::optional<std::int64_t> first_;  // ns since 1970
  std::int64_t last_ = 0;
};

}  // namespace strait::cli
