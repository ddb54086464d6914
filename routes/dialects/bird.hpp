// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "routes/model/plan.hpp"

namespace strait::routes {

// A plan as one include file for BIRD 2: prefix sets, and `function strait_pref()`, which an import
// filter calls after its own bgp_local_pref and before `accept`:
//
//   include "/etc/bird/strait.conf";
//   filter up_in { bgp_local_pref = 100; strait_pref(); accept; }
//
// Prefixes side by side are patterns, "10.0.0.0/23{24,24}" for both halves, which match them alone.
// It raises exact prefixes of one session and leaves alone what carries 65535:0 or 65535:666. Equal
// plans give equal bytes; a plan without preferences gives a function that does nothing. Names that
// BIRD or a comment could misread, and one prefix in two preferences of a session, are refused.
[[nodiscard]] Result<std::string> render_bird(const Plan& plan);

// Reads such a file back, or one without patterns; notes are not in it. A file that render_bird did
// not write byte for byte is refused: somebody edited it, or it is not ours.
[[nodiscard]] Result<Plan> read_bird(std::string_view text);

}  // namespace strait::routes
