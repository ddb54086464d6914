// SPDX-License-Identifier: Apache-2.0
#include "probe/pin_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>
#include <utility>

#include "probe/random.hpp"

namespace strait::probe {
namespace {

// Where a probe cannot leave yet, such as before its next hop is known.
constexpr Nanos retry = std::chrono::milliseconds{50};

Address without_scope(const Address& address) {
  if (!address.is_v6()) return address;
  return boost::asio::ip::address_v6{address.to_v6().to_bytes()};
}

bool same(const Address& a, const Address& b) { return without_scope(a) == without_scope(b); }

bool is_link_local(const Address& address) {
  return address.is_v6() && address.to_v6().is_link_local();
}

// Time exceeded in transit; code 1 is about fragments.
bool is_time_exceeded(bool v6, const Arrival& arrival) {
  return arrival.icmp_type == (v6 ? 3 : 11) && arrival.icmp_code == 0;
}

bool same_check(const PinCheck& a, const PinCheck& b) {
  const auto facts = [](const PinCheck& check) {
    const FlowSpec& flow = check.flow;
    return std::tie(check.path, check.accepted, flow.kind, flow.pin, flow.destination.address,
                    flow.destination.port, flow.dscp, flow.hop_limit, flow.flow_label);
  };
  return facts(a) == facts(b);
}

std::string wanted(const PinCheck& check) {
  std::string text;
  for (const Address& address : check.accepted) {
    text += (text.empty() ? "" : " or ") + address.to_string();
  }
  return text;
}

std::string probes_text(const PinCheck& check) {
  return fmt::format("{} probes of hop limit {}", PinChecker::tries, check.flow.hop_limit);
}

// Says in a packet trace what the packet is for.
std::span<const std::byte> payload_of(const FlowSpec& flow) {
  static constexpr std::string_view words = "strait pin check: who is at this hop?         ";
  const auto octets = std::as_bytes(std::span{words});
  return octets.first(std::min(octets.size(), flow.max_payload));
}

}  // namespace

std::string_view to_string(PinStanding standing) {
  constexpr std::array<std::string_view, 4> names{"pending", "ok", "failed", "unverified"};
  return names.at(static_cast<std::size_t>(standing));
}

bool any_pin(std::span<const PinState> states, std::string_view path, PinStanding standing) {
  return std::ranges::any_of(states, [&](const PinState& state) {
    return state.standing == standing && state.path == path;
  });
}

PinAnswer judge_answer(const PinCheck& check, const Arrival& arrival) {
  const Address& target = check.flow.destination.address;
  const bool v6 = target.is_v6();
  const bool reply = arrival.kind == Arrival::Kind::datagram;
  if (!reply && arrival.kind != Arrival::Kind::icmp_error) return PinAnswer::nothing;
  const Address& who = arrival.source.address;
  if (who.is_unspecified() || who.is_loopback() || who.is_v6() != v6) return PinAnswer::nothing;
  const auto is_who = [&](const Address& address) { return same(address, who); };
  if (std::ranges::any_of(check.accepted, is_who)) return PinAnswer::upstream;

  const bool first_hop = reply || is_time_exceeded(v6, arrival) || same(target, who);
  const auto& own = check.flow.pin.source(v6);
  if (!first_hop || (own && same(*own, who))) return PinAnswer::nothing;
  const bool comparable = !std::ranges::all_of(check.accepted, is_link_local);
  return comparable ? PinAnswer::other : PinAnswer::unknown;
}

PinChecker::PinChecker(Transport& inner, std::uint64_t seed)
    : inner_{inner}, random_{seed != 0 ? seed : entropy_word()} {}

PinChecker::~PinChecker() {
  for (Watch& watch : watches_) close(watch);
}

void PinChecker::check(std::vector<PinCheck> checks, Nanos interval) {
  interval_ = interval;
  const MonoTime now = inner_.now().mono;
  auto old = std::exchange(watches_, {});
  auto old_states = std::exchange(states_, {});
  std::ranges::fill(mine_, nobody);
  std::vector<bool> kept(old.size());
  for (PinCheck& check : checks) {
    const auto before =
        std::ranges::find_if(old, [&](const Watch& w) { return same_check(w.check, check); });
    const auto place = static_cast<std::size_t>(before - old.begin());
    if (before != old.end() && !kept[place]) {
      kept[place] = true;
      states_.push_back(std::move(old_states[place]));
      before->due = std::min(before->due, now + interval);  // it may have become shorter
      watches_.push_back(std::move(*before));
      continue;
    }
    PinState state;
    state.path = check.path;
    state.v6 = check.flow.destination.address.is_v6();
    states_.push_back(std::move(state));
    Watch watch;
    watch.check = std::move(check);
    watch.due = now;
    watches_.push_back(std::move(watch));
  }
  for (std::size_t i = 0; i < old.size(); ++i) {
    if (!kept[i]) close(old[i]);
  }
  for (std::size_t i = 0; i < watches_.size(); ++i) open(watches_[i], i);
  next_due_ = next_due();
  ++changes_;
}

void PinChecker::open(Watch& watch, std::size_t index) {
  if (watch.flow == no_flow) {
    const auto opened = inner_.open_flow(watch.check.flow);
    if (!opened) {
      watch.remark = opened.error().message;
      return;
    }
    watch.flow = *opened;
  }
  if (mine_.size() <= watch.flow) mine_.resize(watch.flow + 1, nobody);
  mine_[watch.flow] = static_cast<std::uint32_t>(index);
}

void PinChecker::close(Watch& watch) {
  if (watch.flow == no_flow) return;
  if (watch.flow < mine_.size()) mine_[watch.flow] = nobody;
  inner_.close_flow(std::exchange(watch.flow, no_flow));
}

void PinChecker::settle(Nanos limit) {
  const auto pending = [this] {
    return std::ranges::find(states_, PinStanding::pending, &PinState::standing) != states_.end();
  };
  std::vector<Arrival> burst(std::max<std::size_t>(burst_size(), 1));
  const MonoTime end = now().mono + limit;
  while (true) {
    const MonoTime now = inner_.now().mono;
    if (now >= next_due_) step(now);
    if (!pending() || now >= end) return;
    inner_.wait(std::min(end, next_due_));
    std::ignore = receive(burst);
  }
}

void PinChecker::wait(MonoTime until) {
  if (next_due_ != MonoTime::max()) {
    if (const MonoTime now = inner_.now().mono; now >= next_due_) step(now);
  }
  inner_.wait(std::min(until, next_due_));
}

MonoTime PinChecker::next_due() const {
  MonoTime next = MonoTime::max();
  for (const Watch& watch : watches_) next = std::min(next, watch.due);
  return next;
}

void PinChecker::step(MonoTime now) {
  for (std::size_t i = 0; i < watches_.size(); ++i) {
    if (watches_[i].due <= now) act(i, now);
  }
  next_due_ = next_due();
}

void PinChecker::act(std::size_t index, MonoTime now) {
  Watch& watch = watches_[index];
  if (!watch.running) {
    begin(watch, now);
    if (watch.flow == no_flow) open(watch, index);
  }
  const bool out_of_time = watch.sent == 0 && now >= watch.began + tries * try_gap;
  if (watch.flow == no_flow || watch.sent == tries || out_of_time) {
    give_up(index, now);
    return;
  }
  switch (attempt(watch, now)) {
    case Attempt::sent:
      watch.due = now + try_gap;
      break;
    case Attempt::later:
      watch.due = now + retry;
      break;
    case Attempt::never:
      watch.remark = "its probe cannot be sent: no route, or the next hop does not answer";
      watch.due = now + retry;
      break;
  }
}

void PinChecker::begin(Watch& watch, MonoTime now) {
  watch.running = true;
  watch.began = now;
  watch.sent = 0;
  watch.first_tag = watch.next_tag;
  watch.refuted = false;
  watch.remark.clear();
}

PinChecker::Attempt PinChecker::attempt(Watch& watch, MonoTime now) {
  // RFC 792: an echo's sequence number has 16 bits.
  Departure probe{
      .flow = watch.flow, .tag = watch.next_tag & 0xffffU, .payload = payload_of(watch.check.flow)};
  if (inner_.send({&probe, 1}) == 0) return Attempt::later;
  if (probe.refused) return Attempt::never;
  ++sent_;
  ++watch.sent;
  ++watch.next_tag;
  watch.deaf_from = now + listening;
  return Attempt::sent;
}

void PinChecker::end(std::size_t index, MonoTime now) {
  Watch& watch = watches_[index];
  watch.running = false;
  const Nanos usual =
      states_[index].standing == PinStanding::failed ? std::min(interval_, recheck) : interval_;
  // The first checks of all paths begin together; from the second on each has its own time.
  const bool first = watch.first_tag == 0;
  watch.due = now + (first ? spread(usual, 0.5, 1.0) : spread(usual, 0.9, 1.1));
  next_due_ = next_due();
}

Nanos PinChecker::spread(Nanos around, double low, double high) {
  const double share = static_cast<double>(next_random(random_) >> 11U) * 0x1p-53;
  const double factor = low + (high - low) * share;
  return Nanos{static_cast<Nanos::rep>(static_cast<double>(around.count()) * factor)};
}

void PinChecker::give_up(std::size_t index, MonoTime now) {
  Watch& watch = watches_[index];
  const PinState& state = states_[index];
  ++watch.missed;
  const bool settled = state.standing == PinStanding::ok || state.standing == PinStanding::failed;
  if (!settled || watch.missed >= patience) {
    std::string reason = watch.remark.empty()
                             ? fmt::format("nobody answered {}", probes_text(watch.check))
                             : watch.remark;
    if (state.proven) {
      reason += fmt::format("; its upstream last did at {}", strait::to_string(*state.proven));
    }
    set(index, PinStanding::unverified, std::move(reason));
  }
  end(index, now);
}

void PinChecker::set(std::size_t index, PinStanding standing, std::string reason) {
  PinState& state = states_[index];
  if (state.standing != standing || state.reason != reason) ++changes_;
  state.standing = standing;
  state.reason = std::move(reason);
}

std::size_t PinChecker::receive(std::span<Arrival> burst) {
  while (true) {
    const std::size_t got = inner_.receive(burst);
    const std::size_t left = pass_on(burst.first(got));
    // 0 would say that nothing is waiting.
    if (left > 0 || got == 0) return left;
  }
}

std::size_t PinChecker::pass_on(std::span<Arrival> burst) {
  std::size_t left = 0;
  for (std::size_t i = 0; i < burst.size(); ++i) {
    if (is_mine(burst[i].flow)) {
      take(burst[i]);
      continue;
    }
    if (left != i) burst[left] = burst[i];
    ++left;
  }
  return left;
}

void PinChecker::take(const Arrival& arrival) {
  if (arrival.kind == Arrival::Kind::transmit_stamp) return;
  ++received_;
  const std::uint32_t index = mine_[arrival.flow];
  const Watch& watch = watches_[index];
  const bool tagged = watch.check.flow.kind == FlowKind::icmp_echo;
  // The tags of this check, on a circle of 16 bits.
  const std::uint32_t since = (arrival.tag - watch.first_tag) & 0xffffU;
  const bool earlier = tagged && since >= watch.next_tag - watch.first_tag;
  if (earlier || watch.next_tag == watch.first_tag || arrival.received.mono >= watch.deaf_from) {
    ++stale_;
    return;
  }
  hear(index, arrival);
}

void PinChecker::hear(std::size_t index, const Arrival& arrival) {
  Watch& watch = watches_[index];
  PinState& state = states_[index];
  const std::string who = without_scope(arrival.source.address).to_string();
  const PinAnswer answer = judge_answer(watch.check, arrival);
  if (answer == PinAnswer::nothing) {
    watch.remark =
        arrival.kind == Arrival::Kind::datagram
            ? fmt::format("{} is of this very host", who)
            : fmt::format("{} refused a probe of hop limit {} (ICMP type {}, code {})", who,
                          watch.check.flow.hop_limit, arrival.icmp_type, arrival.icmp_code);
    return;
  }
  watch.missed = 0;
  state.checked = arrival.received.wall;
  if (answer == PinAnswer::other) {
    watch.refuted = true;
    set(index, PinStanding::failed, fmt::format("{} answered, not {}", who, wanted(watch.check)));
  } else if (answer == PinAnswer::unknown) {
    set(index, PinStanding::unverified,
        fmt::format("{} answered, and pin_answers names nobody to compare with", who));
  } else if (!watch.refuted) {  // a check that somebody else answers too proves nothing
    state.proven = arrival.received.wall;
    set(index, PinStanding::ok, fmt::format("{} answered", who));
  }
  end(index, arrival.received.mono);
}

TransportCounters PinChecker::counters() {
  TransportCounters counters = inner_.counters();
  counters.sent -= std::min(counters.sent, sent_);
  counters.received -= std::min(counters.received, received_);
  if (stale_ > 0) counters.ignored["late-pin-answer"] = stale_;
  return counters;
}

}  // namespace strait::probe
