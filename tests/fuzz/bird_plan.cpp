// SPDX-License-Identifier: Apache-2.0
// Any bytes as the include file of a plan: refused, or a plan that is written as the same bytes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "routes/dialects/bird.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(bytes), size};
  const auto plan = strait::routes::read_bird(text);
  if (!plan) return 0;
  const auto again = strait::routes::render_bird(*plan);
  if (!again || *again != text) std::abort();
  return 0;
}
