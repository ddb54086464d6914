// SPDX-License-Identifier: Apache-2.0
// Any octets as a capture file, through everything that `strait capture` does with them. What comes
// out must add up, and no round trip may be negative.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "probe/passive/capture_reader.hpp"
#include "probe/passive/meter.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strait;
  using namespace strait::probe::passive;
  const auto check = [](bool holds) {
    if (!holds) std::abort();
  };
  auto reader =
      CaptureReader::read_from(ByteSource{memory_input(std::as_bytes(std::span{data, size}))}, "-");
  if (!reader) return 0;
  MeterOptions options;
  options.decode = {.gre = true, .vxlan = true, .stamp_ports = {862, 20000}};
  options.max_flows = 4;
  options.tcp.sequence_always = true;
  std::uint64_t flows = 0;
  Meter meter{options, [&](const FlowReport& flow) {
                ++flows;
                check(flow.first <= flow.last);
                check(flow.client.best().negative_count() == 0);
                check(flow.handshake().value_or(Nanos{0}) >= Nanos{0});
              }};
  meter.set_round_trip_sink([&](const RoundTrip& trip) { check(trip.rtt >= Nanos{0}); });
  std::vector<CapturedPacket> room(16);
  std::uint64_t packets = 0;
  while (const std::size_t count = reader->read(room)) {
    for (const CapturedPacket& packet : std::span{room}.first(count)) {
      check(packet.data.size() <= packet.length);
      check(packet.time.time_since_epoch() >= Nanos{0});
    }
    meter.add(std::span{room}.first(count));
    packets += count;
  }
  meter.finish();
  std::uint64_t judged = 0;
  for (const std::uint64_t verdict : meter.tally().by_verdict) judged += verdict;
  check(packets == reader->tally().packets && packets == judged && judged == meter.tally().packets);
  check(flows == meter.tally().flows);
  check(reader->tally().damages.size() <= ReadTally::kept_damages);
  return 0;
}
