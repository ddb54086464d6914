// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/clock.hpp"
#include "core/strong.hpp"
#include "routes/prefix_key.hpp"
#include "routes/rib.hpp"

namespace strait::routes {

// A Validated ROA Payload (RFC 6811 section 2): this AS may begin these prefixes.
struct Vrp {
  Prefix prefix;
  std::uint8_t max_length = 0;  // from prefix.length to the family's 32 or 128
  Asn asn;                      // 0: nobody may (RFC 6483 section 4)
  std::int64_t expires = 0;     // Unix time; 0: not told

  friend bool operator==(const Vrp&, const Vrp&) = default;
};

enum class RovState : std::uint8_t { not_found, valid, invalid };

struct RovVerdict {
  RovState state = RovState::not_found;
  std::string_view reason;  // why invalid: "asn", "length" or "no origin"; else empty

  friend bool operator==(const RovVerdict&, const RovVerdict&) = default;
};

// "valid", "not-found", "invalid".
[[nodiscard]] std::string_view to_string(RovState state);
[[nodiscard]] std::optional<RovState> parse_rov_state(std::string_view text);

// VRPs by prefix. Immutable: readers share it freely.
class VrpSet {
 public:
  VrpSet() = default;
  // In any order; max_length must be in its range. Those that are there twice count once.
  explicit VrpSet(const std::vector<Vrp>& vrps);

  // RFC 6811 section 2. No origin: the path ends in an AS_SET, which no VRP matches.
  [[nodiscard]] RovVerdict validate(const Prefix& prefix, std::optional<Asn> origin) const;
  // The VRPs that cover the prefix, the longest first; `expires` is not kept.
  [[nodiscard]] std::vector<Vrp> covering(const Prefix& prefix) const;
  [[nodiscard]] std::size_t size() const { return v4_.claims.size() + v6_.claims.size(); }

 private:
  struct Claim {
    Asn asn;
    std::uint8_t max_length = 0;

    friend auto operator<=>(const Claim&, const Claim&) = default;
  };
  template <class Key>
  struct Table {
    std::vector<Key> keys;             // ascending, none twice
    std::vector<std::uint32_t> first;  // of each key's claims; one more at the end
    std::vector<Claim> claims;
    std::vector<std::uint32_t> parents;

    void fill(std::vector<std::pair<Key, Claim>> all);
    // Calls f(index) for each prefix that covers `key`, the longest first, until it returns false.
    template <class F>
    void for_each_covering(const Key& key, F f) const;
    [[nodiscard]] RovVerdict validate(const Key& key, std::optional<Asn> origin) const;
    void add_covering(const Key& key, std::vector<Vrp>& found) const;
  };

  Table<KeyV4> v4_;
  Table<KeyV6> v6_;
};

// The AS that RFC 6811 section 2 takes for a route's origin. Of a path that is empty or ends in a
// confederation it is the AS that the route was learned in: the peer's, for such routes are iBGP's.
[[nodiscard]] std::optional<Asn> rov_origin(const Rib& rib, const RibRoute& route);

}  // namespace strait::routes
