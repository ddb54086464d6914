// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace strait::routes {

// What a program said, or the end of it, as one line for an error.
[[nodiscard]] inline std::string last_words(std::string_view output) {
  constexpr std::size_t most = 300;
  while (output.ends_with('\n') || output.ends_with(' ')) output.remove_suffix(1);
  std::string line{output.substr(output.size() - std::min(output.size(), most))};
  std::ranges::replace_if(line, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return line.empty() ? "nothing said" : line;
}

}  // namespace strait::routes
