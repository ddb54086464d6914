// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/station.hpp"

#include <algorithm>
#include <array>

namespace strait::probe::dpdk {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// RFC 5227 §1.1 has three probes, two announcements and ten seconds between defences; its waits of
// seconds are for addresses that nobody may use yet.
constexpr unsigned most_probes = 3;
constexpr unsigned most_announcements = 2;
constexpr Nanos probe_gap = milliseconds{300};
constexpr Nanos announce_gap = seconds{2};
constexpr Nanos defend_gap = seconds{10};
constexpr Nanos conflict_time = seconds{30};
constexpr Nanos report_gap = seconds{60};  // switches that snoop forget after 260 s (RFC 3810 §9.4)

constexpr MacAddress nobody{};

}  // namespace

Station::Station(const MacAddress& mac, const Vlan& vlan, bool stacked_ctags, NeighborTiming timing)
    : mac_{mac}, tags_{vlan, stacked_ctags, {}, 0, 255}, neighbors_{timing} {}

Station::Local* Station::local(const WireAddress& address) {
  const auto found = std::ranges::find(locals_, address, &Local::address);
  return found == locals_.end() ? nullptr : &*found;
}

void Station::add_local(const WireAddress& address) {
  const std::lock_guard lock{mutex_};
  if (local(address) != nullptr) return;
  locals_.push_back({.address = address});
  update_due();
}

NeighborId Station::add_neighbor(const WireAddress& target, const WireAddress& source) {
  const std::lock_guard lock{mutex_};
  const NeighborId id = neighbors_.add(target, source);
  update_due();
  return id;
}

void Station::update_due() {
  MonoTime due = neighbors_.next_due();
  for (const Local& local : locals_) due = std::min(due, local.due);
  next_due_.store(due.time_since_epoch().count(), std::memory_order_relaxed);
}

bool Station::ask(const NeighborTable::Request& request, const Emit& emit) const {
  std::array<std::byte, longest_neighbor_frame> frame{};
  std::size_t length = 0;
  if (request.target.is_v4()) {
    const ArpMessage message{ArpOperation::request, mac_, Ipv4{request.source.v4()}, nobody,
                             Ipv4{request.target.v4()}};
    length = write_arp(message, request.to.value_or(broadcast_mac), tags_, frame);
  } else {
    const WireAddress to = request.to ? request.target : solicited_node(request.target);
    length = write_neighbor({.advertisement = false,
                             .source = request.source,
                             .destination = to,
                             .target = request.target,
                             .link_address = mac_},
                            request.to.value_or(multicast_mac(to)), mac_, tags_, frame);
  }
  return emit(std::span{frame}.first(length));
}

bool Station::probe(const Local& local, const Emit& emit) const {
  std::array<std::byte, longest_neighbor_frame> frame{};
  if (local.address.is_v4()) {
    return emit(std::span{frame}.first(
        write_arp(arp_probe(mac_, Ipv4{local.address.v4()}), broadcast_mac, tags_, frame)));
  }
  const WireAddress group = solicited_node(local.address);
  const NeighborMessage solicitation{.advertisement = false,
                                     .source = {},
                                     .destination = group,
                                     .target = local.address,
                                     .link_address = {}};
  return emit(std::span{frame}.first(
      write_neighbor(solicitation, multicast_mac(group), mac_, tags_, frame)));
}

bool Station::announce(const Local& local, const Emit& emit) const {
  std::array<std::byte, longest_neighbor_frame> frame{};
  if (local.address.is_v4()) {
    return emit(std::span{frame}.first(
        write_arp(arp_announcement(mac_, Ipv4{local.address.v4()}), broadcast_mac, tags_, frame)));
  }
  const NeighborMessage unsolicited{.advertisement = true,
                                    .source = local.address,
                                    .destination = all_nodes,
                                    .target = local.address,
                                    .link_address = mac_};
  return emit(std::span{frame}.first(
      write_neighbor(unsolicited, multicast_mac(all_nodes), mac_, tags_, frame)));
}

// Before the first probe, and now and then once all is announced: switches forget.
bool Station::report(const Local& local, const Emit& emit) const {
  const bool wanted = local.probes == 0 || local.announcements == most_announcements;
  if (local.address.is_v4() || !wanted) return true;
  std::array<std::byte, longest_report_frame> report{};
  const std::size_t length = write_listener_report(local.address, mac_, tags_, report);
  return emit(std::span{report}.first(length));
}

void Station::end_conflict(Local& local, MonoTime now) {
  if (!local.conflict) return;
  if (now >= local.conflict_until) {
    local.conflict = false;
    changed();
    return;
  }
  local.due = std::min(local.due, local.conflict_until);
}

std::size_t Station::run_local(Local& local, MonoTime now, const Emit& emit) {
  std::size_t failed = 0;
  if (!report(local, emit)) ++failed;
  if (local.probes < most_probes) {
    ++local.probes;
    if (!probe(local, emit)) ++failed;
    local.due = now + probe_gap;
  } else if (local.announcements < most_announcements) {
    ++local.announcements;
    if (!local.conflict && !announce(local, emit)) ++failed;
    local.due = now + announce_gap;
  } else {
    local.due = local.address.is_v4() ? MonoTime::max() : now + report_gap;
  }
  end_conflict(local, now);
  return failed;
}

std::size_t Station::run(MonoTime now, const Emit& emit) {
  const std::lock_guard lock{mutex_};
  std::size_t failed = 0;
  for (Local& local : locals_) {
    if (now >= local.due) failed += run_local(local, now, emit);
  }
  for (const NeighborTable::Request& request : neighbors_.due(now)) {
    if (!ask(request, emit)) ++failed;
  }
  update_due();
  return failed;
}

Station::Heard Station::hear(std::span<const std::byte> frame, const ParsedFrame& parsed,
                             MonoTime now, const Emit& emit) {
  Heard heard;
  if (load_mac(frame, 6) == mac_) return heard;  // our own, seen again
  const std::lock_guard lock{mutex_};
  if (parsed.kind == FrameKind::arp) {
    const auto message = read_arp(frame, parsed.link);
    heard.malformed = !message;
    if (message) hear_arp(*message, now, emit, heard);
  } else {
    const auto message = read_neighbor(parsed);
    heard.malformed = !message;
    if (message) hear_neighbor(*message, load_mac(frame, 6), now, emit, heard);
  }
  update_due();
  return heard;
}

// Somebody else has our address.
void Station::claim_seen(Local& local, const MacAddress& by, MonoTime now, const Emit& emit,
                         Heard& heard) {
  local.conflict_until = now + conflict_time;
  local.due = std::min(local.due, local.conflict_until);
  if (!local.conflict) {
    local.conflict = true;
    ++conflicts_;
    heard.conflict = by;
    heard.local = local.address;
    changed();
  }
  if (now < local.defend_after) return;
  local.defend_after = now + defend_gap;
  static_cast<void>(announce(local, emit));
}

void Station::learn(const Claim& claim, MonoTime now, Heard& heard) {
  const auto learned = neighbors_.learn(claim, now);
  if (!learned || learned->change == NeighborTable::Change::none) return;
  heard.change = learned->change;
  heard.neighbor = claim.address;
  changed();
}

void Station::hear_arp(const ArpMessage& message, MonoTime now, const Emit& emit, Heard& heard) {
  if (message.sender_mac == mac_) return;
  if (Local* const claimed = local(message.sender)) {
    claim_seen(*claimed, message.sender_mac, now, emit, heard);
    return;
  }
  const bool for_us = local(message.target) != nullptr;
  if (for_us && message.operation == ArpOperation::request) {
    std::array<std::byte, longest_arp_frame> frame{};
    const ArpMessage reply{ArpOperation::reply, mac_, message.target, message.sender_mac,
                           message.sender};
    static_cast<void>(
        emit(std::span{frame}.first(write_arp(reply, message.sender_mac, tags_, frame))));
  }
  learn({message.sender, message.sender_mac}, now, heard);
}

void Station::answer(const NeighborMessage& asked, const MacAddress& sender,
                     const Emit& emit) const {
  // To one that has no address yet, the answer goes to all (RFC 4861 §7.2.4).
  const bool detects = asked.source.high == 0 && asked.source.low == 0;
  std::array<std::byte, longest_neighbor_frame> frame{};
  const NeighborMessage advertisement{.advertisement = true,
                                      .source = asked.target,
                                      .destination = detects ? all_nodes : asked.source,
                                      .target = asked.target,
                                      .link_address = mac_,
                                      .solicited = !detects};
  const MacAddress to = detects ? multicast_mac(all_nodes) : asked.link_address.value_or(sender);
  static_cast<void>(
      emit(std::span{frame}.first(write_neighbor(advertisement, to, mac_, tags_, frame))));
}

void Station::hear_neighbor(const NeighborMessage& message, const MacAddress& sender, MonoTime now,
                            const Emit& emit, Heard& heard) {
  Local* const target = local(message.target);
  if (!message.advertisement) {
    if (target != nullptr) answer(message, sender, emit);
    if (message.link_address) learn({message.source, *message.link_address}, now, heard);
    return;
  }
  // An answer to a unicast question may leave its link address out (RFC 4861 §4.4).
  const MacAddress mac = message.link_address.value_or(sender);
  if (mac == mac_) return;
  if (target != nullptr) {
    claim_seen(*target, mac, now, emit, heard);
    return;
  }
  learn({message.target, mac, message.override}, now, heard);
}

std::optional<MacAddress> Station::mac(NeighborId neighbor) const {
  const std::lock_guard lock{mutex_};
  return neighbors_.mac(neighbor);
}

bool Station::in_conflict(const WireAddress& address) const {
  const std::lock_guard lock{mutex_};
  return std::ranges::any_of(
      locals_, [&](const Local& local) { return local.address == address && local.conflict; });
}

std::vector<WireAddress> Station::unresolved() const {
  const std::lock_guard lock{mutex_};
  std::vector<WireAddress> found;
  for (NeighborId id = 0; id < neighbors_.size(); ++id) {
    if (!neighbors_.mac(id)) found.push_back(neighbors_.address(id));
  }
  return found;
}

std::uint64_t Station::losses() const {
  const std::lock_guard lock{mutex_};
  return neighbors_.losses();
}

std::uint64_t Station::conflicts() const {
  const std::lock_guard lock{mutex_};
  return conflicts_;
}

}  // namespace strait::probe::dpdk
