// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <span>

#include "routes/sources/mrt.hpp"

// Unpacks and reads a dump, tables and updates. What the RIB holds was announced, and every prefix
// in it is found; no input takes more than the memory that it may.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strait::routes;
  MrtReader reader{{.site_asn = strait::Asn{64500}, .max_memory = 1U << 26U}};
  const auto source = memory_source(std::as_bytes(std::span{data, size}), 1U << 20U);
  if (!reader.read(*source)) return 0;
  const RibDump dump = std::move(reader).finish();
  if (dump.rib.route_count() > dump.report.routes) __builtin_trap();
  dump.rib.for_each([&](const RibEntry& entry) {
    const auto found = dump.rib.candidates(entry.prefix);
    if (found.empty() || found.data() != entry.routes.data()) __builtin_trap();
    for (const RibRoute& route : found) static_cast<void>(dump.rib.route(entry.prefix, route));
  });
  return 0;
}
