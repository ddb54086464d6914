// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "exporters/json_writer.hpp"
#include "probe/rejections.hpp"
#include "probe/reply_rate.hpp"

namespace strait::cli {

// What a report says of the probes that somebody refused, and of replies that somebody rations.

// ": 3 by 192.0.2.9, 1 by 192.0.2.10"; nothing where no sender is known of errors of this kind.
[[nodiscard]] std::string senders_text(const probe::RejectionCounts& rejections,
                                       std::string_view kind);
// A line; nothing where the replies do not look limited.
[[nodiscard]] std::string reply_rate_text(const probe::ReplyRate& reply_rate);
// The member "refusals".
void write_rejections(exporters::JsonWriter& json, const probe::RejectionCounts& rejections);

}  // namespace strait::cli
