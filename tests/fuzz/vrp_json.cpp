// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <span>

#include "routes/sources/vrp_json.hpp"

// Whatever a file holds, its VRPs are in their ranges, and each one makes its own prefix valid.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strait;
  using namespace strait::routes;
  const auto source = memory_source(std::as_bytes(std::span{data, size}), 1U << 20U);
  const auto file = read_vrps(*source, "fuzz");
  if (!file) {
    if (file.error().message.empty()) __builtin_trap();
    return 0;
  }
  const VrpSet set{file->vrps};
  for (const Vrp& vrp : file->vrps) {
    const unsigned most = vrp.prefix.network.is_v4() ? 32 : 128;
    if (vrp.max_length < vrp.prefix.length || vrp.max_length > most) __builtin_trap();
    const RovState state = set.validate(vrp.prefix, vrp.asn).state;
    if (state == RovState::not_found) __builtin_trap();
    if (vrp.asn != Asn{0} && state != RovState::valid) __builtin_trap();
  }
  return 0;
}
