// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/clock.hpp"
#include "core/strong.hpp"
#include "routes/sources/bgp_open.hpp"

namespace strait::routes {

// The messages of a BMP session (RFC 7854), octets to values.

// RFC 7854 section 4.1.
enum class BmpType : std::uint8_t {
  route_monitoring = 0,
  statistics = 1,
  peer_down = 2,
  peer_up = 3,
  initiation = 4,
  termination = 5,
  route_mirroring = 6
};

// Which RIB of the router routes are from (RFC 7854 section 5, RFC 8671 section 5, RFC 9069).
enum class BmpTable : std::uint8_t {
  pre_policy,
  post_policy,
  out_pre_policy,
  out_post_policy,
  loc_rib
};
inline constexpr std::size_t bmp_tables = 5;
[[nodiscard]] std::string_view to_string(BmpTable table);

// RFC 7854 section 4.2, RFC 8671 section 4, RFC 9069 section 4.
struct BmpPeerHeader {
  std::uint8_t type = 0;  // 0 global instance, 1 with a route distinguisher, 2 local, 3 Loc-RIB
  BmpTable table = BmpTable::pre_policy;
  bool wide_asns = true;            // in AS_PATH
  bool filtered = false;            // of a Loc-RIB: not all of it is sent
  std::uint64_t distinguisher = 0;  // 0: the global instance
  Address address;                  // IPv4 and unspecified for a Loc-RIB
  Asn asn;
  std::uint32_t bgp_id = 0;
  std::optional<WallTime> received;  // when the routes were; some routers do not say

  [[nodiscard]] bool is_loc_rib() const { return table == BmpTable::loc_rib; }
};

struct BmpMessage {
  std::uint8_t type = 0;              // a BmpType, or one that we do not know
  std::optional<BmpPeerHeader> peer;  // of all but initiation, termination and unknown types
  std::span<const std::byte> body;    // behind the headers
};

// Cuts what arrives into messages. Memory: one message and one piece of what arrives, at most.
class BmpStream {
 public:
  // The longest message that is taken: two OPENs or a long UPDATE, and TLVs.
  static constexpr std::size_t longest_message = std::size_t{1} << 20U;

  void add(std::span<const std::byte> octets);
  // Nothing: more is wanted, or the framing is lost (see trouble()). Valid until the next call of
  // add() or next().
  [[nodiscard]] std::optional<BmpMessage> next();
  // Why nothing more can be read of this session; empty while all is well. RFC 7854 has no way to
  // find the next message then.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  [[nodiscard]] bool amid_message() const { return at_ < buffer_.size(); }

 private:
  std::vector<std::byte> buffer_;
  std::size_t at_ = 0;
  std::string trouble_;
};

// RFC 7854 section 4.4: of initiations, terminations and behind Peer Up.
struct BmpInformation {
  std::uint16_t type = 0;
  std::span<const std::byte> value;

  [[nodiscard]] std::string text() const;  // what is no printable ASCII as '?'
};
// False if one runs past the end; those in front of it are given all the same.
[[nodiscard]] bool read_bmp_information(std::span<const std::byte> octets,
                                        std::vector<BmpInformation>& found);

// RFC 7854 section 4.10.
struct BmpPeerUp {
  Address local;
  std::uint16_t local_port = 0;
  std::uint16_t remote_port = 0;
  BgpOpen sent;
  BgpOpen received;
  std::vector<BmpInformation> information;
};
[[nodiscard]] std::optional<BmpPeerUp> read_bmp_peer_up(const BmpPeerHeader& peer,
                                                        std::span<const std::byte> body);

// RFC 7854 section 4.9: "the session ended: hold timer expired", for people.
[[nodiscard]] std::string bmp_down_reason(std::span<const std::byte> body);

// RFC 7854 section 4.8: counters and gauges that are one number for the whole peer; those of one
// family, unknown types and surplus octets are passed over. False if the list runs past its end.
struct BmpStatistic {
  std::uint16_t type = 0;
  std::uint64_t value = 0;
};
[[nodiscard]] bool read_bmp_statistics(std::span<const std::byte> body,
                                       std::vector<BmpStatistic>& found);

}  // namespace strait::routes
