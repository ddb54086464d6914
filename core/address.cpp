// SPDX-License-Identifier: Apache-2.0
#include "core/address.hpp"

#include <fmt/format.h>

#include <charconv>

namespace strait {
namespace {

template <class Number>
bool parse_number(std::string_view text, Number& value, int base = 10) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  return error == std::errc{} && stop == end && !text.empty();
}

template <class Bytes>
bool same_bits(const Bytes& a, const Bytes& b, std::size_t bits) {
  const std::size_t whole = bits / 8;
  for (std::size_t i = 0; i < whole; ++i) {
    if (a[i] != b[i]) return false;
  }
  const std::size_t rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

template <class Bytes>
bool host_bits_are_zero(const Bytes& bytes, std::size_t length) {
  for (std::size_t bit = length; bit < bytes.size() * 8; ++bit) {
    if (((bytes[bit / 8] >> (7U - bit % 8)) & 1U) != 0U) return false;
  }
  return true;
}

bool host_bits_are_zero(const Address& address, std::size_t length) {
  return address.is_v4() ? host_bits_are_zero(address.to_v4().to_bytes(), length)
                         : host_bits_are_zero(address.to_v6().to_bytes(), length);
}

Result<std::uint8_t> parse_length(std::string_view text, unsigned max) {
  unsigned value = 0;
  if (!parse_number(text, value) || value > max) {
    return fail(Errc::bad_input, fmt::format("prefix length '{}': want 0 to {}", text, max));
  }
  return static_cast<std::uint8_t>(value);
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  boost::system::error_code ec;
  Address address = boost::asio::ip::make_address(std::string{text}, ec);
  if (ec) {
    return fail(
        Errc::bad_input,
        fmt::format("address '{}': want IPv4 such as 192.0.2.1 or IPv6 such as 2001:db8::1", text));
  }
  return address;
}

Result<Prefix> parse_prefix(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) {
    return fail(Errc::bad_input, fmt::format("prefix '{}': no '/'", text));
  }
  const auto network = parse_address(text.substr(0, slash));
  if (!network) return fail(Errc::bad_input, fmt::format("prefix '{}': bad address", text));

  const auto length = parse_length(text.substr(slash + 1), network->is_v4() ? 32 : 128);
  if (!length) return tl::make_unexpected(length.error());
  if (!host_bits_are_zero(*network, *length)) {
    return fail(Errc::bad_input, fmt::format("prefix '{}': host bits are set", text));
  }
  return Prefix{*network, *length};
}

std::string to_string(const Prefix& prefix) {
  return fmt::format("{}/{}", prefix.network.to_string(), prefix.length);
}

bool contains(const Prefix& outer, const Address& address) {
  if (outer.network.is_v4() != address.is_v4()) return false;
  return address.is_v4()
             ? same_bits(outer.network.to_v4().to_bytes(), address.to_v4().to_bytes(), outer.length)
             : same_bits(outer.network.to_v6().to_bytes(), address.to_v6().to_bytes(),
                         outer.length);
}

bool contains(const Prefix& outer, const Prefix& inner) {
  return outer.length <= inner.length && contains(outer, inner.network);
}

Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port) {
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) {
      return fail(Errc::bad_input, fmt::format("endpoint '{}': no ']'", text));
    }
    host = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (!port.empty() && !port.starts_with(':')) {
      return fail(Errc::bad_input, fmt::format("endpoint '{}': want ':PORT' after ']'", text));
    }
  } else if (const auto colon = text.find(':');
             colon != std::string_view::npos && text.rfind(':') == colon) {
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  const auto address = parse_address(host);
  if (!address) return tl::make_unexpected(address.error());
  if (port.empty()) return Endpoint{*address, default_port};

  std::uint16_t number = 0;
  if (!parse_number(port.substr(1), number)) {
    return fail(Errc::bad_input,
                fmt::format("endpoint '{}': port '{}': want 0 to 65535", text, port.substr(1)));
  }
  return Endpoint{*address, number};
}

std::string to_string(const Endpoint& endpoint) {
  return endpoint.address.is_v4()
             ? fmt::format("{}:{}", endpoint.address.to_string(), endpoint.port)
             : fmt::format("[{}]:{}", endpoint.address.to_string(), endpoint.port);
}

Result<MacAddress> parse_mac(std::string_view text) {
  MacAddress mac;
  const auto bad = [&] {
    return fail(Errc::bad_input,
                fmt::format("MAC address '{}': want six octets such as 02:00:5e:10:00:01", text));
  };
  if (text.size() != 17) return bad();
  for (std::size_t i = 0; i < 6; ++i) {
    if (i > 0 && text[i * 3 - 1] != ':') return bad();
    if (!parse_number(text.substr(i * 3, 2), mac.octets[i], 16)) return bad();
  }
  return mac;
}

std::string to_string(const MacAddress& mac) {
  return fmt::format("{:02x}", fmt::join(mac.octets, ":"));
}

}  // namespace strait
