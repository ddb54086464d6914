// SPDX-License-Identifier: Apache-2.0
#include "routes/explain.hpp"

#include <catch2/catch.hpp>

#include "tests/routes/plan_examples.hpp"
#include "tests/routes/rib_of.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

TEST_CASE("an explanation names class, candidates, choice and the rung that made it") {
  const auto from = [](const char* neighbor, std::uint32_t length) {
    Route route;
    route.prefix = prefix("20.1.0.0/16");
    route.neighbor = parse_address(neighbor).value();
    route.as_path.assign(length, Asn{65001});
    route.as_path_length = length;
    return route;
  };
  const Rib rib =
      rib_of({from("192.0.2.1", 2), from("192.0.2.2", 1), from("192.0.2.3", 3)}, Asn{64500});
  const Regions regions =
      Regions::make({{"europe", {}, {}, {prefix("20.0.0.0/8")}, {}}}, {}).value();
  Path atlas;
  atlas.name = "atlas";
  atlas.neighbor_v4 = parse_address("192.0.2.1").value();
  Path loukkos;
  loukkos.name = "loukkos";
  loukkos.neighbor_v4 = parse_address("192.0.2.2").value();
  const std::vector paths{atlas, loukkos};

  CHECK(explain_prefix(prefix("20.1.0.0/16"), rib, regions, paths) ==
        "20.1.0.0/16: class europe: configured prefix\n"
        "    atlas: local-pref 100, AS path 65001 65001\n"
        "  * loukkos: local-pref 100, AS path 65001\n"
        "    192.0.2.3 (no path): local-pref 100, AS path 65001 65001 65001\n"
        "  loukkos over atlas by as-path-length\n");
  CHECK(explain_prefix(prefix("20.2.0.0/16"), rib, regions, paths) ==
        "20.2.0.0/16: not in the RIB\n");
}
