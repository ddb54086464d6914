// SPDX-License-Identifier: Apache-2.0
#include "probe/pin_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

namespace strait::probe {
namespace {

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

// A router on the first hops answers at once; the next try is as good as a longer wait.
PinChecker::PinChecker(Transport& inner, std::uint64_t seed)
    : SelfTest{inner, {.late = "late-pin-answer", .last_wait = try_gap, .seed = seed}} {}

void PinChecker::check(std::vector<PinCheck> checks, Nanos interval) {
  auto old = std::exchange(watches_, {});
  auto old_states = std::exchange(states_, {});
  std::vector<FlowSpec> flows;
  std::vector<std::optional<std::size_t>> before;
  for (PinCheck& check : checks) {
    flows.push_back(check.flow);
    const std::optional<std::size_t> place = unclaimed(
        before, old.size(), [&](std::size_t i) { return same_check(old[i].check, check); });
    before.push_back(place);
    if (place) {
      states_.push_back(std::move(old_states[*place]));
      watches_.push_back(std::move(old[*place]));
      continue;
    }
    PinState state;
    state.path = check.path;
    state.v6 = check.flow.destination.address.is_v6();
    states_.push_back(std::move(state));
    watches_.push_back({std::move(check)});
  }
  ask_these(std::move(flows), before, interval);
}

void PinChecker::begin(std::size_t index) { watches_[index].refuted = false; }

SelfTest::Attempt PinChecker::attempt(std::size_t index) {
  Departure probe{.payload = payload_of(watches_[index].check.flow)};
  return send_try(index, {&probe, 1});
}

bool PinChecker::is_pending(std::size_t index) const {
  return states_[index].standing == PinStanding::pending;
}

bool PinChecker::is_failing(std::size_t index) const {
  return states_[index].standing == PinStanding::failed;
}

void PinChecker::give_up(std::size_t index) {
  const Question& asked = question(index);
  const PinState& state = states_[index];
  const bool settled = state.standing == PinStanding::ok || state.standing == PinStanding::failed;
  if (settled && asked.missed < patience) return;
  std::string reason = asked.remark.empty()
                           ? fmt::format("nobody answered {}", probes_text(watches_[index].check))
                           : asked.remark;
  if (state.proven) {
    reason += fmt::format("; its upstream last did at {}", strait::to_string(*state.proven));
  }
  set(index, PinStanding::unverified, std::move(reason));
}

void PinChecker::set(std::size_t index, PinStanding standing, std::string reason) {
  PinState& state = states_[index];
  if (state.standing != standing || state.reason != reason) note_change();
  state.standing = standing;
  state.reason = std::move(reason);
}

bool PinChecker::hear(std::size_t index, const Arrival& arrival) {
  Watch& watch = watches_[index];
  PinState& state = states_[index];
  const std::string who = without_scope(arrival.source.address).to_string();
  const PinAnswer answer = judge_answer(watch.check, arrival);
  if (answer == PinAnswer::nothing) {
    question(index).remark =
        arrival.kind == Arrival::Kind::datagram
            ? fmt::format("{} is of this very host", who)
            : fmt::format("{} refused a probe of hop limit {} (ICMP type {}, code {})", who,
                          watch.check.flow.hop_limit, arrival.icmp_type, arrival.icmp_code);
    return true;
  }
  question(index).missed = 0;
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
  return true;
}

}  // namespace strait::probe
