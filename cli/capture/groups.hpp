// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/capture/command.hpp"
#include "cli/capture/places.hpp"
#include "core/sketch.hpp"
#include "probe/passive/flow_report.hpp"

namespace strait::cli {

// The ends of flows that lie in one place, and the round trips between the capture and them. Of a
// path: what our side sends by it, and what comes by it.
struct EndGroup {
  std::string name;
  std::uint64_t flows = 0;
  std::uint64_t packets_to = 0;
  std::uint64_t octets_to = 0;  // of IP
  std::uint64_t packets_from = 0;
  std::uint64_t octets_from = 0;
  std::uint64_t sent_again = 0;  // segments to it, or missing until later
  Sketch handshakes;
  Sketch rtt;  // by the better method of each flow
};

// Adds flows up by their ends: those that are not local. At most 100,000 groups; what falls into
// others then is counted, not kept.
class EndGroups {
 public:
  // `places` must outlive it.
  EndGroups(GroupBy by, Places& places) : by_{by}, places_{places} {}

  void add(const probe::passive::FlowReport& flow);
  // The first of them, as flows are ranked.
  [[nodiscard]] std::vector<EndGroup> top(std::optional<std::uint32_t> most, FlowRank rank) const;
  [[nodiscard]] std::size_t size() const { return groups_.size(); }
  [[nodiscard]] std::uint64_t without_room() const { return without_room_; }
  // Flows whose ends are both local: they are in no group.
  [[nodiscard]] std::uint64_t local_flows() const { return local_flows_; }

 private:
  void add(const probe::passive::SenderReport& to, const probe::passive::SenderReport& from);
  EndGroup* group_of(const PlaceKey& key);

  GroupBy by_;
  Places& places_;
  std::map<PlaceKey, EndGroup> groups_;
  std::uint64_t without_room_ = 0;
  std::uint64_t local_flows_ = 0;
};

[[nodiscard]] std::string to_json(const EndGroup& group);
[[nodiscard]] std::string group_csv_header();
[[nodiscard]] std::string to_csv(const EndGroup& group);
[[nodiscard]] std::string to_table(std::span<const EndGroup> groups, bool colours);

}  // namespace strait::cli
