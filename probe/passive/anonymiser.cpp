// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/anonymiser.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstdlib>
#include <vector>

#include "probe/key_file.hpp"

namespace strait::probe::passive {
namespace {

constexpr std::size_t cipher_key_octets = 16;
constexpr unsigned octet_bits = 8;

// Keeps the first `length` bits of `octets`; the others are those of `others`.
template <std::size_t n>
void splice(std::array<unsigned char, n>& octets, unsigned length,
            const std::array<unsigned char, n>& others) {
  for (std::size_t i = 0; i < n; ++i) {
    const auto at = static_cast<unsigned>(i) * octet_bits;
    const unsigned kept = length <= at ? 0 : std::min(length - at, octet_bits);
    const unsigned mask = 0xffU & ~(0xffU >> kept);
    octets.at(i) = static_cast<unsigned char>((octets.at(i) & mask) | (others.at(i) & ~mask));
  }
}

Address cut(const Address& address, std::uint8_t v4, std::uint8_t v6) {
  if (address.is_v4()) {
    auto octets = address.to_v4().to_bytes();
    splice(octets, v4, {});
    return boost::asio::ip::address_v4{octets};
  }
  auto octets = address.to_v6().to_bytes();
  splice(octets, v6, {});
  return boost::asio::ip::address_v6{octets};
}

std::optional<std::uint8_t> length_of(std::string_view text, unsigned most) {
  unsigned value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || value > most) return std::nullopt;
  return static_cast<std::uint8_t>(value);
}

Result<Anonymiser> truncating(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const auto v4 = length_of(text.substr(0, slash), 32);
    const auto v6 = length_of(text.substr(slash + 1), 128);
    if (v4 && v6) return Anonymiser::truncating(*v4, *v6);
  }
  return fail(Errc::bad_input,
              fmt::format("truncate:{}: want the bits of IPv4 and IPv6 that are kept, such as "
                          "truncate:24/48",
                          text));
}

Result<Anonymiser> keyed(const std::string& from) {
  auto key = read_key_octets(from);
  if (!key) return tl::make_unexpected(key.error());
  auto made = Anonymiser::crypto_pan(*key);
  if (!key->empty()) OPENSSL_cleanse(key->data(), key->size());
  if (!made) return fail(made.error().code, fmt::format("key {}: {}", from, made.error().message));
  return made;
}

}  // namespace

void Anonymiser::Free::operator()(evp_cipher_ctx_st* context) const noexcept {
  EVP_CIPHER_CTX_free(context);
}

Anonymiser Anonymiser::truncating(std::uint8_t v4, std::uint8_t v6) {
  Anonymiser made;
  made.v4_ = v4;
  made.v6_ = v6;
  return made;
}

Result<Anonymiser> Anonymiser::crypto_pan(std::span<const std::byte> key) {
  if (key.size() != key_octets) {
    return fail(Errc::bad_input, fmt::format("{} octets: Crypto-PAn wants {}; to make one: (printf "
                                             "hex:; openssl rand -hex {}) > FILE",
                                             key.size(), key_octets, key_octets));
  }
  Anonymiser made;
  made.context_ = Context{EVP_CIPHER_CTX_new()};
  const auto* const octets = reinterpret_cast<const unsigned char*>(key.data());
  EVP_CIPHER_CTX* const context = made.context_.get();
  if (context == nullptr ||
      EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), nullptr, octets, nullptr) != 1 ||
      EVP_CIPHER_CTX_set_padding(context, 0) != 1) {
    return fail(Errc::io, "libcrypto has no AES-128");
  }
  Block pad{};
  std::copy_n(octets + cipher_key_octets, pad.size(), pad.begin());
  made.encrypt(std::span{&pad, 1}, std::span{&made.pad_, 1});
  return made;
}

void Anonymiser::encrypt(std::span<const Block> blocks, std::span<Block> encrypted) {
  int written = 0;
  const auto octets = static_cast<int>(blocks.size() * sizeof(Block));
  const int good = EVP_EncryptUpdate(context_.get(), encrypted.front().data(), &written,
                                     blocks.front().data(), octets);
  // A block cipher on whole blocks in memory has no way to fail; if it does, nothing may be shown.
  if (good != 1 || written != octets) std::abort();
}

// Bit n of the result is bit n of the address, turned over where the cipher says so of the n bits
// before it: the first bit of the block that they begin, filled up with the pad.
template <std::size_t n>
void Anonymiser::mix(std::array<unsigned char, n>& octets) {
  constexpr std::size_t bits = n * octet_bits;
  std::array<Block, bits> blocks{};
  std::array<Block, bits> encrypted{};
  std::array<unsigned char, n> pad{};
  std::copy_n(pad_.begin(), n, pad.begin());
  for (unsigned bit = 0; bit < bits; ++bit) {
    auto head = octets;
    splice(head, bit, pad);
    blocks.at(bit) = pad_;
    std::ranges::copy(head, blocks.at(bit).begin());
  }
  encrypt(blocks, encrypted);
  for (unsigned bit = 0; bit < bits; ++bit) {
    const unsigned turn = encrypted.at(bit).front() >> 7U;
    const unsigned place = octet_bits - 1 - bit % octet_bits;
    octets.at(bit / octet_bits) ^= static_cast<unsigned char>(turn << place);
  }
}

Address Anonymiser::operator()(const Address& address) {
  if (!context_) return cut(address, v4_, v6_);
  if (address.is_v4()) {
    auto octets = address.to_v4().to_bytes();
    mix(octets);
    return boost::asio::ip::address_v4{octets};
  }
  auto octets = address.to_v6().to_bytes();
  mix(octets);
  return boost::asio::ip::address_v6{octets};
}

Prefix Anonymiser::operator()(const Prefix& prefix) {
  const std::uint8_t length = std::min(prefix.length, prefix.network.is_v4() ? v4_ : v6_);
  return {cut((*this)(prefix.network), length, length), length};
}

Result<Anonymiser> make_anonymiser(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    const std::string_view rest = text.substr(colon + 1);
    if (text.substr(0, colon) == "truncate") return truncating(rest);
    if (text.substr(0, colon) == "crypto-pan") return keyed(std::string{rest});
  }
  return fail(
      Errc::bad_input,
      fmt::format("'{}': want truncate:24/48, crypto-pan:FILE or crypto-pan:credential:NAME",
                  text));
}

}  // namespace strait::probe::passive
