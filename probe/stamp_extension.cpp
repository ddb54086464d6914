// SPDX-License-Identifier: Apache-2.0
#include "probe/stamp_extension.hpp"

#include <algorithm>
#include <string>

#include "probe/stamp_auth.hpp"

namespace strait::probe {
namespace {

// Adds `step` to a count of this window. What is below zero waits for the next losses.
void add(Tally& tally, ErrorKind kind, std::int64_t step, std::uint32_t& debt) {
  std::uint32_t& count = tally.count_of(kind);
  const std::int64_t sum = std::int64_t{count} - debt + step;
  count = static_cast<std::uint32_t>(std::max<std::int64_t>(0, sum));
  debt = static_cast<std::uint32_t>(std::max<std::int64_t>(0, -sum));
}

}  // namespace

StampExtension::StampExtension(const StampExtras& extras, std::uint8_t dscp, std::size_t payload,
                               std::uint32_t first_sequence)
    : tlvs_{extras.tlvs},
      loss_by_direction_{extras.loss_by_direction || extras.tlvs.direct_measurement},
      dscp_{dscp},
      first_sequence_{first_sequence} {
  if (extras.key) key_ = *extras.key;
  const bool authenticated = key_.has_value();
  area_ = request_area(tlvs_, authenticated, dscp, payload - base_packet_size(authenticated));
}

void StampExtension::write(const StampRequest& request, std::span<std::byte> packet) {
  const std::size_t base = base_packet_size(key_.has_value());
  const auto area = packet.subspan(base);
  std::ranges::copy(area_.octets, area.begin());
  if (area_.sent_at) store(area, *area_.sent_at, count_of(request.sequence));
  if (!key_) {
    write_stamp_request(request, packet);
    return;
  }
  write_authenticated_request(request, packet);
  // A probe without a good HMAC gets no reply: that libcrypto fails shows as loss of everything.
  static_cast<void>(key_->sign(packet.first(authenticated_part), {}, hmac_field(packet)));
  if (area_.has_hmac) static_cast<void>(sign_area(area, request.sequence, *key_));
}

std::optional<ErrorKind> StampExtension::read(std::span<const std::byte> packet,
                                              std::size_t shortest, StampReply& reply) {
  newest_ = {};
  if (key_) {
    if (packet.size() < authenticated_packet_size) return ErrorKind::bad_length;
    if (!key_->verify(packet.first(authenticated_part), {}, hmac_field(packet))) {
      return ErrorKind::bad_hmac;
    }
  }
  const auto wire = key_ ? read_authenticated_reply(packet) : read_stamp_reply(packet, shortest);
  if (!wire) return ErrorKind::bad_length;
  reply = *wire;
  const std::size_t base = base_packet_size(key_.has_value());
  if (tlvs_.any() && packet.size() > base) {
    newest_ = read_reply_tlvs(packet.subspan(base), wire->sequence, key_ ? &*key_ : nullptr);
  }
  return std::nullopt;
}

void StampExtension::judge_tlvs(Tally& tally) const {
  if (newest_.failed) tally.count(ErrorKind::tlv_integrity);
  if (newest_.malformed) tally.count(ErrorKind::tlv_malformed);
  if (newest_.unrecognized > 0) tally.count(ErrorKind::tlv_unrecognized, newest_.unrecognized);
  if (newest_.failed || newest_.malformed) return;
  const auto missing = [](bool asked, bool there) { return asked && !there ? 1U : 0U; };
  const std::uint32_t absent =
      missing(tlvs_.class_of_service, newest_.cos.has_value()) +
      missing(tlvs_.location, newest_.located) +
      missing(tlvs_.timestamp_information, newest_.timestamps.has_value()) +
      missing(tlvs_.direct_measurement, newest_.direct.has_value()) +
      missing(tlvs_.follow_up, newest_.follow_up.has_value());
  if (absent > newest_.unrecognized) {
    tally.count(ErrorKind::tlv_missing, absent - newest_.unrecognized);
  }
}

void StampExtension::judge_cos(const ReplyTlvs::Cos& cos, std::uint8_t dscp_ecn,
                               Tally& tally) const {
  tally.far_part().view.dscp = cos.seen_dscp;
  if (cos.seen_dscp != dscp_) tally.count(ErrorKind::dscp_remarked_forward);
  if (cos.seen_ecn != 0) tally.count(ErrorKind::ecn_changed);
  // With RP set only the forward direction can be analyzed (RFC 8972 §4.4).
  if (cos.reverse_path != 0) return;
  if (dscp_ecn >> 2U != cos.reply_dscp) tally.count(ErrorKind::dscp_remarked_reverse);
}

void StampExtension::judge_seen_as(const Endpoint& seen_as, Tally& tally) {
  std::string& text = tally.far_part().view.seen_as;
  if (seen_as_ && *seen_as_ == seen_as) {
    if (text.empty()) text = to_string(seen_as);
    return;
  }
  if (seen_as_) tally.count(ErrorKind::seen_as_changed);
  seen_as_ = seen_as;
  text = to_string(seen_as);
}

// RFC 8972 §4.7. Zero is the word of a stateless reflector; of a reply that we did not get nothing
// can be said.
void StampExtension::judge_follow_up(const StampReply& reply, const ReplyTlvs::FollowUp& told,
                                     Tally& tally) {
  const auto format = decode_error_estimate(reply.error_estimate).format;
  // A number below the newest may be that of a reflector that was started anew: what we remember
  // would be of its former life.
  const Replied& newest = replied_.at((next_replied_ + remembered - 1) % remembered);
  if (static_cast<std::int32_t>(reply.sequence - newest.sequence) < 0) replied_.fill({});
  const auto* const found = std::ranges::find_if(replied_, [&](const Replied& each) {
    return each.left != 0 && each.sequence == told.sequence && each.format == format;
  });
  const auto late = told.left != 0 && found != replied_.end()
                        ? difference(told.left, found->left, format)
                        : std::nullopt;
  if (late) {
    FarView& view = tally.far_part().view;
    if (!view.left_late || *late > *view.left_late) view.left_late = late;
    view.left_by = to_string(told.by);
  }
  replied_.at(next_replied_) = {
      .sequence = reply.sequence, .left = reply.timestamp, .format = format};
  next_replied_ = (next_replied_ + 1) % remembered;
}

void StampExtension::judge_loss(const StampReply& reply, const Matched& matched, Tally& tally) {
  LossSplit::Numbers numbers;
  numbers.sent = count_of(reply.sender_sequence);
  numbers.second_copy = matched.answered;
  if (newest_.direct) {
    numbers.received = newest_.direct->received;
    numbers.replied = newest_.direct->replied;
    numbers.counters = true;
  } else if (tlvs_.direct_measurement) {
    return;  // two ways of counting are not mixed
  } else {
    numbers.received = reply.sequence;
    numbers.replied = reply.sequence;
  }
  const LossSplit::Step step = split_.note(numbers);
  if (step.restarted) tally.count(ErrorKind::reflector_restarted);
  if (step.forward != 0) add(tally, ErrorKind::lost_forward, step.forward, forward_debt_);
  if (step.reverse != 0) add(tally, ErrorKind::lost_reverse, step.reverse, reverse_debt_);
  tally.far_part().view.counts = split_.counts();
}

void StampExtension::judge(const StampReply& reply, const Matched& matched, Tally& tally) {
  if (loss_by_direction_) judge_loss(reply, matched, tally);
  if (!matched.first || !tlvs_.any()) return;
  judge_tlvs(tally);
  if (newest_.cos) judge_cos(*newest_.cos, matched.dscp_ecn, tally);
  if (newest_.follow_up) judge_follow_up(reply, *newest_.follow_up, tally);
  if (newest_.seen_as) judge_seen_as(*newest_.seen_as, tally);
  if (newest_.timestamps) {
    far_clock_ = newest_.timestamps->clock;
    std::string& text = tally.far_part().view.clock;
    if (far_clock_ != SyncSource::unknown && text != to_string(far_clock_)) {
      text = to_string(far_clock_);
    }
  }
}

}  // namespace strait::probe
