// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "routes/model/plan.hpp"

namespace strait::routes {

// What a class, path or session may be called where a router's parser or a comment reads it.
struct NameRule {
  std::size_t longest = 64;
  std::string_view marks = "_-.:";  // beside letters and digits
};

// Refuses a name that does not fit; `what` says whose it is: "class", "path", "protocol".
[[nodiscard]] Result<void> check_name(std::string_view what, std::string_view name,
                                      const NameRule& rule);

// Checks that names and hash are sound, the names of sessions by `rule`, and that no prefix is in
// two preferences of one session; then the plan's preferences by class, path and session, their
// prefixes sorted and none twice.
[[nodiscard]] Result<std::vector<Preference>> in_order(const Plan& plan, const NameRule& rule);

// Of sorted prefixes those of one family.
[[nodiscard]] std::span<const Prefix> of_family(const std::vector<Prefix>& prefixes, bool v6);

// As to_string(); for lists of a million.
void append(std::string& text, const Prefix& prefix);

// Words from outside as a part of one comment line of any router: printable ASCII. Control
// characters become spaces; a backslash, which continues a comment in bgpd.conf, a slash; a
// question mark, which asks a command line for help, and each character beyond ASCII a full stop.
[[nodiscard]] std::string comment_text(std::string_view text);

// "evidence ...", "made ...", "expires ...": the lines that every file begins with.
[[nodiscard]] std::vector<std::string> origin_lines(const Plan& plan);

}  // namespace strait::routes
