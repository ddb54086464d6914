// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/connector.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "probe/octets.hpp"
#include "probe/socket/control.hpp"
#include "probe/socket/sock_address.hpp"

namespace strait::probe::kernel {
namespace {

constexpr std::size_t most_events = 64;
constexpr std::size_t quoted_octets = 64;

// The errno of the connect(), as the socket has it now.
int outcome_of(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

bool was_sent_again(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
         info.tcpi_total_retrans > 0;
}

Result<void> watch(int epoll, int fd, FlowId flow) {
  epoll_event event{};
  event.events = flow == no_flow ? EPOLLIN : EPOLLOUT;
  event.data.u32 = flow;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return fail(Errc::io, fmt::format("watch a TCP socket: {}", std::strerror(errno)));
}

}  // namespace

Result<std::unique_ptr<Connector>> Connector::make(SocketKey key, int epoll,
                                                   std::uint16_t local_port) {
  Fd timer{::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)};
  if (!timer.is_open()) {
    return fail(Errc::io, fmt::format("make a timer: {}", std::strerror(errno)));
  }
  if (auto watched = watch(epoll, timer.value(), no_flow); !watched) {
    return fail(std::move(watched));
  }
  return std::unique_ptr<Connector>{
      new Connector{std::move(key), epoll, std::move(timer), local_port}};
}

Connector::Connector(SocketKey key, int epoll, Fd timer, std::uint16_t local_port)
    : key_{std::move(key)},
      epoll_{epoll},
      timer_{std::move(timer)},
      local_port_{local_port},
      errors_{1, quoted_octets} {}

tl::expected<Fd, Connector::Failure> Connector::make_socket(const TcpFar& far) const {
  const auto failed = [](std::string_view step) { return tl::make_unexpected(Failure{step}); };
  const int family = key_.v6 ? AF_INET6 : AF_INET;
  Fd fd{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd.is_open()) {
    const bool too_many = errno == EMFILE || errno == ENFILE;
    return failed(too_many ? "tcp-socket-no-descriptors" : "tcp-socket-failed");
  }
  const int level = key_.v6 ? static_cast<int>(IPPROTO_IPV6) : static_cast<int>(IPPROTO_IP);
  struct Option {
    int level;
    int number;
    int value;
    const char* name;
  };
  const std::array options{
      Option{SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"},
      Option{IPPROTO_TCP, TCP_SYNCNT, 1, "TCP_SYNCNT"},
      Option{level, key_.v6 ? IPV6_RECVERR : IP_RECVERR, 1, "IP_RECVERR"},
      Option{level, key_.v6 ? IPV6_UNICAST_HOPS : IP_TTL, far.hop_limit, "IP_TTL"},
      Option{level, key_.v6 ? IPV6_TCLASS : IP_TOS, far.dscp << 2, "IP_TOS"}};
  for (const Option& option : options) {
    if (!set_option(fd.value(), option.level, option.number, option.value, option.name)) {
      return failed("tcp-setsockopt-failed");
    }
  }
  // Closed with a reset: nothing lingers at either end.
  const linger none{.l_onoff = 1, .l_linger = 0};
  (void)::setsockopt(fd.value(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
  if (!pin_socket(fd.value(), key_)) return failed("tcp-pin-failed");
  if (!bind_to(fd.value(), {source_of(key_), local_port_})) return failed("tcp-bind-failed");
  return fd;
}

std::optional<Connector::Failure> Connector::begin(Departure& departure, const TcpFar& far,
                                                   ClockBridge& clock) {
  give_up(clock.sample().mono);
  if (attempts_.contains(departure.flow)) return Failure{{}, EALREADY};
  auto fd = make_socket(far);
  if (!fd) return fd.error();
  const SockAddress name = to_sock_address(far.destination);
  const Instant before = clock.sample();
  const bool done = ::connect(fd->value(), name.get(), name.length) == 0;
  const int error = done ? 0 : errno;
  const Nanos took = clock.sample().mono - before.mono;
  if (!done && error != EINPROGRESS && error != ECONNREFUSED) return Failure{{}, error};

  Attempt attempt{.fd = std::move(*fd),
                  .far = far.destination,
                  .number = {},
                  .begun = before.mono,
                  .outcome = error == EINPROGRESS ? std::nullopt : std::optional{error}};
  std::ranges::copy(departure.payload.first(tcp_probe_size), attempt.number.begin());
  if (!watch(epoll_, attempt.fd.value(), departure.flow)) return Failure{"tcp-epoll-failed"};
  attempts_.emplace(departure.flow, std::move(attempt));
  begun_.push_back({departure.flow, before.mono});
  if (begun_.size() == 1) arm(before.mono);
  departure.sent = {
      .mono = before.mono, .wall = before.wall, .source = StampSource::user, .uncertainty = took};
  departure.stamp_follows = false;
  return std::nullopt;
}

// Closes what has waited too long: then nothing is sent again, and a reply comes to nobody.
void Connector::give_up(MonoTime now) {
  while (!begun_.empty() && now - begun_.front().when >= patience) {
    const auto found = attempts_.find(begun_.front().flow);
    const bool same = found != attempts_.end() && found->second.begun == begun_.front().when;
    if (same) attempts_.erase(found);
    begun_.pop_front();
  }
}

void Connector::arm(MonoTime now) {
  itimerspec when{};
  if (!begun_.empty()) {
    const Nanos left = std::max(begun_.front().when + patience - now, Nanos{1});
    when.it_value.tv_sec = left / std::chrono::seconds{1};
    when.it_value.tv_nsec = (left % std::chrono::seconds{1}).count();
  }
  (void)::timerfd_settime(timer_.value(), 0, &when, nullptr);
}

// False where nobody has said anything: then the attempt failed at our own end.
bool Connector::read_error(const Attempt& attempt, Arrival& arrival) {
  if (errors_.receive(attempt.fd.value(), MSG_ERRQUEUE, 0, 1) != 1) return false;
  const IncomingControl control = read_control(errors_.header(0));
  if (!control.error) return false;
  const std::uint8_t origin = control.error->ee_origin;
  if (origin != SO_EE_ORIGIN_ICMP && origin != SO_EE_ORIGIN_ICMP6) return false;
  arrival.kind = Arrival::Kind::icmp_error;
  arrival.icmp_type = control.error->ee_type;
  arrival.icmp_code = control.error->ee_code;
  if (control.offender) arrival.source.address = *control.offender;
  return true;
}

bool Connector::read(FlowId flow, const Attempt& attempt, const ClockBridge& clock,
                     TransportCounters& counters, Arrival& arrival) {
  arrival = {};
  arrival.flow = flow;
  arrival.source = attempt.far;
  arrival.received = clock.user_stamp();
  if (was_sent_again(attempt.fd.value())) {
    ++counters.errors["connect-sent-again"];
    return false;
  }
  const int outcome = attempt.outcome ? *attempt.outcome : outcome_of(attempt.fd.value());
  Number number = attempt.number;
  if (outcome != 0 && read_error(attempt, arrival)) {
    arrival.payload = numbers_.emplace_back(number);
    return true;
  }
  if (outcome != 0 && outcome != ECONNREFUSED) {
    ++counters.errors["connect-failed"];
    return false;
  }
  store(number, 0, load<std::uint32_t>(number, 0) + 1);
  arrival.payload = numbers_.emplace_back(number);
  return true;
}

std::size_t Connector::receive(std::span<Arrival> arrivals, ClockBridge& clock,
                               TransportCounters& counters) {
  numbers_.clear();
  std::array<epoll_event, most_events> events{};
  const auto room = static_cast<int>(std::min(arrivals.size(), events.size()));
  const int got = ::epoll_wait(epoll_, events.data(), room, 0);
  const MonoTime now = clock.sample().mono;
  std::size_t count = 0;
  for (int i = 0; i < got; ++i) {
    const FlowId flow = events.at(static_cast<std::size_t>(i)).data.u32;
    const auto attempt = attempts_.find(flow);
    if (attempt == attempts_.end()) continue;
    if (read(flow, attempt->second, clock, counters, arrivals[count])) ++count;
    attempts_.erase(attempt);
  }
  give_up(now);
  arm(now);
  counters.received += count;
  return count;
}

}  // namespace strait::probe::kernel
