// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/octet_input.hpp"
#include "core/result.hpp"

namespace strait {

enum class Packing : std::uint8_t { none, gzip, bzip2, zstd };

// An input whose first octets have been looked at; it gives them like all others. A failure among
// them comes with the read that meets it.
class BegunInput final : public OctetInput {
 public:
  explicit BegunInput(std::unique_ptr<OctetInput> input);
  Result<std::size_t> read(std::span<std::byte> room) override;
  // By the first octets, whatever the file is called.
  [[nodiscard]] Packing packing() const;

 private:
  std::unique_ptr<OctetInput> input_;
  std::array<std::byte, 4> head_{};
  std::size_t size_ = 0;
  std::size_t given_ = 0;
  Result<void> failure_;
};

// The octets that gzip (RFC 1952) or zstd (RFC 8878) packed, several members or frames one after
// the other too. What comes before damage or an early end is given, then bad_input; a failure of
// `packed` stays what it is.
[[nodiscard]] std::unique_ptr<OctetInput> unpack_gzip(std::unique_ptr<OctetInput> packed);
[[nodiscard]] std::unique_ptr<OctetInput> unpack_zstd(std::unique_ptr<OctetInput> packed);

}  // namespace strait
