// SPDX-License-Identifier: Apache-2.0
// Any bytes as the include file of a plan: refused, or a plan that is written as the same bytes.
// The same bytes as a line of the journal: refused, or an entry that is read again once written.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "routes/apply/journal_line.hpp"
#include "routes/dialects/bird.hpp"

namespace {

void read_as_plan(std::string_view text) {
  const auto plan = strait::routes::read_bird(text);
  if (!plan) return;
  const auto again = strait::routes::render_bird(*plan);
  if (!again || *again != text) std::abort();
}

void read_as_journal(std::string_view text) {
  auto line = strait::routes::read_journal_line(text);
  if (!line) return;
  line->previous = std::string(64, '0');
  const auto again = strait::routes::read_journal_line(strait::routes::write_journal_line(*line));
  if (!again || !again->entry.chained || again->entry.step != line->entry.step) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(bytes), size};
  read_as_plan(text);
  read_as_journal(text);
  return 0;
}
