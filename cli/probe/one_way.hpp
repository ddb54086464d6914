// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/window.hpp"

namespace strait::exporters {
class JsonWriter;
}  // namespace strait::exporters

namespace strait::cli {

// One line on the delays of each direction, with what the clocks may be off by; or why there are
// none. Nothing where no reply told of the far clock.
[[nodiscard]] std::string one_way_text(const Window& window);

// The members "forward_ns", "reverse_ns" and "clocks" of an object that is being written; likewise.
void write_one_way(exporters::JsonWriter& json, const Window& window);

}  // namespace strait::cli
