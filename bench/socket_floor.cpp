// SPDX-License-Identifier: Apache-2.0
// The least that probing over kernel sockets can cost, for bench/socket_*.sh to stand beside the
// tools: no schedule, no matching, no records, no error handling.
//   bench_socket_floor echo FILE COUNT INTERVAL_US [stamps]
//     ICMP echo to the IPv4 addresses in FILE, COUNT times each, in batches of 64, on one socket.
//     `stamps`: with the kernel's stamps of both directions. Prints how many were sent and came.
//   bench_socket_floor reflect ADDRESS PORT
//     Sends back what comes to this UDP port, in batches of 64, until SIGTERM. Prints how many.
//   bench_socket_floor tick COUNT INTERVAL_US
//     Only sleeps until each slot. Prints how many per cent of the slots it slept through.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/net_tstamp.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

constexpr std::size_t batch = 64;
constexpr std::size_t packet_octets = 64;
constexpr auto pause = microseconds{1000};

struct Batch {
  std::array<mmsghdr, batch> messages{};
  std::array<iovec, batch> vectors{};
  std::array<sockaddr_in, batch> names{};
  std::array<std::array<char, 256>, batch> data{};
  std::array<std::array<char, 384>, batch> control{};

  void prepare(std::size_t count, std::size_t octets, bool with_control) {
    for (std::size_t i = 0; i < count; ++i) {
      vectors[i] = {data[i].data(), octets};
      msghdr& header = messages[i].msg_hdr;
      header = {};
      header.msg_name = &names[i];
      header.msg_namelen = sizeof names[i];
      header.msg_iov = &vectors[i];
      header.msg_iovlen = 1;
      if (!with_control) continue;
      header.msg_control = control[i].data();
      header.msg_controllen = control[i].size();
    }
  }
};

int open_socket(bool stamps) {
  int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_ICMP);
  if (fd < 0) fd = ::socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP);
  const int buffer = 32 << 20;
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  const int flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE |
                    SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY |
                    SOF_TIMESTAMPING_OPT_ID;
  if (stamps) (void)::setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags);
  return fd;
}

std::vector<in_addr> read_targets(const char* file) {
  std::vector<in_addr> targets;
  std::ifstream in{file};
  for (std::string line; std::getline(in, line);) {
    in_addr address{};
    if (::inet_pton(AF_INET, line.c_str(), &address) == 1) targets.push_back(address);
  }
  return targets;
}

void write_request(std::array<char, 256>& packet, std::uint16_t sequence) {
  icmphdr header{};
  header.type = ICMP_ECHO;
  header.un.echo.id = htons(0x5354);
  header.un.echo.sequence = htons(sequence);
  // The data is zeros, so the checksum is over the header alone (RFC 1071).
  std::uint32_t sum = (ICMP_ECHO << 8U) + 0x5354U + sequence;
  sum = (sum & 0xffffU) + (sum >> 16U);
  header.checksum = htons(static_cast<std::uint16_t>(~sum));
  std::memcpy(packet.data(), &header, sizeof header);
}

std::uint64_t drain(int fd, int flags, Batch& in) {
  std::uint64_t total = 0;
  while (true) {
    in.prepare(batch, in.data[0].size(), true);
    const int got = ::recvmmsg(fd, in.messages.data(), batch, flags | MSG_DONTWAIT, nullptr);
    if (got > 0) total += static_cast<std::uint64_t>(got);
    if (got < static_cast<int>(batch)) return total;
  }
}

int echo(const char* file, std::uint64_t count, microseconds interval, bool stamps) {
  const auto targets = read_targets(file);
  const int fd = open_socket(stamps);
  Batch out;
  Batch in;
  const std::uint64_t total = targets.size() * count;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t stamped = 0;
  const auto start = Clock::now();
  const auto end = start + interval * count + std::chrono::seconds{1};
  while (received < total && Clock::now() < end) {
    const auto passed = std::chrono::duration<double>(Clock::now() - start) / interval;
    const auto due =
        std::min(total, static_cast<std::uint64_t>(passed * static_cast<double>(targets.size())));
    while (sent < due) {
      const std::size_t wanted = std::min<std::uint64_t>(batch, due - sent);
      out.prepare(wanted, packet_octets, false);
      for (std::size_t i = 0; i < wanted; ++i) {
        out.names[i].sin_family = AF_INET;
        out.names[i].sin_addr = targets[(sent + i) % targets.size()];
        write_request(out.data[i], static_cast<std::uint16_t>(sent + i));
      }
      const int taken = ::sendmmsg(fd, out.messages.data(), static_cast<unsigned>(wanted), 0);
      if (taken > 0) sent += static_cast<std::uint64_t>(taken);
      if (stamps) stamped += drain(fd, MSG_ERRQUEUE, in);
    }
    received += drain(fd, 0, in);
    std::this_thread::sleep_for(pause);
  }
  fmt::print("{{\"sent\":{},\"received\":{},\"stamped\":{}}}\n", sent, received, stamped);
  return received == total ? 0 : 1;
}

volatile std::sig_atomic_t asked_to_end = 0;

int reflect(const char* address, std::uint16_t port) {
  (void)std::signal(SIGTERM, [](int) { asked_to_end = 1; });
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_port = htons(port);
  const int buffer = 32 << 20;
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  if (::inet_pton(AF_INET, address, &here.sin_addr) != 1 ||
      ::bind(fd, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0) {
    fmt::print(stderr, "reflect on {} port {}: {}\n", address, port, std::strerror(errno));
    return 1;
  }
  Batch packets;
  std::uint64_t reflected = 0;
  while (asked_to_end == 0) {
    pollfd watched{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&watched, 1, -1) <= 0) continue;
    packets.prepare(batch, packets.data[0].size(), false);
    const int got = ::recvmmsg(fd, packets.messages.data(), batch, MSG_DONTWAIT, nullptr);
    for (int i = 0; i < got; ++i) {
      const auto place = static_cast<std::size_t>(i);
      packets.vectors[place].iov_len = packets.messages[place].msg_len;
    }
    if (got <= 0) continue;
    const int sent = ::sendmmsg(fd, packets.messages.data(), static_cast<unsigned>(got), 0);
    if (sent > 0) reflected += static_cast<std::uint64_t>(sent);
  }
  fmt::print("{{\"reflected\":{}}}\n", reflected);
  return 0;
}

int tick(std::uint64_t count, microseconds interval) {
  std::uint64_t missed = 0;
  auto slot = Clock::now() + interval;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::this_thread::sleep_until(slot);
    for (slot += interval; slot <= Clock::now(); slot += interval, ++i) ++missed;
  }
  fmt::print("{}\n", 100 * static_cast<double>(missed) / static_cast<double>(count));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  (void)::prctl(PR_SET_TIMERSLACK, 1UL);
  const auto number = [&](int at) { return std::strtoull(argv[at], nullptr, 10); };
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "echo" && argc >= 5)
    return echo(argv[2], number(3), microseconds{number(4)}, argc > 5);
  if (mode == "reflect" && argc == 4)
    return reflect(argv[2], static_cast<std::uint16_t>(number(3)));
  if (mode == "tick" && argc == 4) return tick(number(2), microseconds{number(3)});
  fmt::print(stderr,
             "usage: {} echo FILE COUNT INTERVAL_US [stamps] | reflect ADDRESS PORT | "
             "tick COUNT INTERVAL_US\n",
             argv[0]);
  return 2;
}
