// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "core/result.hpp"

struct evp_mac_ctx_st;  // OpenSSL's; only hmac_key.cpp sees its headers

namespace strait::probe {

// HMAC-SHA-256 truncated to 128 bits (RFC 8762 §4.4, RFC 4868), with the state behind the key
// computed beforehand. A copy has a state of its own: one for each thread.
class HmacKey {
 public:
  static constexpr std::size_t tag_size = 16;
  static constexpr std::size_t shortest = 16;
  static constexpr std::size_t longest = 1024;

  // Of `shortest` to `longest` octets.
  [[nodiscard]] static Result<HmacKey> make(std::span<const std::byte> key);

  HmacKey(const HmacKey& other);
  HmacKey& operator=(const HmacKey& other);
  HmacKey(HmacKey&&) noexcept = default;
  HmacKey& operator=(HmacKey&&) noexcept = default;
  ~HmacKey() = default;

  // The tag of both parts, one behind the other, into 16 octets. False only if the library fails.
  [[nodiscard]] bool sign(std::span<const std::byte> first, std::span<const std::byte> second,
                          std::span<std::byte> tag);
  // In constant time. False also if the library fails.
  [[nodiscard]] bool verify(std::span<const std::byte> first, std::span<const std::byte> second,
                            std::span<const std::byte> tag);

  // The same key: told by a tag, the key itself is not kept.
  friend bool operator==(const HmacKey& a, const HmacKey& b) { return a.mark_ == b.mark_; }

 private:
  struct Free {
    void operator()(evp_mac_ctx_st* context) const noexcept;
  };
  using Context = std::unique_ptr<evp_mac_ctx_st, Free>;

  explicit HmacKey(Context context) : context_{std::move(context)} {}

  Context context_;
  std::array<std::byte, tag_size> mark_{};
};

// The key in a file, or, for "credential:NAME", in a credential that systemd passed to the service
// (LoadCredential= of systemd.exec(5)). It is the text of the file without its last line feed, or,
// behind "hex:", the octets that the digits stand for. A file that its group or others can read is
// refused.
[[nodiscard]] Result<HmacKey> read_key(const std::string& from);

}  // namespace strait::probe
