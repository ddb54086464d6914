// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <span>

#include "routes/sources/rtr_protocol.hpp"
#include "routes/sources/vrp_json.hpp"

namespace {

using namespace strait;
using namespace strait::routes;

// What a cache says, in pieces of any size: the records are sound, ascending and none twice, and a
// connection that is to be closed leaves no question open.
void hear(std::span<const std::byte> octets) {
  RtrProtocol protocol;
  (void)protocol.begin();
  for (std::size_t size = 1; !octets.empty(); size = size * 7 % 61 + 1) {
    const RtrStep step = protocol.take(octets.first(std::min(size, octets.size())));
    octets = octets.subspan(std::min(size, octets.size()));
    if (step.again && step.end.empty()) __builtin_trap();
    const Vrp* last = nullptr;
    for (const Vrp& vrp : protocol.vrps()) {
      const unsigned most = vrp.prefix.network.is_v4() ? 32 : 128;
      if (vrp.max_length < vrp.prefix.length || vrp.max_length > most) __builtin_trap();
      if (last != nullptr && (vrp.prefix < last->prefix || vrp == *last)) __builtin_trap();
      last = &vrp;
    }
    if (step.end.empty()) continue;
    if (protocol.awaits()) __builtin_trap();
    (void)protocol.begin();
  }
}

}  // namespace

// Whatever a file holds, its VRPs are in their ranges, and each one makes its own prefix valid.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hear(std::as_bytes(std::span{data, size}));
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
