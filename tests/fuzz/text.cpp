// SPDX-License-Identifier: Apache-2.0
// Any text to the small parsers of core: what is accepted prints and parses back to itself.
#include <cstdlib>

#include "core/address.hpp"
#include "core/clock.hpp"
#include "core/csv.hpp"
#include "core/duration.hpp"

using namespace strait;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(bytes), size};
  if (const auto prefix = parse_prefix(text);
      prefix && parse_prefix(to_string(*prefix)) != *prefix) {
    std::abort();
  }
  if (const auto end = parse_endpoint(text, 862);
      end && parse_endpoint(to_string(*end), 1) != *end) {
    std::abort();
  }
  if (const auto mac = parse_mac(text); mac && parse_mac(to_string(*mac)) != *mac) std::abort();
  if (const auto time = parse_duration(text); time && parse_duration(to_string(*time)) != *time) {
    std::abort();
  }
  (void)parse_rate(text);
  (void)parse_wall_time(text);
  if (const auto table = CsvTable::parse(text, "f")) {
    for (std::size_t row = 0; row < table->rows(); ++row) (void)table->cell(row, "a");
  }
  return 0;
}
