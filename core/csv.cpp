// SPDX-License-Identifier: Apache-2.0
#include "core/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/file.hpp"

namespace strait {
namespace {

// Reads records one by one; a quoted cell may hold commas, quotes (doubled) and line ends.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : text_{text} {}

  [[nodiscard]] bool done() const { return at_ >= text_.size(); }
  [[nodiscard]] std::size_t line() const { return line_; }

  // Nothing when a quote is never closed or is followed by text.
  std::optional<std::vector<std::string>> record() {
    std::vector<std::string> cells;
    while (true) {
      auto cell = peek() == '"' ? quoted() : plain();
      if (!cell) return std::nullopt;
      cells.push_back(std::move(*cell));
      if (peek() != ',') break;
      ++at_;
    }
    if (peek() == '\r') ++at_;
    if (!done() && text_[at_] != '\n') return std::nullopt;
    ++at_;
    ++line_;
    return cells;
  }

 private:
  [[nodiscard]] char peek() const { return done() ? '\n' : text_[at_]; }

  std::optional<std::string> plain() {
    const std::size_t end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
    std::string cell{text_.substr(at_, end - at_)};
    at_ = end;
    return cell;
  }

  std::optional<std::string> quoted() {
    std::string cell;
    for (++at_; !done(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        if (peek() != '"') return cell;
      }
      if (text_[at_] == '\n') ++line_;
      cell += text_[at_];
    }
    return std::nullopt;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

}  // namespace

Result<CsvTable> CsvTable::parse(std::string_view text, std::string name) {
  CsvReader reader{text};
  CsvTable table;
  std::size_t width = 0;
  while (!reader.done()) {
    const std::size_t line = reader.line();
    auto cells = reader.record();
    if (!cells) {
      return fail(Errc::bad_input, fmt::format("{}:{}: a quoted cell does not end", name, line));
    }
    if (width == 0) {
      width = cells->size();
      for (std::size_t i = 0; i < width; ++i) table.columns_.emplace((*cells)[i], i);
      continue;
    }
    if (cells->size() != width) {
      return fail(Errc::bad_input, fmt::format("{}:{}: {} cells, but the header has {}", name, line,
                                               cells->size(), width));
    }
    table.cells_.push_back(std::move(*cells));
  }
  if (width == 0) return fail(Errc::bad_input, fmt::format("{}: no header line", name));
  return table;
}

Result<CsvTable> CsvTable::load(const std::string& file) {
  const auto text = read_file(file);
  if (!text) return tl::make_unexpected(text.error());
  return parse(*text, file);
}

bool CsvTable::has(std::string_view column) const { return columns_.contains(std::string{column}); }

std::string_view CsvTable::cell(std::size_t row, std::string_view column) const {
  const auto found = columns_.find(std::string{column});
  return found == columns_.end() ? std::string_view{} : cells_[row][found->second];
}

}  // namespace strait
