// SPDX-License-Identifier: Apache-2.0
// Any bytes as the JSON that the store keeps, or a file of traffic: refused, or a value that
// survives another round.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exporters/json_lines.hpp"
#include "exporters/traffic_json.hpp"

namespace {

template <class Parse>
void round_trip(std::string_view text, const Parse& parse) {
  const auto value = parse(text);
  if (!value) return;
  const std::string json = strait::exporters::to_json(*value);
  const auto again = parse(json);
  if (!again || strait::exporters::to_json(*again) != json) std::abort();
}

void traffic_round_trip(std::string_view text) {
  const auto traffic = strait::exporters::parse_traffic(text);
  if (!traffic) return;
  const std::string lines = strait::exporters::to_json_lines(*traffic);
  const auto again = strait::exporters::parse_traffic(lines);
  if (!again || strait::exporters::to_json_lines(*again) != lines) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(bytes), size};
  round_trip(text, strait::exporters::parse_verdict);
  round_trip(text, strait::exporters::parse_memory);
  round_trip(text, strait::exporters::parse_counts_by_kind);
  round_trip(text, strait::exporters::parse_far_view);
  traffic_round_trip(text);
  return 0;
}
