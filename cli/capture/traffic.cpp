// SPDX-License-Identifier: Apache-2.0
#include "cli/capture/traffic.hpp"

#include <algorithm>
#include <utility>

namespace strait::cli {
namespace {

namespace passive = probe::passive;

constexpr std::size_t most_prefixes = 200'000;

// Where --anonymise leaves two prefixes the same one, what they differ in is not known of it.
void add_to(analyzer::TrafficRow& sum, const analyzer::TrafficRow& row) {
  if (sum.asn != row.asn) sum.asn = Asn{};
  if (sum.country != row.country) sum.country.clear();
  if (sum.region != row.region) sum.region.clear();
  sum.packets_to += row.packets_to;
  sum.octets_to += row.octets_to;
  sum.packets_from += row.packets_from;
  sum.octets_from += row.octets_from;
}

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
  const auto prefix = places_.prefix_of(address);
  if (!prefix) return known;
  const auto row = rows_.find(*prefix);
  if (row != rows_.end()) {
    known.row = &row->second;
  } else if (rows_.size() < most_prefixes) {
    known.row = &rows_[*prefix];
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
  std::map<Prefix, analyzer::TrafficRow> shown;
  for (const auto& [prefix, row] : rows_) {
    const Surroundings around = places_.around(prefix);
    const analyzer::TrafficRow whole{.prefix = places_.shown(prefix),
                                     .asn = around.asn,
                                     .country = around.country,
                                     .region = around.region,
                                     .packets_to = row.packets_to,
                                     .octets_to = row.octets_to,
                                     .packets_from = row.packets_from,
                                     .octets_from = row.octets_from};
    const auto [place, is_new] = shown.try_emplace(whole.prefix, whole);
    if (!is_new) add_to(place->second, whole);
  }
  traffic.rows.reserve(shown.size());
  for (auto& [prefix, row] : shown) traffic.rows.push_back(std::move(row));
  return traffic;
}

}  // namespace strait::cli
