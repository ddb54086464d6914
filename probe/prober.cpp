// SPDX-License-Identifier: Apache-2.0
#include "probe/prober.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "probe/prober_impl.hpp"
#include "probe/random.hpp"
#include "probe/tcp_packet.hpp"

namespace strait::probe {
namespace {

constexpr std::size_t largest_payload = 9000;
constexpr Nanos clock_check_interval = std::chrono::seconds{1};
constexpr Nanos longest_sleep = std::chrono::milliseconds{100};

tl::unexpected<Error> refuse(const SessionSpec& spec, std::string_view why) {
  const auto over = spec.key.path.empty() ? "" : fmt::format(" over {}", spec.key.path);
  return fail(Errc::bad_input, fmt::format("target {}{}: {}", spec.key.target, over, why));
}

std::optional<std::string_view> extras_problem(const SessionSpec& spec) {
  const StampExtras& extras = spec.extras;
  if (!extras.any()) return std::nullopt;
  if (spec.twamp_light) return "a TWAMP-Light reflector knows neither TLVs nor STAMP's keys";
  if (!fits(extras.tlvs, extras.key != nullptr, spec.flow.max_payload)) {
    return "the payload must be as long as base packet and TLVs, or at least 4 octets longer";
  }
  return std::nullopt;
}

std::optional<std::string_view> stamp_problem(const SessionSpec& spec) {
  const std::size_t size = spec.flow.max_payload;
  if (spec.flow.destination.port == 0) return "STAMP needs a port";
  if (size < stamp_packet_size) return "a STAMP payload has at least 44 octets";
  if (!spec.twamp_light && size > stamp_packet_size && size < stamp_packet_size + 4) {
    return "a STAMP payload has 44 octets, or at least 48 to hold an Extra Padding TLV";
  }
  if (spec.twamp_light && spec.timestamps != TimestampFormat::ntp) {
    return "TWAMP-Light knows NTP timestamps only";  // RFC 8762 §4.6
  }
  return extras_problem(spec);
}

std::optional<std::string_view> echo_problem(const SessionSpec& spec) {
  if (spec.key.protocol == Protocol::tcp) {
    if (spec.flow.destination.port == 0) return "TCP needs a port";
    return spec.flow.max_payload == tcp_probe_size
               ? std::nullopt
               : std::optional<std::string_view>{"a SYN carries no data"};
  }
  const bool icmp = spec.key.protocol == Protocol::icmp;
  if (!icmp && spec.flow.destination.port == 0) return "UDP echo needs a port";
  if (spec.flow.max_payload >= icmp_payload_size) return std::nullopt;
  return icmp ? "ICMP data has at least 24 octets" : "a UDP echo payload has at least 24 octets";
}

std::optional<std::string_view> problem(const SessionSpec& spec) {
  if (spec.schedule.interval <= Nanos{0}) return "the interval must be above 0";
  if (spec.timeout <= Nanos{0}) return "the time-out must be above 0";
  const bool jitter_good = spec.schedule.jitter >= 0 && spec.schedule.jitter <= 1;  // NaN is not
  if (!jitter_good) return "jitter is from 0 to 1";
  if (spec.key.dscp > 63) return "DSCP is from 0 to 63";
  if (spec.flow.max_payload > largest_payload) return "a payload has at most 9000 octets";
  if (spec.key.protocol == Protocol::twamp) return stamp_problem(spec);
  if (spec.key.protocol == Protocol::stamp) return stamp_problem(spec);
  if (spec.extras.any()) return "only STAMP has TLVs and keys";
  return echo_problem(spec);
}

FlowSpec flow_of(const SessionSpec& spec) {
  FlowSpec flow = spec.flow;
  flow.kind = flow_kind(spec.key.protocol);
  flow.dscp = spec.key.dscp;
  if (flow.kind == FlowKind::icmp_echo) flow.destination.port = 0;
  return flow;
}

}  // namespace

std::string_view to_string(Fate fate) {
  constexpr std::array<std::string_view, 4> names{"received", "lost", "late", "duplicate"};
  return names.at(static_cast<std::size_t>(fate));
}

Prober::Impl::Impl(Transport& transport, ProberOptions options)
    : transport_{transport},
      options_{std::move(options)},
      burst_{std::max<std::size_t>(transport.burst_size(), 1)},
      cookie_key_{random_cookie_key()},
      random_{options_.seed != 0 ? options_.seed : entropy_word()},
      wheel_{transport.now().mono},
      departures_(burst_),
      outgoing_(burst_),
      arrivals_(burst_) {
  const Instant now = transport_.now();
  step_began_ = now.mono;
  limits_.error_limit = options_.clock_error_limit;
  limits_.step_limit = options_.clock_step_limit;
  refresh_clock_quality(now.mono);
  advance_epoch(now);
}

Result<SessionId> Prober::Impl::add(const SessionSpec& spec) {
  if (const auto why = problem(spec)) return refuse(spec, *why);
  const FlowSpec wanted = flow_of(spec);
  auto flow = transport_.open_flow(wanted);
  if (!flow) return fail(std::move(flow));

  const MonoTime now = transport_.now().mono;
  Session session{spec, *flow, next_id_++, now, next_random(random_)};
  session.peer = PeerKey{wanted.destination, wanted.kind != FlowKind::icmp_echo};
  // RFC 8972 §3: not 0. TWAMP-Light has MBZ here.
  if (!spec.twamp_light)
    session.ssid = static_cast<std::uint16_t>(next_random(random_) % 0xffff + 1);
  const std::uint32_t id = session.id;
  if (spec.flow.max_payload > stride_) {
    stride_ = spec.flow.max_payload;
    payloads_.assign(stride_ * burst_, std::byte{0});
  }
  longest_timeout_ = std::max(longest_timeout_, spec.timeout);
  lateness_ = std::min(lateness_, tolerable_lateness(spec.schedule));
  transport_.tolerate(lateness_);
  if (spec.extras.any()) {
    session.extension = std::make_unique<StampExtension>(
        spec.extras, spec.key.dscp, spec.flow.max_payload, spec.first_sequence);
  }
  const std::uint32_t index = place(std::move(session), {spec.key, {}, nullptr});
  if (by_flow_.size() <= *flow) by_flow_.resize(*flow + 1, nobody);
  by_flow_[*flow] = index;
  by_id_[id] = index;
  ++active_;
  requeue(index, now);
  return SessionId{id};
}

std::uint32_t Prober::Impl::place(Session&& session, SessionRecord&& record) {
  if (free_.empty()) {
    sessions_.push_back(std::move(session));
    records_.push_back(std::move(record));
    return static_cast<std::uint32_t>(sessions_.size() - 1);
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  sessions_[index] = std::move(session);
  records_[index] = std::move(record);
  return index;
}

void Prober::Impl::stop_sending(Session& session) {
  session.sending = false;
  note_idle(session);
}

void Prober::Impl::remove(SessionId id) {
  const auto found = by_id_.find(static_cast<std::uint32_t>(id));
  if (found == by_id_.end()) return;
  Session& session = sessions_[found->second];
  session.removed = true;
  stop_sending(session);
}

void Prober::Impl::stop() {
  for (Session& session : sessions_) {
    if (session.live) stop_sending(session);
  }
}

void Prober::Impl::refresh_clock_quality(MonoTime now) {
  if (clock_checked_ != MonoTime::min() && now - clock_checked_ < clock_check_interval) return;
  clock_checked_ = now;
  limits_.own = options_.clock_quality ? options_.clock_quality() : ClockQuality{};
  for (const auto format : {TimestampFormat::ntp, TimestampFormat::ptp}) {
    error_estimate_[static_cast<std::size_t>(format)] = encode(error_estimate(limits_.own, format));
  }
}

void Prober::Impl::step() {
  const Instant now = transport_.now();
  step_began_ = now.mono;
  advance_epoch(now);
  refresh_clock_quality(now.mono);
  receive_all();
  settle_pending(now.mono, false);
  send_due();
  close_some(now.mono);
}

MonoTime Prober::Impl::next_wakeup() const {
  if (!drained_) return step_began_;
  MonoTime next = std::min(wheel_.next_due(), closing_time());
  for (const Pending& pending : pending_) next = std::min(next, pending.deadline);
  const Instant now = transport_.now();
  return std::min(next, now.mono + (epochs_.back().start + epochs_.back().length - now.wall));
}

Prober::Prober(Transport& transport, ProberOptions options)
    : impl_{std::make_unique<Impl>(transport, std::move(options))} {}
Prober::Prober(Prober&&) noexcept = default;
Prober& Prober::operator=(Prober&&) noexcept = default;
Prober::~Prober() = default;
Result<SessionId> Prober::add(const SessionSpec& spec) { return impl_->add(spec); }
void Prober::remove(SessionId session) { impl_->remove(session); }
void Prober::stop() { impl_->stop(); }
void Prober::step() { impl_->step(); }
MonoTime Prober::next_wakeup() const { return impl_->next_wakeup(); }
std::size_t Prober::active() const { return impl_->active(); }
std::size_t Prober::outstanding() const { return impl_->outstanding(); }
std::vector<Window> Prober::take_closed() { return impl_->take_closed(); }
std::vector<Window> Prober::open_windows() const { return impl_->open_windows(); }
const StrayCounts& Prober::strays() const { return impl_->strays(); }
std::vector<SessionRejections> Prober::rejections() const { return impl_->rejections(); }
std::vector<Window> Prober::finish() { return impl_->finish(); }

void run_while(Prober& prober, Transport& transport, const std::function<bool()>& go_on) {
  while (true) {
    prober.step();
    if (!go_on()) return;
    transport.wait(std::min(prober.next_wakeup(), transport.now().mono + longest_sleep));
  }
}

void drain(Prober& prober, Transport& transport, Nanos limit) {
  prober.stop();
  const MonoTime end = transport.now().mono + limit;
  run_while(prober, transport, [&] { return prober.active() > 0 && transport.now().mono < end; });
}

}  // namespace strait::probe
