// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "routes/apply/words.hpp"

namespace strait::routes {

// What daemons print is taken as it comes: a member that is not there, or is of another type, is
// nothing.

[[nodiscard]] inline const boost::json::value* member(const boost::json::value& value,
                                                      std::string_view name) {
  return value.is_object() ? value.get_object().if_contains({name.data(), name.size()}) : nullptr;
}

// Empty where it is none.
[[nodiscard]] inline std::string_view text_of(const boost::json::value& value) {
  if (!value.is_string()) return {};
  return {value.get_string().data(), value.get_string().size()};
}

[[nodiscard]] inline std::string text_member(const boost::json::value& value,
                                             std::string_view name) {
  const auto* const found = member(value, name);
  return found == nullptr ? std::string{} : std::string{text_of(*found)};
}

[[nodiscard]] inline bool flag_member(const boost::json::value& value, std::string_view name) {
  const auto* const found = member(value, name);
  return found != nullptr && found->is_bool() && found->get_bool();
}

[[nodiscard]] inline std::optional<std::uint32_t> number_member(const boost::json::value& value,
                                                                std::string_view name) {
  const auto* const found = member(value, name);
  if (found == nullptr) return std::nullopt;
  boost::json::error_code error;
  const auto number = found->to_number<std::uint32_t>(error);
  return error ? std::nullopt : std::optional{number};
}

// An empty one where there is none.
[[nodiscard]] inline const boost::json::array& array_member(const boost::json::value& value,
                                                            std::string_view name) {
  static const boost::json::array none;
  const auto* const found = member(value, name);
  return found != nullptr && found->is_array() ? found->get_array() : none;
}

[[nodiscard]] inline Result<boost::json::value> parse_json(std::string_view text) {
  boost::json::error_code error;
  auto value = boost::json::parse(boost::json::string_view{text.data(), text.size()}, error);
  if (!error) return value;
  return fail(Errc::unsupported, "want JSON, got '" + last_words(text) + "'");
}

}  // namespace strait::routes
