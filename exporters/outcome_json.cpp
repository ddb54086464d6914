// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>
#include <string_view>

#include "exporters/json_lines.hpp"
#include "exporters/json_writer.hpp"

namespace strait::exporters {

std::string to_json(const probe::Outcome& outcome) {
  static const SessionKey unnamed;
  const SessionKey& session = outcome.key != nullptr ? *outcome.key : unnamed;
  const auto hops = [](std::uint8_t limit) {
    return limit == 0 ? std::nullopt : std::optional<int>{limit};
  };
  std::optional<std::string_view> refused;
  std::optional<std::string> refused_by;
  if (outcome.refused) {
    refused = probe::to_string(outcome.refused->kind);
    refused_by = outcome.refused->by.to_string();
  }
  const bool answered = outcome.fate == probe::Fate::received;
  JsonWriter json;
  json.begin_object()
      .member("strait", json_version)
      .member("type", "outcome")
      .member("path", session.path)
      .member("target", session.target)
      .member("protocol", to_string(session.protocol))
      .member("dscp", session.dscp)
      .member("flow", session.flow)
      .member("sequence", outcome.sequence)
      .member("sent", outcome.sent)
      .member("fate", to_string(outcome.fate))
      .member("rtt_ns", outcome.rtt)
      .member("forward_ns", outcome.forward)
      .member("reverse_ns", outcome.reverse)
      .member("hop_limit", hops(outcome.hop_limit))
      .member("forward_hop_limit", hops(outcome.forward_hop_limit))
      .member("reordered", outcome.reordered)
      .member("source", to_string(outcome.source))
      .member("uncertainty_ns", answered ? std::optional{outcome.uncertainty} : std::nullopt)
      .member("kept_apart", outcome.kept_apart)
      .member("refused", refused)
      .member("refused_by", refused_by);
  return json.end_object().take();
}

}  // namespace strait::exporters
