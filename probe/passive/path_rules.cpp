// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/path_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

namespace strait::probe::passive {
namespace {

constexpr std::uint32_t last_vlan = 4094;              // IEEE 802.1Q: 4095 is reserved
constexpr std::uint32_t last_label = (1U << 20U) - 1;  // RFC 3032 section 2.1
constexpr std::size_t mac_octets = 6;

std::optional<std::uint32_t> whole_number(std::string_view text) {
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

Result<PathRule> numbered(PathRule::Mark mark, std::string_view text, std::uint32_t least,
                          std::uint32_t most, std::string_view what) {
  const auto number = whole_number(text);
  if (!number || *number < least || *number > most) {
    return fail(Errc::bad_input,
                fmt::format("{} '{}': want a number from {} to {}", what, text, least, most));
  }
  return PathRule{.mark = mark, .number = *number, .mac = {}, .interface = {}};
}

Result<PathRule> of_interface(std::string_view text) {
  PathRule rule{.mark = PathRule::Mark::interface, .number = 0, .mac = {}, .interface = {}};
  if (const auto number = whole_number(text)) {
    rule.number = *number;
  } else if (text.empty()) {
    return fail(Errc::bad_input, "interface '': want a name or a number");
  } else {
    rule.interface = text;
  }
  return rule;
}

Result<PathRule> of_mac(std::string_view text) {
  const auto mac = parse_mac(text);
  if (!mac) return tl::make_unexpected(mac.error());
  return PathRule{.mark = PathRule::Mark::mac, .number = 0, .mac = *mac, .interface = {}};
}

bool has_mac(const CapturedPacket& packet, const MacAddress& mac) {
  if (packet.link != LinkType::ethernet || packet.data.size() < 2 * mac_octets) return false;
  return std::memcmp(packet.data.data(), mac.octets.data(), mac_octets) == 0 ||
         std::memcmp(packet.data.data() + mac_octets, mac.octets.data(), mac_octets) == 0;
}

}  // namespace

Result<PathRule> parse_path_rule(std::string_view text) {
  if (text == "any") return PathRule{};
  const std::size_t colon = text.find(':');
  const std::string_view mark = text.substr(0, colon);
  const std::string_view value =
      colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  if (mark == "interface") return of_interface(value);
  if (mark == "vlan") return numbered(PathRule::Mark::vlan, value, 1, last_vlan, "vlan");
  if (mark == "mpls") return numbered(PathRule::Mark::mpls, value, 1, last_label, "mpls");
  if (mark == "mac") return of_mac(value);
  return fail(Errc::bad_input,
              fmt::format("'{}': want any, interface:NAME, vlan:N, mpls:N or mac:ADDRESS", text));
}

Result<void> PathRules::add(std::string_view path, PathRule rule) {
  auto known = std::ranges::find(names_, path);
  if (known == names_.end()) {
    if (names_.size() + 1 == several_paths) {
      return fail(Errc::bad_input, fmt::format("more than {} paths", several_paths - 1));
    }
    names_.emplace_back(path);
    known = names_.end() - 1;
  }
  rules_.push_back(
      {.rule = std::move(rule), .path = static_cast<PathNumber>(known - names_.begin() + 1)});
  return {};
}

Result<void> PathRules::resolve_interfaces(std::span<const std::string> interfaces) {
  for (Entry& entry : rules_) {
    PathRule& rule = entry.rule;
    if (rule.mark != PathRule::Mark::interface || rule.interface.empty()) continue;
    const auto found = std::ranges::find(interfaces, rule.interface);
    if (found == interfaces.end()) {
      return fail(Errc::bad_input,
                  fmt::format("path {}: interface {} is none of those that are captured on{}",
                              name(entry.path), rule.interface,
                              interfaces.empty() ? "; in files they have numbers" : ""));
    }
    rule.number = static_cast<std::uint32_t>(found - interfaces.begin());
    rule.interface.clear();
  }
  return {};
}

bool PathRules::fits(const PathRule& rule, const CapturedPacket& packet, const Decoded& decoded) {
  switch (rule.mark) {
    case PathRule::Mark::interface:
      return rule.number == packet.interface;
    case PathRule::Mark::vlan:
      return rule.number == decoded.vlan;
    case PathRule::Mark::mpls:
      return rule.number == decoded.mpls_label;
    case PathRule::Mark::mac:
      return has_mac(packet, rule.mac);
    case PathRule::Mark::any:
      break;
  }
  return true;
}

PathNumber PathRules::of(const CapturedPacket& packet, const Decoded& decoded) const {
  for (const Entry& entry : rules_) {
    if (fits(entry.rule, packet, decoded)) return entry.path;
  }
  return no_path;
}

std::string_view PathRules::name(PathNumber number) const {
  if (number == several_paths) return "several";
  if (number == no_path || number > names_.size()) return "none";
  return names_[number - 1U];
}

}  // namespace strait::probe::passive
