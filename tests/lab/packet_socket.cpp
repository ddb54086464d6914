// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/packet_socket.hpp"

#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

namespace strait::lab {
namespace {

constexpr std::size_t slot_size = 2048;
constexpr std::size_t slots = 1024;
constexpr std::size_t block_size = 65536;
constexpr std::size_t ring_size = slot_size * slots;

Result<void> set_option(int fd, int option, const void* value, socklen_t size, const char* name) {
  if (::setsockopt(fd, SOL_PACKET, option, value, size) != 0) return system_error(name);
  return {};
}

Result<void> set_flag(int fd, int option, int value, const char* name) {
  return set_option(fd, option, &value, sizeof value, name);
}

Result<void> prepare(int fd) {
  if (auto done = set_flag(fd, PACKET_VERSION, TPACKET_V2, "PACKET_VERSION"); !done) return done;
  if (auto done = set_flag(fd, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING"); !done)
    return done;
  if (auto done = set_flag(fd, PACKET_QDISC_BYPASS, 1, "PACKET_QDISC_BYPASS"); !done) return done;
  const tpacket_req ring{.tp_block_size = block_size,
                         .tp_block_nr = ring_size / block_size,
                         .tp_frame_size = slot_size,
                         .tp_frame_nr = slots};
  return set_option(fd, PACKET_RX_RING, &ring, sizeof ring, "PACKET_RX_RING");
}

Result<void> bind_to(int fd, unsigned index) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = __builtin_bswap16(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(index);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return system_error("bind");
  }
  return {};
}

WallTime arrival_of(const tpacket2_hdr& header) {
  return WallTime{std::chrono::seconds{header.tp_sec} + Nanos{header.tp_nsec}};
}

// The ring has the outer tag apart from the frame.
std::vector<std::byte> with_tag(std::span<const std::byte> frame, const tpacket2_hdr& header) {
  const bool known = (header.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
  const unsigned type = known ? header.tp_vlan_tpid : ETH_P_8021Q;
  std::vector<std::byte> whole{frame.begin(), frame.begin() + 2 * ETH_ALEN};
  for (const unsigned octet :
       {type >> 8U, type & 0xffU, header.tp_vlan_tci >> 8U & 0xffU, header.tp_vlan_tci & 0xffU}) {
    whole.push_back(static_cast<std::byte>(octet));
  }
  whole.insert(whole.end(), frame.begin() + 2 * ETH_ALEN, frame.end());
  return whole;
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

tl::unexpected<Error> system_error(const std::string& what) {
  const int code = errno;
  const bool denied = code == EPERM || code == EACCES;
  return fail(denied ? Errc::no_permission : Errc::io,
              fmt::format("{}: {}", what, std::strerror(code)));
}

Result<PacketSocket> PacketSocket::open(const std::string& interface) {
  const unsigned index = ::if_nametoindex(interface.c_str());
  if (index == 0) return system_error(fmt::format("interface '{}'", interface));
  // Protocol 0: nothing comes in before bind() names the interface.
  Descriptor fd{::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (fd.get() < 0) return system_error("AF_PACKET socket");
  if (auto done = prepare(fd.get()); !done) return fail(std::move(done));
  void* const ring =
      ::mmap(nullptr, ring_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd.get(), 0);
  if (ring == MAP_FAILED) return system_error("mmap of the ring");
  PacketSocket socket{std::move(fd), static_cast<std::byte*>(ring)};
  if (auto done = bind_to(socket.fd(), index); !done) return fail(std::move(done));
  return socket;
}

PacketSocket::PacketSocket(PacketSocket&& other) noexcept
    : fd_{std::move(other.fd_)},
      ring_{std::exchange(other.ring_, nullptr)},
      next_{other.next_},
      counters_{other.counters_} {}

PacketSocket::~PacketSocket() {
  if (ring_ != nullptr) ::munmap(ring_, ring_size);
}

void PacketSocket::receive(const Visit& visit) {
  for (;; next_ = (next_ + 1) % slots) {
    auto& header = *reinterpret_cast<tpacket2_hdr*>(ring_ + next_ * slot_size);
    const std::atomic_ref status{header.tp_status};
    const auto bits = status.load(std::memory_order_acquire);
    if ((bits & TP_STATUS_USER) == 0) return;
    if (header.tp_len != header.tp_snaplen) {
      ++counters_.truncated;
    } else {
      const std::span frame{reinterpret_cast<const std::byte*>(&header) + header.tp_mac,
                            header.tp_snaplen};
      if ((bits & TP_STATUS_VLAN_VALID) != 0) {
        visit(with_tag(frame, header), arrival_of(header));
      } else {
        visit(frame, arrival_of(header));
      }
    }
    status.store(TP_STATUS_KERNEL, std::memory_order_release);
  }
}

void PacketSocket::clear_error() {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size);  // reading takes it
}

std::vector<bool> PacketSocket::send(std::span<const std::span<const std::byte>> frames) {
  std::vector<iovec> parts;
  for (const auto frame : frames) {
    parts.push_back({const_cast<std::byte*>(frame.data()), frame.size()});
  }
  std::vector<mmsghdr> messages(frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  std::vector<bool> taken(frames.size(), false);
  for (std::size_t at = 0; at < messages.size();) {
    const int sent =
        ::sendmmsg(fd(), &messages[at], static_cast<unsigned>(messages.size() - at), MSG_DONTWAIT);
    if (sent <= 0) {
      // sendmmsg reports the error of the first message that it could not send: drop that one.
      ++counters_.send_failed;
      ++at;
      continue;
    }
    for (int i = 0; i < sent; ++i) taken[at++] = true;
  }
  return taken;
}

PacketSocket::Counters PacketSocket::counters() {
  tpacket_stats stats{};  // reading resets the kernel's
  socklen_t size = sizeof stats;
  if (::getsockopt(fd(), SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0) {
    counters_.ring_full += stats.tp_drops;
  }
  return counters_;
}

}  // namespace strait::lab
