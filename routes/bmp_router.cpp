// SPDX-License-Identifier: Apache-2.0
#include "routes/bmp_router.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "routes/sources/attribute_codes.hpp"
#include "routes/sources/bgp_message.hpp"
#include "routes/sources/byte_reader.hpp"

namespace strait::routes {
namespace {

using Octets = std::span<const std::byte>;

constexpr std::size_t most_reasons = 100;
constexpr std::size_t most_statistics = 64;   // types, of one peer
constexpr std::size_t most_names = 8;         // of a table
constexpr std::uint64_t tidied_every = 4096;  // messages

// RFC 7854 section 4.4 and 4.5, RFC 9069 section 5.2.1.
constexpr std::uint16_t description_information = 1;
constexpr std::uint16_t name_information = 2;
constexpr std::uint16_t reason_information = 1;  // of a termination
constexpr std::uint16_t table_information = 3;

// RFC 7854 section 4.7.
constexpr std::uint16_t mirrored_code = 1;
constexpr unsigned mirrored_lost = 1;

std::string_view termination_text(unsigned reason) {
  constexpr std::array texts{
      std::string_view{"closed by its administrator"}, std::string_view{"unspecified reason"},
      std::string_view{"out of resources"}, std::string_view{"redundant connection"},
      std::string_view{"permanently closed by its administrator"}};
  return reason < texts.size() ? texts.at(reason) : std::string_view{"unknown reason"};
}

// The place in Known::add_path.
std::size_t direction(BmpTable table, bool v6) {
  const bool out = table == BmpTable::out_pre_policy || table == BmpTable::out_post_policy;
  return (out ? 2U : 0U) + (v6 ? 1U : 0U);
}

void append(std::vector<std::byte>& to, Octets octets) {
  to.insert(to.end(), octets.begin(), octets.end());
}

// Attributes whose AS_PATH begins with `own` and `neighbor`, in four octets each, without the
// former; nothing for others.
std::optional<std::vector<std::byte>> without_own_as(Octets attributes, Asn own, Asn neighbor) {
  ByteReader reader{attributes};
  while (!reader.empty()) {
    const std::size_t at = attributes.size() - reader.size();
    const auto flags = static_cast<std::uint8_t>(reader.u8() | 0x10U);
    const std::uint8_t code = reader.u8();
    const Octets value = reader.take(
        (std::to_integer<unsigned>(attributes[at]) & 0x10U) != 0 ? reader.u16() : reader.u8());
    if (reader.failed()) return std::nullopt;
    if (code != code_as_path) continue;
    ByteReader path{value};
    const bool sequence = path.u8() == static_cast<std::uint8_t>(SegmentType::sequence);
    const std::uint8_t count = path.u8();
    const bool found = Asn{path.u32()} == own && Asn{path.u32()} == neighbor;
    if (!sequence || count < 2 || !found || path.failed()) return std::nullopt;
    const std::size_t length = value.size() - 4;
    std::vector<std::byte> changed;
    append(changed, attributes.first(at));
    for (const std::size_t octet : {std::size_t{flags}, std::size_t{code}, length >> 8U,
                                    length & 0xffU, std::size_t{2}, std::size_t{count} - 1}) {
      changed.push_back(static_cast<std::byte>(octet));
    }
    append(changed, value.subspan(6));
    append(changed, reader.take(reader.size()));
    return changed;
  }
  return std::nullopt;
}

bool both(const std::optional<AddPathMode>& sender, const std::optional<AddPathMode>& receiver) {
  return sender && receiver && sender->sends && receiver->receives;
}

}  // namespace

BmpRouter::PeerKey BmpRouter::key_of(const BmpPeerHeader& header) {
  if (header.is_loc_rib()) return {header.type, header.distinguisher, Address{}, header.bgp_id};
  return {header.type, header.distinguisher, header.address, 0};
}

bool BmpRouter::take(const BmpMessage& message, WallTime now) {
  ++report_.messages;
  if (message.peer) {
    switch (static_cast<BmpType>(message.type)) {
      case BmpType::route_monitoring:
        monitor(*message.peer, message.body, now);
        break;
      case BmpType::statistics:
        statistics(*message.peer, message.body);
        break;
      case BmpType::peer_down:
        peer_down(*message.peer, message.body, now);
        break;
      case BmpType::peer_up:
        peer_up(*message.peer, message.body, now);
        break;
      default:
        mirror(message.body);
    }
  } else if (message.type == static_cast<std::uint8_t>(BmpType::initiation)) {
    initiation(message.body);
  } else if (message.type == static_cast<std::uint8_t>(BmpType::termination)) {
    termination(message.body);
  } else {
    // RFC 7854 section 4.1: unknown types are ignored.
    count(fmt::format("messages of the unknown type {}", message.type));
  }
  if (report_.messages % tidied_every == 0) tidy();
  return !ended_.has_value();
}

void BmpRouter::tidy() {
  for (const auto& table : tables_) {
    if (table) table->tidy();
  }
  if (memory() <= limits_.memory) return;
  ended_ = fmt::format("its routes take more than {} octets of memory", limits_.memory);
}

void BmpRouter::initiation(Octets body) {
  std::vector<BmpInformation> found;
  if (!read_bmp_information(body, found)) damaged("an initiation that ends early");
  for (const BmpInformation& each : found) {
    if (each.type == description_information) description_ = each.text();
    if (each.type == name_information) name_ = each.text();
  }
}

void BmpRouter::termination(Octets body) {
  std::string why = "the router ends the session";
  std::vector<BmpInformation> found;
  if (!read_bmp_information(body, found)) damaged("a termination that ends early");
  for (const BmpInformation& each : found) {
    if (each.type == reason_information && each.value.size() == 2) {
      ByteReader reader{each.value};
      why += fmt::format(": {}", termination_text(reader.u16()));
    } else if (each.type == 0) {
      why += fmt::format(": {}", each.text());
    }
  }
  ended_ = std::move(why);
}

void BmpRouter::note_add_path(const BmpPeerUp& up, Known& known) {
  const bool loc_rib = known.peer.header.is_loc_rib();
  for (const bool v6 : {false, true}) {
    const std::uint16_t afi = v6 ? 2 : 1;
    const auto ours = up.sent.mode(afi, 1);
    const auto theirs = up.received.mode(afi, 1);
    const std::size_t from = v6 ? 1 : 0;
    // RFC 9069 section 5.2: of a Loc-RIB the capability is there or it is not.
    known.add_path.at(from) = loc_rib ? known.add_path.at(from) || ours : both(theirs, ours);
    known.add_path.at(from + 2) = both(ours, theirs);
  }
}

void BmpRouter::peer_up(const BmpPeerHeader& header, Octets body, WallTime now) {
  const auto up = read_bmp_peer_up(header, body);
  if (!up) {
    damaged("a Peer Up whose OPENs do not parse");
    return;
  }
  const PeerKey key = key_of(header);
  if (peers_.size() >= limits_.peers && !peers_.contains(key)) {
    damaged(fmt::format("more than {} peers", limits_.peers));
    return;
  }
  Known& known = peers_[key];
  const bool goes_on = header.is_loc_rib() && known.peer.up;  // of another family
  if (!goes_on) {
    // Without a Peer Down in between the old session is over all the same.
    if (known.peer.up) flush(known);
    const std::uint64_t ups = known.peer.ups;
    known = {};
    known.peer.header = header;
    known.peer.local_asn = up->sent.asn;
    known.peer.since = now;
    known.peer.ups = ups;
  }
  known.peer.up = true;
  ++known.peer.ups;
  ++known.parts;
  note_add_path(*up, known);
  for (const BmpInformation& each : up->information) {
    if (each.type != table_information || known.peer.table_names.size() == most_names) continue;
    known.peer.table_names.push_back(each.text());
  }
}

// RFC 7854 section 4.9: all routes of the peer are withdrawn by it.
void BmpRouter::peer_down(const BmpPeerHeader& header, Octets body, WallTime now) {
  Known* const known = this->known(header);
  if (known == nullptr) {
    count("a Peer Down of a peer that was not up");
    return;
  }
  if (known->parts > 1)
    damaged("one of several parts of a Loc-RIB went down: all of it is dropped");
  flush(*known);
  known->peer.up = false;
  known->peer.since = now;
  known->peer.down_reason = bmp_down_reason(body);
  known->peer.begun.reset();
  known->peer.ended.reset();
  known->parts = 0;
}

void BmpRouter::flush(const Known& known) {
  for (std::size_t i = 0; i < bmp_tables; ++i) {
    const auto& number = known.numbers.at(i);
    if (number && tables_.at(i)) tables_.at(i)->flush(*number);
  }
}

BmpRouter::Known* BmpRouter::known(const BmpPeerHeader& header) {
  const auto it = peers_.find(key_of(header));
  return it == peers_.end() || !it->second.peer.up ? nullptr : &it->second;
}

// GoBGP 3.10 tells its Loc-RIB without a Peer Up in front.
BmpRouter::Known* BmpRouter::unannounced_loc_rib(const BmpPeerHeader& header, WallTime now) {
  if (!header.is_loc_rib() || peers_.size() >= limits_.peers) return nullptr;
  count("a Loc-RIB without a Peer Up");
  Known& known = peers_[key_of(header)];
  known = {};
  known.peer.header = header;
  known.peer.local_asn = header.asn;
  known.peer.up = true;
  known.peer.since = now;
  known.peer.ups = 1;
  return &known;
}

void BmpRouter::monitor(const BmpPeerHeader& header, Octets body, WallTime now) {
  Known* known = this->known(header);
  if (known == nullptr) known = unannounced_loc_rib(header, now);
  if (known == nullptr) {
    damaged("routes of a peer that is not up");
    return;
  }
  if (!known->peer.is_ours()) {
    count("updates of peers in VRFs");
    return;
  }
  std::string_view problem;
  const auto message = read_bgp_message(body, problem);
  if (!message || !message->update) {
    damaged(message ? "a Route Monitoring message without an UPDATE" : problem);
    return;
  }
  apply(*message->update, header, *known);
}

void BmpRouter::apply(const BgpUpdate& update, const BmpPeerHeader& header, Known& known) {
  const BmpTable table = header.table;
  const auto number = number_of(known, table);
  if (!number) {
    damaged(fmt::format("more than {} peers in a table", RibBuilder::max_peers));
    return;
  }
  BmpPeer& peer = known.peer;
  BgpUpdate heard = update;
  const auto mended = mended_attributes(update, header, peer);
  if (mended) heard.attributes = *mended;
  updates_.apply(heard,
                 {.peer = *number,
                  // Behind a policy LOCAL_PREF is the router's own, whoever the peer is.
                  .internal = table != BmpTable::pre_policy || peer.header.asn == peer.local_asn,
                  .wide_asns = header.wide_asns,
                  .add_path_v4 = known.add_path.at(direction(table, false)),
                  .add_path_v6 = known.add_path.at(direction(table, true))},
                 *tables_.at(index(table)));
  peer.routes += updates_.announced();
  peer.withdrawn += updates_.withdrawn();
  report_.routes += updates_.announced();
  report_.withdrawn += updates_.withdrawn();
  for (const UpdateRemark& remark : updates_.remarks()) {
    if (remark.kind == UpdateRemark::Kind::damaged) {
      damaged(remark.reason);
      continue;
    }
    if (remark.kind == UpdateRemark::Kind::discarded) ++report_.discarded;
    count(remark.reason);
  }
  const auto family = updates_.family();
  if (!family) return;
  const std::size_t dump = BmpPeer::dump_index(table, *family == 2);
  peer.begun.set(dump);
  if (updates_.end_of_rib()) peer.ended.set(dump);
}

// FRR 8.4 writes the AS_PATH of what it heard as if it told it to that peer: with its own AS in
// front. No external peer can have sent that, and plans would take it for a loop.
std::optional<std::vector<std::byte>> BmpRouter::mended_attributes(const BgpUpdate& update,
                                                                   const BmpPeerHeader& header,
                                                                   const BmpPeer& peer) {
  const bool heard = header.table == BmpTable::pre_policy || header.table == BmpTable::post_policy;
  if (!heard || peer.header.asn == peer.local_asn || !header.wide_asns) return std::nullopt;
  if (!description_.starts_with("FRRouting")) return std::nullopt;
  auto mended = without_own_as(update.attributes, peer.local_asn, peer.header.asn);
  if (mended) count("paths with FRR's own AS in front, which was taken away");
  return mended;
}

std::optional<std::uint16_t> BmpRouter::number_of(Known& known, BmpTable table) {
  auto& number = known.numbers.at(index(table));
  if (number) return number;
  auto& builder = tables_.at(index(table));
  const BmpPeer& peer = known.peer;
  if (!builder) builder = std::make_unique<RibBuilder>(peer.local_asn, RibBuilder::short_log);
  number = builder->peer(peer.header.is_loc_rib() ? address_ : peer.header.address, peer.header.asn,
                         peer.header.bgp_id);
  return number;
}

void BmpRouter::statistics(const BmpPeerHeader& header, Octets body) {
  Known* const known = this->known(header);
  if (known == nullptr) {
    count("statistics of a peer that is not up");
    return;
  }
  std::vector<BmpStatistic> found;
  if (!read_bmp_statistics(body, found)) damaged("statistics that end early");
  auto& kept = known->peer.statistics;
  for (const BmpStatistic& each : found) {
    if (kept.size() < most_statistics || kept.contains(each.type)) kept[each.type] = each.value;
  }
}

// Mirrored messages are for people who look for faults: routes come by Route Monitoring.
void BmpRouter::mirror(Octets body) {
  std::vector<BmpInformation> found;
  if (!read_bmp_information(body, found)) damaged("a Route Mirroring message that ends early");
  for (const BmpInformation& each : found) {
    ByteReader reader{each.value};
    if (each.type == mirrored_code && reader.u16() == mirrored_lost) ++report_.mirrored_lost;
  }
  count("mirrored messages");
}

std::vector<const BmpPeer*> BmpRouter::peers() const {
  std::vector<const BmpPeer*> all;
  all.reserve(peers_.size());
  for (const auto& [key, known] : peers_) all.push_back(&known.peer);
  return all;
}

bool BmpRouter::complete() const {
  bool any = false;
  for (const auto& [key, known] : peers_) {
    if (!known.peer.up || !known.peer.is_ours()) continue;
    any = true;
    if (known.peer.ended.none() || known.peer.begun != known.peer.ended) return false;
  }
  return any;
}

Rib BmpRouter::snapshot(BmpTable table) {
  const auto& builder = tables_.at(index(table));
  return builder ? builder->snapshot() : Rib{};
}

std::size_t BmpRouter::memory() const {
  std::size_t octets = 0;
  for (const auto& table : tables_) octets += table ? table->memory() : 0;
  return octets;
}

void BmpRouter::count(std::string_view reason) {
  const auto it = report_.skipped.find(reason);
  if (it != report_.skipped.end()) {
    ++it->second;
  } else if (report_.skipped.size() < most_reasons) {
    report_.skipped.emplace(reason, 1);
  } else {
    ++report_.skipped["other reasons"];
  }
}

void BmpRouter::damaged(std::string_view reason) {
  ++report_.damaged;
  count(reason);
}

}  // namespace strait::routes
