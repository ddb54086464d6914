// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include "routes/bmp_router.hpp"
#include "routes/mrt_dump.hpp"
#include "routes/sources/mrt.hpp"

// Whatever a router sends, in whatever pieces, the station goes on or ends the session; what it
// then holds can be written and is read back without damage.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strait;
  using namespace strait::routes;
  if (size == 0) return 0;
  const std::size_t piece = data[0] + 1U;
  const auto octets = std::as_bytes(std::span{data, size}).subspan(1);
  BmpStream stream;
  BmpRouter router{Address{}, {.peers = 16, .memory = 1U << 28U}};
  bool going = true;
  for (std::size_t at = 0; at < octets.size() && going; at += piece) {
    stream.add(octets.subspan(at, std::min(piece, octets.size() - at)));
    while (const auto message = stream.next()) going = going && router.take(*message, {});
  }
  if (router.peers().size() > 16) __builtin_trap();
  for (std::size_t i = 0; i < bmp_tables; ++i) {
    const Rib rib = router.snapshot(static_cast<BmpTable>(i));
    std::string text;
    const auto result =
        write_mrt_dump(rib, {.taken = {}, .collector_id = 0, .view = {}}, [&](auto more) {
          text += more;
          return true;
        });
    const auto read = read_mrt(std::as_bytes(std::span{text}));
    if (!read || read->report.damaged > 0) __builtin_trap();
    if (read->rib.route_count() + result.left_out != rib.route_count()) __builtin_trap();
  }
  return 0;
}
