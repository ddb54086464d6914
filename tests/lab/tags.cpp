// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/tags.hpp"

#include <fmt/format.h>

#include <charconv>

namespace strait::lab {
namespace {

constexpr std::size_t type_at = 12;
constexpr unsigned type_ipv4 = 0x0800;
constexpr unsigned type_arp = 0x0806;
constexpr unsigned type_ctag = 0x8100;
constexpr unsigned type_ipv6 = 0x86dd;
constexpr unsigned type_mpls = 0x8847;
constexpr unsigned type_stag = 0x88a8;

unsigned octet(std::span<const std::byte> frame, std::size_t at) {
  return std::to_integer<unsigned>(frame[at]);
}

unsigned word(std::span<const std::byte> frame, std::size_t at) {
  return octet(frame, at) << 8U | octet(frame, at + 1);
}

void put_word(std::vector<std::byte>& frame, unsigned value) {
  frame.push_back(static_cast<std::byte>(value >> 8U));
  frame.push_back(static_cast<std::byte>(value & 0xffU));
}

bool is_tag(unsigned type) { return type == type_ctag || type == type_stag; }

template <class T>
bool parse_list(std::string_view text, unsigned most, std::vector<T>& list) {
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    unsigned value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + end, value);
    if (error != std::errc{} || stop != text.data() + end || value > most) return false;
    list.push_back(static_cast<T>(value));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return !list.empty();
}

// Where the type of what is behind the tags stands.
std::size_t type_behind_tags(std::span<const std::byte> frame) {
  std::size_t at = type_at;
  while (frame.size() >= at + 6 && is_tag(word(frame, at))) at += 4;
  return at;
}

// To the neighbour itself: ARP, or IPv6 that stays on the link.
bool stays_on_link(std::span<const std::byte> packet, unsigned type) {
  if (type == type_arp) return true;
  if (type != type_ipv6 || packet.size() < 40) return false;
  const bool speaks_to_link =
      octet(packet, 6) == 0 ||
      (octet(packet, 6) == 58 && octet(packet, 7) == 255 && packet.size() > 40 &&
       octet(packet, 40) >= 133 && octet(packet, 40) <= 137);
  return speaks_to_link;
}

// Takes exactly these labels off `packet`; the type of what is left, or 0.
unsigned pop(std::span<const std::byte>& packet, const std::vector<std::uint32_t>& labels) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (packet.size() < 5) return 0;
    const unsigned entry = word(packet, 0) << 16U | word(packet, 2);
    const bool last = (entry & 0x100U) != 0;
    if (entry >> 12U != labels[i] || last != (i + 1 == labels.size())) return 0;
    packet = packet.subspan(4);
  }
  return octet(packet, 0) >> 4U == 4 ? type_ipv4 : type_ipv6;
}

}  // namespace

Result<void> parse_tags(std::string_view word, Tags& tags) {
  const auto equals = word.find('=');
  const auto key = word.substr(0, equals);
  const auto value = equals == word.npos ? std::string_view{} : word.substr(equals + 1);
  const bool good = key == "vlans"  ? parse_list(value, 4094, tags.vlans)
                    : key == "mpls" ? parse_list(value, 0xfffff, tags.labels)
                                    : false;
  if (good) return {};
  return fail(Errc::bad_input, fmt::format("'{}': want vlans=ID,... or mpls=LABEL,...", word));
}

std::vector<std::uint16_t> vlans_of(std::span<const std::byte> frame) {
  std::vector<std::uint16_t> vlans;
  for (std::size_t at = type_at; frame.size() >= at + 6 && is_tag(word(frame, at)); at += 4) {
    vlans.push_back(static_cast<std::uint16_t>(word(frame, at + 2) & 0xfffU));
  }
  return vlans;
}

std::optional<std::vector<std::byte>> stripped(std::span<const std::byte> frame, const Tags& tags) {
  if (frame.size() < type_at + 2) return std::nullopt;
  const std::size_t at = type_behind_tags(frame);
  unsigned type = word(frame, at);
  auto packet = frame.subspan(at + 2);
  if (!tags.labels.empty() && !stays_on_link(packet, type)) {
    if (type != type_mpls) return std::nullopt;
    type = pop(packet, tags.labels);
    if (type == 0) return std::nullopt;
  }
  std::vector<std::byte> plain{frame.begin(), frame.begin() + type_at};
  put_word(plain, type);
  plain.insert(plain.end(), packet.begin(), packet.end());
  return plain;
}

std::vector<std::byte> tagged(std::span<const std::byte> frame, const Tags& tags) {
  std::vector<std::byte> whole{frame.begin(), frame.begin() + type_at};
  for (std::size_t i = 0; i < tags.vlans.size(); ++i) {
    put_word(whole, i + 1 < tags.vlans.size() ? type_stag : type_ctag);
    put_word(whole, tags.vlans[i]);
  }
  whole.insert(whole.end(), frame.begin() + type_at, frame.end());
  return whole;
}

}  // namespace strait::lab
