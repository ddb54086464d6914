// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>

namespace strait {

// A number that knows what it counts: an Asn cannot be passed where a LocalPref is wanted.
template <class Rep, class Tag>
class Strong {
 public:
  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : value_{value} {}
  [[nodiscard]] constexpr Rep value() const { return value_; }
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;

 private:
  Rep value_{};
};

using Asn = Strong<std::uint32_t, struct AsnTag>;
using LocalPref = Strong<std::uint32_t, struct LocalPrefTag>;
using Med = Strong<std::uint32_t, struct MedTag>;

}  // namespace strait
