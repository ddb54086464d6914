// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace strait::routes {

// Text that grows at its end. Room is asked for once for many small pieces, which then are written
// without a look at where the end is: a full table's lines hold a hundred million numbers.
class LineText {
 public:
  // For `more` characters, which add() may write then.
  void room(std::size_t more) {
    if (buffer_.size() - size_ < more) buffer_.resize((size_ + more) * 2);
  }
  void clear() { size_ = 0; }

  void add(char one) { buffer_[size_++] = one; }
  void add(std::string_view piece) {
    if (!piece.empty()) std::memcpy(buffer_.data() + size_, piece.data(), piece.size());
    size_ += piece.size();
  }
  // Up to 10 characters.
  void add(std::uint32_t number) {
    char* const at = buffer_.data() + size_;
    size_ += static_cast<std::size_t>(
        std::to_chars(at, buffer_.data() + buffer_.size(), number).ptr - at);
  }

  [[nodiscard]] std::string_view view() const { return {buffer_.data(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  std::vector<char> buffer_;
  std::size_t size_ = 0;
};

}  // namespace strait::routes
