// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace strait::lab {

// What the switch and the label-switching router at the near end of a path do for it: frames
// towards the far end lose their tags and labels, those that come back get the tags (labels are
// popped before the last hop, as networks do). Written apart from what is tested with it.
struct Tags {
  std::vector<std::uint16_t> vlans;   // outer first
  std::vector<std::uint32_t> labels;  // top first; what the site must send

  friend bool operator==(const Tags&, const Tags&) = default;
};

// "vlans=300,101" or "mpls=16001,24", into `tags`.
[[nodiscard]] Result<void> parse_tags(std::string_view word, Tags& tags);

// The identifiers of the tags that the frame has, outer first; of either type (802.1Q, 802.1ad).
[[nodiscard]] std::vector<std::uint16_t> vlans_of(std::span<const std::byte> frame);

// Without its tags. Labels that are not exactly `tags.labels` make nothing of it. ARP and IPv6 to a
// link-local or multicast address are for the neighbour and have no labels.
[[nodiscard]] std::optional<std::vector<std::byte>> stripped(std::span<const std::byte> frame,
                                                             const Tags& tags);
// With the tags, S-tag first when there are two.
[[nodiscard]] std::vector<std::byte> tagged(std::span<const std::byte> frame, const Tags& tags);

}  // namespace strait::lab
