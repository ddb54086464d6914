// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/address.hpp"
#include "core/result.hpp"

struct evp_cipher_ctx_st;  // OpenSSL's; only anonymiser.cpp sees its headers

namespace strait::probe::passive {

// Puts others in the place of addresses, before anything of them is shown or stored. Not
// thread-safe.
class Anonymiser {
 public:
  static constexpr std::size_t key_octets = 32;

  // Keeps so many bits of an address; the others become 0.
  [[nodiscard]] static Anonymiser truncating(std::uint8_t v4, std::uint8_t v6);
  // Crypto-PAn (Xu, Fan, Ammar, Moon: Prefix-Preserving IP Address Anonymization, ICNP 2002): one
  // to one; two addresses that share exactly their first n bits still do. The key is one of AES-128
  // and 16 octets that become the pad.
  [[nodiscard]] static Result<Anonymiser> crypto_pan(std::span<const std::byte> key);

  [[nodiscard]] Address operator()(const Address& address);
  // The network of the new address; shorter where the address keeps fewer bits.
  [[nodiscard]] Prefix operator()(const Prefix& prefix);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const noexcept;
  };
  using Context = std::unique_ptr<evp_cipher_ctx_st, Free>;
  using Block = std::array<unsigned char, 16>;

  Anonymiser() = default;
  template <std::size_t n>
  void mix(std::array<unsigned char, n>& octets);
  void encrypt(std::span<const Block> blocks, std::span<Block> encrypted);

  std::uint8_t v4_ = 32;  // bits that are kept
  std::uint8_t v6_ = 128;
  Context context_;  // null: truncates
  Block pad_{};
};

// "truncate:24/48" (bits of IPv4 and IPv6 that are kept), "crypto-pan:FILE" or
// "crypto-pan:credential:NAME"; of the key see read_key_octets().
[[nodiscard]] Result<Anonymiser> make_anonymiser(std::string_view text);

}  // namespace strait::probe::passive
