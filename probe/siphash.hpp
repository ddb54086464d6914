// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace strait::probe {

// SipHash-2-4 (Aumasson and Bernstein, 2012) of one or two 64-bit words, little endian.
class SipHash {
 public:
  explicit SipHash(const std::array<std::uint64_t, 2>& key)
      : v0_{key[0] ^ 0x736f6d6570736575},
        v1_{key[1] ^ 0x646f72616e646f6d},
        v2_{key[0] ^ 0x6c7967656e657261},
        v3_{key[1] ^ 0x7465646279746573} {}

  [[nodiscard]] std::uint64_t operator()(std::uint64_t word) {
    absorb(word);
    return finish(8);
  }
  [[nodiscard]] std::uint64_t operator()(std::uint64_t first, std::uint64_t second) {
    absorb(first);
    absorb(second);
    return finish(16);
  }

 private:
  void round() {
    v0_ += v1_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v3_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ += v3_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ += v1_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v2_ = std::rotl(v2_, 32);
  }
  void absorb(std::uint64_t word) {
    v3_ ^= word;
    round();
    round();
    v0_ ^= word;
  }
  std::uint64_t finish(std::uint64_t length) {
    absorb(length << 56);
    v2_ ^= 0xff;
    for (int i = 0; i < 4; ++i) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

  std::uint64_t v0_;
  std::uint64_t v1_;
  std::uint64_t v2_;
  std::uint64_t v3_;
};

}  // namespace strait::probe
