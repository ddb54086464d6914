// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "analyzer/change.hpp"

namespace strait::analyzer {

// What else an incident could be than what `explained_by` says, as words that follow "or": traffic
// that an outage has driven there, a fault behind the upstream, this site, a risk group that would
// have taken more, or several causes at once. `others`: incidents that have been grouped already,
// all outages among them. Nothing is said of groups where no path names one.
[[nodiscard]] std::vector<std::string> alternatives(const Incident& incident,
                                                    std::span<const Incident> others,
                                                    std::span<const SessionKey> sessions,
                                                    std::span<const routes::Path> paths,
                                                    Nanos window_length);

}  // namespace strait::analyzer
