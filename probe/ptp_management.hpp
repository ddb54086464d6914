// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/duration.hpp"
#include "core/result.hpp"

namespace strait::probe {

// What a PTP clock knows of itself (IEEE 1588-2008 section 15.5.3.4.1, CURRENT_DATA_SET).
struct PtpStatus {
  std::uint16_t steps_removed = 0;  // from the grandmaster; 0: it is one
  Nanos offset_from_master{};
  Nanos mean_path_delay{};

  // A slave that has not measured its delay yet knows nothing.
  [[nodiscard]] bool measured() const { return steps_removed == 0 || mean_path_delay > Nanos{0}; }
  // How far the clock can be off: the offset is what its servo sees, and of the delay to the master
  // only the sum of both directions is known, so the offset is wrong by at most half of that.
  [[nodiscard]] Nanos max_error() const;
};

// What the grandmaster says of itself (section 15.5.3.5.1, PARENT_DATA_SET).
struct PtpGrandmaster {
  std::uint8_t clock_class = 248;  // section 7.6.2.4, table 5
  std::uint8_t accuracy = 0xfe;    // section 7.6.2.5, table 6

  // How far it is from UTC. Nothing where it follows no reference (but its own oscillator, or an
  // arbitrary time), has been without one for long, or does not know.
  [[nodiscard]] std::optional<Nanos> max_error() const;
};

enum class PtpDataSet : std::uint16_t { current = 0x2001, parent = 0x2002 };  // table 40

inline constexpr std::size_t ptp_get_size = 54;

// A management message GET to every port of `domain` (section 13.12, 15.4, 15.5).
[[nodiscard]] std::array<std::byte, ptp_get_size> ptp_get(PtpDataSet data_set, std::uint8_t domain,
                                                          std::uint16_t sequence);

// The response to it. Errors: what of it is not as it must be; a management error status is one.
[[nodiscard]] Result<PtpStatus> parse_ptp_current_data_set(std::span<const std::byte> message,
                                                           std::uint8_t domain,
                                                           std::uint16_t sequence);
[[nodiscard]] Result<PtpGrandmaster> parse_ptp_parent_data_set(std::span<const std::byte> message,
                                                               std::uint8_t domain,
                                                               std::uint16_t sequence);

}  // namespace strait::probe
