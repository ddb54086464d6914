// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "routes/sources/byte_source.hpp"

namespace strait::routes {

// Cuts octets into lines. Memory: one block and the longest line that it gives.
class LineReader {
 public:
  static constexpr std::size_t longest_line = 4096;

  explicit LineReader(ByteSource& source) : source_{source} {}

  // Without the line feed; nothing at the end. Valid until the next call.
  [[nodiscard]] std::optional<std::string_view> next() {
    line_.clear();
    cut_ = false;
    bool any = false;
    while (!rest_.empty() || refill()) {
      any = true;
      const std::size_t feed = rest_.find('\n');
      add(rest_.substr(0, feed));
      if (feed == std::string_view::npos) {
        rest_ = {};
        continue;
      }
      rest_.remove_prefix(feed + 1);
      return line_;
    }
    if (!any) return std::nullopt;
    return line_;
  }
  // The last line was longer than longest_line, and is not whole.
  [[nodiscard]] bool cut() const { return cut_; }

 private:
  bool refill() {
    const std::size_t count = source_.read(block_);
    rest_ = {reinterpret_cast<const char*>(block_.data()), count};
    return count > 0;
  }
  void add(std::string_view part) {
    const std::size_t room = longest_line - line_.size();
    cut_ = cut_ || part.size() > room;
    line_ += part.substr(0, room);
  }

  ByteSource& source_;
  std::vector<std::byte> block_ = std::vector<std::byte>(std::size_t{1} << 16U);
  std::string_view rest_;
  std::string line_;
  bool cut_ = false;
};

}  // namespace strait::routes
