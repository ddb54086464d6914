// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/bzip2.hpp"

#include <algorithm>
#include <boost/iostreams/device/back_inserter.hpp>
#include <boost/iostreams/filter/bzip2.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

using namespace strait;
using namespace strait::routes;

namespace {

namespace io = boost::iostreams;

// Octets that shrink somewhat, and begin and end anywhere.
std::string text_of(std::size_t size, unsigned seed) {
  std::mt19937 dice{seed};
  std::string text(size, '\0');
  for (char& each : text) each = static_cast<char>('a' + dice() % 23);
  return text;
}

std::string packed(const std::string& text, int level) {
  std::string result;
  io::filtering_ostream out;
  out.push(io::bzip2_compressor{io::bzip2_params{level}});
  out.push(io::back_inserter(result));
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.reset();
  return result;
}

struct Read {
  std::string text;
  std::string damage;
};

Read read_all(ByteSource& source, std::size_t step = 70'000) {
  Read result;
  std::vector<std::byte> room(step);
  while (const std::size_t count = source.read(room)) {
    result.text.append(reinterpret_cast<const char*>(room.data()), count);
  }
  result.damage = source.damage();
  return result;
}

Read unpacked(const std::string& octets, std::uint64_t limit = unpacked_limit,
              std::size_t step = 70'000) {
  const auto source = memory_source(std::as_bytes(std::span{octets}), limit);
  return read_all(*source, step);
}

std::vector<Bzip2Piece> pieces_of(const std::string& octets) {
  struct Memory final : ByteSource {
    explicit Memory(std::span<const std::byte> all) : rest{all} {}
    std::size_t read(std::span<std::byte> to) override {
      const std::size_t count = std::min({to.size(), rest.size(), std::size_t{777}});
      std::ranges::copy(rest.first(count), to.begin());
      rest = rest.subspan(count);
      return count;
    }
    std::span<const std::byte> rest;
  };
  Memory memory{std::as_bytes(std::span{octets})};
  Bzip2Splitter splitter{memory};
  std::vector<Bzip2Piece> pieces;
  while (auto piece = splitter.next()) pieces.push_back(std::move(*piece));
  CHECK(splitter.damage().empty());
  return pieces;
}

Read unpacked_pieces(const std::vector<Bzip2Piece>& pieces, unsigned workers) {
  std::size_t next = 0;
  const auto source = unpack_bzip2(
      [&]() -> std::optional<Bzip2Piece> {
        if (next == pieces.size()) return std::nullopt;
        return pieces[next++];
      },
      [] { return std::string{}; }, unpacked_limit, workers);
  return read_all(*source);
}

// The bits [from, to) of a piece as a piece.
Bzip2Piece part(const Bzip2Piece& piece, std::size_t from, std::size_t to) {
  Bzip2Piece result;
  result.level = piece.level;
  result.bits = to - from;
  result.octets.resize((result.bits + 7) / 8);
  for (std::size_t i = from; i < to; ++i) {
    const bool set =
        (piece.octets[i / 8] & (std::byte{0x80} >> static_cast<int>(i % 8))) != std::byte{0};
    if (set) result.octets[(i - from) / 8] |= std::byte{0x80} >> static_cast<int>((i - from) % 8);
  }
  return result;
}

}  // namespace

TEST_CASE("what bzip2 packed is unpacked in order, of one stream or several, by any steps") {
  const std::string one = text_of(1'234'567, 1);
  const std::string two = text_of(300'001, 2);
  for (const int level : {1, 9}) {
    const std::string both = packed(one, level) + packed("", level) + packed(two, level);
    for (const std::size_t step : {std::size_t{1'000}, std::size_t{1} << 20U}) {
      const Read read = unpacked(both, unpacked_limit, step);
      CHECK(read.damage.empty());
      CHECK(read.text == one + two);
    }
  }
  const Read nothing = unpacked(packed("", 9));
  CHECK(nothing.damage.empty());
  CHECK(nothing.text.empty());
}

TEST_CASE("any number of threads gives the same octets") {
  const std::string text = text_of(1'000'000, 3);
  const auto pieces = pieces_of(packed(text, 1));
  CHECK(pieces.size() > 9);
  for (const unsigned workers : {0U, 1U, 2U, 7U}) {
    const Read read = unpacked_pieces(pieces, workers);
    CHECK(read.damage.empty());
    CHECK(read.text == text);
  }
}

TEST_CASE("a block that has the mark of a block by chance is put together again") {
  const std::string text = text_of(500'000, 4);
  auto pieces = pieces_of(packed(text, 1));
  REQUIRE(pieces.size() > 4);
  for (const std::size_t at : {std::size_t{100}, std::size_t{8'000}, std::size_t{123'457}}) {
    auto cut = pieces;
    REQUIRE(cut[2].bits > at);
    const Bzip2Piece whole = cut[2];
    cut[2] = part(whole, 0, at);
    cut.insert(cut.begin() + 3, part(whole, at, whole.bits));
    const Read read = unpacked_pieces(cut, 2);
    CHECK(read.damage.empty());
    CHECK(read.text == text);
  }
}

TEST_CASE("a stream that lacks a block is damaged, even where the others are whole") {
  const std::string text = text_of(500'000, 5);
  auto pieces = pieces_of(packed(text, 1));
  pieces.erase(pieces.begin() + 1);
  CHECK(unpacked_pieces(pieces, 2).damage ==
        "packed data is damaged: blocks of a stream are missing");
}

TEST_CASE("what comes before damage is kept, and the damage is told") {
  const std::string text = text_of(400'000, 6);
  const std::string whole = packed(text, 1);
  const auto is_prefix = [&](const Read& read) { return text.starts_with(read.text); };
  for (const std::size_t size : {std::size_t{4}, std::size_t{5}, std::size_t{30}, whole.size() / 2,
                                 whole.size() - 11, whole.size() - 1}) {
    const Read read = unpacked(whole.substr(0, size));
    CHECK_FALSE(read.damage.empty());
    CHECK(is_prefix(read));
    if (size > whole.size() / 3) CHECK(read.text.size() > 99'000);
  }
  std::string broken = whole;
  broken[broken.size() / 2] = static_cast<char>(broken[broken.size() / 2] ^ 0x10);
  const Read read = unpacked(broken);
  CHECK(read.damage.starts_with("packed data is damaged: "));
  CHECK(is_prefix(read));
  CHECK(read.text.size() > 99'000);
  CHECK(read.text.size() < text.size());
}

TEST_CASE("octets behind the end of a stream are told, and cost nothing of it") {
  const std::string text = text_of(50'000, 7);
  const Read read = unpacked(packed(text, 9) + "rubbish");
  CHECK(read.text == text);
  CHECK(read.damage == "bzip2: octets behind the end of a stream that begin none");
  CHECK(unpacked("BZh9rubbish").damage == "bzip2: a stream that begins with no block");
  CHECK(unpacked("BZh0rubbish").damage ==
        "bzip2: octets behind the end of a stream that begin none");
}

TEST_CASE("no more octets than allowed come out of a small file") {
  const std::string zeros(3'000'000, '\0');
  const Read read = unpacked(packed(zeros, 9), 1'000'000);
  CHECK(read.damage == "more than 1000000 octets when unpacked");
  CHECK(read.text.size() <= 1'000'000);
  std::string endless = packed("x", 9).substr(0, 14);
  endless += text_of(3 << 20, 8);
  CHECK(unpacked(endless).damage == "bzip2: a block of more than 2 MiB");
}
