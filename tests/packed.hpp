// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/iostreams/device/back_inserter.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace strait::testing {

// What a compressor of Boost.Iostreams makes of it: a whole member or frame.
template <class Compressor>
std::vector<std::byte> packed(std::span<const std::byte> plain, const Compressor& compressor) {
  std::string text;
  {
    boost::iostreams::filtering_ostream stream;
    stream.push(compressor);
    stream.push(boost::iostreams::back_inserter(text));
    stream.write(reinterpret_cast<const char*>(plain.data()),
                 static_cast<std::streamsize>(plain.size()));
  }
  const auto bytes = std::as_bytes(std::span{text});
  return {bytes.begin(), bytes.end()};
}

}  // namespace strait::testing
