// SPDX-License-Identifier: Apache-2.0
// What rtnetlink(7) says of one route and one neighbour.
#include <fmt/format.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "probe/doctor/linux_kernel.hpp"

namespace strait::probe::doctor {
namespace {

constexpr std::size_t reply_octets = 8192;

// One question: a header of the request's own kind, then attributes.
template <class Body>
class Question {
 public:
  Question(std::uint16_t type, const Body& body) {
    header_ = {.nlmsg_len = NLMSG_LENGTH(sizeof(Body)),
               .nlmsg_type = type,
               .nlmsg_flags = NLM_F_REQUEST,
               .nlmsg_seq = 1,
               .nlmsg_pid = 0};
    std::memcpy(octets_.data() + NLMSG_HDRLEN, &body, sizeof body);
  }

  void add(std::uint16_t type, std::span<const std::byte> value) {
    const rtattr attribute{.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(value.size())),
                           .rta_type = type};
    std::byte* const at = octets_.data() + NLMSG_ALIGN(header_.nlmsg_len);
    std::memcpy(at, &attribute, sizeof attribute);
    std::memcpy(at + RTA_LENGTH(0), value.data(), value.size());
    header_.nlmsg_len =
        static_cast<std::uint32_t>(NLMSG_ALIGN(header_.nlmsg_len) + RTA_ALIGN(attribute.rta_len));
  }
  void add(std::uint16_t type, std::uint32_t value) {
    add(type, std::as_bytes(std::span{&value, 1}));
  }
  void add(std::uint16_t type, const Address& address) {
    if (address.is_v4()) {
      const auto octets = address.to_v4().to_bytes();
      add(type, std::as_bytes(std::span{octets}));
    } else {
      const auto octets = address.to_v6().to_bytes();
      add(type, std::as_bytes(std::span{octets}));
    }
  }

  [[nodiscard]] std::span<const std::byte> finish() {
    std::memcpy(octets_.data(), &header_, sizeof header_);
    return std::span{octets_}.first(header_.nlmsg_len);
  }

 private:
  nlmsghdr header_{};
  alignas(nlmsghdr) std::array<std::byte, 256> octets_{};  // all that we ask fits
};

struct Reply {
  int error = 0;  // errno
  std::vector<std::byte> body;
};

// Sends the question and reads the one answer.
Reply ask(std::span<const std::byte> question) {
  const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return {errno, {}};
  const timeval patience{.tv_sec = 1, .tv_usec = 0};
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  alignas(nlmsghdr) std::array<std::byte, reply_octets> buffer{};
  ssize_t got = ::send(fd, question.data(), question.size(), 0);
  if (got >= 0) got = ::recv(fd, buffer.data(), buffer.size(), 0);
  const int error = errno;
  ::close(fd);
  if (got < 0) return {error, {}};

  nlmsghdr header{};
  const auto length = static_cast<std::size_t>(got);
  if (length < sizeof header) return {EPROTO, {}};
  std::memcpy(&header, buffer.data(), sizeof header);
  if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > length) return {EPROTO, {}};
  const auto body = std::span{buffer}.first(header.nlmsg_len).subspan(NLMSG_HDRLEN);
  if (header.nlmsg_type != NLMSG_ERROR) return {0, {body.begin(), body.end()}};
  int code = -EPROTO;
  if (body.size() >= sizeof code) std::memcpy(&code, body.data(), sizeof code);
  return {-code, {}};
}

// Calls `take` with type and value of each attribute.
template <class Take>
void for_each_attribute(std::span<const std::byte> octets, const Take& take) {
  while (octets.size() >= sizeof(rtattr)) {
    rtattr attribute{};
    std::memcpy(&attribute, octets.data(), sizeof attribute);
    if (attribute.rta_len < RTA_LENGTH(0) || attribute.rta_len > octets.size()) return;
    take(attribute.rta_type, octets.first(attribute.rta_len).subspan(RTA_LENGTH(0)));
    octets = octets.subspan(std::min<std::size_t>(RTA_ALIGN(attribute.rta_len), octets.size()));
  }
}

std::optional<Address> to_address(std::span<const std::byte> octets) {
  boost::asio::ip::address_v4::bytes_type v4{};
  boost::asio::ip::address_v6::bytes_type v6{};
  if (octets.size() == v4.size()) {
    std::memcpy(v4.data(), octets.data(), v4.size());
    return boost::asio::ip::address_v4{v4};
  }
  if (octets.size() != v6.size()) return std::nullopt;
  std::memcpy(v6.data(), octets.data(), v6.size());
  return boost::asio::ip::address_v6{v6};
}

unsigned char family_of(const Address& address) {
  return address.is_v4() ? static_cast<unsigned char>(AF_INET)
                         : static_cast<unsigned char>(AF_INET6);
}

// RTA_VIA: an address of another family than the destination's (RFC 8950).
std::optional<Address> via(std::span<const std::byte> value) {
  constexpr std::size_t family = 2;
  return value.size() > family ? to_address(value.subspan(family)) : std::nullopt;
}

Result<Route> parse_route(std::span<const std::byte> body) {
  if (body.size() < NLMSG_ALIGN(sizeof(rtmsg))) return fail(Errc::io, "a route cut short");
  rtmsg head{};
  std::memcpy(&head, body.data(), sizeof head);
  if (head.rtm_type == RTN_UNREACHABLE || head.rtm_type == RTN_BLACKHOLE ||
      head.rtm_type == RTN_PROHIBIT) {
    return fail(Errc::not_found, "the kernel's route drops it");
  }
  Route route;
  for_each_attribute(body.subspan(NLMSG_ALIGN(sizeof(rtmsg))), [&](unsigned type, auto value) {
    if (type == RTA_GATEWAY) route.gateway = to_address(value);
    if (type == RTA_VIA) route.gateway = via(value);
    if (type == RTA_PREFSRC) route.source = to_address(value);
    unsigned index = 0;
    if (type != RTA_OIF || value.size() != sizeof index) return;
    std::memcpy(&index, value.data(), sizeof index);
    std::array<char, IF_NAMESIZE> name{};
    if (::if_indextoname(index, name.data()) != nullptr) route.interface = name.data();
  });
  return route;
}

}  // namespace

Result<Route> LinuxKernel::route(const RouteQuestion& question) const {
  rtmsg body{};
  body.rtm_family = family_of(question.destination);
  body.rtm_dst_len = question.destination.is_v4() ? 32 : 128;
  Question<rtmsg> message{RTM_GETROUTE, body};
  message.add(RTA_DST, question.destination);
  if (question.source) message.add(RTA_SRC, *question.source);
  if (question.mark) message.add(RTA_MARK, *question.mark);
  if (!question.device.empty()) {
    const unsigned index = ::if_nametoindex(question.device.c_str());
    if (index == 0) return fail(Errc::not_found, fmt::format("no interface '{}'", question.device));
    message.add(RTA_OIF, index);
  }
  const Reply reply = ask(message.finish());
  if (reply.error != 0) return fail(Errc::not_found, std::strerror(reply.error));
  return parse_route(reply.body);
}

Result<Neighbour> LinuxKernel::neighbour(const std::string& interface,
                                         const Address& address) const {
  ndmsg body{};
  body.ndm_family = family_of(address);
  body.ndm_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  Question<ndmsg> message{RTM_GETNEIGH, body};
  message.add(NDA_DST, address);
  const Reply reply = ask(message.finish());
  if (reply.error == ENOENT) return Neighbour::none;
  if (reply.error != 0) return fail(Errc::io, std::strerror(reply.error));
  if (reply.body.size() < sizeof body) return fail(Errc::io, "a neighbour cut short");
  std::memcpy(&body, reply.body.data(), sizeof body);
  if ((body.ndm_state & NUD_FAILED) != 0) return Neighbour::failed;
  if ((body.ndm_state & NUD_INCOMPLETE) != 0) return Neighbour::asked;
  return body.ndm_state == NUD_NONE ? Neighbour::none : Neighbour::known;
}

}  // namespace strait::probe::doctor
