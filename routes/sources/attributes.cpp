// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/attributes.hpp"

#include <algorithm>
#include <array>

#include "routes/model/route.hpp"
#include "routes/sources/as_path.hpp"
#include "routes/sources/attribute_codes.hpp"
#include "routes/sources/byte_reader.hpp"

namespace strait::routes {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint8_t optional_flag = 0x80;    // RFC 4271 section 4.3
constexpr std::uint8_t transitive_flag = 0x40;  // likewise
constexpr std::uint8_t extended_length = 0x10;  // likewise

std::uint32_t number_of(Bytes value) { return ByteReader{value}.u32(); }

bool several(Bytes value, std::size_t octets) {
  return !value.empty() && value.size() % octets == 0;
}

void append_piece(std::uint8_t flags, std::uint8_t code, Bytes value, std::vector<std::byte>& to) {
  const bool extended = value.size() > 255;
  to.push_back(
      static_cast<std::byte>((flags & ~extended_length) | (extended ? extended_length : 0)));
  to.push_back(static_cast<std::byte>(code));
  if (extended) to.push_back(static_cast<std::byte>(value.size() >> 8U));
  to.push_back(static_cast<std::byte>(value.size() & 0xffU));
  to.insert(to.end(), value.begin(), value.end());
}

}  // namespace

// What RFC 7606 section 7 and the RFCs of later attributes say of each code. The functions return
// whether the value is sound, and note what it says.
struct AttributeRules {
  using Reader = AttributeReader;
  using Piece = AttributeReader::Piece;
  struct Rule {
    AttributeCode code;
    std::uint8_t flags;  // Optional and Transitive, as the attribute must have them
    std::string_view malformed;
    AttributeFate external;  // what becomes of a malformed one from another AS
    AttributeFate internal;
    bool (*sound)(Reader& reader, Piece& piece);
  };

  static bool origin(Reader& reader, Piece& piece) {
    if (piece.value.size() != 1 || std::to_integer<unsigned>(piece.value[0]) > 2) return false;
    reader.head_.origin = static_cast<Origin>(piece.value[0]);
    return true;
  }
  static bool as_path(Reader& reader, Piece& piece) {
    const auto error = read_as_path(piece.value, reader.context_.wide_asns, reader.head_);
    if (!error.empty()) reader.fault(AttributeFate::withdraw, error, piece);
    return true;  // said already what is wrong
  }
  static bool med(Reader& reader, Piece& piece) {
    return number(piece, reader.head_.med, AttributeHead::med_there, reader.head_);
  }
  static bool local_pref(Reader& reader, Piece& piece) {
    return number(piece, reader.head_.local_pref, AttributeHead::local_pref_there, reader.head_);
  }
  static bool originator(Reader& reader, Piece& piece) {
    return number(piece, reader.head_.originator_id, AttributeHead::originator_there, reader.head_);
  }
  static bool number(const Piece& piece, std::uint32_t& field, AttributeHead::Present there,
                     AttributeHead& head) {
    if (piece.value.size() != 4) return false;
    field = number_of(piece.value);
    head.present = static_cast<std::uint8_t>(head.present | there);
    return true;
  }
  static bool communities(Reader& reader, Piece& piece) {
    if (!several(piece.value, 4)) return false;
    for (ByteReader values{piece.value}; !values.empty();) {
      const std::uint32_t value = values.u32();
      if (value != graceful_shutdown && value != blackhole) continue;
      reader.head_.present =
          static_cast<std::uint8_t>(reader.head_.present | AttributeHead::marked_there);
    }
    return true;
  }
  static bool cluster_list(Reader& reader, Piece& piece) {
    if (!several(piece.value, 4)) return false;
    reader.head_.cluster_list_length = static_cast<std::uint16_t>(piece.value.size() / 4);
    return true;
  }
  static bool aggregator(Reader& reader, Piece& piece) {
    return piece.value.size() == (reader.context_.wide_asns ? 8U : 6U);
  }
  // RFC 6396 section 4.3.4 cuts the attribute to next-hop length and next hop; its own example does
  // not, and both occur. The full one begins with the high octet of the AFI, 0.
  static bool mp_reach(Reader& reader, Piece& piece) {
    ByteReader value{piece.value};
    const bool whole =
        reader.context_.update || (!piece.value.empty() && piece.value[0] == std::byte{0});
    FamilyNlri reach;
    if (whole) {
      reach.afi = value.u16();
      reach.safi = value.u8();
    }
    const std::size_t before = piece.value.size() - value.size();
    const std::size_t hop = value.u8();
    value.take(hop);
    if (whole) value.u8();  // reserved
    if (value.failed() || (!whole && !value.empty())) return false;
    const bool ours = !whole || (reach.safi == 1 && (reach.afi == 1 || reach.afi == 2));
    if (ours && hop != 4 && hop != 16 && hop != 32) return false;
    reach.nlri = value.take(value.size());
    if (!whole) return true;
    if (reader.context_.update) reader.reach_ = reach;
    piece.value = piece.value.subspan(before, 1 + hop);
    piece.rewritten = reader.changed_ = true;
    return true;
  }
  static bool mp_unreach(Reader& reader, Piece& piece) {
    ByteReader value{piece.value};
    FamilyNlri unreach{.afi = value.u16(), .safi = 0, .nlri = {}};
    unreach.safi = value.u8();
    if (value.failed()) return false;
    unreach.nlri = value.take(value.size());
    reader.unreach_ = unreach;
    return true;
  }
  static bool as4_path(Reader&, Piece& piece) {
    AttributeHead ignored;
    return piece.value.size() >= 6 && read_as_path(piece.value, true, ignored).empty();
  }
  template <std::size_t Octets>
  static bool exactly(Reader&, Piece& piece) {
    return piece.value.size() == Octets;
  }
  template <std::size_t Octets>
  static bool some(Reader&, Piece& piece) {
    return several(piece.value, Octets);
  }

  static const Rule* of(std::uint8_t code);
};

namespace {

using enum AttributeFate;
using Rules = AttributeRules;
constexpr std::uint8_t well_known = transitive_flag;
constexpr std::uint8_t carried = optional_flag | transitive_flag;

constexpr std::array rules{
    Rules::Rule{code_origin, well_known, "malformed ORIGIN", withdraw, withdraw, Rules::origin},
    Rules::Rule{code_as_path, well_known, "malformed AS_PATH", withdraw, withdraw, Rules::as_path},
    Rules::Rule{code_next_hop, well_known, "malformed NEXT_HOP", withdraw, withdraw,
                Rules::exactly<4>},
    Rules::Rule{code_med, optional_flag, "malformed MULTI_EXIT_DISC", withdraw, withdraw,
                Rules::med},
    Rules::Rule{code_local_pref, well_known, "malformed LOCAL_PREF", discard, withdraw,
                Rules::local_pref},
    Rules::Rule{code_atomic_aggregate, well_known, "malformed ATOMIC_AGGREGATE", discard, discard,
                Rules::exactly<0>},
    Rules::Rule{code_aggregator, carried, "malformed AGGREGATOR", discard, discard,
                Rules::aggregator},
    Rules::Rule{code_communities, carried, "malformed COMMUNITIES", withdraw, withdraw,
                Rules::communities},
    Rules::Rule{code_originator_id, optional_flag, "malformed ORIGINATOR_ID", discard, withdraw,
                Rules::originator},
    Rules::Rule{code_cluster_list, optional_flag, "malformed CLUSTER_LIST", discard, withdraw,
                Rules::cluster_list},
    Rules::Rule{code_mp_reach, optional_flag, "malformed MP_REACH_NLRI", reset, reset,
                Rules::mp_reach},
    Rules::Rule{code_mp_unreach, optional_flag, "malformed MP_UNREACH_NLRI", reset, reset,
                Rules::mp_unreach},
    Rules::Rule{code_extended, carried, "malformed EXTENDED COMMUNITIES", withdraw, withdraw,
                Rules::some<8>},
    Rules::Rule{code_as4_path, carried, "malformed AS4_PATH", discard, discard, Rules::as4_path},
    Rules::Rule{code_as4_aggregator, carried, "malformed AS4_AGGREGATOR", discard, discard,
                Rules::exactly<8>},
    Rules::Rule{code_ipv6_extended, carried, "malformed IPV6 EXTENDED COMMUNITIES", withdraw,
                withdraw, Rules::some<20>},
    Rules::Rule{code_large, carried, "malformed LARGE_COMMUNITY", withdraw, withdraw,
                Rules::some<12>},
    Rules::Rule{code_otc, carried, "malformed ONLY_TO_CUSTOMER", withdraw, withdraw,
                Rules::exactly<4>},
};

constexpr std::uint8_t no_rule = 0xff;
constexpr auto rule_of_code = [] {
  std::array<std::uint8_t, 256> index{};
  index.fill(no_rule);
  for (std::size_t i = 0; i < rules.size(); ++i)
    index[rules[i].code] = static_cast<std::uint8_t>(i);
  return index;
}();

// RFC 7606 sections 7.5, 7.9 and 7.10: from another AS they are discarded, sound or not.
std::string_view only_internal(std::uint8_t code) {
  switch (code) {
    case code_local_pref:
      return "LOCAL_PREF from an external peer";
    case code_originator_id:
      return "ORIGINATOR_ID from an external peer";
    case code_cluster_list:
      return "CLUSTER_LIST from an external peer";
    default:
      return {};
  }
}

}  // namespace

const AttributeRules::Rule* AttributeRules::of(std::uint8_t code) {
  return rule_of_code[code] == no_rule ? nullptr : &rules[rule_of_code[code]];
}

void AttributeReader::fault(AttributeFate fate, std::string_view reason, Piece& piece) {
  // A RIB entry has no session that could be reset: only the route is lost.
  if (fate == AttributeFate::reset && !context_.update) fate = AttributeFate::withdraw;
  if (fate == AttributeFate::discard) {
    discarded_.push_back(reason);
    changed_ = true;
    piece.dropped = true;
    return;
  }
  // RFC 7606 section 3h: the strongest counts.
  if (fate > outcome_.fate) outcome_ = {.fate = fate, .reason = reason};
}

void AttributeReader::fault_of_second(Piece& piece) {
  // RFC 7606 section 3g.
  if (piece.code == code_mp_reach || piece.code == code_mp_unreach) {
    fault(AttributeFate::reset, "MP_REACH_NLRI twice", piece);
  } else {
    fault(AttributeFate::discard, "an attribute twice", piece);
  }
}

void AttributeReader::judge(Piece& piece) {
  const auto* const rule = AttributeRules::of(piece.code);
  if (seen_.test(piece.code)) {
    fault_of_second(piece);
    return;
  }
  seen_.set(piece.code);
  if (rule == nullptr) {
    // RFC 4271 section 6.3: an unrecognized well-known attribute.
    if (context_.update && (piece.flags & optional_flag) == 0) {
      fault(AttributeFate::reset, "unknown well-known attribute", piece);
    }
    return;
  }
  if (const auto why = only_internal(piece.code);
      context_.update && !context_.internal && !why.empty()) {
    fault(AttributeFate::discard, why, piece);
    return;
  }
  if (context_.update && ((piece.flags ^ rule->flags) & (optional_flag | transitive_flag)) != 0) {
    fault(AttributeFate::withdraw, "wrong attribute flags", piece);  // RFC 7606 section 3c
  }
  if (!rule->sound(*this, piece)) {
    fault(context_.internal ? rule->internal : rule->external, rule->malformed, piece);
  }
}

AttributeReader::Outcome AttributeReader::split(std::span<const std::byte> octets) {
  ByteReader reader{octets};
  while (!reader.empty()) {
    const std::size_t at = octets.size() - reader.size();
    Piece piece;
    piece.flags = reader.u8();
    piece.code = reader.u8();
    const std::size_t length = (piece.flags & extended_length) != 0 ? reader.u16() : reader.u8();
    piece.value = reader.take(length);
    // RFC 7606 section 4.
    if (reader.failed()) return {AttributeFate::withdraw, "an attribute runs past the end"};
    piece.whole = octets.subspan(at, octets.size() - reader.size() - at);
    judge(piece);
    if (!piece.dropped) pieces_.push_back(piece);
  }
  return {};
}

AttributeReader::Outcome AttributeReader::read(std::span<const std::byte> octets,
                                               const AttributeContext& context, bool nlri) {
  context_ = context;
  input_ = octets;
  head_ = {};
  outcome_ = {};
  seen_.reset();
  pieces_.clear();
  discarded_.clear();
  reach_.reset();
  unreach_.reset();
  changed_ = false;
  const Outcome cut = split(octets);
  if (cut.fate > outcome_.fate) outcome_ = cut;
  if (outcome_.fate != AttributeFate::use) return outcome_;
  // An entry without any attribute is a route that is not BGP's.
  if (!context_.update ? !octets.empty() : nlri || reach_) check_mandatory(nlri);
  if (outcome_.fate != AttributeFate::use) return outcome_;
  merge_as4_path();
  return outcome_;
}

// RFC 7606 section 3d.
void AttributeReader::check_mandatory(bool nlri) {
  const auto missing = [&](std::string_view what) {
    outcome_ = {.fate = AttributeFate::withdraw, .reason = what};
  };
  const bool needs_next_hop = context_.update ? nlri : !seen_.test(code_mp_reach);
  if (!seen_.test(code_origin)) {
    missing("no ORIGIN");
  } else if (!seen_.test(code_as_path)) {
    missing("no AS_PATH");
  } else if (needs_next_hop && !seen_.test(code_next_hop)) {
    missing("no next hop");
  }
}

AttributeReader::Piece* AttributeReader::find(std::uint8_t code) {
  const auto it = std::ranges::find(pieces_, code, &Piece::code);
  return it == pieces_.end() ? nullptr : &*it;
}

// RFC 6793 section 4.2.3; section 4.1: a peer with four-octet AS numbers must not send AS4_PATH.
void AttributeReader::merge_as4_path() {
  if (!context_.wide_asns) {
    narrow_to_wide();
  } else {
    for (const std::uint8_t code : {code_as4_path, code_as4_aggregator}) {
      if (Piece* const piece = find(code)) {
        fault(AttributeFate::discard, "AS4_PATH or AS4_AGGREGATOR from a four-octet peer", *piece);
      }
    }
  }
  std::erase_if(pieces_, [](const Piece& piece) { return piece.dropped; });
}

void AttributeReader::narrow_to_wide() {
  Piece* const path = find(code_as_path);
  Piece* const path4 = find(code_as4_path);
  Piece* const aggregator = find(code_aggregator);
  Piece* const aggregator4 = find(code_as4_aggregator);
  bool use4 = true;
  if (aggregator != nullptr) {
    const Asn asn{ByteReader{aggregator->value}.u16()};
    if (aggregator4 != nullptr && asn != as_trans) use4 = false;
    aggregator_.assign(2, std::byte{0});
    aggregator_.insert(aggregator_.end(), aggregator->value.begin(), aggregator->value.end());
    if (use4 && aggregator4 != nullptr) {
      aggregator_.assign(aggregator4->value.begin(), aggregator4->value.end());
    }
    aggregator->value = aggregator_;
    aggregator->rewritten = true;
  }
  if (path != nullptr) {
    auto segments = decode_as_path(path->value, false);
    if (use4 && path4 != nullptr) {
      segments = routes::merge_as4_path(segments, decode_as_path(path4->value, true));
    }
    as_path_.clear();
    encode_as_path(segments, as_path_);
    path->value = as_path_;
    path->rewritten = true;
    static_cast<void>(read_as_path(as_path_, true, head_));
    if (as_path_.size() > 0xffff) {
      outcome_ = {.fate = AttributeFate::withdraw, .reason = "AS_PATH too long to hold"};
    }
  }
  if (path4 != nullptr) path4->dropped = true;
  if (aggregator4 != nullptr) aggregator4->dropped = true;
  changed_ = true;
}

// Where AS_PATH stands is for path searches that do not want to decode everything.
void AttributeReader::locate_as_path(std::span<const std::byte> canonical) {
  ByteReader reader{canonical};
  while (!reader.empty()) {
    const std::uint8_t flags = reader.u8();
    const std::uint8_t code = reader.u8();
    const std::size_t length = (flags & extended_length) != 0 ? reader.u16() : reader.u8();
    if (code == code_as_path) {
      head_.as_path_at = static_cast<std::uint32_t>(canonical.size() - reader.size());
      head_.as_path_octets = static_cast<std::uint32_t>(length);
      return;
    }
    reader.take(length);
  }
}

std::span<const std::byte> AttributeReader::octets(NlriPlace place) {
  std::span<const std::byte> found = input_;
  if (changed_ || place != NlriPlace::rib_entry) {
    canonical_.clear();
    for (const Piece& piece : pieces_) {
      if (piece.code == code_mp_unreach) continue;
      // RFC 4760 section 3: each next hop is for the NLRI that it stands with.
      if (place == NlriPlace::plain && piece.code == code_mp_reach) continue;
      if (place == NlriPlace::reach && piece.code == code_next_hop) continue;
      if (piece.rewritten) {
        append_piece(piece.flags, piece.code, piece.value, canonical_);
      } else {
        canonical_.insert(canonical_.end(), piece.whole.begin(), piece.whole.end());
      }
    }
    found = canonical_;
  }
  locate_as_path(found);
  return found;
}

}  // namespace strait::routes
