// SPDX-License-Identifier: Apache-2.0
#include "core/packing.hpp"

#include <algorithm>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filter/zstd.hpp>
#include <catch2/catch.hpp>
#include <random>
#include <utility>
#include <vector>

#include "tests/packed.hpp"

using namespace strait;

namespace {

namespace io = boost::iostreams;
using Octets = std::vector<std::byte>;

// Octets that shrink somewhat.
Octets octets(std::size_t size) {
  std::mt19937 dice{7};
  Octets result(size);
  for (std::byte& each : result) each = static_cast<std::byte>('a' + dice() % 23);
  return result;
}

struct Read {
  Octets octets;
  Result<void> end;
};

Read read_all(OctetInput& input, std::size_t step) {
  Read result;
  Octets room(step);
  for (;;) {
    const auto count = input.read(room);
    if (!count) result.end = tl::make_unexpected(count.error());
    if (count.value_or(0) == 0) return result;
    result.octets.insert(result.octets.end(), room.begin(),
                         room.begin() + static_cast<std::ptrdiff_t>(*count));
  }
}

struct Format {
  Packing packing;
  Octets (*pack)(std::span<const std::byte>);
  std::unique_ptr<OctetInput> (*unpack)(std::unique_ptr<OctetInput>);
};

const Format gzip{
    Packing::gzip,
    [](std::span<const std::byte> plain) { return testing::packed(plain, io::gzip_compressor{}); },
    unpack_gzip};
const Format zstd{
    Packing::zstd,
    [](std::span<const std::byte> plain) { return testing::packed(plain, io::zstd_compressor{}); },
    unpack_zstd};

Read unpacked(const Format& format, std::span<const std::byte> file, std::size_t step = 70'000) {
  auto begun = std::make_unique<BegunInput>(memory_input(file));
  CHECK(begun->packing() == format.packing);
  return read_all(*format.unpack(std::move(begun)), step);
}

// Fails with the reason once it has given what it has.
class Broken final : public OctetInput {
 public:
  explicit Broken(std::span<const std::byte> octets) : octets_{memory_input(octets)} {}
  Result<std::size_t> read(std::span<std::byte> room) override {
    const auto count = octets_->read(room);
    if (*count == 0) return fail(Errc::io, "the disk is gone");
    return count;
  }

 private:
  std::unique_ptr<OctetInput> octets_;
};

TEST_CASE("members that follow one another are unpacked, however little is asked for at a time") {
  const Format& format = GENERATE(std::cref(gzip), std::cref(zstd)).get();
  const Octets plain = octets(300'001);
  Octets file = format.pack(std::span{plain}.first(200'000));
  for (const Octets& more : {format.pack({}), format.pack(std::span{plain}.subspan(200'000))}) {
    file.insert(file.end(), more.begin(), more.end());
  }
  for (const std::size_t step : {std::size_t{1}, std::size_t{777}, std::size_t{1'000'000}}) {
    CAPTURE(step);
    const Read read = unpacked(format, file, step);
    CHECK(read.end.has_value());
    CHECK(read.octets == plain);
  }
}

TEST_CASE("wherever packed data is cut, it is told, and what came before is not lost") {
  const Format& format = GENERATE(std::cref(gzip), std::cref(zstd)).get();
  const Octets plain = octets(3'000);
  const Octets file = format.pack(plain);
  std::size_t most = 0;
  for (std::size_t size = 4; size < file.size(); ++size) {
    const Read read = unpacked(format, std::span{file}.first(size));
    CAPTURE(size);
    REQUIRE_FALSE(read.end);
    CHECK(read.end.error().code == Errc::bad_input);
    CHECK(read.end.error().message == "packed data is damaged: it ends too early");
    CHECK(std::ranges::equal(read.octets, std::span{plain}.first(read.octets.size())));
    CHECK(read.octets.size() >= most);
    most = read.octets.size();
  }
  if (format.packing == Packing::gzip) CHECK(most == plain.size());  // only the trailer was missing
}

TEST_CASE("of a large cut file nearly all comes through") {
  const Format& format = GENERATE(std::cref(gzip), std::cref(zstd)).get();
  const Octets plain = octets(1'000'000);
  const Octets file = format.pack(plain);
  const Read read = unpacked(format, std::span{file}.first(file.size() - 1000));
  REQUIRE_FALSE(read.end);
  CHECK(read.octets.size() > 800'000);  // zstd works by blocks of 128 KiB
  CHECK(std::ranges::equal(read.octets, std::span{plain}.first(read.octets.size())));
}

TEST_CASE("damage is told after what is sound, and so is what follows the last member") {
  const Format& format = GENERATE(std::cref(gzip), std::cref(zstd)).get();
  const Octets plain = octets(1'000'000);
  Octets file = format.pack(plain);
  Octets trailed = file;
  trailed.insert(trailed.end(), 100, std::byte{'X'});
  const Read past = unpacked(format, trailed);
  CHECK(past.octets == plain);
  REQUIRE_FALSE(past.end);
  CHECK(past.end.error().code == Errc::bad_input);

  std::fill(file.begin() + 300'000, file.begin() + 300'200, std::byte{0xff});
  const Read read = unpacked(format, file);
  CHECK(read.octets.size() >= 100'000);
  if (format.packing == Packing::gzip) {  // which ends with a checksum; Boost's zstd has none
    REQUIRE_FALSE(read.end);
    CHECK_THAT(read.end.error().message, Catch::StartsWith("packed data is damaged: "));
  }
}

TEST_CASE("a failure of what is unpacked stays what it is") {
  const Format& format = GENERATE(std::cref(gzip), std::cref(zstd)).get();
  const Octets plain = octets(500'000);
  const Octets file = format.pack(plain);
  const std::size_t given = GENERATE(std::size_t{0}, std::size_t{2}, std::size_t{200'000});
  const auto input = format.unpack(
      std::make_unique<BegunInput>(std::make_unique<Broken>(std::span{file}.first(given))));
  const Read read = read_all(*input, 5'000);
  REQUIRE_FALSE(read.end);
  CHECK(read.end.error().code == Errc::io);
  CHECK(read.end.error().message == "the disk is gone");
  CHECK((given < 3 ? read.octets.empty() : read.octets.size() > 100'000));
}

TEST_CASE("what is not packed comes through as it is, from its first octet on") {
  const Octets plain = octets(GENERATE(0, 1, 4, 5, 100'000));
  BegunInput begun{memory_input(plain)};
  CHECK(begun.packing() == Packing::none);
  const Read read = read_all(begun, 3);
  CHECK(read.end.has_value());
  CHECK(read.octets == plain);
}

}  // namespace
