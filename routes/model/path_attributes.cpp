// SPDX-License-Identifier: Apache-2.0
#include "routes/model/path_attributes.hpp"

#include <fmt/format.h>

#include <string_view>

namespace strait::routes {
namespace {

struct Brackets {
  std::string_view open;
  std::string_view between;
  std::string_view close;
};

Brackets brackets_of(SegmentType type) {
  switch (type) {
    case SegmentType::set:
      return {.open = "{", .between = ",", .close = "}"};
    case SegmentType::confed_sequence:
      return {.open = "(", .between = " ", .close = ")"};
    case SegmentType::confed_set:
      return {.open = "[", .between = ",", .close = "]"};
    case SegmentType::sequence:
      break;
  }
  return {.open = "", .between = " ", .close = ""};
}

}  // namespace

std::string to_string(const std::vector<AsSegment>& as_path) {
  std::string text;
  for (const AsSegment& segment : as_path) {
    const Brackets brackets = brackets_of(segment.type);
    if (!text.empty()) text += ' ';
    text += brackets.open;
    for (std::size_t i = 0; i < segment.asns.size(); ++i) {
      if (i > 0) text += brackets.between;
      text += fmt::to_string(segment.asns[i].value());
    }
    text += brackets.close;
  }
  return text;
}

}  // namespace strait::routes
