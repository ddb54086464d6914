// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "routes/rib.hpp"
#include "routes/rib_builder.hpp"
#include "routes/sources/apply_update.hpp"
#include "routes/sources/bmp.hpp"

namespace strait::routes {

// A session of the monitored router, or its Loc-RIB.
struct BmpPeer {
  BmpPeerHeader header;  // of its newest Peer Up
  Asn local_asn;         // the router's own
  bool up = false;
  WallTime since;                        // up or down
  std::string down_reason;               // while it is down
  std::vector<std::string> table_names;  // RFC 9069 section 5.2.1
  std::uint64_t ups = 0;                 // how often it came up
  std::uint64_t routes = 0;              // announced since it came up
  std::uint64_t withdrawn = 0;
  // By table and family (IPv4, IPv6): the first dump has begun, and is whole.
  std::bitset<2 * bmp_tables> begun;
  std::bitset<2 * bmp_tables> ended;
  std::map<std::uint16_t, std::uint64_t> statistics;  // by type, as last reported

  [[nodiscard]] bool is_ours() const { return header.distinguisher == 0 && header.type != 1; }
  [[nodiscard]] bool has_ended(BmpTable table, bool v6) const {
    return ended.test(dump_index(table, v6));
  }
  [[nodiscard]] static std::size_t dump_index(BmpTable table, bool v6) {
    return 2 * static_cast<std::size_t>(table) + (v6 ? 1U : 0U);
  }
};

// What a station did with everything that it heard: nothing is passed over in silence.
struct BmpReport {
  std::uint64_t messages = 0;
  std::uint64_t routes = 0;         // announced
  std::uint64_t withdrawn = 0;      // by UPDATEs; a session that ends withdraws without any
  std::uint64_t damaged = 0;        // messages or routes that should have counted and do not
  std::uint64_t discarded = 0;      // attributes by RFC 7606
  std::uint64_t mirrored_lost = 0;  // times that the router says it lost messages to mirror
  std::map<std::string, std::uint64_t, std::less<>> skipped;  // by reason, damage too
};

struct BmpLimits {
  std::size_t peers = 4096;                    // of one router
  std::size_t memory = std::size_t{4} << 30U;  // octets that its routes may take
};

// What one monitored router says of its peers and their routes, as its BMP messages tell it: the
// state machine of a station without clock and without network (RFC 7854, RFC 8671, RFC 9069).
//
// Two faults of routers are mended and counted: a Loc-RIB without a Peer Up (GoBGP 3.10), and the
// router's own AS in front of paths that it heard (FRR 8.4).
//
// Routes of the global instance count, IPv4 and IPv6 unicast; those of VRFs, and other families,
// are counted only. Each of the five tables that a router may send is a RIB of its own.
class BmpRouter {
 public:
  // `address`: of the router itself, which stands for the peer of its Loc-RIB.
  explicit BmpRouter(Address address, BmpLimits limits = {})
      : address_{std::move(address)}, limits_{limits} {}

  // False if the session must end: the router says so (see ended()), or its routes take too much.
  bool take(const BmpMessage& message, WallTime now);

  [[nodiscard]] const std::string& name() const { return name_; }                   // sysName
  [[nodiscard]] const std::string& description() const { return description_; }     // sysDescr
  [[nodiscard]] const std::optional<std::string>& ended() const { return ended_; }  // why
  [[nodiscard]] const BmpReport& report() const { return report_; }
  [[nodiscard]] std::vector<const BmpPeer*> peers() const;  // by type, distinguisher and address
  // There are peers that are up, and each has told some table to its end and begun no other one
  // (RFC 7854 section 3.3: by End-of-RIB). Some routers do not say End-of-RIB.
  [[nodiscard]] bool complete() const;
  [[nodiscard]] bool has(BmpTable table) const { return tables_.at(index(table)) != nullptr; }
  // The routes of all peers in one table.
  [[nodiscard]] Rib snapshot(BmpTable table);
  [[nodiscard]] std::size_t memory() const;

 private:
  // RFC 7854 section 4.2: type and distinguisher tell domains apart. RFC 9069 section 6.1.1: a
  // Loc-RIB is named by its identifier too.
  using PeerKey = std::tuple<std::uint8_t, std::uint64_t, Address, std::uint32_t>;
  struct Known {
    BmpPeer peer;
    // Whether routes have path ids (RFC 7911 section 5): by direction (from the peer, to it) and
    // family.
    std::array<bool, 4> add_path{};
    unsigned parts = 0;  // Peer Ups of one Loc-RIB, which may come for each family
    std::array<std::optional<std::uint16_t>, bmp_tables> numbers;  // in each table's RibBuilder
  };
  [[nodiscard]] static std::size_t index(BmpTable table) { return static_cast<std::size_t>(table); }
  [[nodiscard]] static PeerKey key_of(const BmpPeerHeader& header);
  void tidy();
  void initiation(std::span<const std::byte> body);
  void termination(std::span<const std::byte> body);
  void peer_up(const BmpPeerHeader& header, std::span<const std::byte> body, WallTime now);
  void peer_down(const BmpPeerHeader& header, std::span<const std::byte> body, WallTime now);
  void monitor(const BmpPeerHeader& header, std::span<const std::byte> body, WallTime now);
  Known* unannounced_loc_rib(const BmpPeerHeader& header, WallTime now);
  void apply(const BgpUpdate& update, const BmpPeerHeader& header, Known& known);
  [[nodiscard]] std::optional<std::vector<std::byte>> mended_attributes(const BgpUpdate& update,
                                                                        const BmpPeerHeader& header,
                                                                        const BmpPeer& peer);
  void statistics(const BmpPeerHeader& header, std::span<const std::byte> body);
  void mirror(std::span<const std::byte> body);
  void flush(const Known& known);
  static void note_add_path(const BmpPeerUp& up, Known& known);
  [[nodiscard]] Known* known(const BmpPeerHeader& header);
  [[nodiscard]] std::optional<std::uint16_t> number_of(Known& known, BmpTable table);
  void count(std::string_view reason);
  void damaged(std::string_view reason);

  Address address_;
  BmpLimits limits_;
  std::string name_;
  std::string description_;
  std::optional<std::string> ended_;
  BmpReport report_;
  std::map<PeerKey, Known> peers_;
  std::array<std::unique_ptr<RibBuilder>, bmp_tables> tables_;
  UpdateApplier updates_;
};

}  // namespace strait::routes
