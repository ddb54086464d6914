// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "core/address.hpp"
#include "core/strong.hpp"

namespace strait::routes {

// A part of a class's traffic about which something is measured: what is registered in a country,
// of that what begins in one AS, of that one prefix.
struct Part {
  std::string name;              // "europe:FR:AS64500:192.0.2.0/24"; a class has no colon
  std::string whole;             // the part or the class that it is split off from
  std::string traffic_class;     // that it belongs to
  std::string country;           // of registration, "FR"; empty: registered in none
  std::optional<Asn> origin;     // that most routes begin in; nothing: whatever it is
  std::optional<Prefix> prefix;  // of the RIB, exactly; nothing: all

  friend bool operator==(const Part&, const Part&) = default;
};

}  // namespace strait::routes
