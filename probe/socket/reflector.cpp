// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/reflector.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <exception>
#include <optional>

#include "probe/own_clock.hpp"
#include "probe/socket/best_stamp.hpp"
#include "probe/socket/channel.hpp"
#include "probe/socket/listener.hpp"
#include "probe/socket/message_batch.hpp"
#include "probe/socket/probe_socket.hpp"
#include "probe/socket/stamping.hpp"
#include "probe/socket/tallies.hpp"

namespace strait::probe {
namespace {

using boost::asio::posix::stream_descriptor;

constexpr std::size_t slots = 64;
constexpr std::size_t slot_octets = 9216;  // a jumbo frame
// T3 of a reply is read before its group is handed over: few, so that none is much too early.
constexpr std::size_t replies_per_call = 8;
constexpr auto clock_quality_interval = std::chrono::seconds{1};
constexpr std::uint8_t dscp_mask = 0xfc;  // the two ECN bits are the network's, not the sender's

Result<kernel::Fd> listen_on(const Endpoint& local, const ReflectorOptions& options) {
  if (local.address.is_unspecified() && !options.any) {
    return fail(Errc::bad_input,
                fmt::format("reflect on {}: that is every address of this machine; name the "
                            "addresses, or ask for it with --any",
                            to_string(local)));
  }
  return kernel::open_listener(local, options.receive_buffer);
}

}  // namespace

class SocketReflector::Impl {
 public:
  Impl(boost::asio::io_context& context, const ReflectorOptions& options)
      : policy_{options.policy},
        own_clock_{options.mode.own_clock_error},
        reflector_{own_clock_.read(), options.mode},
        clock_bridge_{clock_},
        batch_{slots, slot_octets},
        timer_{context} {}

  Result<void> listen(boost::asio::io_context& context, const ReflectorOptions& options);
  void start();
  void stop();
  [[nodiscard]] ReflectorCounters counters() const;
  [[nodiscard]] std::vector<Endpoint> endpoints() const;

 private:
  // A request that has been let in and the reply's way back.
  struct Accepted {
    std::size_t slot;
    WallTime received;
    bool by_card;
    std::uint8_t hop_limit;
    std::uint8_t dscp_ecn;
    bool v6;
    std::optional<Address> local;
  };

  void watch(stream_descriptor& socket);
  void refresh_clock_quality();
  void drain(int fd);
  void admit(std::size_t slot);
  void answer(int fd, std::span<const Accepted> requests);
  [[nodiscard]] RequestFacts facts_of(int fd, const Accepted& request) const;
  void prepare(std::size_t place, const Accepted& request, const Reflection& reply,
               std::span<std::byte> memory);
  void send(int fd, std::size_t count);

  SystemClock clock_;
  ReflectorPolicy policy_;
  OwnClock own_clock_;
  Reflector reflector_;
  kernel::Fd stamping_ = kernel::keep_stamping_on();
  kernel::ClockBridge clock_bridge_;
  kernel::MessageBatch batch_;
  std::vector<stream_descriptor> sockets_;
  std::vector<int> descriptors_;      // of sockets_, which owns them
  std::vector<std::uint16_t> ports_;  // of sockets_
  boost::asio::steady_timer timer_;
  // A completion may be queued already when the reflector goes: then nothing of it is left.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::vector<Accepted> accepted_;
  std::array<mmsghdr, replies_per_call> replies_{};
  std::array<iovec, replies_per_call> vectors_{};
  std::array<kernel::OutgoingControl, replies_per_call> controls_{};
  ReflectorCounters counters_;
  TransportCounters stamp_counters_;
};

Result<void> SocketReflector::Impl::listen(boost::asio::io_context& context,
                                           const ReflectorOptions& options) {
  if (options.listen.empty()) return fail(Errc::bad_input, "reflect: no address to listen on");
  for (const Endpoint& local : options.listen) {
    auto fd = listen_on(local, options);
    if (!fd) return fail(std::move(fd));
    boost::system::error_code error;
    stream_descriptor socket{context};
    socket.assign(fd->value(), error);
    if (error)
      return fail(Errc::io, fmt::format("reflect on {}: {}", to_string(local), error.message()));
    const auto bound = kernel::local_endpoint(fd->value());
    ports_.push_back(bound ? bound->port : local.port);
    descriptors_.push_back(fd->release());
    sockets_.push_back(std::move(socket));
  }
  return {};
}

void SocketReflector::Impl::start() {
  for (stream_descriptor& socket : sockets_) watch(socket);
  refresh_clock_quality();
}

void SocketReflector::Impl::stop() {
  counters_ = counters();
  *alive_ = false;
  descriptors_.clear();
  ports_.clear();
  timer_.cancel();
  sockets_.clear();  // closing completes the waits with an error, which ends them
}

void SocketReflector::Impl::watch(stream_descriptor& socket) {
  const auto wait = stream_descriptor::wait_read;
  socket.async_wait(wait, [this, &socket, alive = alive_](boost::system::error_code error) {
    if (error || !*alive) return;
    drain(socket.native_handle());
    watch(socket);
  });
}

void SocketReflector::Impl::refresh_clock_quality() {
  reflector_.set_clock_quality(own_clock_.read());
  timer_.expires_after(clock_quality_interval);
  timer_.async_wait([this, alive = alive_](boost::system::error_code error) {
    if (!error && *alive) refresh_clock_quality();
  });
}

void SocketReflector::Impl::drain(int fd) {
  // A few batches at most, so that one busy socket cannot starve the others or a signal.
  for (int round = 0; round < 8; ++round) {
    const int got = batch_.receive(fd, 0, 0, slots);
    if (got <= 0) return;
    clock_bridge_.sample();
    accepted_.clear();
    for (std::size_t slot = 0; slot < static_cast<std::size_t>(got); ++slot) admit(slot);
    for (std::size_t done = 0; done < accepted_.size(); done += replies_per_call) {
      const std::size_t group = std::min(replies_per_call, accepted_.size() - done);
      answer(fd, std::span{accepted_}.subspan(done, group));
    }
    if (static_cast<std::size_t>(got) < slots) return;
  }
}

void SocketReflector::Impl::admit(std::size_t slot) {
  ++counters_.received;
  if (batch_.truncated(slot)) {
    kernel::count(counters_.refused, "too-long");
    return;
  }
  const Endpoint source = kernel::to_endpoint(batch_.sender(slot));
  const Refusal refusal =
      policy_.admit(source, clock_bridge_.user_stamp().mono, batch_.payload(slot).size());
  if (refusal != Refusal::none) {
    kernel::count(counters_.refused, to_string(refusal));
    return;
  }

  const kernel::IncomingControl control = kernel::read_control(batch_.header(slot));
  const Stamp received = best_stamp(control, clock_bridge_, stamp_counters_);
  accepted_.push_back({.slot = slot,
                       .received = received.wall,
                       .by_card = received.source == StampSource::hardware,
                       .hop_limit = control.hop_limit.value_or(0),
                       .dscp_ecn = control.dscp_ecn,
                       .v6 = source.address.is_v6(),
                       .local = control.local});
}

RequestFacts SocketReflector::Impl::facts_of(int fd, const Accepted& request) const {
  RequestFacts facts;
  facts.source = kernel::to_endpoint(batch_.sender(request.slot));
  const auto socket = std::ranges::find(descriptors_, fd) - descriptors_.begin();
  facts.destination = {request.local.value_or(Address{}),
                       ports_.at(static_cast<std::size_t>(socket))};
  facts.dscp_ecn = request.dscp_ecn;
  facts.received_by = request.by_card ? StampMethod::hardware : StampMethod::software;
  facts.now = clock_bridge_.user_stamp().mono;
  facts.stranger = policy_.stranger(facts.source.address);
  return facts;
}

void SocketReflector::Impl::prepare(std::size_t place, const Accepted& request,
                                    const Reflection& reply, std::span<std::byte> memory) {
  const auto same = static_cast<std::uint8_t>(request.dscp_ecn & dscp_mask);
  kernel::OutgoingControl& control = controls_.at(place);
  control = {};
  control.add_traffic_class(request.v6,
                            reply.dscp ? static_cast<std::uint8_t>(*reply.dscp << 2U) : same);
  if (request.local) control.add_source(*request.local);
  vectors_.at(place) = {.iov_base = memory.data(), .iov_len = reply.size};
  msghdr& header = replies_.at(place).msg_hdr;
  header = {};
  header.msg_name = batch_.header(request.slot).msg_name;
  header.msg_namelen = batch_.header(request.slot).msg_namelen;
  header.msg_iov = &vectors_.at(place);
  header.msg_iovlen = 1;
  control.attach(header);
}

void SocketReflector::Impl::answer(int fd, std::span<const Accepted> requests) {
  std::size_t ready = 0;
  for (const Accepted& request : requests) {
    // The reply is written over its request.
    const auto memory = batch_.writable_payload(request.slot);
    const auto payload = batch_.payload(request.slot);
    const RequestFacts facts =
        reflector_.wants_facts(payload.size()) ? facts_of(fd, request) : RequestFacts{};
    const ReflectStamps stamps{.received = request.received,
                               .transmit = clock_.now().wall,
                               .hop_limit = request.hop_limit};
    const Reflection reply = reflector_.reflect(payload, stamps, memory, facts);
    if (reply.refusal != Refusal::none) {
      kernel::count(counters_.refused, to_string(reply.refusal));
      continue;
    }
    prepare(ready++, request, reply, memory);
  }
  send(fd, ready);
}

void SocketReflector::Impl::send(int fd, std::size_t count_of_replies) {
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
    kernel::count(counters_.errors, errno == EAGAIN ? "send-would-block" : "send-failed");
    ++done;
  }
}

ReflectorCounters SocketReflector::Impl::counters() const {
  ReflectorCounters result = counters_;
  for (const int fd : descriptors_) {
    const auto drops = kernel::receive_drops(fd);
    if (drops > 0) kernel::count(result.errors, "receive-overflow", drops);
  }
  return result;
}

std::vector<Endpoint> SocketReflector::Impl::endpoints() const {
  std::vector<Endpoint> result;
  for (const int fd : descriptors_) {
    if (const auto local = kernel::local_endpoint(fd)) result.push_back(*local);
  }
  return result;
}

Result<std::unique_ptr<SocketReflector>> SocketReflector::open(boost::asio::io_context& context,
                                                               const ReflectorOptions& options) {
  auto impl = std::make_unique<Impl>(context, options);
  if (auto listening = impl->listen(context, options); !listening)
    return fail(std::move(listening));
  impl->start();
  return std::unique_ptr<SocketReflector>{new SocketReflector{std::move(impl)}};
}

SocketReflector::SocketReflector(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
SocketReflector::~SocketReflector() {
  try {
    impl_->stop();
  } catch (...) {  // waits may still point to what would be freed here
    std::terminate();
  }
}

void SocketReflector::stop() { impl_->stop(); }
ReflectorCounters SocketReflector::counters() const { return impl_->counters(); }
std::vector<Endpoint> SocketReflector::endpoints() const { return impl_->endpoints(); }

}  // namespace strait::probe
