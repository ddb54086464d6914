// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/journal_line.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "core/digest.hpp"

namespace strait::routes {
namespace {

constexpr std::string_view before_hash = R"(,"hash":")";
constexpr std::string_view behind_hash = R"("})";
constexpr std::size_t hash_size = 64;

std::string text_at(const boost::json::object& line, std::string_view key) {
  const auto* const value = line.if_contains(key);
  const auto* const text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string{} : std::string{*text};
}

std::optional<std::uint64_t> number_at(const boost::json::object& line, std::string_view key) {
  const auto* const value = line.if_contains(key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  boost::system::error_code error;
  const auto number = value->to_number<std::uint64_t>(error);
  if (error) return std::nullopt;
  return number;
}

std::vector<std::string> texts_at(const boost::json::object& line, std::string_view key) {
  std::vector<std::string> texts;
  const auto* const value = line.if_contains(key);
  const auto* const array = value == nullptr ? nullptr : value->if_array();
  if (array == nullptr) return texts;
  for (const auto& each : *array) {
    if (const auto* const text = each.if_string()) texts.emplace_back(*text);
  }
  return texts;
}

// The text that a line's hash is of, if it ends in one.
std::optional<std::string_view> hashed_part(std::string_view text) {
  const std::size_t tail = before_hash.size() + hash_size + behind_hash.size();
  if (text.size() <= tail || !text.ends_with(behind_hash)) return std::nullopt;
  const auto body = text.substr(0, text.size() - tail);
  if (!text.substr(body.size()).starts_with(before_hash)) return std::nullopt;
  return body;
}

JournalEntry read_entry(const boost::json::object& object, WallTime at) {
  JournalEntry entry;
  entry.at = at;
  entry.step = text_at(object, "step");
  entry.by = text_at(object, "by");
  entry.plan_hash = text_at(object, "plan");
  entry.content_hash = text_at(object, "content");
  entry.reason = text_at(object, "reason");
  entry.diff = text_at(object, "diff");
  entry.refers = number_at(object, "refers");
  entry.evidence_hash = text_at(object, "evidence");
  entry.preferences = number_at(object, "preferences").value_or(0);
  entry.prefixes = number_at(object, "prefixes").value_or(0);
  entry.guards = texts_at(object, "guards");
  entry.changed = texts_at(object, "changed");
  entry.id = text_at(object, "id");
  entry.entry = number_at(object, "entry").value_or(0);
  entry.user = text_at(object, "user");
  entry.pid = static_cast<std::int64_t>(number_at(object, "pid").value_or(0) & 0x7fffffffU);
  return entry;
}

}  // namespace

std::string write_journal_line(const JournalLine& line) {
  const JournalEntry& entry = line.entry;
  boost::json::object object{{"entry", entry.entry},
                             {"at", strait::to_string(entry.at)},
                             {"step", entry.step},
                             {"user", entry.user},
                             {"pid", entry.pid},
                             {"by", entry.by},
                             {"evidence", entry.evidence_hash},
                             {"plan", entry.plan_hash},
                             {"content", entry.content_hash},
                             {"preferences", entry.preferences},
                             {"prefixes", entry.prefixes},
                             {"reason", entry.reason}};
  if (!entry.diff.empty()) object["diff"] = entry.diff;
  if (!entry.guards.empty()) {
    object["guards"] = boost::json::array(entry.guards.begin(), entry.guards.end());
  }
  if (!entry.changed.empty()) {
    object["changed"] = boost::json::array(entry.changed.begin(), entry.changed.end());
  }
  if (!entry.id.empty()) object["id"] = entry.id;
  if (entry.refers) object["refers"] = *entry.refers;
  if (!line.torn.empty()) object["torn"] = line.torn;
  object["previous"] = line.previous;
  std::string text = boost::json::serialize(object);
  text.pop_back();  // the closing bracket
  const std::string hash = sha256_hex(text);
  return fmt::format("{}{}{}{}", text, before_hash, hash, behind_hash);
}

std::optional<JournalLine> read_journal_line(std::string_view text) {
  boost::system::error_code error;
  const auto value = boost::json::parse(boost::json::string_view{text.data(), text.size()}, error);
  const auto* const object = error ? nullptr : value.if_object();
  if (object == nullptr) return std::nullopt;
  const auto at = parse_wall_time(text_at(*object, "at"));
  if (!at || text_at(*object, "step").empty()) return std::nullopt;
  JournalLine line{.entry = read_entry(*object, *at),
                   .previous = {},
                   .hash = {},
                   .torn = text_at(*object, "torn")};
  if (object->if_contains("hash") == nullptr && object->if_contains("previous") == nullptr) {
    return line;
  }
  const auto body = hashed_part(text);
  line.previous = text_at(*object, "previous");
  line.hash = text_at(*object, "hash");
  line.entry.chained = true;
  if (!body || sha256_hex(*body) != line.hash || line.previous.size() != hash_size) {
    return std::nullopt;
  }
  return line;
}

}  // namespace strait::routes
