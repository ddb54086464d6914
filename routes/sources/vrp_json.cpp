// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/vrp_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

namespace strait::routes {
namespace {

using JsonError = boost::json::error_code;
using JsonText = boost::json::string_view;

constexpr std::size_t most_reasons = 10;
// The years that nanoseconds in 64 bits reach: until 2262.
constexpr std::int64_t last_second = std::numeric_limits<std::int64_t>::max() / 1'000'000'000;

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::optional<Asn> asn_of(std::string_view text) {
  if (text.starts_with("AS") || text.starts_with("as")) text.remove_prefix(2);
  const auto number = whole_number(text);
  if (!number || *number < 0 || *number > std::numeric_limits<std::uint32_t>::max()) {
    return std::nullopt;
  }
  return Asn{static_cast<std::uint32_t>(*number)};
}

WallTime seconds_since_1970(std::int64_t seconds) {
  return WallTime{std::chrono::seconds{std::clamp<std::int64_t>(seconds, 0, last_second)}};
}

// An entry of `roas`, as text: numbers and strings are both in use for the same thing.
struct RoaText {
  std::optional<std::string> asn;
  std::optional<std::string> prefix;
  std::optional<std::string> max_length;
  std::optional<std::string> expires;
};

Result<Vrp> vrp_of(const RoaText& text) {
  const auto bad = [](std::string why) { return fail(Errc::bad_input, std::move(why)); };
  if (!text.asn) return bad("no 'asn'");
  if (!text.prefix) return bad("no 'prefix'");
  const auto asn = asn_of(*text.asn);
  if (!asn) return bad(fmt::format("asn '{}': want an AS number", *text.asn));
  const auto prefix = parse_prefix(*text.prefix);
  if (!prefix) return bad(prefix.error().message);
  // An absent maxLength is the prefix's own (RFC 6482 section 3.3).
  const auto max_length = text.max_length ? whole_number(*text.max_length)
                                          : std::optional<std::int64_t>{prefix->length};
  const std::int64_t most = prefix->network.is_v4() ? 32 : 128;
  if (!max_length || *max_length < prefix->length || *max_length > most) {
    return bad(fmt::format("maxLength '{}' of {}: want {} to {}", text.max_length.value_or(""),
                           *text.prefix, prefix->length, most));
  }
  const auto expires = text.expires ? whole_number(*text.expires) : std::optional<std::int64_t>{0};
  if (!expires || *expires < 0) return bad(fmt::format("expires '{}'", text.expires.value_or("")));
  return Vrp{.prefix = *prefix,
             .max_length = static_cast<std::uint8_t>(*max_length),
             .asn = *asn,
             .expires = *expires};
}

// What Boost.JSON's parser calls for each piece of the text. { "metadata": {}, "roas": [ {} ] }
// is nested 1, 2, 2 and 3 deep.
class VrpHandler {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = 1U << 10U;
  static constexpr std::size_t max_string_size = 1U << 16U;

  VrpFile file;
  bool found = false;     // `roas` was there
  bool too_many = false;  // above most_vrps

  static bool on_document_begin(JsonError& /*error*/) { return true; }
  static bool on_document_end(JsonError& /*error*/) { return true; }
  bool on_object_begin(JsonError& /*error*/) {
    if (++depth_ == 3) roa_ = {};
    return true;
  }
  bool on_object_end(std::size_t /*members*/, JsonError& error) {
    if (depth_-- == 3 && section_ == "roas") finish_roa(error);
    return !error;
  }
  bool on_array_begin(JsonError& /*error*/) {
    if (++depth_ == 2 && section_ == "roas") found = true;
    return true;
  }
  bool on_array_end(std::size_t /*elements*/, JsonError& /*error*/) {
    --depth_;
    return true;
  }
  bool on_key_part(JsonText part, std::size_t /*so_far*/, JsonError& /*error*/) {
    return keep(part);
  }
  bool on_key(JsonText part, std::size_t /*size*/, JsonError& /*error*/) {
    keep(part);
    key_ = std::exchange(text_, {});
    if (depth_ == 1) section_ = key_;
    return true;
  }
  bool on_string_part(JsonText part, std::size_t /*so_far*/, JsonError& /*error*/) {
    return keep(part);
  }
  bool on_string(JsonText part, std::size_t /*size*/, JsonError& /*error*/) {
    keep(part);
    return take_value();
  }
  // A number comes as its text too, in parts where it lies on the border of two blocks.
  bool on_number_part(JsonText part, JsonError& /*error*/) {
    return text_.size() < max_key_size ? keep(part) : true;
  }
  bool on_int64(std::int64_t /*value*/, JsonText part, JsonError& /*error*/) {
    keep(part);
    return take_value();
  }
  bool on_uint64(std::uint64_t /*value*/, JsonText part, JsonError& /*error*/) {
    keep(part);
    return take_value();
  }
  bool on_double(double /*value*/, JsonText part, JsonError& /*error*/) {
    keep(part);
    return take_value();
  }
  bool on_bool(bool value, JsonError& /*error*/) {
    text_ = value ? "true" : "false";
    return take_value();
  }
  static bool on_null(JsonError& /*error*/) { return true; }  // as if it were not there
  static bool on_comment_part(JsonText /*part*/, JsonError& /*error*/) { return true; }
  static bool on_comment(JsonText /*part*/, JsonError& /*error*/) { return true; }

 private:
  bool keep(JsonText part) {
    text_.append(part.data(), part.size());
    return true;
  }

  bool take_value() {
    const std::string value = std::exchange(text_, {});
    if (depth_ == 2 && section_ == "metadata") take_metadata(value);
    if (depth_ == 3 && section_ == "roas") take_roa(value);
    return true;
  }

  void take_metadata(const std::string& value) {
    if (key_ == "generatedTime" || key_ == "buildtime") {
      if (const auto time = parse_wall_time(value)) file.made = *time;
    } else if (key_ == "generated" && !file.made) {
      if (const auto time = whole_number(value)) file.made = seconds_since_1970(*time);
    }
  }

  void take_roa(const std::string& value) {
    if (key_ == "asn") roa_.asn = value;
    if (key_ == "prefix") roa_.prefix = value;
    if (key_ == "maxLength") roa_.max_length = value;
    if (key_ == "expires") roa_.expires = value;
  }

  void finish_roa(JsonError& error) {
    const std::uint64_t index = entries_++;
    const auto vrp = vrp_of(roa_);
    if (vrp) {
      file.vrps.push_back(*vrp);
    } else if (++file.damaged <= most_reasons) {
      file.reasons.push_back(fmt::format("roas[{}]: {}", index, vrp.error().message));
    }
    if (entries_ > most_vrps) {
      too_many = true;
      error = boost::json::error::array_too_large;
    }
  }

  unsigned depth_ = 0;
  std::string section_;  // the key of the outermost object
  std::string key_;
  std::string text_;
  RoaText roa_;
  std::uint64_t entries_ = 0;
};

using VrpParser = boost::json::basic_parser<VrpHandler>;

Error broken(const std::string& name, std::uint64_t offset, const std::string& why) {
  return {Errc::bad_input, fmt::format("VRPs: {}: octet {}: {}", name, offset, why)};
}

}  // namespace

Result<VrpFile> read_vrps(ByteSource& source, const std::string& name) {
  VrpParser parser{boost::json::parse_options{}};
  std::vector<std::byte> block(std::size_t{1} << 18U);
  std::uint64_t offset = 0;
  JsonError error;
  bool more = true;
  while (more) {
    const std::size_t count = source.read(block);
    more = count > 0;
    const std::string_view text{reinterpret_cast<const char*>(block.data()), count};
    const std::size_t used = parser.write_some(more, text.data(), text.size(), error);
    offset += used;
    if (parser.handler().too_many) {
      return tl::make_unexpected(broken(name, offset, fmt::format("above {} VRPs", most_vrps)));
    }
    if (error) return tl::make_unexpected(broken(name, offset, error.message()));
    if (text.find_first_not_of(" \t\r\n", used) != std::string_view::npos) {
      return tl::make_unexpected(broken(name, offset, "something behind the end of the object"));
    }
  }
  if (const std::string damage = source.damage(); !damage.empty()) {
    return tl::make_unexpected(broken(name, offset, damage));
  }
  VrpHandler& handler = parser.handler();
  if (!handler.found) {
    return fail(Errc::bad_input,
                fmt::format("VRPs: {}: want an object with an array 'roas', as rpki-client and "
                            "Routinator write it",
                            name));
  }
  return std::move(handler.file);
}

Result<VrpFile> load_vrps(const std::string& file) {
  const auto source = open_source(file);
  if (!source) return tl::make_unexpected(source.error());
  return read_vrps(**source, file);
}

std::size_t drop_expired(std::vector<Vrp>& vrps, WallTime at) {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
  return std::erase_if(vrps, [&](const Vrp& vrp) { return vrp.expires != 0 && vrp.expires < now; });
}

}  // namespace strait::routes
