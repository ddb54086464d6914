// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/unpack.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/iostreams/device/array.hpp>
#include <boost/iostreams/filter/bzip2.hpp>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filtering_stream.hpp>

namespace strait::routes {
namespace {

namespace io = boost::iostreams;

enum class Packing : std::uint8_t { none, gzip, bzip2 };

Packing packing_of(std::span<const std::byte> bytes) {
  const auto at = [&](std::size_t i) { return std::to_integer<unsigned char>(bytes[i]); };
  if (bytes.size() >= 2 && at(0) == 0x1f && at(1) == 0x8b) return Packing::gzip;
  if (bytes.size() >= 3 && at(0) == 'B' && at(1) == 'Z' && at(2) == 'h') return Packing::bzip2;
  return Packing::none;
}

// Reads until the end, the limit or an exception of the library, which is damage in the data.
void drain(io::filtering_istream& stream, std::uint64_t limit, Unpacked& unpacked) {
  std::array<char, 65536> chunk{};
  try {
    while (unpacked.bytes.size() <= limit) {
      const std::streamsize count = io::read(stream, chunk.data(), chunk.size());
      if (count <= 0) return;
      const auto octets = std::as_bytes(std::span{chunk}.first(static_cast<std::size_t>(count)));
      unpacked.bytes.insert(unpacked.bytes.end(), octets.begin(), octets.end());
    }
  } catch (const std::exception& error) {
    unpacked.damage = fmt::format("packed data is damaged: {}", error.what());
  }
}

}  // namespace

Result<Unpacked> unpack(std::span<const std::byte> packed, std::uint64_t limit) {
  Unpacked unpacked;
  const Packing packing = packing_of(packed);
  if (packing == Packing::none) {
    unpacked.bytes.assign(packed.begin(), packed.end());
  } else {
    io::filtering_istream stream;
    if (packing == Packing::gzip) stream.push(io::gzip_decompressor{});
    if (packing == Packing::bzip2) stream.push(io::bzip2_decompressor{});
    stream.push(io::array_source{reinterpret_cast<const char*>(packed.data()), packed.size()});
    drain(stream, limit, unpacked);
  }
  if (unpacked.bytes.size() > limit) {
    return fail(Errc::bad_input, fmt::format("more than {} octets when unpacked", limit));
  }
  return unpacked;
}

}  // namespace strait::routes
