// SPDX-License-Identifier: Apache-2.0
#include "bench/mrt_table.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <string_view>
#include <vector>

namespace strait::bench {
namespace {

constexpr std::uint32_t taken = 1'764'115'200;
constexpr unsigned origins = 85'000;

// The same numbers each time for a seed.
class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_{seed} {}
  std::uint32_t operator()() { return static_cast<std::uint32_t>(engine_()); }

 private:
  std::mt19937 engine_;
};

// Octets, appended big-endian.
class Writer {
 public:
  Writer& number(std::uint64_t value, unsigned octets) {
    while (octets-- > 0) bytes_ += static_cast<char>(value >> (8 * octets) & 0xffU);
    return *this;
  }
  Writer& text(std::string_view more) {
    bytes_ += more;
    return *this;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  void clear() { bytes_.clear(); }

 private:
  std::string bytes_;
};

void append_record(std::string& to, unsigned type, unsigned subtype, std::string_view body) {
  to += Writer{}.number(taken, 4).number(type, 2).number(subtype, 2).number(body.size(), 4).bytes();
  to += body;
}

std::string attribute(unsigned flags, unsigned code, std::string_view value) {
  return Writer{}.number(flags, 1).number(code, 1).number(value.size(), 1).text(value).bytes();
}

std::uint32_t peer_asn(unsigned peer) { return 64501 + peer; }
std::uint32_t peer_address(unsigned peer) { return 0xc0000201U + 4 * peer; }

// What `peer` says of an origin AS in one of two variants. The same for the same arguments.
std::string attributes_of(unsigned peer, std::uint32_t origin, unsigned variant, bool v6,
                          bool update) {
  Random random{origin * 64 + variant * 32 + peer};
  Writer path;
  const unsigned hops = std::min(8U, 2 + random() % 3 + random() % 3);
  path.number(2, 1).number(hops, 1).number(peer_asn(peer), 4);
  for (unsigned i = 2; i < hops; ++i) path.number(1000 + random() % 70'000, 4);
  path.number(100'000 + origin, 4);
  std::string all = attribute(0x40, 1, Writer{}.number(random() % 20 == 0 ? 2 : 0, 1).bytes()) +
                    attribute(0x40, 2, path.bytes());
  if (!v6) all += attribute(0x40, 3, Writer{}.number(peer_address(peer), 4).bytes());
  if (random() % 3 == 0) all += attribute(0x80, 4, Writer{}.number(random() % 100, 4).bytes());
  Writer communities;
  for (unsigned left = random() % 13; left > 0; --left) {
    communities.number(peer_asn(peer), 2).number(random() % 3000, 2);
  }
  if (!communities.bytes().empty()) all += attribute(0xc0, 8, communities.bytes());
  if (v6 && !update) {
    all += attribute(
        0x80, 14,
        Writer{}.number(16, 1).number(0x20010db8, 4).number(0, 8).number(peer + 1, 4).bytes());
  }
  if (random() % 10 == 0) {
    all += attribute(
        0xc0, 32, Writer{}.number(peer_asn(peer), 4).number(1, 4).number(random() % 9, 4).bytes());
  }
  return all;
}

// Prefixes in order: lengths drawn by weight, one after the other, or inside the one before.
class PrefixWalk {
 public:
  PrefixWalk(std::uint64_t begin, std::uint64_t end, unsigned longest, unsigned count)
      : at_{begin}, end_{end}, longest_{longest}, left_{count} {}

  // The next network, in units of the longest length.
  std::uint64_t next(unsigned length, Random& random) {
    const std::uint64_t size = std::uint64_t{1} << (longest_ - length);
    std::uint64_t network = (at_ + size - 1) / size * size;
    if (network == last_ && length <= last_length_) network += size;
    last_ = network;
    last_length_ = length;
    const bool inside = length < longest_ && random() % 100 < 60;
    at_ = network + (inside ? 0 : size);
    --left_;
    // What is free is spread over the prefixes to come.
    if (!inside && at_ < end_ && left_ > 0) at_ += random() % ((end_ - at_) / left_ / 8 + 1);
    return network;
  }

 private:
  std::uint64_t at_;
  std::uint64_t end_;
  unsigned longest_;
  unsigned left_;
  std::uint64_t last_ = ~std::uint64_t{0};
  unsigned last_length_ = 0;
};

// Length by weight, per thousand: the shape of the tables of 2024.
struct Weight {
  unsigned length;
  unsigned weight;
};
constexpr std::array v4_weights{Weight{24, 600}, Weight{23, 105}, Weight{22, 115}, Weight{21, 53},
                                Weight{20, 47},  Weight{19, 26},  Weight{18, 14},  Weight{17, 9},
                                Weight{16, 13},  Weight{15, 2},   Weight{14, 1},   Weight{24, 15}};
constexpr std::array v6_weights{Weight{48, 480}, Weight{44, 100}, Weight{40, 110}, Weight{36, 60},
                                Weight{32, 170}, Weight{29, 60},  Weight{46, 20}};

template <std::size_t Count>
unsigned draw(const std::array<Weight, Count>& weights, Random& random) {
  unsigned ticket = random() % 1000;
  for (const Weight& each : weights) {
    if (ticket < each.weight) return each.length;
    ticket -= each.weight;
  }
  return weights[0].length;
}

// Entries are made once for each (peer, origin, variant), as routers share attributes.
class Entries {
 public:
  Entries(unsigned peers, bool v6) : peers_{peers}, v6_{v6}, made_(origins * 2UL) {}
  const std::string& of(std::uint32_t origin, unsigned variant) {
    std::string& entries = made_[origin * 2UL + variant];
    if (!entries.empty()) return entries;
    Writer writer;
    for (unsigned peer = 0; peer < peers_; ++peer) {
      const std::string attributes = attributes_of(peer, origin, variant, v6_, false);
      writer.number(peer, 2).number(taken - 3600, 4).number(attributes.size(), 2).text(attributes);
    }
    return entries = writer.bytes();
  }

 private:
  unsigned peers_;
  bool v6_;
  std::vector<std::string> made_;
};

// Neighbouring prefixes often have one origin.
class Origins {
 public:
  std::pair<std::uint32_t, unsigned> next(Random& random) {
    if (left_ == 0) {
      origin_ = random() % origins;
      left_ = 1 + random() % 8;
    }
    --left_;
    return {origin_, random() % 4 == 0 ? 1U : 0U};
  }

 private:
  std::uint32_t origin_ = 0;
  unsigned left_ = 0;
};

void append_family(std::string& to, bool v6, unsigned count, unsigned peers) {
  Random random{v6 ? 6U : 4U};
  const std::uint64_t v6_first = 0x2001ULL << 32U;  // in /48s
  PrefixWalk walk = v6 ? PrefixWalk{v6_first, v6_first << 1U, 48, count}
                       : PrefixWalk{0x010000, 0xe00000, 24, count};
  Entries entries{peers, v6};
  Origins by_turn;
  Writer body;
  for (unsigned i = 0; i < count; ++i) {
    const unsigned length = v6 ? draw(v6_weights, random) : draw(v4_weights, random);
    const std::uint64_t network = walk.next(length, random);
    const unsigned octets = (length + 7) / 8;
    const std::uint64_t shifted = network >> ((v6 ? 48U : 24U) - 8 * octets);
    const auto [origin, variant] = by_turn.next(random);
    body.clear();
    body.number(i, 4).number(length, 1).number(shifted, octets).number(peers, 2);
    body.text(entries.of(origin, variant));
    append_record(to, 13, v6 ? 4 : 2, body.bytes());
  }
}

}  // namespace

std::string make_table(const TableShape& shape) {
  Writer index;
  index.number(0x0a000001, 4).number(0, 2).number(shape.peers, 2);
  for (unsigned peer = 0; peer < shape.peers; ++peer) {
    index.number(2, 1)
        .number(0x0a000002 + peer, 4)
        .number(peer_address(peer), 4)
        .number(peer_asn(peer), 4);
  }
  std::string table;
  append_record(table, 13, 1, index.bytes());
  append_family(table, false, shape.v4, shape.peers);
  append_family(table, true, shape.v6, shape.peers);
  return table;
}

std::string make_updates(const TableShape& shape, unsigned updates) {
  Random random{7};
  std::string all;
  for (unsigned done = 0; done < updates;) {
    const unsigned peer = random() % shape.peers;
    const bool withdrawal = random() % 5 == 0;
    Writer nlri;
    for (unsigned left = std::min(updates - done, 1 + random() % 4); left > 0; --left, ++done) {
      nlri.number(24, 1).number(0x010000 + random() % 0x0d0000, 3);
    }
    const std::string attributes =
        withdrawal ? "" : attributes_of(peer, random() % origins, random() % 2, false, true);
    Writer message;
    const std::size_t length = 23 + nlri.bytes().size() + attributes.size();
    message.number(~std::uint64_t{0}, 8)
        .number(~std::uint64_t{0}, 8)
        .number(length, 2)
        .number(2, 1);
    if (withdrawal) {
      message.number(nlri.bytes().size(), 2).text(nlri.bytes()).number(0, 2);
    } else {
      message.number(0, 2).number(attributes.size(), 2).text(attributes).text(nlri.bytes());
    }
    Writer body;
    body.number(done % 1'000'000, 4);
    body.number(peer_asn(peer), 4).number(64500, 4).number(0, 2).number(1, 2);
    body.number(peer_address(peer), 4).number(0xc0000202, 4).text(message.bytes());
    append_record(all, 17, 4, body.bytes());
  }
  return all;
}

}  // namespace strait::bench
