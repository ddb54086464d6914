// SPDX-License-Identifier: Apache-2.0
#include "probe/hmac_key.hpp"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cassert>
#include <string_view>

namespace strait::probe {
namespace {

constexpr std::size_t digest_size = 32;

const unsigned char* octets(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

void HmacKey::Free::operator()(evp_mac_ctx_st* context) const noexcept {
  EVP_MAC_CTX_free(context);
}

Result<HmacKey> HmacKey::make(std::span<const std::byte> key) {
  if (key.size() < shortest || key.size() > longest) {
    return fail(Errc::bad_input, fmt::format("a key of {} octets: want {} to {}, 32 are best",
                                             key.size(), shortest, longest));
  }
  EVP_MAC* const hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  Context context{hmac == nullptr ? nullptr : EVP_MAC_CTX_new(hmac)};
  EVP_MAC_free(hmac);  // the context holds on to it
  std::string name{"SHA256"};
  const std::array parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
      OSSL_PARAM_construct_end()};
  if (!context || EVP_MAC_init(context.get(), octets(key), key.size(), parameters.data()) != 1) {
    return fail(Errc::io, "libcrypto has no HMAC-SHA-256");
  }
  HmacKey made{std::move(context)};
  if (!made.sign({}, {}, made.mark_)) return fail(Errc::io, "libcrypto does not sign");
  return made;
}

HmacKey::HmacKey(const HmacKey& other)
    : context_{other.context_ ? EVP_MAC_CTX_dup(other.context_.get()) : nullptr},
      mark_{other.mark_} {}

HmacKey& HmacKey::operator=(const HmacKey& other) {
  if (this != &other) *this = HmacKey{other};
  return *this;
}

bool HmacKey::sign(std::span<const std::byte> first, std::span<const std::byte> second,
                   std::span<std::byte> tag) {
  assert(tag.size() >= tag_size);
  std::array<unsigned char, digest_size> digest{};
  std::size_t size = 0;
  // Without a key it starts again from the state that the key left.
  if (!context_ || EVP_MAC_init(context_.get(), nullptr, 0, nullptr) != 1) return false;
  if (EVP_MAC_update(context_.get(), octets(first), first.size()) != 1) return false;
  if (!second.empty() && EVP_MAC_update(context_.get(), octets(second), second.size()) != 1) {
    return false;
  }
  if (EVP_MAC_final(context_.get(), digest.data(), &size, digest.size()) != 1) return false;
  const auto bytes = std::as_bytes(std::span{digest}).first(tag_size);
  std::ranges::copy(bytes, tag.begin());
  return size == digest.size();
}

bool HmacKey::verify(std::span<const std::byte> first, std::span<const std::byte> second,
                     std::span<const std::byte> tag) {
  std::array<std::byte, tag_size> right{};
  if (tag.size() != tag_size || !sign(first, second, right)) return false;
  return CRYPTO_memcmp(right.data(), tag.data(), tag_size) == 0;
}

}  // namespace strait::probe
