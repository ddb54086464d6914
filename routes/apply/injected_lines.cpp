// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/injected_lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "routes/apply/json_fields.hpp"
#include "routes/dialects/exabgp.hpp"
#include "routes/dialects/gobgp_injector.hpp"
#include "routes/dialects/injected.hpp"
#include "routes/sources/attribute_codes.hpp"

namespace strait::routes {
namespace {

template <class Work>
void for_each_line(std::string_view text, const Work& work) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    work(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string numbers(const boost::json::array& values, std::string_view between) {
  std::string text;
  for (const auto& value : values) {
    boost::json::error_code error;
    const auto number = value.to_number<std::uint32_t>(error);
    if (!text.empty()) text += between;
    text += error ? std::string{"none"} : std::to_string(number);
  }
  return text;
}

std::string as_path_in(const boost::json::value& attribute) {
  std::string text;
  for (const auto& segment : array_member(attribute, "as_paths")) {
    if (!text.empty()) text += ',';
    // A set is none of ours: no script has a line like that.
    if (number_member(segment, "segment_type") != 2) text += "segment ";
    text += numbers(array_member(segment, "asns"), ",");
  }
  return text;
}

std::string communities_in(const boost::json::value& attribute) {
  std::string text;
  for (const auto& value : array_member(attribute, "communities")) {
    boost::json::error_code error;
    const auto number = value.to_number<std::uint32_t>(error);
    if (!text.empty()) text += ',';
    text += fmt::format("{}:{}", number >> 16U, number & 0xffffU);
  }
  return text;
}

std::string large_communities_in(const boost::json::value& attribute) {
  std::string text;
  for (const auto& value : array_member(attribute, "value")) {
    if (!text.empty()) text += ',';
    text += fmt::format("{}:{}:{}", number_member(value, "ASN").value_or(0),
                        number_member(value, "LocalData1").value_or(0),
                        number_member(value, "LocalData2").value_or(0));
  }
  return text;
}

// The words of one route, in the order of a script.
struct Words {
  std::string origin, path, hop, med, local_pref, plain, large, strange;

  void read(const boost::json::value& attribute) {
    const auto type = number_member(attribute, "type").value_or(0);
    const auto number = [&](std::string_view name) {
      return std::to_string(number_member(attribute, name).value_or(0));
    };
    switch (type) {
      case code_origin:
        origin = origin_word(static_cast<Origin>(number_member(attribute, "value").value_or(2)));
        break;
      case code_as_path:
        path = as_path_in(attribute);
        break;
      case code_next_hop:
      case code_mp_reach:
        hop = text_member(attribute, "nexthop");
        break;
      case code_med:
        med = number("metric");
        break;
      case code_local_pref:
        local_pref = number("value");
        break;
      case code_communities:
        plain = communities_in(attribute);
        break;
      case code_large:
        large = large_communities_in(attribute);
        break;
      default:
        strange += fmt::format(" attribute {}", type);
    }
  }
  [[nodiscard]] std::string line() const {
    std::string text = "origin " + origin;
    if (!path.empty()) text += " aspath " + path;
    text += " nexthop " + hop;
    if (!med.empty()) text += " med " + med;
    text += fmt::format(" local-pref {} community {}", local_pref, plain);
    if (!large.empty()) text += " large-community " + large;
    return text + strange;
  }
};

}  // namespace

InjectedLines injected_lines(std::string_view script) {
  InjectedLines lines;
  for_each_line(script, [&](std::string_view line) {
    if (line.starts_with(gobgp_add)) lines.emplace(line.substr(gobgp_add.size()));
  });
  return lines;
}

std::vector<Prefix> injected_prefixes(std::string_view text) {
  std::vector<Prefix> prefixes;
  const auto add = [&](std::string_view rest) {
    if (const auto prefix = parse_prefix(rest.substr(0, rest.find(' ')))) {
      prefixes.push_back(*prefix);
    }
  };
  for_each_line(text, [&](std::string_view line) {
    if (line.starts_with(exabgp_route)) add(line.substr(exabgp_route.size()));
    if (!line.starts_with(gobgp_add)) return;
    const auto family = line.find(' ', gobgp_add.size());
    if (family != std::string_view::npos) add(line.substr(family + 1));
  });
  std::ranges::sort(prefixes);
  return prefixes;
}

Result<InjectedLines> injected_in_json(std::string_view json, std::string_view family) {
  const auto document = parse_json(json);
  if (!document) return tl::make_unexpected(document.error());
  InjectedLines lines;
  if (!document->is_object()) return lines;
  for (const auto& [prefix, routes] : document->get_object()) {
    if (!routes.is_array()) continue;
    std::size_t count = 0;
    for (const auto& route : routes.get_array()) {
      Words words;
      for (const auto& attribute : array_member(route, "attrs")) words.read(attribute);
      lines.insert(fmt::format("{} {} {}{}", family, std::string_view{prefix.data(), prefix.size()},
                               words.line(), count++ == 0 ? "" : " again"));
    }
  }
  return lines;
}

}  // namespace strait::routes
