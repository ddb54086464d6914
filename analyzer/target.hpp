// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace strait::analyzer {

// A place on the Earth, in degrees.
struct Position {
  double latitude = 0;
  double longitude = 0;
};

// What the analyzer knows of an address that answers probes. The same target may stand for several
// traffic classes: list it once for each.
struct Target {
  std::string name;  // as in SessionKey
  std::string traffic_class;
  double weight = 1;  // > 0; its share of the class, whatever its number of probes
  std::optional<Position> position = std::nullopt;  // where it is, if that is known well
};

}  // namespace strait::analyzer
