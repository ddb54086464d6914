// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <span>
#include <vector>

#include "routes/sources/rir_stats.hpp"

// Whatever a file holds, each block that it registers is found again, or a smaller one inside it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strait;
  using namespace strait::routes;
  const auto source = memory_source(std::as_bytes(std::span{data, size}), 1U << 20U);
  auto stats = read_rir_stats(*source, "fuzz");
  if (!stats) {
    if (stats.error().message.empty()) __builtin_trap();
    return 0;
  }
  if ((stats->damaged > 0) == stats->reasons.empty()) __builtin_trap();
  const std::vector<RegisteredBlock> blocks = stats->blocks;
  const Registrations all{std::move(stats->blocks), std::move(stats->registries)};
  for (const RegisteredBlock& block : blocks) {
    if (block.first > block.last || (!block.v6 && block.last > 0xffffffffU)) __builtin_trap();
    const auto match = block.v6 ? all.find(KeyV6::of(block.last, 0, 64))
                                : all.find(KeyV4::of(static_cast<std::uint32_t>(block.last), 32));
    if (!match) __builtin_trap();
  }
  return 0;
}
