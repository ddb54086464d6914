// SPDX-License-Identifier: Apache-2.0
// What chronyd or ptp4l may answer. The numbers of the request are those of the answer, so that the
// fuzzer gets past them.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "probe/chrony_tracking.hpp"
#include "probe/octets.hpp"
#include "probe/ptp_management.hpp"

using namespace strait;
using namespace strait::probe;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = std::as_bytes(std::span{data, size});
  if (size >= 20) {
    const auto chrony = parse_chrony_tracking(message, load<std::uint32_t>(message, 16));
    if (chrony && chrony->max_error() < Nanos{0}) std::abort();
  }
  if (size < 32) return 0;
  const auto domain = load<std::uint8_t>(message, 4);
  const auto sequence = load<std::uint16_t>(message, 30);
  const auto ptp = parse_ptp_current_data_set(message, domain, sequence);
  if (ptp && ptp->max_error() < Nanos{0}) std::abort();
  const auto grandmaster = parse_ptp_parent_data_set(message, domain, sequence);
  if (grandmaster && grandmaster->max_error().value_or(Nanos{0}) < Nanos{0}) std::abort();
  return 0;
}
