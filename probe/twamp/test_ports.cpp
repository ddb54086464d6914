// SPDX-License-Identifier: Apache-2.0
#include "probe/twamp/test_ports.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <exception>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "probe/own_clock.hpp"
#include "probe/socket/best_stamp.hpp"
#include "probe/socket/listener.hpp"
#include "probe/socket/message_batch.hpp"
#include "probe/socket/probe_socket.hpp"
#include "probe/socket/sock_address.hpp"
#include "probe/socket/stamping.hpp"
#include "probe/twamp/test_packet.hpp"

namespace strait::probe::twamp {
namespace {

using boost::asio::posix::stream_descriptor;

constexpr std::size_t slots = 64;
constexpr std::size_t slot_octets = 9216;  // a jumbo frame
// T3 of a reply is read before its group is handed over: few, so that none is much too early.
constexpr std::size_t replies_per_call = 8;
constexpr int most_batches = 8;  // one busy session must not starve the others
constexpr auto upkeep_interval = std::chrono::seconds{1};
constexpr std::uint16_t first_unprivileged = 1024;
// Ports of a range that are tried for one request, those of our own sessions not counted: where
// others have most of it, the next request goes on from there.
constexpr int most_tries = 64;

// RFC 5357 section 3.5: replies have the DSCP that the session was asked for.
Result<void> set_dscp(int fd, bool v6, std::uint8_t dscp) {
  const int traffic_class = dscp << 2U;
  return v6 ? kernel::set_option(fd, IPPROTO_IPV6, IPV6_TCLASS, traffic_class, "IPV6_TCLASS")
            : kernel::set_option(fd, IPPROTO_IP, IP_TOS, traffic_class, "IP_TOS");
}

using Place = std::pair<Address, std::uint16_t>;

struct Port {
  Port(boost::asio::io_context& context, const TestSession& session, Place bound, MonoTime now)
      : socket{context},
        place{std::move(bound)},
        peer{kernel::to_peer_key(session.sender)},
        symmetrical{session.symmetrical},
        heard{now} {}

  stream_descriptor socket;
  Place place;
  kernel::PeerKey peer;
  bool symmetrical;
  bool started = false;
  std::optional<MonoTime> until;  // stopped: later packets are not reflected
  MonoTime heard;
  std::uint32_t sequence = 0;  // of the next reply
};

}  // namespace

class ReflectingPorts::Impl {
 public:
  Impl(boost::asio::io_context& context, const TestPortOptions& options)
      : context_{context},
        options_{options},
        policy_{options.policy},
        own_clock_{options.own_clock_error},
        reflector_{own_clock_.read()},
        clock_bridge_{clock_},
        batch_{slots, slot_octets},
        timer_{context} {
    upkeep();
  }

  [[nodiscard]] Opened open(const TestSession& session, MonoTime now);
  void start(SessionNumber session, MonoTime now);
  void stop(SessionNumber session, MonoTime until, MonoTime now);
  void close();
  [[nodiscard]] MonoTime last_heard(SessionNumber session) const;
  [[nodiscard]] std::size_t open_ports() const { return ports_.size(); }
  [[nodiscard]] ReflectorCounters counters() const;
  [[nodiscard]] MonoTime now() const { return clock_.now().mono; }

 private:
  // A request that has been let in.
  struct Accepted {
    std::size_t slot;
    WallTime received;
    std::uint8_t hop_limit;
  };
  using Ports = std::map<SessionNumber, std::shared_ptr<Port>>;

  [[nodiscard]] Result<kernel::Fd> take_port(const Endpoint& wanted);
  [[nodiscard]] Result<kernel::Fd> take_of_range(const Address& address);
  void watch(const std::shared_ptr<Port>& port);
  void upkeep();
  void drain(Port& port);
  void admit(Port& port, std::size_t slot);
  [[nodiscard]] std::string_view problem(const Port& port, std::size_t slot, const Stamp& received);
  void answer(Port& port, std::span<const Accepted> requests);
  void send(int fd, std::size_t count_of_replies);
  Ports::iterator give_back(Ports::iterator port);

  boost::asio::io_context& context_;
  TestPortOptions options_;
  SystemClock clock_;
  ReflectorPolicy policy_;
  OwnClock own_clock_;
  Reflector reflector_;
  kernel::Fd stamping_ = kernel::keep_stamping_on();
  kernel::ClockBridge clock_bridge_;
  kernel::MessageBatch batch_;
  boost::asio::steady_timer timer_;
  // A completion may be queued already when this goes: then nothing of it is left.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Ports ports_;
  std::set<Place> own_;  // where they are
  SessionNumber next_ = 0;
  std::uint16_t next_of_range_ = 0;
  std::vector<Accepted> accepted_;
  std::array<mmsghdr, replies_per_call> replies_{};
  std::array<iovec, replies_per_call> vectors_{};
  ReflectorCounters counters_;
  TransportCounters stamp_counters_;
};

Result<kernel::Fd> ReflectingPorts::Impl::take_of_range(const Address& address) {
  const PortRange& range = options_.ports;
  const std::uint32_t size = range.last - range.first + 1U;
  int tried = 0;
  for (std::uint32_t walked = 0; walked < size && tried < most_tries; ++walked) {
    const auto port = static_cast<std::uint16_t>(range.first + next_of_range_);
    next_of_range_ = static_cast<std::uint16_t>((next_of_range_ + 1U) % size);
    if (own_.contains({address, port})) continue;
    ++tried;
    auto fd = kernel::open_listener({address, port}, options_.receive_buffer);
    if (fd) return fd;
  }
  return fail(Errc::io, "no port of the range is free");
}

// RFC 5357 section 3.5: the port that is asked for, or another. A client must not be able to keep
// the port of some other service of this machine; 862 is that of TWAMP-Test (RFC 8545).
Result<kernel::Fd> ReflectingPorts::Impl::take_port(const Endpoint& wanted) {
  const bool may_have = wanted.port >= first_unprivileged || wanted.port == control_port;
  if (may_have && options_.ports.has(wanted.port)) {
    auto fd = kernel::open_listener(wanted, options_.receive_buffer);
    if (fd) return fd;
  }
  if (!options_.ports.any()) return take_of_range(wanted.address);
  return kernel::open_listener({wanted.address, 0}, options_.receive_buffer);
}

TestPorts::Opened ReflectingPorts::Impl::open(const TestSession& session, MonoTime now) {
  if (ports_.size() >= options_.sessions) {
    return {.accept = Accept::temporary_limit, .reason = "sessions-of-server"};
  }
  auto fd = take_port(session.receiver);
  if (!fd) return {.accept = Accept::temporary_limit, .reason = "no-port"};
  const Opened failed{.accept = Accept::internal_error, .reason = "no-socket"};
  const auto local = kernel::local_endpoint(fd->value());
  if (!local || !set_dscp(fd->value(), local->address.is_v6(), session.dscp)) {
    return failed;
  }
  const Place place{session.receiver.address, local->port};
  auto port = std::make_shared<Port>(context_, session, place, now);
  boost::system::error_code error;
  port->socket.assign(fd->value(), error);
  if (error) return failed;
  (void)fd->release();
  own_.insert(place);
  watch(port);
  const SessionNumber number = next_++;
  ports_.emplace(number, std::move(port));
  return {.reason = {}, .number = number, .port = local->port};
}

void ReflectingPorts::Impl::start(SessionNumber session, MonoTime now) {
  Port& port = *ports_.at(session);
  port.started = true;
  port.heard = now;
}

void ReflectingPorts::Impl::stop(SessionNumber session, MonoTime until, MonoTime now) {
  const auto found = ports_.find(session);
  if (found == ports_.end()) return;
  found->second->until = until;
  if (until > now && found->second->started) return;
  drain(*found->second);  // what came before the end is answered, the rest is counted
  give_back(found);
}

ReflectingPorts::Impl::Ports::iterator ReflectingPorts::Impl::give_back(Ports::iterator port) {
  stream_descriptor& socket = port->second->socket;
  const auto drops = kernel::receive_drops(socket.native_handle());
  if (drops > 0) count(counters_.errors, "receive-overflow", drops);
  boost::system::error_code ignored;
  socket.close(ignored);  // completes the wait with an error, which ends it
  own_.erase(port->second->place);
  return ports_.erase(port);
}

void ReflectingPorts::Impl::close() {
  *alive_ = false;
  timer_.cancel();
  for (auto port = ports_.begin(); port != ports_.end();) port = give_back(port);
}

MonoTime ReflectingPorts::Impl::last_heard(SessionNumber session) const {
  return ports_.at(session)->heard;
}

void ReflectingPorts::Impl::watch(const std::shared_ptr<Port>& port) {
  const auto wait = stream_descriptor::wait_read;
  port->socket.async_wait(wait,
                          [this, weak = std::weak_ptr{port}](boost::system::error_code error) {
                            const auto still = weak.lock();
                            if (error || !still || !still->socket.is_open()) return;
                            drain(*still);
                            watch(still);
                          });
}

// What a stopped session still gets is decided by when it came, so that its port may be given back
// up to a second late.
void ReflectingPorts::Impl::upkeep() {
  reflector_.set_clock_quality(own_clock_.read());
  const MonoTime now = clock_.now().mono;
  for (auto port = ports_.begin(); port != ports_.end();) {
    Port& each = *port->second;
    const bool over = each.until && *each.until <= now;
    if (over) drain(each);
    port = over ? give_back(port) : std::next(port);
  }
  timer_.expires_after(upkeep_interval);
  timer_.async_wait([this, alive = alive_](boost::system::error_code error) {
    if (!error && *alive) upkeep();
  });
}

void ReflectingPorts::Impl::drain(Port& port) {
  const int fd = port.socket.native_handle();
  for (int round = 0; round < most_batches; ++round) {
    const int got = batch_.receive(fd, 0, 0, slots);
    if (got <= 0) return;
    clock_bridge_.sample();
    accepted_.clear();
    for (std::size_t slot = 0; slot < static_cast<std::size_t>(got); ++slot) admit(port, slot);
    for (std::size_t done = 0; done < accepted_.size(); done += replies_per_call) {
      const std::size_t group = std::min(replies_per_call, accepted_.size() - done);
      answer(port, std::span{accepted_}.subspan(done, group));
    }
    if (static_cast<std::size_t>(got) < slots) return;
  }
}

// Why a packet is not reflected; empty: it is.
std::string_view ReflectingPorts::Impl::problem(const Port& port, std::size_t slot,
                                                const Stamp& received) {
  if (batch_.truncated(slot)) return "too-long";
  if (kernel::to_peer_key(batch_.sender(slot)) != port.peer) return "wrong-sender";
  if (!port.started) return "not-started";
  // RFC 5357 section 3.8.
  if (port.until && received.mono > *port.until) return "after-timeout";
  const Refusal refusal =
      policy_.admit(kernel::to_endpoint(batch_.sender(slot)), clock_bridge_.user_stamp().mono);
  return refusal == Refusal::none ? std::string_view{} : to_string(refusal);
}

void ReflectingPorts::Impl::admit(Port& port, std::size_t slot) {
  ++counters_.received;
  const kernel::IncomingControl control = kernel::read_control(batch_.header(slot));
  const Stamp received = best_stamp(control, clock_bridge_, stamp_counters_);
  if (const auto why = problem(port, slot, received); !why.empty()) {
    count(counters_.refused, why);
    return;
  }
  port.heard = received.mono;
  accepted_.push_back(
      {.slot = slot, .received = received.wall, .hop_limit = control.hop_limit.value_or(0)});
}

void ReflectingPorts::Impl::answer(Port& port, std::span<const Accepted> requests) {
  std::size_t ready = 0;
  for (const Accepted& request : requests) {
    // The reply is written over its request.
    const auto memory = batch_.writable_payload(request.slot);
    const ReflectStamps stamps{.received = request.received,
                               .transmit = clock_.now().wall,
                               .hop_limit = request.hop_limit};
    const Reflection reply =
        reflect_test(reflector_, batch_.payload(request.slot), stamps,
                     {.sequence = port.sequence, .symmetrical = port.symmetrical}, memory);
    if (reply.refusal != Refusal::none) {
      count(counters_.refused, to_string(reply.refusal));
      continue;
    }
    ++port.sequence;
    vectors_.at(ready) = {.iov_base = memory.data(), .iov_len = reply.size};
    msghdr& header = replies_.at(ready).msg_hdr;
    header = {};
    header.msg_name = batch_.header(request.slot).msg_name;
    header.msg_namelen = batch_.header(request.slot).msg_namelen;
    header.msg_iov = &vectors_.at(ready);
    header.msg_iovlen = 1;
    ++ready;
  }
  send(port.socket.native_handle(), ready);
}

void ReflectingPorts::Impl::send(int fd, std::size_t count_of_replies) {
  std::size_t done = 0;
  while (done < count_of_replies) {
    const int sent =
        ::sendmmsg(fd, &replies_.at(done), static_cast<unsigned>(count_of_replies - done), 0);
    if (sent > 0) {
      done += static_cast<std::size_t>(sent);
      counters_.reflected += static_cast<std::uint64_t>(sent);
      continue;
    }
    if (errno == EINTR) continue;
    // One reply that cannot be sent must not cost the ones behind it.
    count(counters_.errors, errno == EAGAIN ? "send-would-block" : "send-failed");
    ++done;
  }
}

ReflectorCounters ReflectingPorts::Impl::counters() const {
  ReflectorCounters result = counters_;
  for (const auto& [number, port] : ports_) {
    const auto drops = kernel::receive_drops(port->socket.native_handle());
    if (drops > 0) count(result.errors, "receive-overflow", drops);
  }
  return result;
}

ReflectingPorts::ReflectingPorts(boost::asio::io_context& context, const TestPortOptions& options)
    : impl_{std::make_unique<Impl>(context, options)} {}
ReflectingPorts::~ReflectingPorts() {
  try {
    impl_->close();
  } catch (...) {  // waits may still point to what would be freed here
    std::terminate();
  }
}

TestPorts::Opened ReflectingPorts::open(const TestSession& session, MonoTime now) {
  return impl_->open(session, now);
}
void ReflectingPorts::start(SessionNumber session, MonoTime now) { impl_->start(session, now); }
void ReflectingPorts::stop(SessionNumber session, MonoTime until) {
  impl_->stop(session, until, impl_->now());
}
MonoTime ReflectingPorts::last_heard(SessionNumber session) const {
  return impl_->last_heard(session);
}
void ReflectingPorts::close() { impl_->close(); }
std::size_t ReflectingPorts::open_ports() const { return impl_->open_ports(); }
ReflectorCounters ReflectingPorts::counters() const { return impl_->counters(); }

}  // namespace strait::probe::twamp
