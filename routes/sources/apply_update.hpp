// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "routes/rib_builder.hpp"
#include "routes/sources/attributes.hpp"
#include "routes/sources/bgp_message.hpp"

namespace strait::routes {

// Whose UPDATE it is, and how it is to be read.
struct UpdateSession {
  std::uint16_t peer = 0;  // RibBuilder's number
  bool internal = false;   // by iBGP, or attributes are as after our own policy
  bool wide_asns = true;
  bool add_path_v4 = false;
  bool add_path_v6 = false;
};

// Something in an UPDATE that made no route, or fewer than it should have.
struct UpdateRemark {
  enum class Kind : std::uint8_t {
    discarded,  // an attribute: the route counts without it (RFC 7606 section 2)
    other,      // routes of families that are nobody's business here
    damaged,
  };
  Kind kind = Kind::other;
  std::string reason;
};

// Puts what UPDATEs announce into a RibBuilder and takes out what they withdraw, by RFC 4271, RFC
// 4760 and RFC 7606. IPv4 and IPv6 unicast. Keeps its buffers from one UPDATE to the next.
class UpdateApplier {
 public:
  void apply(const BgpUpdate& update, const UpdateSession& session, RibBuilder& builder);

  // Of the last UPDATE:
  [[nodiscard]] std::uint64_t announced() const { return announced_; }
  [[nodiscard]] std::uint64_t withdrawn() const { return withdrawn_; }
  [[nodiscard]] std::span<const UpdateRemark> remarks() const { return remarks_; }
  // The AFI, 1 or 2, of the unicast routes that it is about; of both, that of MP_REACH_NLRI or
  // MP_UNREACH_NLRI.
  [[nodiscard]] std::optional<std::uint16_t> family() const { return family_; }
  // It says nothing but that all routes of family() have been told (RFC 4724 section 2).
  [[nodiscard]] bool end_of_rib() const { return end_of_rib_; }

 private:
  void refuse(const AttributeReader::Outcome& outcome, const BgpUpdate& update);
  void withdraw(std::uint16_t afi, std::uint8_t safi, std::span<const std::byte> nlri);
  void announce(std::uint16_t afi, std::uint8_t safi, std::span<const std::byte> nlri,
                NlriPlace place);
  bool is_ours(std::uint16_t afi, std::uint8_t safi);
  void remark(UpdateRemark::Kind kind, std::string_view reason);
  void note_family(const BgpUpdate& update);

  AttributeReader attributes_;
  UpdateSession session_;
  RibBuilder* builder_ = nullptr;  // during apply()
  std::uint64_t announced_ = 0;
  std::uint64_t withdrawn_ = 0;
  std::vector<UpdateRemark> remarks_;
  std::optional<std::uint16_t> family_;
  bool end_of_rib_ = false;
};

}  // namespace strait::routes
