// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/refusals.hpp"

#include <fmt/format.h>

#include "probe/error_kind.hpp"

namespace strait::cli {
namespace {

std::string sender_text(const Address& by) {
  return by.is_unspecified() ? "others" : by.to_string();
}

}  // namespace

std::string senders_text(const probe::RejectionCounts& rejections, std::string_view kind) {
  std::string text;
  for (const auto& [rejection, count] : rejections) {
    if (probe::to_string(rejection.kind) != kind) continue;
    text += fmt::format("{} {} by {}", text.empty() ? ":" : ",", count, sender_text(rejection.by));
  }
  return text;
}

std::string reply_rate_text(const probe::ReplyRate& reply_rate) {
  const auto limit = reply_rate.looks_limited();
  if (!limit) return "";
  return fmt::format("  looks rate-limited at {:.1f} replies/s: loss may not be the path's\n",
                     *limit);
}

void write_rejections(exporters::JsonWriter& json, const probe::RejectionCounts& rejections) {
  json.key("refusals").begin_array();
  for (const auto& [rejection, count] : rejections) {
    json.begin_object()
        .member("reason", probe::to_string(rejection.kind))
        .member("by", std::string_view{sender_text(rejection.by)})
        .member("count", count);
    json.end_object();
  }
  json.end_array();
}

}  // namespace strait::cli
