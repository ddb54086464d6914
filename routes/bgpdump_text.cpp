// SPDX-License-Identifier: Apache-2.0
#include "routes/bgpdump_text.hpp"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "routes/bgpdump_attributes.hpp"
#include "routes/prefix_map.hpp"
#include "routes/sources/attributes.hpp"
#include "routes/sources/bgp_message.hpp"
#include "routes/sources/byte_reader.hpp"
#include "routes/sources/mrt_stream.hpp"
#include "routes/sources/mrt_tables.hpp"

namespace strait::routes {
namespace {

using Octets = std::span<const std::byte>;
constexpr std::size_t piece = std::size_t{1} << 16U;

// Texts of attributes that were seen lately: the prefixes of one AS stand together, and routers
// give them the same attributes. A slot forgets what it held.
class RecentTexts {
 public:
  // Nothing if these octets were not seen lately; then remember() may fill the place.
  [[nodiscard]] const LineText* find(Octets octets) {
    slot_ = &slots_[XXH3_64bits(octets.data(), octets.size()) % slots_.size()];
    const bool same =
        !slot_->text.empty() && slot_->octets.size() == octets.size() &&
        (octets.empty() || std::memcmp(slot_->octets.data(), octets.data(), octets.size()) == 0);
    return same ? &slot_->text : nullptr;
  }
  const LineText& remember(Octets octets, Octets canonical) {
    slot_->octets.assign(octets.begin(), octets.end());
    slot_->text.clear();
    append_bgpdump_attributes(slot_->text, canonical);
    return slot_->text;
  }

 private:
  struct Slot {
    std::vector<std::byte> octets;
    LineText text;
  };
  // No more than a processor's second cache holds: prefixes far apart seldom share their
  // attributes.
  std::vector<Slot> slots_ = std::vector<Slot>(std::size_t{1} << 11U);
  Slot* slot_ = nullptr;
};

class Writer {
 public:
  Writer(const RouteFilter& filter, const std::function<bool(std::string_view)>& write)
      : filter_{filter}, write_{write} {}

  Result<BgpdumpReport> run(ByteSource& source) {
    MrtStream stream{source};
    while (const auto record = stream.next()) {
      note_gaps(stream);
      if (!read(*record)) stream.broken();
      if (text_.size() >= piece && !flush()) return fail(Errc::io, "the output is closed");
    }
    note_gaps(stream);
    if (const auto damage = source.damage(); !damage.empty()) damaged(damage);
    if (!flush()) return fail(Errc::io, "the output is closed");
    return std::move(report_);
  }

 private:
  struct Peer {
    std::string text;  // "address|AS|"
    bool wanted = true;
    std::string front;  // see front_of()
    std::uint64_t front_number = 0;
  };

  bool flush() {
    const bool going = text_.empty() || write_(text_.view());
    text_.clear();
    return going;
  }

  void note_gaps(MrtStream& stream) {
    for (const MrtGap& gap : stream.take_gaps()) damaged(gap.reason);
  }

  bool read(const MrtRecord& record) {
    const std::uint64_t before = report_.damaged;
    note_time(record);
    if (record.type == mrt_table_dump_v2) {
      read_table(record);
    } else if (record.type == mrt_table_dump && (record.subtype == 1 || record.subtype == 2)) {
      read_old_table(record.body, record.subtype == 2);
    } else if (record.type == mrt_bgp4mp) {
      read_bgp(record);
    } else {
      other(record);
    }
    return report_.damaged == before;
  }

  // All records of a table have the same time: its text is made once.
  void note_time(const MrtRecord& record) {
    if (!record.extended && seconds_ == record.seconds) return;
    time_ = fmt::format("|{}", record.seconds);
    front_.clear();
    seconds_ = record.seconds;
    if (!record.extended) return;
    time_ += fmt::format(".{:06}", record.microseconds);
    seconds_.reset();
  }

  void other(const MrtRecord& record) {
    ++report_.skipped[fmt::format("record type {} subtype {}", record.type, record.subtype)];
  }

  void read_table(const MrtRecord& record) {
    if (record.subtype == 1) {
      read_peers(record.body);
      return;
    }
    const auto kind = unicast_rib_kind(record.subtype);
    if (!kind) {
      other(record);
      return;
    }
    RibRecord rib{record.body, *kind};
    if (!rib.problem().empty()) {
      damaged(rib.problem());
      return;
    }
    const auto length = static_cast<std::uint8_t>(rib.prefix_length());
    const Prefix prefix = network_of(address_of_octets(rib.prefix_octets(), kind->v6), length);
    const bool wanted = filter_.prefix_matches(prefix);
    begin_lines(kind->add_path);
    prefix_.clear();
    prefix_.room(longest_prefix_text + 1);
    append_text(prefix_, prefix);
    prefix_.add('|');
    while (const auto entry = rib.next()) {
      if (entry->peer >= peers_.size()) {
        damaged("peer index beyond the peer index table");
      } else if (wanted && peers_[entry->peer].wanted) {
        write_entry(*entry, kind->add_path);
      }
    }
    if (rib.missing() > 0) damaged("a RIB entry runs past its record");
    if (rib.leftover()) damaged("octets left over after the last RIB entry");
  }

  void begin_lines(bool add_path) {
    if (!front_.empty() && front_add_path_ == add_path) return;
    front_ = (add_path ? "TABLE_DUMP2_AP" : "TABLE_DUMP2") + time_ + "|B|";
    front_add_path_ = add_path;
    ++fronts_;
  }

  // What a line begins with; kept for the peer as long as the time is the same.
  const std::string& front_of(Peer& peer) const {
    if (peer.front_number != fronts_) peer.front = front_ + peer.text;
    peer.front_number = fronts_;
    return peer.front;
  }

  void write_entry(const RibRecordEntry& entry, bool add_path) {
    const LineText* const attributes = table_text(entry.attributes);
    if (attributes == nullptr) return;
    const std::string& front = front_of(peers_[entry.peer]);
    text_.room(front.size() + prefix_.size() + attributes->size() + 11);
    text_.add(front);
    text_.add(prefix_.view());
    if (add_path) {
      text_.add(entry.path_id);
      text_.add('|');
    }
    text_.add(attributes->view());
    ++report_.lines;
  }

  // Nothing if the route is not wanted or not sound.
  const LineText* table_text(Octets octets) {
    if (!wants_attributes_) {
      if (const LineText* const known = recent_.find(octets)) return known;
    }
    if (!take(octets, {}, false)) return nullptr;
    const Octets canonical = attributes_.octets(NlriPlace::rib_entry);
    if (!wants_attributes_) return &recent_.remember(octets, canonical);
    if (!wanted(canonical)) return nullptr;
    filtered_.clear();
    append_bgpdump_attributes(filtered_, canonical);
    return &filtered_;
  }

  // False, and counted, if no route may have these attributes.
  bool take(Octets octets, const AttributeContext& context, bool nlri) {
    const auto outcome = attributes_.read(octets, context, nlri);
    if (outcome.fate == AttributeFate::use) return true;
    damaged(outcome.reason);
    return false;
  }

  bool wanted(Octets canonical) {
    return !wants_attributes_ || filter_.attributes_match(attributes_.head(), canonical);
  }

  void read_peers(Octets body) {
    peers_.clear();
    const auto table = read_peer_table(body);
    if (!table) {
      damaged("a peer index table runs past its record");
      return;
    }
    for (const MrtPeer& peer : table->peers) peers_.push_back(peer_of(peer.address, peer.asn));
  }

  [[nodiscard]] Peer peer_of(const Address& address, Asn asn) const {
    const RibPeer peer{.address = address, .asn = asn};
    return {.text = fmt::format("{}|{}|", address.to_string(), asn.value()),
            .wanted = filter_.peer_matches(peer),
            .front = {},
            .front_number = 0};
  }

  void read_old_table(Octets body, bool v6) {
    const auto entry = read_old_table_entry(body, v6);
    if (!entry || entry->length > (v6 ? 128 : 32)) {
      damaged(entry ? "prefix longer than its family allows" : "a TABLE_DUMP record ends early");
      return;
    }
    const Prefix prefix = network_of(entry->network, entry->length);
    const Peer peer = peer_of(entry->peer, entry->peer_asn);
    if (!peer.wanted || !filter_.prefix_matches(prefix)) return;
    if (!take(entry->attributes, {.internal = false, .update = false, .wide_asns = false}, false)) {
      return;
    }
    const Octets canonical = attributes_.octets(NlriPlace::rib_entry);
    if (!wanted(canonical)) return;
    write_line("TABLE_DUMP" + time_ + "|B|" + peer.text + to_string(prefix) + "|");
    append_bgpdump_attributes(text_, canonical);
  }

  void read_bgp(const MrtRecord& record) {
    const auto [content, problem] = read_bgp4mp(record.subtype, record.body);
    if (!content) {
      if (problem.empty()) {
        other(record);
      } else {
        damaged(problem);
      }
      return;
    }
    const Peer peer = peer_of(content->peer, content->peer_asn);
    if (!peer.wanted) return;
    std::string front = record.extended ? "BGP4MP_ET" : "BGP4MP";
    if (content->add_path) front += "_AP";
    if (content->sent_by_collector) front += "_LOCAL";
    front += time_;
    if (content->state_change) {
      // No route: in the way of who asks for some.
      if (wants_attributes_ || !filter_.within.empty()) return;
      write_line(fmt::format("{}|STATE|{}{}|{}\n", front, peer.text, content->old_state,
                             content->new_state));
      return;
    }
    read_message(*content, front, peer.text);
  }

  void read_message(const Bgp4mp& content, const std::string& front, const std::string& peer) {
    std::string_view problem;
    const auto message = read_bgp_message(content.message, problem);
    if (!message) {
      damaged(problem);
      return;
    }
    if (!message->update) return;
    const BgpUpdate& update = *message->update;
    // Every LOCAL_PREF is shown, wherever it comes from.
    const AttributeContext context{
        .internal = true, .update = true, .wide_asns = content.wide_asns};
    const bool sound = take(update.attributes, context, !update.nlri.empty());
    const std::string gone = front + "|W|" + peer;
    const Nlri plain{.afi = 1, .safi = 1, .octets = update.withdrawn, .add_path = content.add_path};
    if (!wants_attributes_) {
      write_nlri(plain, gone, "\n");
      write_nlri(of(attributes_.unreach(), content.add_path), gone, "\n");
    }
    if (!sound) return;
    const std::string come = front + "|A|" + peer;
    announce({.afi = 1, .safi = 1, .octets = update.nlri, .add_path = content.add_path}, come,
             NlriPlace::plain);
    announce(of(attributes_.reach(), content.add_path), come, NlriPlace::reach);
  }

  struct Nlri {
    std::uint16_t afi;
    std::uint8_t safi;
    Octets octets;
    bool add_path;
  };
  static Nlri of(const std::optional<FamilyNlri>& family, bool add_path) {
    if (!family) return {.afi = 1, .safi = 1, .octets = {}, .add_path = add_path};
    return {.afi = family->afi, .safi = family->safi, .octets = family->nlri, .add_path = add_path};
  }

  void announce(const Nlri& nlri, const std::string& front, NlriPlace place) {
    if (nlri.octets.empty()) return;
    const Octets canonical = attributes_.octets(place);
    if (!wanted(canonical)) return;
    filtered_.clear();
    append_bgpdump_attributes(filtered_, canonical);
    write_nlri(nlri, front, fmt::format("|{}", filtered_.view()));
  }

  void write_nlri(const Nlri& nlri, const std::string& front, const std::string& back) {
    if (nlri.octets.empty()) return;
    if (nlri.safi != 1 || (nlri.afi != 1 && nlri.afi != 2)) {
      ++report_.skipped[fmt::format("routes of AFI {} SAFI {}", nlri.afi, nlri.safi)];
      return;
    }
    const auto each = [&](const auto& key, std::uint32_t path_id) {
      const Prefix prefix = key.prefix();
      if (!filter_.prefix_matches(prefix)) return;
      text_.room(front.size() + longest_prefix_text + back.size() + 11);
      text_.add(front);
      append_text(text_, prefix);
      if (nlri.add_path) {
        text_.add('|');
        text_.add(path_id);
      }
      text_.add(back);
      ++report_.lines;
    };
    const bool sound = nlri.afi == 1 ? for_each_nlri<KeyV4>(nlri.octets, nlri.add_path, each)
                                     : for_each_nlri<KeyV6>(nlri.octets, nlri.add_path, each);
    if (!sound) damaged("NLRI that does not parse");
  }

  void write_line(std::string_view line) {
    text_.room(line.size());
    text_.add(line);
    ++report_.lines;
  }

  void damaged(std::string_view reason) {
    ++report_.damaged;
    ++report_.skipped[std::string{reason}];
  }

  const RouteFilter& filter_;
  bool wants_attributes_ = filter_.wants_attributes();
  const std::function<bool(std::string_view)>& write_;
  AttributeReader attributes_;
  std::vector<Peer> peers_;
  std::string time_;                      // "|1700000000"
  std::optional<std::uint32_t> seconds_;  // what time_ tells, if nothing finer
  std::string front_;                     // of a table's lines, without the peer; empty: to be made
  bool front_add_path_ = false;           // what it was made for
  std::uint64_t fronts_ = 0;              // how many there were
  LineText prefix_;
  LineText text_;
  RecentTexts recent_;
  LineText filtered_;
  BgpdumpReport report_;
};

}  // namespace

Result<BgpdumpReport> write_bgpdump_text(ByteSource& source, const RouteFilter& filter,
                                         const std::function<bool(std::string_view)>& write) {
  return Writer{filter, write}.run(source);
}

}  // namespace strait::routes
