// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "routes/attribute_store.hpp"
#include "routes/model/path_attributes.hpp"

namespace strait::routes {

inline constexpr Asn as_trans{23456};  // RFC 6793 section 9

// Checks the value of an AS_PATH by RFC 7606 section 7.2 and RFC 7607, with AS numbers of two or
// four octets, and puts what decisions look at into `head`. Empty, or what is wrong.
[[nodiscard]] std::string_view read_as_path(std::span<const std::byte> value, bool wide,
                                            AttributeHead& head);

// The segments of a sound AS_PATH; what does not parse ends them.
[[nodiscard]] std::vector<AsSegment> decode_as_path(std::span<const std::byte> value, bool wide);

// AS numbers as octets of AS_PATH, four each.
void encode_as_path(const std::vector<AsSegment>& path, std::vector<std::byte>& octets);

// RFC 4271 section 9.1.2.2 a: a set counts one; RFC 5065 section 5.3: a confederation segment none.
[[nodiscard]] std::size_t length_of(const std::vector<AsSegment>& path);

// RFC 6793 section 4.2.3: the path that a two-octet AS_PATH and an AS4_PATH make together.
[[nodiscard]] std::vector<AsSegment> merge_as4_path(const std::vector<AsSegment>& narrow,
                                                    std::vector<AsSegment> wide);

}  // namespace strait::routes
