// SPDX-License-Identifier: Apache-2.0
// A STAMP reply as the prober reads it, and the sample that it makes of it.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "probe/sample.hpp"
#include "probe/stamp_packet.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace strait;
  using namespace strait::probe;
  const auto packet = std::as_bytes(std::span{bytes, size});
  const auto reply = read_stamp_reply(packet, size % 2 == 0 ? stamp_packet_size : 38);
  if (!reply) return 0;

  std::vector<std::byte> again(stamp_packet_size);
  write_stamp_reply(*reply, again);
  if (read_stamp_reply(again)->receive_timestamp != reply->receive_timestamp) std::abort();

  const Nanos elapsed{20'000'000};
  const Stamp sent{MonoTime{std::chrono::hours{1}},
                   WallTime{std::chrono::seconds{1'795'000'000}},
                   StampSource::kernel,
                   {}};
  const Stamp received{sent.mono + elapsed, sent.wall + elapsed, StampSource::kernel, {}};
  const ClockLimits limits{.own = {true, Nanos{100'000}}};
  const Sample sample = measure(sent, 1, received, &*reply, limits);
  // Whatever a reflector says, the result stays within what our own clock saw.
  if (!sample.rtt || *sample.rtt < Nanos{0} || *sample.rtt > elapsed) std::abort();
  if (sample.forward && *sample.forward < -2 * limits.error_limit) std::abort();
  return 0;
}
