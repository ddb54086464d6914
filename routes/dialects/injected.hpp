// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "routes/dialects/dialect.hpp"
#include "routes/dialects/script.hpp"
#include "routes/injection.hpp"

namespace strait::routes {

// What the dialects of injectors have in common.

// The injector, if all that injection wants is there: for a plan that prefers anything the RIB too.
[[nodiscard]] Result<Injector> injector_of(const Plan& plan, const Surroundings& around,
                                           std::string_view speaker);

// All that a script injects, in its order; what guards left out is told in `notes`.
struct InjectedScript {
  std::vector<InjectedPreference> preferences;
  std::vector<GuardNote> notes;
};
[[nodiscard]] InjectedScript injected(const Script& script, const Surroundings& around,
                                      const Carries& carries);

// What is injected of a preference and why, for people.
[[nodiscard]] std::vector<std::string> words_of(const InjectedPreference& injected);

[[nodiscard]] std::string_view origin_word(Origin origin);  // "igp"

// NO_EXPORT (RFC 1997), the injector's own, then the upstream's.
[[nodiscard]] std::vector<std::uint32_t> communities_of(const PathAttributes& attributes,
                                                        std::uint32_t own);

}  // namespace strait::routes
