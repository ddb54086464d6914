// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "routes/attribute_store.hpp"
#include "routes/model/path_attributes.hpp"

namespace strait::routes {

// Where path attributes come from: it decides which rules hold for them.
struct AttributeContext {
  bool internal = false;  // the peer is in our own AS
  // From an UPDATE, where flags are checked and MP_REACH_NLRI is whole. In a RIB entry flags are
  // not (BIRD writes zeros), and MP_REACH_NLRI is cut (RFC 6396 section 4.3.4) or whole.
  bool update = false;
  bool wide_asns = true;  // AS numbers of four octets in AS_PATH and AGGREGATOR
};

// What RFC 7606 section 2 does with an error, weakest first.
enum class AttributeFate : std::uint8_t { use, discard, withdraw, reset };

// NLRI that attributes carry, of one address family.
struct FamilyNlri {
  std::uint16_t afi = 0;
  std::uint8_t safi = 0;
  std::span<const std::byte> nlri;
};

// Which routes of an UPDATE want the attributes: their next hop is another.
enum class NlriPlace : std::uint8_t { rib_entry, plain, reach };

// Reads path attributes by RFC 4271 section 4.3, RFC 6793 and RFC 7606, and turns them into one
// form: AS numbers of four octets, MP_REACH_NLRI cut, no copies, nothing that must be discarded.
// Keeps its buffers from one call to the next.
class AttributeReader {
 public:
  struct Outcome {
    AttributeFate fate = AttributeFate::use;  // never `discard`: see discarded()
    std::string_view reason;                  // static text; empty for `use`
  };

  // The octets must stay until the other functions have been called. `nlri`: plain NLRI stands
  // behind the attributes of this UPDATE.
  [[nodiscard]] Outcome read(std::span<const std::byte> octets, const AttributeContext& context,
                             bool nlri = false);

  [[nodiscard]] const AttributeHead& head() const { return head_; }
  // In the one form; valid until the next call of this function or read().
  [[nodiscard]] std::span<const std::byte> octets(NlriPlace place);
  // Why each attribute that was passed over was so (static texts).
  [[nodiscard]] std::span<const std::string_view> discarded() const { return discarded_; }
  [[nodiscard]] const std::optional<FamilyNlri>& reach() const { return reach_; }
  [[nodiscard]] const std::optional<FamilyNlri>& unreach() const { return unreach_; }

 private:
  friend struct AttributeRules;
  struct Piece {
    std::uint8_t flags = 0;
    std::uint8_t code = 0;
    std::span<const std::byte> whole;  // with flags, code and length
    std::span<const std::byte> value;
    bool rewritten = false;  // `value` is not what `whole` holds
    bool dropped = false;
  };

  Outcome split(std::span<const std::byte> octets);
  void fault_of_second(Piece& piece);
  void judge(Piece& piece);
  void fault(AttributeFate fate, std::string_view reason, Piece& piece);
  void narrow_to_wide();  // RFC 6793 section 4.2.3
  void merge_as4_path();
  void check_mandatory(bool nlri);
  void locate_as_path(std::span<const std::byte> canonical);
  [[nodiscard]] Piece* find(std::uint8_t code);

  AttributeContext context_;
  std::span<const std::byte> input_;
  AttributeHead head_;
  Outcome outcome_;
  std::bitset<256> seen_;
  std::vector<Piece> pieces_;  // those that are kept
  std::vector<std::string_view> discarded_;
  std::optional<FamilyNlri> reach_;
  std::optional<FamilyNlri> unreach_;
  bool changed_ = false;  // the one form is not the input
  std::vector<std::byte> as_path_;
  std::vector<std::byte> aggregator_;
  std::vector<std::byte> canonical_;
};

// Everything in attributes that AttributeReader brought to the one form.
[[nodiscard]] PathAttributes decode_attributes(std::span<const std::byte> canonical);

}  // namespace strait::routes
