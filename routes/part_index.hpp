// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "routes/classify.hpp"
#include "routes/model/part.hpp"
#include "routes/regions.hpp"
#include "routes/rib.hpp"

namespace strait::routes {

// Where a prefix of the RIB stands in the tree of parts.
struct PartPlace {
  RegionNumber region = no_region;
  std::string country;        // as in Part
  std::optional<Asn> origin;  // the AS that most routes begin in, of several the first peer's
  Prefix prefix;
};
// Of the longest prefix that covers the address; nothing where the RIB has none.
[[nodiscard]] std::optional<PartPlace> place_of(const Address& address, const Rib& rib,
                                                const Regions& regions, const RibClasses& classes);

using PartNumber = std::uint32_t;
inline constexpr PartNumber no_part = 0xffffffff;

// The finest part that each prefix of one RIB is in. Immutable.
class PartIndex {
 public:
  PartIndex() = default;  // without parts
  // A whole stands before its parts. Parts of classes that are no regions hold no prefix.
  PartIndex(const Rib& rib, const Regions& regions, const RibClasses& classes,
            std::vector<Part> parts);

  [[nodiscard]] std::span<const Part> parts() const { return parts_; }
  [[nodiscard]] std::optional<PartNumber> number_of(std::string_view name) const;
  // The part that it is split off from; no_part: its class.
  [[nodiscard]] PartNumber whole_of(PartNumber part) const { return wholes_[part]; }
  // By RibEntry::ordinal; no_part: in the class as a whole.
  [[nodiscard]] PartNumber at(std::size_t ordinal) const {
    return finest_.empty() ? no_part : finest_[ordinal];
  }

 private:
  std::vector<Part> parts_;
  std::map<std::string, PartNumber, std::less<>> numbers_;
  std::vector<PartNumber> wholes_;
  std::vector<PartNumber> finest_;  // empty: no parts
};

}  // namespace strait::routes
