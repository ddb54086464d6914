// SPDX-License-Identifier: Apache-2.0
#include "cli/capture/traffic.hpp"

#include <algorithm>
#include <utility>

namespace strait::cli {
namespace {

namespace passive = probe::passive;

constexpr std::size_t most_prefixes = 200'000;

}  // namespace

const TrafficTally::Known& TrafficTally::look_up(const passive::FlowKey& key, unsigned side) {
  const auto& octets = key.addresses.at(side);
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15U;
  const std::uint64_t mixed = (octets[0] ^ (octets[1] * golden)) * golden;
  Known& known = known_[mixed >> (64U - known_bits)];
  if (known.family == key.family && known.octets == octets) return known;
  const Address address = key.end(side).address;
  known = {
      .octets = octets, .family = key.family, .local = places_.is_local(address), .row = nullptr};
  if (known.local) return known;
  const PlaceKey place = places_.key(GroupBy::prefix, address);
  if (place.number != 0) return known;
  const auto row = rows_.find(place);
  if (row != rows_.end()) {
    known.row = &row->second;
  } else if (rows_.size() < most_prefixes) {
    known.row = &rows_[place];
  }
  return known;
}

void TrafficTally::add(const passive::Decoded& packet) {
  first_ = std::min(first_.value_or(packet.time), packet.time);
  last_ = std::max(last_, packet.time);
  if (packet.verdict > passive::Verdict::icmp) {  // whose it is was not read
    octets_elsewhere_ += packet.octets;
    return;
  }
  for (const unsigned side : {0U, 1U}) {
    const Known& known = look_up(packet.key, side);
    if (known.local) continue;
    if (known.row == nullptr) {
      octets_elsewhere_ += packet.octets;
    } else if (packet.from_second == (side == 1)) {
      ++known.row->packets_from;
      known.row->octets_from += packet.octets;
    } else {
      ++known.row->packets_to;
      known.row->octets_to += packet.octets;
    }
  }
}

analyzer::Traffic TrafficTally::traffic(std::vector<std::string> sources) const {
  analyzer::Traffic traffic;
  traffic.from = WallTime{Nanos{first_.value_or(0)}};
  traffic.to = WallTime{Nanos{last_}};
  traffic.sources = std::move(sources);
  traffic.octets_elsewhere = octets_elsewhere_;
  traffic.rows.reserve(rows_.size());
  for (const auto& [key, row] : rows_) {
    const Surroundings around = places_.around(key.prefix);
    traffic.rows.push_back({.prefix = key.prefix,
                            .asn = around.asn,
                            .country = around.country,
                            .region = around.region,
                            .packets_to = row.packets_to,
                            .octets_to = row.octets_to,
                            .packets_from = row.packets_from,
                            .octets_from = row.octets_from});
  }
  return traffic;
}

}  // namespace strait::cli
