// SPDX-License-Identifier: Apache-2.0
#include "probe/reflect.hpp"

#include <cstring>

#include "probe/stamp_auth.hpp"

namespace strait::probe {

namespace {

Reflection refused(Refusal why) {
  Reflection reflection;
  reflection.refusal = why;
  return reflection;
}

}  // namespace

std::string_view to_string(Refusal refusal) {
  constexpr std::array<std::string_view, refusals> names{
      "none",         "too-short",         "corrupt-error-estimate",
      "no-room",      "not-allowed",       "bad-source",
      "rate-limited", "would-amplify",     "not-authenticated",
      "bad-hmac",     "session-table-full"};
  return names.at(static_cast<std::size_t>(refusal));
}

Reflector::Reflector(const ClockQuality& quality, const ReflectorMode& mode)
    : key_{mode.key}, base_size_{base_packet_size(mode.key.has_value())}, policy_{mode.tlvs} {
  if (mode.stateful) {
    sessions_ = std::make_unique<ReflectorSessions>(mode.sessions, mode.session_idle);
  }
  set_clock_quality(quality);
}

void Reflector::set_clock_quality(const ClockQuality& quality) {
  for (const auto format : {TimestampFormat::ntp, TimestampFormat::ptp}) {
    error_estimate_[static_cast<std::size_t>(format)] = encode(error_estimate(quality, format));
  }
  sync_ = quality.synchronised ? policy_.sync : SyncSource::free_running;
}

// In authenticated mode nothing of the packet is used before its HMAC is verified.
Refusal Reflector::check(std::span<const std::byte> request, const RequestFacts& facts,
                         Question& question) {
  if (key_) {
    if (request.size() < authenticated_packet_size) return Refusal::not_authenticated;
    if (!key_->verify(request.first(authenticated_part), {}, hmac_field(request))) {
      return Refusal::bad_hmac;
    }
  }
  const auto asked = key_ ? read_authenticated_request(request) : read_stamp_request(request);
  if (!asked) return Refusal::too_short;
  const ErrorEstimate theirs = decode_error_estimate(asked->error_estimate);
  if (theirs.corrupt()) return Refusal::corrupt_error_estimate;
  question = {*asked, theirs.format, nullptr, TlvIntegrity::unprotected};
  if (request.size() > base_size_) {
    HmacKey* const key = key_ ? &*key_ : nullptr;
    question.integrity = check_integrity(request.subspan(base_size_), asked->sequence, key);
  }
  if (sessions_) {
    question.session =
        sessions_->find(facts.source, facts.destination, asked->ssid, facts.now, facts.stranger);
    if (question.session == nullptr) return Refusal::session_table_full;
    ++question.session->received;
  }
  return Refusal::none;
}

StampReply Reflector::base_of(const Question& question, const ReflectStamps& stamps) const {
  const StampRequest& asked = question.asked;
  // A Z bit is copied only together with the format that it stands for.
  const TimestampFormat format = question.format;
  return {
      .sequence = question.session != nullptr ? question.session->next_sequence : asked.sequence,
      .timestamp = encode_time(stamps.transmit, format),
      .error_estimate = error_estimate_[static_cast<std::size_t>(format)],
      .ssid = asked.ssid,
      .receive_timestamp = encode_time(stamps.received, format),
      .sender_sequence = asked.sequence,
      .sender_timestamp = asked.timestamp,
      .sender_error_estimate = asked.error_estimate,
      .sender_ttl = stamps.hop_limit == 0 ? std::uint8_t{255} : stamps.hop_limit};
}

bool Reflector::finish_area(std::span<std::byte> area, const Question& question,
                            const RequestFacts& facts, std::uint32_t sequence,
                            Reflection& reflection) {
  reflection.dscp = answer_tlvs(area, {.facts = &facts,
                                       .policy = &policy_,
                                       .session = question.session,
                                       .format = question.format,
                                       .sync = sync_,
                                       .integrity = question.integrity});
  if (!key_ || question.integrity != TlvIntegrity::good) return true;
  return sign_area(area, sequence, *key_);
}

Reflection Reflector::reflect(std::span<const std::byte> request, const ReflectStamps& stamps,
                              std::span<std::byte> reply, const RequestFacts& facts) {
  const std::size_t size = reflected_size(request.size());
  if (reply.size() < size) return refused(Refusal::no_room);
  Question question{};
  const Refusal refusal = check(request, facts, question);
  if (refusal != Refusal::none) return refused(refusal);

  if (request.size() > base_size_ && reply.data() != request.data()) {
    std::memcpy(reply.data() + base_size_, request.data() + base_size_,
                request.size() - base_size_);
  }
  const StampReply base = base_of(question, stamps);
  Reflection reflection;
  reflection.size = size;
  if (!key_) {
    write_stamp_reply(base, reply);
  } else {
    write_authenticated_reply(base, reply);
    if (!key_->sign(reply.first(authenticated_part), {}, hmac_field(reply))) {
      return refused(Refusal::bad_hmac);
    }
  }
  if (request.size() > base_size_) {
    const auto area = reply.subspan(base_size_, size - base_size_);
    if (!finish_area(area, question, facts, base.sequence, reflection)) {
      return refused(Refusal::bad_hmac);
    }
  }
  if (question.session != nullptr) {
    ++question.session->next_sequence;
    question.session->last_sent = stamps.transmit;
  }
  return reflection;
}

}  // namespace strait::probe
