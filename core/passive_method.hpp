// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/window.hpp"

namespace strait {

// How a round trip of captured traffic was told. Each is a protocol of its own,
// "passive-timestamp", for the sessions that hold such round trips: no probes, so that their counts
// are of round trips and what was lost is not known.
enum class PassiveMethod : std::uint8_t {
  handshake,
  timestamp,
  sequence,
  sack,
  echo,
  query,
  stamp,
  quic_handshake,
  spin,
  spin_whole,
};
[[nodiscard]] std::string_view to_string(PassiveMethod method);
[[nodiscard]] std::optional<PassiveMethod> parse_passive_method(std::string_view text);

[[nodiscard]] Protocol protocol_of(PassiveMethod method);
// Nothing for a protocol of probes.
[[nodiscard]] std::optional<PassiveMethod> passive_method(Protocol protocol);

}  // namespace strait
