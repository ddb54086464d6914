// SPDX-License-Identifier: Apache-2.0
// The parts of bench/passive.sh. Files go to the standard output or come from the standard input,
// so that ten million packets need no disk.
//   bench_passive make PACKETS FLOWS   TCP with timestamps, IPv4 in Ethernet, headers only
//   bench_passive count                a loop over the packets, nothing more
//   bench_passive meter                what `strait capture` does, without its output
//   bench_passive meter-all            the same with both methods for every flow
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "probe/octets.hpp"
#include "probe/passive/capture_reader.hpp"
#include "probe/passive/meter.hpp"

namespace {

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::passive;

constexpr std::size_t frame_size = 66;  // Ethernet, IPv4, TCP with timestamps
constexpr std::size_t record_size = 16 + frame_size;
constexpr std::uint32_t segment = 1000;  // octets on the wire, of which none are captured

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Step {
  std::uint64_t nanos = 0;  // since the beginning
  std::uint32_t flow = 0;
  std::uint32_t round = 0;
  bool data = false;
};

void write_record(std::span<std::byte> record, const Step& step) {
  const std::uint32_t payload = step.data ? segment : 0;
  const auto little = [&record](std::size_t at, std::uint32_t value) {
    std::memcpy(record.data() + at, &value, sizeof(value));
  };
  little(0, 1'700'000'000 + static_cast<std::uint32_t>(step.nanos / 1'000'000'000));
  little(4, static_cast<std::uint32_t>(step.nanos % 1'000'000'000));
  little(8, frame_size);
  little(12, frame_size + payload);
  const auto frame = record.subspan(16);
  store(frame, 12, std::uint16_t{0x0800});
  store(frame, 14, std::uint16_t{0x4500});
  store(frame, 16, static_cast<std::uint16_t>(52 + payload));
  store(frame, 22, std::uint16_t{0x4006});
  const std::uint32_t client = 0x0a000000 + step.flow;
  const auto port = static_cast<std::uint16_t>(1024 + step.flow % 60000);
  store(frame, 26, step.data ? client : std::uint32_t{0xc0000201});
  store(frame, 30, step.data ? std::uint32_t{0xc0000201} : client);
  store(frame, 34, step.data ? port : std::uint16_t{443});
  store(frame, 36, step.data ? std::uint16_t{443} : port);
  const std::uint32_t begin = 1 + step.round * segment;
  store(frame, 38, step.data ? begin : std::uint32_t{1});
  store(frame, 42, step.data ? std::uint32_t{1} : begin + segment);
  store(frame, 46, std::uint16_t{0x8010});
  store(frame, 48, std::uint16_t{1000});
  store(frame, 54, std::uint32_t{0x0101080a});
  const std::uint32_t tick = 100 + step.round * 100;
  store(frame, 58, step.data ? tick : tick + 20);
  store(frame, 62, step.data ? tick - 80 : tick);
}

// Rounds: every flow sends a segment, then every flow has it acknowledged.
int make(std::uint64_t packets, std::uint32_t flows) {
  const std::array<std::uint32_t, 6> header{0xa1b23c4d, 0x00040002, 0, 0, 65535, 1};
  std::fwrite(header.data(), 1, sizeof(header), stdout);
  std::vector<std::byte> chunk(record_size * 1024);
  std::size_t held = 0;
  for (std::uint64_t i = 0; i < packets; ++i) {
    const std::uint64_t half = i / flows;
    const Step step{.nanos = half * 20'000'000 + (i % flows) * 20'000'000 / flows,
                    .flow = static_cast<std::uint32_t>(i % flows),
                    .round = static_cast<std::uint32_t>(half / 2),
                    .data = half % 2 == 0};
    write_record(std::span{chunk}.subspan(held * record_size, record_size), step);
    if (++held < 1024 && i + 1 < packets) continue;
    std::fwrite(chunk.data(), record_size, held, stdout);
    held = 0;
  }
  return 0;
}

int measure(bool meters, bool all_methods) {
  auto reader = CaptureReader::open("-");
  if (!reader) {
    std::fprintf(stderr, "%s\n", reader.error().message.c_str());
    return 1;
  }
  std::uint64_t trips = 0;
  std::size_t memory = 0;
  std::uint64_t octets = 0;
  MeterOptions options;
  options.tcp.sequence_always = all_methods;
  options.max_flows = 4'000'000;
  Meter meter{options, [&](const FlowReport&) {}};
  std::vector<CapturedPacket> room(256);
  const double before = cpu_seconds();
  while (const std::size_t count = reader->read(room)) {
    const auto packets = std::span{room}.first(count);
    if (meters) {
      meter.add(packets);
    } else {
      for (const CapturedPacket& packet : packets) octets += packet.length;
    }
  }
  const double cpu = cpu_seconds() - before;
  memory = meter.memory_bytes();
  for (const std::uint64_t count : meter.tcp_tally().by_method) trips += count;
  const auto packets = static_cast<double>(reader->tally().packets);
  std::printf(
      "{\"packets\":%.0f,\"flows\":%llu,\"round_trips\":%llu,\"octets\":%llu,\"cpu_s\":%.3f,"
      "\"ns_per_packet\":%.0f,\"octets_per_flow\":%.0f}\n",
      packets, static_cast<unsigned long long>(meter.tally().flows),
      static_cast<unsigned long long>(trips), static_cast<unsigned long long>(octets), cpu,
      cpu * 1e9 / std::max(packets, 1.0),
      static_cast<double>(memory) /
          static_cast<double>(std::max<std::uint64_t>(meter.tally().flows, 1)));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  if (words.size() == 3 && words[0] == "make") {
    return make(std::strtoull(argv[2], nullptr, 10),
                static_cast<std::uint32_t>(std::strtoul(argv[3], nullptr, 10)));
  }
  if (words.size() == 1 && words[0] == "count") return measure(false, false);
  if (words.size() == 1 && words[0] == "meter") return measure(true, false);
  if (words.size() == 1 && words[0] == "meter-all") return measure(true, true);
  std::fprintf(stderr, "bench_passive make PACKETS FLOWS | count | meter | meter-all\n");
  return 2;
}
