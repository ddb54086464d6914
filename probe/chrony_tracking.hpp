// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/duration.hpp"
#include "core/result.hpp"

namespace strait::probe {

// What chronyd knows of this machine's clock (`chronyc tracking`).
struct ChronyStatus {
  bool synchronised = false;  // to a source, not only to itself (`local` of chrony.conf)
  bool leap_second = false;   // announced
  Nanos offset{};             // from what chronyd takes for the time; not slewed away yet
  Nanos root_delay{};
  Nanos root_dispersion{};  // at the moment of the answer

  // "An absolute bound on the computer's clock accuracy (assuming the stratum-1 computer is
  // correct)" (chronyc(1), tracking).
  [[nodiscard]] Nanos max_error() const;

  friend bool operator==(const ChronyStatus&, const ChronyStatus&) = default;
};

// As long as the answer: chronyd does not answer with more than it got.
inline constexpr std::size_t chrony_request_size = 104;
inline constexpr std::uint16_t chrony_port = 323;

// A request REQ_TRACKING of chrony's command protocol, version 6 (chrony 2.2 and later; candm.h).
[[nodiscard]] std::array<std::byte, chrony_request_size> chrony_tracking_request(
    std::uint32_t sequence);

// The reply to it. Errors: what of it is not as it must be; a status that is not success is one.
[[nodiscard]] Result<ChronyStatus> parse_chrony_tracking(std::span<const std::byte> message,
                                                         std::uint32_t sequence);

}  // namespace strait::probe
