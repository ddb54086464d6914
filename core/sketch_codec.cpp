// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "core/sketch.hpp"
#include "core/sketch_index.hpp"

namespace strait {
namespace {

__extension__ using Wide = unsigned __int128;
__extension__ using SignedWide = __int128;

constexpr std::uint8_t version = 1;
// Far beyond any number of probes, so that the sum of some sketches still fits 64 bits.
constexpr std::uint64_t max_total = std::uint64_t{1} << 62U;

constexpr Wide zigzag(SignedWide value) {
  return (static_cast<Wide>(value) << 1U) ^ static_cast<Wide>(value >> 127U);
}

constexpr SignedWide unzigzag(Wide value) {
  return static_cast<SignedWide>((value >> 1U) ^ (Wide{0} - (value & 1U)));
}

void put_varint(std::vector<std::byte>& out, Wide value) {
  for (; value >= 0x80U; value >>= 7U)
    out.push_back(static_cast<std::byte>((value & 0x7fU) | 0x80U));
  out.push_back(static_cast<std::byte>(value));
}

void put_signed(std::vector<std::byte>& out, SignedWide value) { put_varint(out, zigzag(value)); }

using Bucket = Sketch::Bucket;
using Run = std::span<const Bucket>;  // buckets with adjacent keys

std::vector<Run> runs(Run buckets) {
  std::vector<Run> result;
  while (!buckets.empty()) {
    const auto gap = std::ranges::adjacent_find(
        buckets, [](const Bucket& a, const Bucket& b) { return b.key != a.key + 1; });
    const auto size = static_cast<std::size_t>(gap - buckets.begin()) +
                      static_cast<std::size_t>(gap != buckets.end());
    result.push_back(buckets.first(size));
    buckets = buckets.subspan(size);
  }
  return result;
}

void put_buckets(std::vector<std::byte>& out, Run buckets) {
  const std::vector<Run> all = runs(buckets);
  put_varint(out, all.size());
  std::int32_t key = 0;
  std::uint64_t count = 0;
  for (const Run& run : all) {
    put_signed(out, run.front().key - key);
    put_varint(out, run.size() - 1);
    for (const Bucket& bucket : run) {
      put_signed(out, static_cast<SignedWide>(bucket.count) - static_cast<SignedWide>(count));
      count = bucket.count;
    }
    key = run.back().key;
  }
}

}  // namespace

std::vector<std::byte> encode(const Sketch& sketch) {
  std::vector<std::byte> out{std::byte{version}, static_cast<std::byte>(sketch.schema_)};
  put_varint(out, sketch.zero_);
  put_varint(out, sketch.negative_);
  put_buckets(out, sketch.buckets());
  if (sketch.empty()) return out;
  put_signed(out, sketch.min_);
  put_varint(out, static_cast<Wide>(static_cast<SignedWide>(sketch.max_) - sketch.min_));
  put_signed(out, sketch.sum_);
  return out;
}

// Reads field by field and checks each against those before it; the first that cannot be is kept in
// error_, and nothing after it is read.
class SketchDecoder {
 public:
  explicit SketchDecoder(std::span<const std::byte> bytes) : bytes_{bytes} {}

  Result<Sketch> decode() {
    if (read_header() && read_buckets() && (total_ == 0 || read_extremes()) && read_end()) {
      return finished();
    }
    return fail(Errc::bad_input,
                fmt::format("sketch: octet {} of {}: {}", field_, bytes_.size(), error_));
  }

 private:
  bool refuse(std::string what) {
    error_ = std::move(what);
    return false;
  }

  // One field of the form that put_varint writes, at most `max`.
  bool read(Wide& value, Wide max, const char* name) {
    field_ = next_;
    value = 0;
    for (unsigned shift = 0;; shift += 7) {
      if (next_ == bytes_.size()) return refuse(fmt::format("{} is cut short", name));
      const auto octet = std::to_integer<unsigned>(bytes_[next_++]);
      const Wide bits = octet & 0x7fU;
      if (shift > 126 || bits > (max >> shift)) return refuse(fmt::format("{} is too large", name));
      value |= bits << shift;
      if ((octet & 0x80U) != 0) continue;
      if (octet == 0 && shift != 0) return refuse(fmt::format("{} has needless octets", name));
      return value <= max || refuse(fmt::format("{} is too large", name));
    }
  }

  bool read_signed(SignedWide& value, SignedWide limit, const char* name) {
    Wide raw = 0;
    if (!read(raw, zigzag(-limit - 1), name)) return false;
    value = unzigzag(raw);
    return true;
  }

  bool read_header() {
    Wide value = 0;
    if (!read(value, 0x7f, "version")) return false;
    if (value != version) {
      return refuse(fmt::format("version {}, want {}", static_cast<unsigned>(value), version));
    }
    if (!read(value, Sketch::max_schema, "schema")) return false;
    sketch_ = Sketch{static_cast<int>(value)};
    if (!read(value, max_total, "zero count")) return false;
    sketch_.zero_ = total_ = static_cast<std::uint64_t>(value);
    if (!read(value, sketch_.zero_, "negative count (a part of the zero count)")) return false;
    sketch_.negative_ = static_cast<std::uint64_t>(value);
    return true;
  }

  bool read_buckets() {
    Wide count = 0;
    if (!read(count, key_range(), "number of runs")) return false;
    for (; count != 0; --count) {
      if (!read_run()) return false;
    }
    return true;
  }

  bool read_run() {
    SignedWide step = 0;
    if (!read_signed(step, SignedWide{key_range()} * 2, "first key of a run")) return false;
    const bool first = buckets_.empty();
    const SignedWide key = first ? step : buckets_.back().key + step;
    if (!first && step < 2) return refuse("a run does not begin after the one before it");
    if (key < sketch_index::lowest_key(sketch_.schema_) || key > highest_key()) {
      return refuse(fmt::format("no key of schema {}", sketch_.schema_));
    }
    Wide more = 0;
    if (!read(more, static_cast<Wide>(highest_key() - key), "length of a run")) return false;
    for (std::int32_t i = 0; i <= static_cast<std::int32_t>(more); ++i) {
      if (!read_count(static_cast<std::int32_t>(key) + i)) return false;
    }
    return true;
  }

  bool read_count(std::int32_t key) {
    SignedWide step = 0;
    if (!read_signed(step, max_total, "count")) return false;
    const SignedWide count =
        step + (buckets_.empty() ? 0 : static_cast<SignedWide>(buckets_.back().count));
    if (count <= 0) return refuse(fmt::format("count of bucket {} is not positive", key));
    if (count > static_cast<SignedWide>(max_total - total_))
      return refuse("counts add up to more than 2^62");
    if (highest(key) <= highest(key - 1)) {
      return refuse(fmt::format("bucket {} holds no whole nanosecond", key));
    }
    buckets_.push_back({key, static_cast<std::uint64_t>(count)});
    total_ += buckets_.back().count;
    return true;
  }

  bool read_extremes() {
    constexpr SignedWide limit = std::numeric_limits<std::int64_t>::max();
    SignedWide min = 0;
    if (!read_signed(min, limit, "minimum")) return false;
    if (!is_minimum(static_cast<std::int64_t>(min)))
      return refuse("minimum is not in the lowest bucket");
    Wide width = 0;
    if (!read(width, static_cast<Wide>(limit - min), "maximum")) return false;
    const SignedWide max = min + static_cast<SignedWide>(width);
    if (!is_maximum(static_cast<std::int64_t>(max)))
      return refuse("maximum is not in the highest bucket");
    if (total_ == 1 && min != max) return refuse("one value, but minimum and maximum differ");
    sketch_.min_ = static_cast<std::int64_t>(min);
    sketch_.max_ = static_cast<std::int64_t>(max);
    return read_sum();
  }

  [[nodiscard]] bool is_minimum(std::int64_t min) const {
    if (sketch_.negative_ != 0) return min < 0;
    if (sketch_.zero_ != 0) return min == 0;
    return min > 0 && Sketch::key_of(Nanos{min}, sketch_.schema_) == buckets_.front().key;
  }

  [[nodiscard]] bool is_maximum(std::int64_t max) const {
    if (!buckets_.empty()) {
      return max > 0 && Sketch::key_of(Nanos{max}, sketch_.schema_) == buckets_.back().key;
    }
    return sketch_.zero_ == sketch_.negative_ ? max < 0 : max == 0;
  }

  bool read_sum() {
    constexpr SignedWide limit = static_cast<SignedWide>(1) << 125U;  // 2^62 values of 2^63 ns
    SignedWide sum = 0;
    if (!read_signed(sum, limit, "sum")) return false;
    const SignedWide min = sketch_.min_;
    const SignedWide max = sketch_.max_;
    SignedWide least = min * sketch_.negative_;
    SignedWide most = std::min<SignedWide>(max, -1) * sketch_.negative_;
    for (const Bucket& bucket : buckets_) {
      least += std::max(highest(bucket.key - 1) + 1, min) * bucket.count;
      most += std::min(highest(bucket.key), max) * bucket.count;
    }
    if (sum < least || sum > most) return refuse("sum is not one that these buckets allow");
    sketch_.sum_ = sum;
    return true;
  }

  bool read_end() {
    field_ = next_;
    return next_ == bytes_.size() || refuse("more octets than the sketch needs");
  }

  Sketch finished() {
    sketch_.count_ = total_;
    if (!buckets_.empty()) sketch_.cover(buckets_.front().key, buckets_.back().key);
    for (const Bucket& bucket : buckets_) sketch_.add(bucket.key, bucket.count);
    return std::move(sketch_);
  }

  [[nodiscard]] SignedWide highest(std::int32_t key) const {
    return sketch_index::upper_bound(key, sketch_.schema_);
  }
  [[nodiscard]] std::int32_t highest_key() const {
    return sketch_index::highest_key(sketch_.schema_);
  }
  [[nodiscard]] std::uint32_t key_range() const {
    return static_cast<std::uint32_t>(highest_key() - sketch_index::lowest_key(sketch_.schema_) +
                                      1);
  }

  std::span<const std::byte> bytes_;
  std::size_t next_ = 0;
  std::size_t field_ = 0;  // where the field that is being read begins
  std::string error_;
  Sketch sketch_;
  std::uint64_t total_ = 0;
  std::vector<Bucket> buckets_;
};

Result<Sketch> decode_sketch(std::span<const std::byte> bytes) {
  return SketchDecoder{bytes}.decode();
}

}  // namespace strait
