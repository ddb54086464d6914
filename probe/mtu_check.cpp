// SPDX-License-Identifier: Apache-2.0
#include "probe/mtu_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "probe/stamp_packet.hpp"

namespace strait::probe {
namespace {

constexpr std::uint32_t least_mtu_v4 = 68;    // RFC 791
constexpr std::uint32_t least_mtu_v6 = 1280;  // RFC 8200 §5

bool same_check(const MtuCheck& a, const MtuCheck& b) {
  const auto facts = [](const MtuCheck& check) {
    const FlowSpec& flow = check.flow;
    return std::tie(check.path, check.timestamps, check.twamp_light, check.session_octets,
                    flow.kind, flow.pin, flow.destination.address, flow.destination.port, flow.dscp,
                    flow.hop_limit, flow.flow_label, flow.max_payload);
  };
  return facts(a) == facts(b);
}

// Fragmentation needed (RFC 792), or packet too big (RFC 4443 §3.2), which has to be discarded when
// it tells of less than IPv6 asks of every link (RFC 8201 §4).
bool says_too_big(bool v6, const Arrival& error) {
  return v6 ? error.icmp_type == 2 && error.icmp_mtu >= least_mtu_v6
            : error.icmp_type == 3 && error.icmp_code == 4;
}

// What the sender of the error says that the next link takes, if it can be true.
std::optional<std::uint32_t> believable(std::uint32_t said, const MtuState& state) {
  if (said < least_mtu_v4 || said >= state.mtu) return std::nullopt;
  return said;
}

}  // namespace

std::string_view to_string(MtuStanding standing) {
  constexpr std::array<std::string_view, 4> names{"pending", "ok", "too-small", "unknown"};
  return names.at(static_cast<std::size_t>(standing));
}

// The answers come from the far end, which may be a satellite away.
MtuChecker::MtuChecker(Transport& inner, std::uint64_t seed)
    : SelfTest{inner, {.late = "late-mtu-answer", .last_wait = listening, .seed = seed}},
      cookie_key_{random(), random()},
      sequence_base_{static_cast<std::uint32_t>(random()) & ~1U} {}

void MtuChecker::check(std::vector<MtuCheck> checks, Nanos interval) {
  auto old = std::exchange(watches_, {});
  auto old_states = std::exchange(states_, {});
  std::vector<FlowSpec> flows;
  std::vector<std::optional<std::size_t>> before;
  for (MtuCheck& check : checks) {
    check.flow.tests_mtu = true;
    flows.push_back(check.flow);
    const std::optional<std::size_t> place = unclaimed(
        before, old.size(), [&](std::size_t i) { return same_check(old[i].check, check); });
    before.push_back(place);
    if (place) {
      states_.push_back(std::move(old_states[*place]));
      watches_.push_back(std::move(old[*place]));
      continue;
    }
    MtuState state;
    state.path = check.path;
    state.v6 = check.flow.destination.address.is_v6();
    state.mtu = check.mtu();
    state.session_octets = check.session_octets;
    states_.push_back(std::move(state));
    watches_.push_back({.check = std::move(check), .session = next_session_++});
  }
  ask_these(std::move(flows), before, interval);
}

void MtuChecker::begin(std::size_t index) { watches_[index].small_answers = 0; }

void MtuChecker::write(const Watch& watch, std::uint32_t tag, std::span<std::byte> payload) const {
  const WallTime wall = now().wall;
  if (watch.check.flow.kind == FlowKind::icmp_echo) {
    write_icmp_payload(cookie_key_, watch.session, tag, wall, payload);
    return;
  }
  std::ranges::fill(payload, std::byte{0});
  // Nothing is timed: the error estimate may as well say that nothing is known of the clock.
  const ErrorEstimate none{
      .synchronised = false, .format = watch.check.timestamps, .scale = 63, .multiplier = 255};
  write_stamp_request({.sequence = sequence_base_ + tag,
                       .timestamp = encode_time(wall, watch.check.timestamps),
                       .error_estimate = encode(none)},
                      payload);
  if (!watch.check.twamp_light) write_extra_padding(payload);
}

SelfTest::Attempt MtuChecker::attempt(std::size_t index) {
  const Watch& watch = watches_[index];
  const std::uint32_t tag = question(index).next_tag;
  small_.resize(small_mtu_payload);
  padded_.resize(watch.check.flow.max_payload);
  write(watch, tag, small_);
  write(watch, tag + 1, padded_);
  std::array probes{Departure{.payload = small_}, Departure{.payload = padded_}};
  const Attempt attempt = send_try(index, probes);
  const Departure& padded = probes.back();
  if (attempt != Attempt::never || !padded.refused || !padded.too_long) return attempt;
  const std::uint32_t takes = padded.device_mtu;
  too_small(index, takes > 0 ? std::optional{takes} : std::nullopt,
            takes > 0 ? fmt::format("the device here takes {}", takes)
                      : "the device here does not take that");
  end(index, now().mono);
  return Attempt::over;
}

// Which of this round's probes the reply is to.
std::optional<std::uint32_t> MtuChecker::tag_of(std::size_t index, const Arrival& reply) {
  const Watch& watch = watches_[index];
  const Question& asked = question(index);
  std::uint32_t tag = 0;
  if (asked.spec.kind == FlowKind::icmp_echo) {
    const EchoReply echo = read_icmp_payload(cookie_key_, watch.session,
                                             static_cast<std::uint16_t>(reply.tag), reply.payload);
    if (echo.check != EchoCheck::good) return std::nullopt;
    tag = echo.sequence;
  } else {
    const auto stamp = read_stamp_reply(reply.payload, shortest_twamp_reply);
    if (!stamp) return std::nullopt;
    tag = stamp->sender_sequence - sequence_base_;
  }
  if (tag - asked.first_tag >= asked.next_tag - asked.first_tag) return std::nullopt;
  return tag;
}

bool MtuChecker::hear(std::size_t index, const Arrival& arrival) {
  if (arrival.kind == Arrival::Kind::icmp_error) {
    hear_error(index, arrival);
    return true;
  }
  const auto tag = tag_of(index, arrival);
  if (!tag) return false;
  Watch& watch = watches_[index];
  if (!is_padded(*tag)) {
    ++watch.small_answers;
    return true;
  }
  question(index).missed = 0;
  watch.suspicions = 0;
  MtuState state = states_[index];
  state.standing = MtuStanding::ok;
  state.octets = state.mtu;
  state.reason = fmt::format("{} octets were answered", state.mtu);
  state.sessions_fit = true;
  state.checked = arrival.received.wall;
  set(index, std::move(state));
  end(index, arrival.received.mono);
  return true;
}

void MtuChecker::hear_error(std::size_t index, const Arrival& error) {
  const MtuState& state = states_[index];
  const std::string who = error.source.address.to_string();
  const bool of_small = question(index).spec.kind == FlowKind::icmp_echo && !is_padded(error.tag);
  if (!says_too_big(state.v6, error) || of_small) {
    question(index).remark = fmt::format("{} refused a probe (ICMP type {}, code {})", who,
                                         error.icmp_type, error.icmp_code);
    return;
  }
  const auto said = believable(error.icmp_mtu, state);
  too_small(index, said,
            said ? fmt::format("{} says {}", *said, who)
                 : fmt::format("{} says so, and not what would fit", who));
  end(index, error.received.mono);
}

void MtuChecker::give_up(std::size_t index) {
  Question& asked = question(index);
  Watch& watch = watches_[index];
  MtuState state = states_[index];
  if (watch.small_answers > 0) {
    asked.missed = 0;
    // Three lost in a row are rare, and more likely on a path that loses much: ask again soon.
    if (++watch.suspicions == 1 && state.standing == MtuStanding::ok) return;
    too_small(
        index, std::nullopt,
        fmt::format("none of {} packets of that size was answered, and small ones were", tries));
    return;
  }
  watch.suspicions = 0;
  const bool settled =
      state.standing == MtuStanding::ok || state.standing == MtuStanding::too_small;
  if (settled && asked.missed < patience) return;
  state.standing = MtuStanding::unknown;
  state.octets.reset();
  state.sessions_fit = true;
  state.reason = asked.remark.empty()
                     ? fmt::format(
                           "nobody answered {} packets of {} octets, nor the small ones "
                           "beside them",
                           tries, state.mtu)
                     : asked.remark;
  set(index, std::move(state));
}

void MtuChecker::too_small(std::size_t index, std::optional<std::uint32_t> octets,
                           std::string reason) {
  question(index).missed = 0;
  MtuState state = states_[index];
  state.standing = MtuStanding::too_small;
  // A word that was heard before still holds when nobody says anything new.
  const bool same_silence = !octets && states_[index].standing == MtuStanding::too_small;
  if (!same_silence || !state.octets) {
    state.octets = octets;
    state.reason = std::move(reason);
  }
  state.sessions_fit = state.session_octets <= state.octets.value_or(state.mtu - 1);
  state.checked = now().wall;
  set(index, std::move(state));
}

void MtuChecker::set(std::size_t index, MtuState state) {
  MtuState& old = states_[index];
  const auto shown = [](const MtuState& each) {
    return std::tie(each.standing, each.octets, each.reason, each.sessions_fit);
  };
  if (shown(old) != shown(state)) note_change();
  old = std::move(state);
}

bool MtuChecker::is_pending(std::size_t index) const {
  return states_[index].standing == MtuStanding::pending;
}

bool MtuChecker::is_failing(std::size_t index) const {
  return states_[index].standing == MtuStanding::too_small || watches_[index].suspicions > 0;
}

}  // namespace strait::probe
