// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <limits>

#include "exporters/json_lines.hpp"
#include "exporters/traffic_json.hpp"

namespace strait::exporters {
namespace {

namespace json = boost::json;

// Reads the members of one object. The first member that is missing or of the wrong type is
// remembered; after it every read returns an empty value.
class ObjectReader {
 public:
  ObjectReader(const json::object& object, std::string& problem)
      : object_{object}, problem_{problem} {}

  std::string text(std::string_view name) { return maybe_text(name, true).value_or(""); }
  std::optional<std::string> optional_text(std::string_view name) {
    return maybe_text(name, false);
  }

  std::optional<WallTime> time(std::string_view name, bool required) {
    const auto read = maybe_text(name, required);
    if (!read) return std::nullopt;
    const auto parsed = parse_wall_time(*read);
    if (!parsed) complain(name, "a time such as 2026-11-23T16:45:00Z");
    return parsed;
  }

  // "inf" for infinite_delay, as JsonWriter has it.
  std::optional<Nanos> duration(std::string_view name) {
    const json::value* value = member(name, false);
    if (value == nullptr) return std::nullopt;
    if (const auto* text = value->if_string(); text != nullptr && *text == "inf") {
      return analyzer::infinite_delay;
    }
    if (const auto* count = value->if_int64()) return Nanos{*count};
    complain(name, "nanoseconds, \"inf\" or null");
    return std::nullopt;
  }

  bool boolean(std::string_view name) {
    const json::value* value = member(name, true);
    if (value == nullptr) return false;
    if (const auto* flag = value->if_bool()) return *flag;
    complain(name, "true or false");
    return false;
  }

  std::int64_t integer(std::string_view name, std::int64_t min, std::int64_t max) {
    const json::value* value = member(name, true);
    if (value == nullptr) return min;
    const auto* number = value->if_int64();
    if (number != nullptr && *number >= min && *number <= max) return *number;
    complain(name, fmt::format("a whole number from {} to {}", min, max));
    return min;
  }

  // Absent: `usual`, for members that earlier versions did not write.
  bool boolean(std::string_view name, bool usual) {
    return member(name, false) == nullptr ? usual : boolean(name);
  }
  double number(std::string_view name, double usual, double min, double max) {
    const json::value* value = member(name, false);
    if (value == nullptr) return usual;
    boost::system::error_code ec;
    const auto number = value->to_number<double>(ec);
    if (!ec && number >= min && number <= max) return number;
    complain(name, fmt::format("a number from {} to {}", min, max));
    return usual;
  }

  const json::array& array(std::string_view name) {
    static const json::array none;
    const json::value* value = member(name, true);
    if (value == nullptr) return none;
    if (const auto* found = value->if_array()) return *found;
    complain(name, "an array");
    return none;
  }

  const json::object& object(std::string_view name) {
    static const json::object none;
    const json::value* value = member(name, true);
    if (value == nullptr) return none;
    if (const auto* found = value->if_object()) return *found;
    complain(name, "an object");
    return none;
  }

  void complain(std::string_view name, std::string_view wanted) {
    if (problem_.empty()) problem_ = fmt::format("member \"{}\": want {}", name, wanted);
  }

 private:
  // Null and absent are the same to a reader.
  const json::value* member(std::string_view name, bool required) {
    const json::value* value = object_.if_contains(name);
    if (value != nullptr && !value->is_null()) return value;
    if (required) complain(name, "a value");
    return nullptr;
  }

  std::optional<std::string> maybe_text(std::string_view name, bool required) {
    const json::value* value = member(name, required);
    if (value == nullptr) return std::nullopt;
    if (const auto* text = value->if_string()) return std::string{text->data(), text->size()};
    complain(name, "text");
    return std::nullopt;
  }

  const json::object& object_;
  std::string& problem_;
};

Result<json::object> parse_object(std::string_view text, std::string_view type) {
  boost::system::error_code ec;
  json::value value = json::parse(text, ec);
  if (ec) return fail(Errc::bad_input, fmt::format("JSON {}: {}", type, ec.message()));
  json::object* object = value.if_object();
  if (object == nullptr) return fail(Errc::bad_input, fmt::format("JSON {}: want an object", type));

  std::string problem;
  ObjectReader reader{*object, problem};
  if (reader.integer("strait", 0, 1'000'000) != json_version) {
    problem = fmt::format("member \"strait\": want version {}", json_version);
  } else if (reader.text("type") != type) {
    problem = fmt::format(R"(member "type": want "{}")", type);
  }
  if (!problem.empty()) return fail(Errc::bad_input, fmt::format("JSON {}: {}", type, problem));
  return std::move(*object);
}

std::optional<analyzer::Ruling> parse_ruling(std::string_view word) {
  using analyzer::Ruling;
  constexpr std::array all{Ruling::prefer, Ruling::keep, Ruling::insufficient, Ruling::forbidden};
  for (const Ruling ruling : all) {
    if (to_string(ruling) == word) return ruling;
  }
  return std::nullopt;
}

analyzer::Ranked read_ranked(const json::value& value, std::string& problem) {
  static const json::object none;
  const json::object* object = value.if_object();
  ObjectReader reader{object != nullptr ? *object : none, problem};
  return {.path = reader.text("path"),
          .eligible = reader.boolean("eligible"),
          .reason = reader.text("reason"),
          .difference = reader.duration("difference_ns"),
          .difference_low = reader.duration("difference_low_ns"),
          .difference_high = reader.duration("difference_high_ns")};
}

analyzer::ClassMemory read_class(const json::value& value, std::string& problem) {
  static const json::object none;
  const json::object* object = value.if_object();
  ObjectReader reader{object != nullptr ? *object : none, problem};
  return {.path = reader.optional_text("path"),
          .changed = reader.time("changed", false),
          .challenger = reader.optional_text("challenger"),
          .streak = static_cast<unsigned>(reader.integer("streak", 0, 1'000'000'000)),
          .judged = reader.time("judged", false),
          .displaced = reader.optional_text("displaced"),
          .forced = reader.boolean("forced", false),
          .penalty = reader.number("penalty", 0, 0, 1e6),
          .better = static_cast<std::uint64_t>(reader.number("better", 0, 0, 0xffffffff)),
          .against = reader.optional_text("against")};
}

std::uint64_t read_count(ObjectReader& reader, std::string_view name) {
  constexpr auto any = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::uint64_t>(reader.integer(name, 0, any));
}

Result<analyzer::Traffic> read_traffic(const json::object& object) {
  std::string problem;
  ObjectReader reader{object, problem};
  analyzer::Traffic traffic;
  traffic.from = reader.time("from", true).value_or(WallTime{});
  traffic.to = reader.time("to", true).value_or(WallTime{});
  traffic.octets_elsewhere = read_count(reader, "octets_elsewhere");
  for (const auto& source : reader.array("sources")) {
    const auto* const name = source.if_string();
    if (name == nullptr) {
      reader.complain("sources", "an array of text");
      break;
    }
    traffic.sources.emplace_back(name->data(), name->size());
  }
  if (!problem.empty()) return fail(Errc::bad_input, "JSON traffic: " + problem);
  return traffic;
}

Result<analyzer::TrafficRow> read_traffic_row(const json::object& object) {
  std::string problem;
  ObjectReader reader{object, problem};
  analyzer::TrafficRow row;
  const auto prefix = parse_prefix(reader.text("prefix"));
  if (!prefix) reader.complain("prefix", "a prefix");
  row.prefix = prefix.value_or(Prefix{});
  row.asn = Asn{static_cast<std::uint32_t>(reader.number("asn", 0, 0, 0xffffffff))};
  row.country = reader.optional_text("country").value_or("");
  row.region = reader.optional_text("region").value_or("");
  row.packets_to = read_count(reader, "packets_to");
  row.octets_to = read_count(reader, "octets_to");
  row.packets_from = read_count(reader, "packets_from");
  row.octets_from = read_count(reader, "octets_from");
  if (!problem.empty()) return fail(Errc::bad_input, "JSON traffic_row: " + problem);
  return row;
}

// The first line is `traffic`, the others are its rows.
Result<void> take_traffic_line(std::string_view line, std::optional<analyzer::Traffic>& traffic) {
  const auto object = parse_object(line, traffic ? "traffic_row" : "traffic");
  if (!object) return tl::make_unexpected(object.error());
  if (!traffic) {
    auto head = read_traffic(*object);
    if (!head) return tl::make_unexpected(head.error());
    traffic = std::move(*head);
    return {};
  }
  auto row = read_traffic_row(*object);
  if (!row) return tl::make_unexpected(row.error());
  traffic->rows.push_back(std::move(*row));
  return {};
}

}  // namespace

Result<analyzer::Traffic> parse_traffic(std::string_view text) {
  std::optional<analyzer::Traffic> traffic;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (const auto taken = take_traffic_line(text.substr(0, end), traffic); !taken) {
      return fail(taken.error().code, fmt::format("line {}: {}", number, taken.error().message));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (!traffic) return fail(Errc::bad_input, "empty; want lines of type traffic and traffic_row");
  return std::move(*traffic);
}

Result<analyzer::Verdict> parse_verdict(std::string_view text) {
  const auto object = parse_object(text, "verdict");
  if (!object) return tl::make_unexpected(object.error());

  std::string problem;
  ObjectReader reader{*object, problem};
  analyzer::Verdict verdict;
  verdict.traffic_class = reader.text("class");
  verdict.at = reader.time("at", true).value_or(WallTime{});
  const auto ruling = parse_ruling(reader.text("ruling"));
  if (!ruling) reader.complain("ruling", "prefer, keep, insufficient or forbidden");
  verdict.ruling = ruling.value_or(analyzer::Ruling::insufficient);
  verdict.whole = reader.optional_text("whole").value_or("");
  verdict.path = reader.optional_text("path");
  verdict.previous = reader.optional_text("previous");
  verdict.reason = reader.text("reason");
  verdict.gain = reader.duration("gain_ns");
  verdict.gain_low = reader.duration("gain_low_ns");
  verdict.gain_high = reader.duration("gain_high_ns");
  verdict.gain_wanted = reader.duration("gain_wanted_ns");
  verdict.rival = reader.optional_text("rival");
  verdict.streak = static_cast<unsigned>(reader.number("streak", 0, 0, 1e9));
  if (object->contains("chance") && !object->at("chance").is_null()) {
    verdict.chance = reader.number("chance", 0, 0, 1);
  }
  verdict.hold_until = reader.time("hold_until", false);
  for (const auto& each : reader.array("ranking")) {
    verdict.ranking.push_back(read_ranked(each, problem));
  }
  if (!problem.empty()) return fail(Errc::bad_input, "JSON verdict: " + problem);
  return verdict;
}

Result<CountsByKind> parse_counts_by_kind(std::string_view text) {
  boost::system::error_code ec;
  const json::value value = json::parse(text, ec);
  const json::object* object = ec ? nullptr : value.if_object();
  if (object == nullptr) return fail(Errc::bad_input, "JSON counts: want an object");
  CountsByKind counts;
  for (const auto& member : *object) {
    const json::string_view name = member.key();
    const auto* count = member.value().if_int64();
    if (count == nullptr || *count < 0) {
      return fail(Errc::bad_input, fmt::format("JSON counts: \"{}\": want a count",
                                               std::string_view{name.data(), name.size()}));
    }
    counts.emplace(std::string{name.data(), name.size()}, static_cast<std::uint64_t>(*count));
  }
  return counts;
}

Result<FarView> parse_far_view(std::string_view text) {
  boost::system::error_code ec;
  const json::value value = json::parse(text, ec);
  const json::object* object = ec ? nullptr : value.if_object();
  if (object == nullptr) return fail(Errc::bad_input, "JSON far view: want an object");
  FarView far;
  if (object->empty()) return far;
  std::string problem;
  ObjectReader reader{*object, problem};
  if (object->contains("dscp")) far.dscp = static_cast<std::uint8_t>(reader.integer("dscp", 0, 63));
  far.seen_as = reader.optional_text("seen_as").value_or("");
  far.clock = reader.optional_text("clock").value_or("");
  far.counts = reader.boolean("counts");
  if (object->contains("left_late_ns")) {
    constexpr auto any = std::numeric_limits<std::int64_t>::max();
    far.left_late = Nanos{reader.integer("left_late_ns", -any, any)};
  }
  far.left_by = reader.optional_text("left_by").value_or("");
  if (!problem.empty()) return fail(Errc::bad_input, "JSON far view: " + problem);
  return far;
}

Result<Clocks> parse_clocks(std::string_view text) {
  boost::system::error_code ec;
  const json::value value = json::parse(text, ec);
  const json::object* object = ec ? nullptr : value.if_object();
  if (object == nullptr) return fail(Errc::bad_input, "JSON clocks: want an object");
  Clocks clocks;
  if (object->empty()) return clocks;
  std::string problem;
  ObjectReader reader{*object, problem};
  const auto state = parse_clock_state(reader.text("state"));
  if (!state) reader.complain("state", "a clock state");
  clocks.state = state.value_or(ClockState::untold);
  clocks.error = reader.duration("error_ns").value_or(Nanos{});
  clocks.raw_forward = reader.duration("raw_forward_ns");
  clocks.raw_reverse = reader.duration("raw_reverse_ns");
  if (!problem.empty()) return fail(Errc::bad_input, "JSON clocks: " + problem);
  return clocks;
}

Result<analyzer::DecisionMemory> parse_memory(std::string_view text) {
  const auto object = parse_object(text, "memory");
  if (!object) return tl::make_unexpected(object.error());

  std::string problem;
  ObjectReader reader{*object, problem};
  analyzer::DecisionMemory memory;
  for (const auto& member : reader.object("classes")) {
    const boost::json::string_view name = member.key();
    memory.emplace(std::string{name.data(), name.size()}, read_class(member.value(), problem));
  }
  if (!problem.empty()) return fail(Errc::bad_input, "JSON memory: " + problem);
  return memory;
}

}  // namespace strait::exporters
