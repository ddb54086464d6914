// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <utility>

#include "core/address.hpp"

namespace strait::routes {

// The network of `length` bits that `address` is in; `length` must fit the family.
[[nodiscard]] Prefix network_of(const Address& address, std::uint8_t length);

// Values by prefix, found by longest match: one hash look-up for each length that occurs.
template <class Value>
class PrefixMap {
 public:
  // False, and no change, if the prefix has a value already.
  bool insert(const Prefix& prefix, Value value) {
    lengths_[prefix.network.is_v6() ? 1 : 0].set(prefix.length);
    return values_.emplace(prefix, std::move(value)).second;
  }

  [[nodiscard]] const Value* find(const Prefix& prefix) const {
    const auto it = values_.find(prefix);
    return it == values_.end() ? nullptr : &it->second;
  }

  // The value of the longest prefix that covers `prefix`, itself included.
  [[nodiscard]] std::optional<std::pair<Prefix, const Value*>> longest(const Prefix& prefix) const {
    const auto& lengths = lengths_[prefix.network.is_v6() ? 1 : 0];
    for (unsigned length = prefix.length + 1U; length-- > 0;) {
      if (!lengths.test(length)) continue;
      const Prefix outer = network_of(prefix.network, static_cast<std::uint8_t>(length));
      if (const Value* value = find(outer)) return std::pair{outer, value};
    }
    return std::nullopt;
  }

  [[nodiscard]] std::size_t size() const { return values_.size(); }

 private:
  struct Hash {
    std::size_t operator()(const Prefix& prefix) const {
      const std::size_t address = std::hash<Address>{}(prefix.network);
      return (address ^ prefix.length) * 0x9e3779b97f4a7c15U;
    }
  };
  std::unordered_map<Prefix, Value, Hash> values_;
  std::array<std::bitset<129>, 2> lengths_;
};

}  // namespace strait::routes
