// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "probe/error_kind.hpp"
#include "probe/hmac_key.hpp"
#include "probe/loss_split.hpp"
#include "probe/stamp_packet.hpp"
#include "probe/stamp_tlv.hpp"
#include "probe/tally.hpp"

namespace strait::probe {

// How a STAMP session goes beyond the base packet.
struct StampExtras {
  TlvSet tlvs;
  std::shared_ptr<const HmacKey> key;  // authenticated mode
  bool loss_by_direction = false;      // where the reflector turns out to count by itself

  [[nodiscard]] bool any() const { return tlvs.any() || key || loss_by_direction; }
  friend bool operator==(const StampExtras& a, const StampExtras& b) {
    const bool same_key = a.key && b.key ? *a.key == *b.key : a.key == b.key;
    return same_key && a.tlvs == b.tlvs && a.loss_by_direction == b.loss_by_direction;
  }
};

// A session's part of it: writes its probes, reads its replies, and judges what the far end says.
class StampExtension {
 public:
  // `payload` octets per probe, which fits() allows; probes carry `dscp` and want it back.
  StampExtension(const StampExtras& extras, std::uint8_t dscp, std::size_t payload,
                 std::uint32_t first_sequence);

  // The whole probe.
  void write(const StampRequest& request, std::span<std::byte> packet);
  // Nothing when the base packet is good; what its TLVs say is kept for judge(). `shortest` is of a
  // reply without authentication.
  [[nodiscard]] std::optional<ErrorKind> read(std::span<const std::byte> packet,
                                              std::size_t shortest, StampReply& reply);

  // The reply that was read last, once it has been matched.
  struct Matched {
    bool first = false;     // not late, not a duplicate
    bool answered = false;  // the probe had a reply already
    std::uint8_t dscp_ecn = 0;
  };
  void judge(const StampReply& reply, const Matched& matched, Tally& tally);
  // A probe of this number could not be sent.
  void skip(std::uint32_t sequence) { split_.skip(count_of(sequence)); }
  // The reflector says that nothing disciplines its clock, whatever its Error Estimate claims.
  [[nodiscard]] bool far_clock_is_free() const { return far_clock_ == SyncSource::free_running; }

 private:
  [[nodiscard]] std::uint32_t count_of(std::uint32_t sequence) const {
    return sequence - first_sequence_ + 1;
  }
  void judge_tlvs(Tally& tally) const;
  void judge_cos(const ReplyTlvs::Cos& cos, std::uint8_t dscp_ecn, Tally& tally) const;
  void judge_seen_as(const Endpoint& seen_as, Tally& tally);
  void judge_follow_up(const StampReply& reply, const ReplyTlvs::FollowUp& told, Tally& tally);
  void judge_loss(const StampReply& reply, const Matched& matched, Tally& tally);

  TlvSet tlvs_;
  std::optional<HmacKey> key_;
  bool loss_by_direction_;
  std::uint8_t dscp_;
  std::uint32_t first_sequence_;
  RequestArea area_;
  ReplyTlvs newest_;
  SyncSource far_clock_ = SyncSource::unknown;
  std::optional<Endpoint> seen_as_;
  // Replies of late, for what later ones tell of them.
  struct Replied {
    std::uint32_t sequence = 0;  // the reflector's
    WireTime left = 0;           // T3
    TimestampFormat format = TimestampFormat::ntp;
  };
  static constexpr std::size_t remembered = 16;
  std::array<Replied, remembered> replied_{};
  std::size_t next_replied_ = 0;
  LossSplit split_;
  std::uint32_t forward_debt_ = 0;  // found after all, but counted in a window that is gone
  std::uint32_t reverse_debt_ = 0;
};

}  // namespace strait::probe
