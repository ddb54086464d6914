// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <span>

#include "routes/sources/mrt.hpp"
#include "routes/sources/unpack.hpp"

// Unpacks and reads a table dump. Every route that comes out is counted, whatever went in.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto unpacked = strait::routes::unpack(std::as_bytes(std::span{data, size}), 1U << 20U);
  if (!unpacked) return 0;
  const auto dump = strait::routes::read_mrt(unpacked->bytes);
  if (dump && dump->routes.size() != dump->report.routes) __builtin_trap();
  return 0;
}
