// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/apply_update.hpp"

#include <fmt/format.h>

namespace strait::routes {
namespace {

using Octets = std::span<const std::byte>;

// Two families as two types of key.
template <class F>
bool for_each_route(std::uint16_t afi, Octets nlri, const UpdateSession& session, F& each) {
  return afi == 1 ? for_each_nlri<KeyV4>(nlri, session.add_path_v4, each)
                  : for_each_nlri<KeyV6>(nlri, session.add_path_v6, each);
}

}  // namespace

void UpdateApplier::apply(const BgpUpdate& update, const UpdateSession& session,
                          RibBuilder& builder) {
  session_ = session;
  builder_ = &builder;
  announced_ = 0;
  withdrawn_ = 0;
  remarks_.clear();
  const auto outcome = attributes_.read(
      update.attributes,
      {.internal = session.internal, .update = true, .wide_asns = session.wide_asns},
      !update.nlri.empty());
  note_family(update);
  for (const std::string_view reason : attributes_.discarded()) {
    remark(UpdateRemark::Kind::discarded, reason);
  }
  withdraw(1, 1, update.withdrawn);
  if (const auto& gone = attributes_.unreach()) withdraw(gone->afi, gone->safi, gone->nlri);
  if (outcome.fate != AttributeFate::use) {
    refuse(outcome, update);
  } else {
    announce(1, 1, update.nlri, NlriPlace::plain);
    const auto& reach = attributes_.reach();
    if (reach) announce(reach->afi, reach->safi, reach->nlri, NlriPlace::reach);
  }
  builder_ = nullptr;
}

// RFC 4724 section 2: the end is an UPDATE with nothing in it, or with nothing but an empty
// MP_UNREACH_NLRI.
void UpdateApplier::note_family(const BgpUpdate& update) {
  const bool plain = !update.withdrawn.empty() || !update.nlri.empty();
  const bool empty = !plain && update.attributes.empty();
  const auto& gone = attributes_.unreach();
  const auto& reach = attributes_.reach();
  family_.reset();
  if (plain || empty) family_ = std::uint16_t{1};
  for (const auto* const part : {&gone, &reach}) {
    if (*part && (*part)->safi == 1 && (*part)->afi <= 2) family_ = (*part)->afi;
  }
  constexpr std::size_t alone = 7;  // flags, code, length in 1 or 2 octets, AFI, SAFI
  end_of_rib_ = empty || (!plain && family_ && gone && gone->nlri.empty() && !reach &&
                          update.attributes.size() <= alone);
}

// RFC 7606 section 2: treat-as-withdraw takes the old routes away; after what would reset the
// session the peer's table cannot be relied on, and the remark says so.
void UpdateApplier::refuse(const AttributeReader::Outcome& outcome, const BgpUpdate& update) {
  remark(UpdateRemark::Kind::damaged, outcome.reason);
  withdraw(1, 1, update.nlri);
  const auto& reach = attributes_.reach();
  if (reach) withdraw(reach->afi, reach->safi, reach->nlri);
}

bool UpdateApplier::is_ours(std::uint16_t afi, std::uint8_t safi) {
  if ((afi == 1 || afi == 2) && safi == 1) return true;
  remark(UpdateRemark::Kind::other, fmt::format("routes of AFI {} SAFI {}", afi, safi));
  return false;
}

void UpdateApplier::withdraw(std::uint16_t afi, std::uint8_t safi, Octets nlri) {
  if (nlri.empty() || !is_ours(afi, safi)) return;
  const auto each = [&](const auto& key, std::uint32_t path_id) {
    ++withdrawn_;
    builder_->withdraw(key, session_.peer, path_id);
  };
  if (!for_each_route(afi, nlri, session_, each)) {
    remark(UpdateRemark::Kind::damaged, "withdrawn routes that do not parse");
  }
}

void UpdateApplier::announce(std::uint16_t afi, std::uint8_t safi, Octets nlri, NlriPlace place) {
  if (nlri.empty() || !is_ours(afi, safi)) return;
  const Octets octets = attributes_.octets(place);
  const AttributeId id = builder_->attributes().add(attributes_.head(), octets);
  const auto each = [&](const auto& key, std::uint32_t path_id) {
    ++announced_;
    const RibRoute route{.attributes = id, .path_id = path_id, .peer = session_.peer};
    builder_->put(key, std::span{&route, 1});
  };
  if (!for_each_route(afi, nlri, session_, each)) {
    remark(UpdateRemark::Kind::damaged, "NLRI that does not parse");
  }
}

void UpdateApplier::remark(UpdateRemark::Kind kind, std::string_view reason) {
  remarks_.push_back({.kind = kind, .reason = std::string{reason}});
}

}  // namespace strait::routes
