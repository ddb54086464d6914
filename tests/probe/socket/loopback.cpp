// SPDX-License-Identifier: Apache-2.0
#include "tests/probe/socket/loopback.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <catch2/catch.hpp>

#include "probe/socket/probe_socket.hpp"
#include "probe/socket/sock_address.hpp"

namespace strait::probe::test {

UdpPeer::UdpPeer(std::string_view address) {
  const auto parsed = parse_address(address);
  REQUIRE(parsed.has_value());
  fd_ = kernel::Fd{::socket(parsed->is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)};
  (void)kernel::enlarge_receive_buffer(fd_.value(), std::size_t{4} << 20U);
  const auto name = kernel::to_sock_address({*parsed, 0});
  REQUIRE(::bind(fd_.value(), name.get(), name.length) == 0);
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  REQUIRE(::getsockname(fd_.value(), std::bit_cast<sockaddr*>(&bound), &length) == 0);
  endpoint_ = kernel::to_endpoint(bound);
}

std::vector<UdpPeer::Datagram> UdpPeer::receive() {
  std::vector<Datagram> all;
  while (true) {
    std::vector<std::byte> buffer(65536);
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    const auto got = ::recvfrom(fd_.value(), buffer.data(), buffer.size(), 0,
                                std::bit_cast<sockaddr*>(&from), &length);
    if (got < 0) return all;
    buffer.resize(static_cast<std::size_t>(got));
    all.push_back({std::move(buffer), kernel::to_endpoint(from)});
  }
}

void UdpPeer::send(std::span<const std::byte> payload, const Endpoint& to) {
  const auto name = kernel::to_sock_address(to);
  REQUIRE(::sendto(fd_.value(), payload.data(), payload.size(), 0, name.get(), name.length) ==
          static_cast<ssize_t>(payload.size()));
}

std::size_t UdpPeer::echo() {
  const auto queued = receive();
  for (const auto& datagram : queued) send(datagram.payload, datagram.from);
  return queued.size();
}

std::vector<Kept> receive_until(Transport& transport,
                                const std::function<bool(const std::vector<Kept>&)>& enough,
                                std::chrono::milliseconds timeout) {
  const MonoTime end = transport.now().mono + timeout;
  std::vector<Kept> all;
  std::vector<Arrival> burst(transport.burst_size());
  while (!enough(all) && transport.now().mono < end) {
    const std::size_t got = transport.receive(burst);
    for (const Arrival& arrival : std::span{burst}.first(got)) {
      all.push_back({arrival, {arrival.payload.begin(), arrival.payload.end()}});
    }
    if (got == 0) transport.wait(end);
  }
  for (Kept& kept : all) kept.arrival.payload = kept.payload;
  return all;
}

std::size_t count_of(const std::vector<Kept>& arrivals, Arrival::Kind kind) {
  return static_cast<std::size_t>(std::ranges::count_if(
      arrivals, [kind](const Kept& kept) { return kept.arrival.kind == kind; }));
}

const Arrival* first_of(const std::vector<Kept>& arrivals, Arrival::Kind kind) {
  const auto found = std::ranges::find_if(
      arrivals, [kind](const Kept& kept) { return kept.arrival.kind == kind; });
  return found == arrivals.end() ? nullptr : &found->arrival;
}

std::unique_ptr<SocketTransport> open_transport(SocketOptions options) {
  auto opened = SocketTransport::open(options);
  REQUIRE(opened.has_value());
  return std::move(*opened);
}

FlowSpec udp_flow(const Endpoint& destination) {
  FlowSpec spec;
  spec.destination = destination;
  return spec;
}

FlowSpec echo_flow(std::string_view address) {
  FlowSpec spec;
  spec.kind = FlowKind::icmp_echo;
  spec.destination.address = parse_address(address).value();
  return spec;
}

bool may_ping() {
  const auto flow = open_transport()->open_flow(echo_flow("127.0.0.1"));
  if (flow || flow.error().code != Errc::no_permission) return true;
  WARN("skipped: " << flow.error().message);
  return false;
}

bool send_one(Transport& transport, FlowId flow, std::uint32_t tag,
              std::span<const std::byte> payload, Stamp* sent) {
  std::array<Departure, 1> burst{{{.flow = flow, .tag = tag, .payload = payload, .sent = {}}}};
  const bool taken = transport.send(burst) == 1;
  if (sent != nullptr) *sent = burst[0].sent;
  return taken;
}

}  // namespace strait::probe::test
