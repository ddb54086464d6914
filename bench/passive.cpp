// SPDX-License-Identifier: Apache-2.0
// The parts of bench/passive.sh. Files go to the standard output or come from the standard input,
// so that ten million packets need no disk.
//   bench_passive make PACKETS FLOWS   TCP with timestamps, IPv4 in Ethernet, headers only
//   bench_passive mix PACKETS FLOWS    TCP, QUIC, STAMP, DNS and ICMP echo in turns
//   bench_passive flood NAME RATE SECONDS   sends such TCP on an interface, that many packets a
//   second bench_passive count                a loop over the packets, nothing more bench_passive
//   meter                what `strait capture` does, without its output bench_passive meter-all the
//   same with both methods for every flow
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "probe/octets.hpp"
#include "probe/passive/capture_reader.hpp"
#include "probe/passive/meter.hpp"
#include "probe/stamp_packet.hpp"

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
  bool micros = true;  // the unit of fractions
};

void write_record(std::span<std::byte> record, const Step& step) {
  const std::uint32_t payload = step.data ? segment : 0;
  const auto little = [&record](std::size_t at, std::uint32_t value) {
    std::memcpy(record.data() + at, &value, sizeof(value));
  };
  little(0, 1'700'000'000 + static_cast<std::uint32_t>(step.nanos / 1'000'000'000));
  little(4, static_cast<std::uint32_t>(step.nanos % 1'000'000'000) / (step.micros ? 1000 : 1));
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

// Of the packets that are no TCP: Ethernet, IPv4, then these octets.
constexpr std::size_t mixed_size = 96;

void write_ipv4(std::span<std::byte> frame, const Step& step, std::uint8_t protocol) {
  const std::uint32_t client = 0x0a000000 + step.flow;
  store(frame, 12, std::uint16_t{0x0800});
  store(frame, 14, std::uint16_t{0x4500});
  store(frame, 16, static_cast<std::uint16_t>(protocol == 17 ? 1228 : 84));
  store(frame, 22, static_cast<std::uint16_t>(0x4000 + protocol));
  store(frame, 26, step.data ? client : std::uint32_t{0xc0000201});
  store(frame, 30, step.data ? std::uint32_t{0xc0000201} : client);
}

std::span<std::byte> write_udp(std::span<std::byte> frame, const Step& step, std::uint16_t server) {
  write_ipv4(frame, step, 17);
  const auto port = static_cast<std::uint16_t>(1024 + step.flow % 60000);
  store(frame, 34, step.data ? port : server);
  store(frame, 36, step.data ? server : port);
  store(frame, 38, std::uint16_t{1208});
  return frame.subspan(42);
}

// A short header each, whose bit spins, behind the Initial packets of both.
void write_quic(std::span<std::byte> frame, const Step& step) {
  const auto packet = write_udp(frame, step, 443);
  if (step.round > 0) {
    const bool spin = (step.round + (step.data ? 1 : 0)) % 2 == 0;
    store(packet, 0, static_cast<std::uint8_t>(spin ? 0x60 : 0x40));
    return;
  }
  store(packet, 0, std::uint8_t{0xc0});
  store(packet, 1, std::uint32_t{1});
  store(packet, 5, std::uint8_t{8});
  store(packet, 6, step.data ? std::uint64_t{11} : std::uint64_t{12});
  store(packet, 14, std::uint8_t{8});
  store(packet, 15, step.data ? std::uint64_t{12} : std::uint64_t{13});
}

void write_stamp(std::span<std::byte> frame, const Step& step) {
  const auto packet = write_udp(frame, step, stamp_port);
  const WireTime sent = (std::uint64_t{3'900'000'000} << 32U) + step.round;
  if (step.data) {
    write_stamp_request({.sequence = step.round, .timestamp = sent, .error_estimate = 1, .ssid = 0},
                        packet);
    return;
  }
  write_stamp_reply({.sequence = step.round,
                     .timestamp = sent + 4'000'000,
                     .error_estimate = 1,
                     .ssid = 0,
                     .receive_timestamp = sent,
                     .sender_sequence = step.round,
                     .sender_timestamp = sent,
                     .sender_error_estimate = 1,
                     .sender_ttl = 64},
                    packet);
}

void write_dns(std::span<std::byte> frame, const Step& step) {
  const auto packet = write_udp(frame, step, 53);
  store(packet, 0, static_cast<std::uint16_t>(step.round));
  store(packet, 2, step.data ? std::uint16_t{0x0100} : std::uint16_t{0x8180});
}

void write_echo(std::span<std::byte> frame, const Step& step) {
  write_ipv4(frame, step, 1);
  store(frame, 34, step.data ? std::uint16_t{0x0800} : std::uint16_t{0});
  store(frame, 38, static_cast<std::uint16_t>(step.flow));
  store(frame, 40, static_cast<std::uint16_t>(step.round));
}

// A record of the kind that the flow's number tells; its size.
std::size_t write_mixed(std::span<std::byte> record, const Step& step) {
  if (step.flow % 5 == 0) {
    write_record(record, step);
    return record_size;
  }
  std::ranges::fill(record, std::byte{0});
  const auto little = [&record](std::size_t at, std::uint32_t value) {
    std::memcpy(record.data() + at, &value, sizeof(value));
  };
  little(0, 1'700'000'000 + static_cast<std::uint32_t>(step.nanos / 1'000'000'000));
  little(4, static_cast<std::uint32_t>(step.nanos % 1'000'000'000) / 1000);
  little(8, mixed_size);
  little(12, step.flow % 5 == 4 ? 98 : 1242);
  constexpr std::array writers{write_quic, write_stamp, write_dns, write_echo};
  writers.at(step.flow % 5 - 1)(record.subspan(16), step);
  return 16 + mixed_size;
}

// Rounds: every flow sends a segment, then every flow has it acknowledged.
int make(std::uint64_t packets, std::uint32_t flows, bool mixed) {
  // Peers know microseconds only; a million flows within 20 ms want more.
  const bool micros = flows <= 10'000;
  const std::array<std::uint32_t, 6> header{
      micros ? 0xa1b2c3d4 : 0xa1b23c4d, 0x00040002, 0, 0, 65535, 1};
  std::fwrite(header.data(), 1, sizeof(header), stdout);
  std::vector<std::byte> chunk((16 + mixed_size) * 1024);
  std::size_t held = 0;
  for (std::uint64_t i = 0; i < packets; ++i) {
    const std::uint64_t half = i / flows;
    const Step step{.nanos = half * 20'000'000 + (i % flows) * 20'000'000 / flows,
                    .flow = static_cast<std::uint32_t>(i % flows),
                    .round = static_cast<std::uint32_t>(half / 2),
                    .data = half % 2 == 0,
                    .micros = micros};
    const auto record = std::span{chunk}.subspan(held, mixed ? 16 + mixed_size : record_size);
    if (mixed) {
      held += write_mixed(record, step);
    } else {
      write_record(record, step);
      held += record_size;
    }
    if (chunk.size() - held >= 16 + mixed_size && i + 1 < packets) continue;
    std::fwrite(chunk.data(), 1, held, stdout);
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

// Bursts every 250 us, past the queueing of the kernel. Says what was really sent.
int flood(const char* name, double rate, double seconds) {
  const int handle = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  const int bypass = 1;
  ::setsockopt(handle, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof(bypass));
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(::if_nametoindex(name));
  if (handle < 0 || to.sll_ifindex == 0) {
    std::perror(name);
    return 1;
  }
  constexpr std::size_t batch = 64;
  std::vector<std::byte> records(record_size * batch);
  std::vector<iovec> pieces(batch);
  std::vector<mmsghdr> messages(batch);
  for (std::size_t i = 0; i < batch; ++i) {
    pieces[i] = {.iov_base = records.data() + i * record_size + 16, .iov_len = frame_size};
    messages[i].msg_hdr.msg_name = &to;
    messages[i].msg_hdr.msg_namelen = sizeof(to);
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  using Clock = std::chrono::steady_clock;
  const auto begun = Clock::now();
  const auto elapsed = [&begun] {
    return std::chrono::duration<double>(Clock::now() - begun).count();
  };
  std::uint64_t sent = 0;
  std::uint64_t refused = 0;
  while (elapsed() < seconds) {
    const auto due = static_cast<std::uint64_t>(elapsed() * rate);
    if (due <= sent) {
      std::this_thread::sleep_for(std::chrono::microseconds{250});
      continue;
    }
    const std::size_t count = std::min<std::uint64_t>(batch, due - sent);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t number = sent + i;
      write_record(std::span{records}.subspan(i * record_size, record_size),
                   {.nanos = 0,
                    .flow = static_cast<std::uint32_t>(number % 1000),
                    .round = static_cast<std::uint32_t>(number / 2000),
                    .data = number / 1000 % 2 == 0,
                    .micros = true});
    }
    const int done = ::sendmmsg(handle, messages.data(), static_cast<unsigned>(count), 0);
    if (done > 0) sent += static_cast<std::uint64_t>(done);
    if (done <= 0) ++refused;
  }
  ::close(handle);
  std::printf("{\"sent\":%llu,\"rate\":%.0f,\"refused\":%llu}\n",
              static_cast<unsigned long long>(sent), static_cast<double>(sent) / elapsed(),
              static_cast<unsigned long long>(refused));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  if (words.size() == 3 && (words[0] == "make" || words[0] == "mix")) {
    return make(std::strtoull(argv[2], nullptr, 10),
                static_cast<std::uint32_t>(std::strtoul(argv[3], nullptr, 10)), words[0] == "mix");
  }
  if (words.size() == 4 && words[0] == "flood") {
    return flood(argv[2], std::strtod(argv[3], nullptr), std::strtod(argv[4], nullptr));
  }
  if (words.size() == 1 && words[0] == "count") return measure(false, false);
  if (words.size() == 1 && words[0] == "meter") return measure(true, false);
  if (words.size() == 1 && words[0] == "meter-all") return measure(true, true);
  std::fprintf(stderr,
               "bench_passive make|mix PACKETS FLOWS | count | meter | meter-all | flood NAME RATE "
               "SECONDS\n");
  return 2;
}
