// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.hpp"

namespace strait {

// A CSV file with one header line (RFC 4180 quoting, LF or CRLF). Every row has as many cells as
// the header; a row that does not is an error that names file and line.
class CsvTable {
 public:
  [[nodiscard]] static Result<CsvTable> parse(std::string_view text, std::string name);
  [[nodiscard]] static Result<CsvTable> load(const std::string& file);

  [[nodiscard]] std::size_t rows() const { return cells_.size(); }
  [[nodiscard]] bool has(std::string_view column) const;
  // The cell of `row` in `column`; empty for a column that is not there.
  [[nodiscard]] std::string_view cell(std::size_t row, std::string_view column) const;

 private:
  CsvTable() = default;
  std::unordered_map<std::string, std::size_t> columns_;
  std::vector<std::vector<std::string>> cells_;
};

}  // namespace strait
