// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include "probe/octets.hpp"
#include "probe/prober_impl.hpp"
#include "probe/tcp_packet.hpp"

namespace strait::probe {
namespace {

// Sequence number and T1 (RFC 8762 §4.2.1). The first alone could be guessed.
constexpr std::size_t quoted_stamp_octets = 12;
constexpr std::size_t worth_tidying = 64;

}  // namespace

void Prober::Impl::take_icmp_error(const Arrival& arrival) {
  const std::uint32_t index = session_at(arrival.flow);
  if (index == nobody) {
    ++strays_["unknown-flow"];
    return;
  }
  const Address& by = arrival.source.address;
  const Rejection rejection{icmp_error_kind(by.is_v6(), arrival.icmp_type, arrival.icmp_code), by};
  current_tally(index).count(rejection.kind);
  auto& owned = records_[index].rejections;
  if (!owned) owned = std::make_unique<Rejections>();
  Rejections& rejections = *owned;
  rejections.count(rejection);

  Matcher& matcher = sessions_[index].matcher;
  const Probe* const probe = quoted_probe(index, arrival);
  if (probe == nullptr) {
    current_tally(index).count(ErrorKind::icmp_unmatched);
    return;
  }
  if (probe->state != Probe::State::outstanding) return;
  const std::size_t open = std::max<std::size_t>(worth_tidying, matcher.span());
  if (rejections.waiting() >= 2 * open) {
    rejections.keep_only([&](std::uint32_t sequence) {
      const Probe* const waiting = matcher.find(sequence);
      return waiting != nullptr && waiting->state == Probe::State::outstanding;
    });
  }
  rejections.expect_loss(probe->sequence, rejection);
}

// The probe that the error is about. Null where it quotes too little to tell (RFC 792 wants only
// 8 octets after the IP header, which hold no sequence number of STAMP) or what we never sent.
const Probe* Prober::Impl::quoted_probe(std::uint32_t index, const Arrival& arrival) {
  Session& session = sessions_[index];
  const auto quoted = arrival.payload;
  if (session.tcp) {
    if (quoted.size() < tcp_probe_size) return nullptr;
    const auto number = load<std::uint32_t>(quoted, 0);
    return session.matcher.find(reveal_sequence(cookie_key_, session.id, number));
  }
  if (session.udp_echo) {
    const EchoReply echo = read_udp_echo(cookie_key_, session.id, quoted);
    return echo.check == EchoCheck::good ? session.matcher.find(echo.sequence) : nullptr;
  }
  if (!session.icmp) {
    if (quoted.size() < quoted_stamp_octets) return nullptr;
    const Probe* const probe = session.matcher.find(load<std::uint32_t>(quoted, 0));
    const bool ours = probe != nullptr && probe->wire_time == load<std::uint64_t>(quoted, 4);
    return ours ? probe : nullptr;
  }
  const auto low = static_cast<std::uint16_t>(arrival.tag);
  if (quoted.size() >= icmp_payload_size) {
    const EchoReply echo = read_icmp_payload(cookie_key_, session.id, low, quoted);
    return echo.check == EchoCheck::good ? session.matcher.find(echo.sequence) : nullptr;
  }
  // The header alone: the newest probe with these 16 bits.
  const std::uint32_t newest = session.matcher.next_sequence() - 1;
  return session.matcher.find(newest - ((newest - low) & 0xffffU));
}

std::vector<SessionRejections> Prober::Impl::rejections() const {
  std::vector<SessionRejections> all;
  for (std::size_t index = 0; index < records_.size(); ++index) {
    const SessionRecord& record = records_[index];
    if (sessions_[index].live && record.rejections) {
      all.push_back({record.key, record.rejections->counts()});
    }
  }
  return all;
}

}  // namespace strait::probe
