// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/mrt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "routes/prefix_map.hpp"
#include "routes/rib_builder.hpp"
#include "routes/sources/apply_update.hpp"
#include "routes/sources/attributes.hpp"
#include "routes/sources/bgp_message.hpp"
#include "routes/sources/mrt_stream.hpp"
#include "routes/sources/mrt_tables.hpp"

namespace strait::routes {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t damage_listed = 100;
constexpr std::uint64_t memory_check_every = 4096;  // records
constexpr std::uint16_t peer_index_table = 1;

}  // namespace

class MrtReader::Worker {
 public:
  explicit Worker(const MrtOptions& options) : options_{options}, builder_{options.site_asn} {}

  Result<void> read(ByteSource& source) {
    MrtStream stream{source};
    useful_ = false;
    peers_.clear();
    has_peers_ = false;
    const std::uint64_t before = report_.records;
    while (const auto record = stream.next()) {
      note_gaps(stream);
      if (!read_record(*record)) stream.broken();
      if (report_.records % memory_check_every != 0) continue;
      builder_.tidy();
      if (builder_.memory() > options_.max_memory) {
        return fail(Errc::bad_input, fmt::format("the routes take more than {} octets of memory",
                                                 options_.max_memory));
      }
    }
    note_gaps(stream);
    const std::string broke_off = source.damage();
    if (!useful_) {
      return fail(
          Errc::bad_input,
          fmt::format("no PEER_INDEX_TABLE, TABLE_DUMP or BGP4MP among {} MRT records in {} "
                      "octets{}{}",
                      report_.records - before, stream.octets(), broke_off.empty() ? "" : "; ",
                      broke_off));
    }
    record_at_ = stream.octets();
    if (!broke_off.empty()) damaged(broke_off);
    return {};
  }

  RibDump finish() {
    RibDump dump;
    dump.taken = taken_;
    dump.collector_id = collector_id_;
    dump.rib = std::move(builder_).finish();
    dump.report = std::move(report_);
    return dump;
  }

 private:
  // False if the body is not what the header promises.
  bool read_record(const MrtRecord& record) {
    record_at_ = record.offset;
    ++report_.records;
    taken_ = std::max(taken_, WallTime{std::chrono::seconds{record.seconds} +
                                       std::chrono::microseconds{record.microseconds}});
    const std::uint64_t before = report_.damaged;
    if (record.type == mrt_table_dump_v2) {
      read_table_v2(record);
    } else if (record.type == mrt_table_dump && (record.subtype == 1 || record.subtype == 2)) {
      useful_ = true;
      read_old_table(record.body, record.subtype == 2);
    } else if (record.type == mrt_bgp4mp) {
      useful_ = true;
      read_bgp(record);
    } else {
      other(record);
    }
    return report_.damaged == before;
  }

  void other(const MrtRecord& record) {
    ++report_.other_records;
    count(fmt::format("record type {} subtype {}", record.type, record.subtype));
  }

  void read_table_v2(const MrtRecord& record) {
    if (record.subtype == peer_index_table) {
      read_peers(record.body);
      return;
    }
    const auto kind = unicast_rib_kind(record.subtype);
    if (!kind) {
      other(record);
      return;
    }
    RibRecord rib{record.body, *kind};
    if (kind->v6) {
      read_rib<KeyV6>(rib);
    } else {
      read_rib<KeyV4>(rib);
    }
  }

  // RFC 6396 section 4.3.1. An index is valid only for the latest table.
  void read_peers(Bytes body) {
    useful_ = true;
    has_peers_ = true;
    peers_.clear();  // an index into a broken table could name the wrong upstream
    const auto table = read_peer_table(body);
    if (!table) {
      damaged("a peer index table runs past its record");
      return;
    }
    collector_id_ = table->collector_id;
    for (const MrtPeer& peer : table->peers) {
      peers_.push_back(builder_.peer(peer.address, peer.asn, peer.bgp_id));
      if (!peers_.back()) damaged(fmt::format("more than {} peers", RibBuilder::max_peers));
    }
  }

  template <class Key>
  void read_rib(RibRecord& record) {
    if (!record.problem().empty()) {
      damaged(record.problem());
      return;
    }
    entries_.clear();
    while (const auto entry = record.next()) {
      const std::uint32_t hash = builder_.attributes().hash_of(entry->attributes);
      builder_.attributes().expect(hash);
      entries_.push_back({*entry, hash});
    }
    routes_.clear();
    for (const HashedEntry& each : entries_) {
      const auto peer = peer_of(each.entry.peer);
      if (!peer) continue;
      read_route(*peer, each.entry.path_id, each.entry.attributes,
                 builder_.attributes().find(each.hash, each.entry.attributes), true);
    }
    if (record.missing() > 0) damaged("a RIB entry runs past its record", record.missing());
    if (record.leftover()) damaged("octets left over after the last RIB entry");
    const auto key = key_of_octets<Key>(record.prefix_octets(), record.prefix_length());
    if (key && !routes_.empty()) builder_.put(*key, routes_);
  }

  std::optional<std::uint16_t> peer_of(std::uint16_t index) {
    if (index >= peers_.size()) {
      damaged(has_peers_ ? "peer index beyond the peer index table"
                         : "a RIB record before the peer index table");
      return std::nullopt;
    }
    if (!peers_[index]) damaged(fmt::format("more than {} peers", RibBuilder::max_peers));
    return peers_[index];
  }

  void read_old_table(Bytes body, bool v6) {
    const auto entry = read_old_table_entry(body, v6);
    if (!entry || entry->length > (v6 ? 128 : 32)) {
      damaged(entry ? "prefix longer than its family allows" : "a TABLE_DUMP record ends early");
      return;
    }
    const auto peer = builder_.peer(entry->peer, entry->peer_asn, 0);
    if (!peer) {
      damaged(fmt::format("more than {} peers", RibBuilder::max_peers));
      return;
    }
    routes_.clear();
    read_route(*peer, 0, entry->attributes, std::nullopt, false);
    if (routes_.empty()) return;
    const Prefix prefix = network_of(entry->network, entry->length);
    if (v6) {
      builder_.put(KeyV6::of(prefix), routes_);
    } else {
      builder_.put(KeyV4::of(prefix), routes_);
    }
  }

  // Adds one table entry to routes_, or says why not. `id`: of these attributes, if they were seen.
  void read_route(std::uint16_t peer, std::uint32_t path_id, Bytes attributes,
                  std::optional<AttributeId> id, bool wide) {
    const RibPeer& from = builder_.peer(peer);
    if (attributes.empty() && !from.local()) {
      damaged("a BGP route without attributes");
      return;
    }
    if (!id) {
      id = intern(attributes, {.internal = from.internal, .update = false, .wide_asns = wide});
    }
    if (!id) return;
    ++report_.routes;
    if (from.local()) ++report_.local;
    routes_.push_back({.attributes = *id, .path_id = path_id, .peer = peer});
  }

  std::optional<AttributeId> intern(Bytes attributes, const AttributeContext& context) {
    const auto outcome = attribute_reader_.read(attributes, context);
    note_discards();
    if (outcome.fate != AttributeFate::use) {
      damaged(outcome.reason);
      return std::nullopt;
    }
    const auto octets = attribute_reader_.octets(NlriPlace::rib_entry);
    return builder_.attributes().add(attribute_reader_.head(), octets);
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
    if (content->sent_by_collector) {
      ++report_.other_records;
      count("message that the collector sent itself");
      return;
    }
    if (content->state_change) {
      // RFC 4271 section 8.2.2: the routes go with the session.
      if (content->new_state != bgp_established) {
        builder_.flush_all(content->peer, content->peer_asn);
      }
      return;
    }
    if (const auto peer = updated_peer(*content)) {
      read_message(*content, *peer);
    } else {
      damaged(fmt::format("more than {} peers", RibBuilder::max_peers));
    }
  }

  // Updates do not say the BGP identifier: they belong to the peer of the tables, if there is one.
  std::optional<std::uint16_t> updated_peer(const Bgp4mp& content) {
    const auto known = builder_.peer_at(content.peer, content.peer_asn);
    return known ? known : builder_.peer(content.peer, content.peer_asn, 0);
  }

  void read_message(const Bgp4mp& content, std::uint16_t peer) {
    std::string_view problem;
    const auto message = read_bgp_message(content.message, problem);
    if (!message) {
      damaged(problem);
      return;
    }
    if (!message->update) return;  // OPEN, KEEPALIVE, NOTIFICATION, ROUTE-REFRESH hold no routes
    apply(*message->update, content, peer);
  }

  void apply(const BgpUpdate& update, const Bgp4mp& content, std::uint16_t peer) {
    updates_.apply(update,
                   {.peer = peer,
                    .internal = content.peer_asn == content.local_asn,
                    .wide_asns = content.wide_asns,
                    .add_path_v4 = content.add_path,
                    .add_path_v6 = content.add_path},
                   builder_);
    report_.routes += updates_.announced();
    report_.withdrawn += updates_.withdrawn();
    for (const UpdateRemark& remark : updates_.remarks()) note(remark);
  }

  void note(const UpdateRemark& remark) {
    if (remark.kind == UpdateRemark::Kind::damaged) {
      damaged(remark.reason);
      return;
    }
    if (remark.kind == UpdateRemark::Kind::discarded) ++report_.discarded;
    count(remark.reason);
  }

  void note_discards() {
    for (const std::string_view reason : attribute_reader_.discarded()) {
      ++report_.discarded;
      count(reason);
    }
  }

  void note_gaps(MrtStream& stream) {
    for (MrtGap& gap : stream.take_gaps()) {
      record_at_ = gap.offset;
      damaged(gap.reason);
      if (!gap.resumed || report_.damage.size() == damage_listed) continue;
      report_.damage.back().reason += fmt::format("; records go on at octet {}", *gap.resumed);
    }
  }

  void count(std::string_view reason, std::uint64_t times = 1) {
    const auto it = report_.skipped.find(reason);
    if (it != report_.skipped.end()) {
      it->second += times;
    } else if (report_.skipped.size() < damage_listed) {
      report_.skipped.emplace(reason, times);
    } else {
      report_.skipped["other reasons"] += times;
    }
  }

  void damaged(std::string_view reason, std::uint64_t times = 1) {
    report_.damaged += times;
    count(reason, times);
    if (report_.damage.size() < damage_listed) {
      report_.damage.push_back({record_at_, std::string{reason}});
    }
  }

  MrtOptions options_;
  RibBuilder builder_;
  AttributeReader attribute_reader_;
  UpdateApplier updates_;
  std::vector<std::optional<std::uint16_t>> peers_;  // of the latest table; nothing: one too many
  bool has_peers_ = false;
  bool useful_ = false;
  struct HashedEntry {
    RibRecordEntry entry;
    std::uint32_t hash = 0;
  };
  std::vector<HashedEntry> entries_;  // of the record that is read
  std::vector<RibRoute> routes_;      // likewise
  std::uint64_t record_at_ = 0;
  WallTime taken_;
  std::uint32_t collector_id_ = 0;
  RibReadReport report_;
};

MrtReader::MrtReader(const MrtOptions& options) : worker_{std::make_unique<Worker>(options)} {}
MrtReader::MrtReader(MrtReader&&) noexcept = default;
MrtReader& MrtReader::operator=(MrtReader&&) noexcept = default;
MrtReader::~MrtReader() = default;

Result<void> MrtReader::read(ByteSource& source) { return worker_->read(source); }
RibDump MrtReader::finish() && { return worker_->finish(); }

Result<RibDump> read_mrt(std::span<const std::byte> bytes, const MrtOptions& options) {
  MrtReader reader{options};
  const auto source = memory_source(bytes);
  if (auto done = reader.read(*source); !done) return fail(std::move(done));
  return std::move(reader).finish();
}

Result<RibDump> load_mrt(std::span<const std::string> files, const MrtOptions& options) {
  MrtReader reader{options};
  for (const std::string& file : files) {
    const auto source = open_source(file);
    if (!source) return tl::make_unexpected(source.error());
    if (const auto done = reader.read(**source); !done) {
      return fail(done.error().code, fmt::format("{}: {}", file, done.error().message));
    }
  }
  return std::move(reader).finish();
}

Result<RibDump> load_mrt(const std::string& file, const MrtOptions& options) {
  return load_mrt(std::span{&file, 1}, options);
}

}  // namespace strait::routes
