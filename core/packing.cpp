// SPDX-License-Identifier: Apache-2.0
#include "core/packing.hpp"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace strait {
namespace {

constexpr std::size_t chunk = std::size_t{1} << 16U;

bool begins(std::span<const std::byte> head, std::initializer_list<std::uint8_t> magic) {
  return head.size() >= magic.size() &&
         std::ranges::equal(magic, head.first(magic.size()), {},
                            [](std::uint8_t octet) { return std::byte{octet}; });
}

Result<std::size_t> damaged(const std::string& why) {
  return fail(Errc::bad_input, "packed data is damaged: " + why);
}

// Octets of an input, a chunk at a time, and what went wrong with them.
class PackedOctets {
 public:
  explicit PackedOctets(std::unique_ptr<OctetInput> input)
      : input_{std::move(input)}, buffer_(chunk) {}
  // Empty at the end and after a failure.
  std::span<const std::uint8_t> next() {
    const auto count = input_->read(std::as_writable_bytes(std::span{buffer_}));
    if (!count) failure_ = tl::make_unexpected(count.error());
    return std::span{buffer_}.first(count.value_or(0));
  }
  [[nodiscard]] const Result<void>& failure() const { return failure_; }

 private:
  std::unique_ptr<OctetInput> input_;
  std::vector<std::uint8_t> buffer_;
  Result<void> failure_;
};

// A decoder that is given packed octets and a room, and fills it as far as it can. `Codec` is:
//   bool step(span<const uint8_t>& packed, span<byte>& room)  takes from the front of both; false:
//                                                             it refuses them
//   bool within() const                                       a member or frame has begun, not
//   ended string complaint() const
// Written by hand over the libraries: Boost's filters take what they have just unpacked with them
// when the data ends too early, and the one for zstd does not notice that end.
template <class Codec>
class UnpackedInput final : public OctetInput {
 public:
  explicit UnpackedInput(std::unique_ptr<OctetInput> packed) : packed_{std::move(packed)} {}

  Result<std::size_t> read(std::span<std::byte> room) override {
    std::span<std::byte> left = room;
    while (left.size() == room.size() && !room.empty() && damage_.empty() && go_on(left)) {
    }
    if (left.size() < room.size()) return room.size() - left.size();
    if (!packed_.failure()) return tl::make_unexpected(packed_.failure().error());
    if (!damage_.empty()) return damaged(damage_);
    return 0;
  }

 private:
  // One step; false at the end, which is a good one unless there is damage or a failure.
  bool go_on(std::span<std::byte>& room) {
    if (rest_.empty() && !drained_) {
      rest_ = packed_.next();
      drained_ = rest_.empty();
    }
    const std::size_t before = room.size();
    if (!codec_.step(rest_, room)) damage_ = codec_.complaint();
    // A codec may hold more than there was room for.
    if (!drained_ || room.size() < before) return damage_.empty();
    if (codec_.within() && packed_.failure() && damage_.empty()) damage_ = "it ends too early";
    return false;
  }

  PackedOctets packed_;
  std::span<const std::uint8_t> rest_;
  bool drained_ = false;
  Codec codec_;
  std::string damage_;
};

// RFC 1952.
class GzipCodec {
 public:
  GzipCodec() {
    constexpr int gzip_only = 16;
    // Not by the macro, which casts as C does.
    ready_ = ::inflateInit2_(&stream_, MAX_WBITS + gzip_only, ZLIB_VERSION,
                             static_cast<int>(sizeof(stream_))) == Z_OK;
  }
  GzipCodec(const GzipCodec&) = delete;
  GzipCodec& operator=(const GzipCodec&) = delete;
  GzipCodec(GzipCodec&&) = delete;
  GzipCodec& operator=(GzipCodec&&) = delete;
  ~GzipCodec() { ::inflateEnd(&stream_); }

  bool step(std::span<const std::uint8_t>& packed, std::span<std::byte>& room) {
    if (!ready_) return false;
    if (packed.empty() && !within_) return true;
    // zlib takes its input by a pointer to what is not const, and does not write there.
    stream_.next_in =
        const_cast<Bytef*>(packed.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    stream_.avail_in = static_cast<uInt>(packed.size());
    stream_.next_out = reinterpret_cast<Bytef*>(room.data());
    stream_.avail_out = static_cast<uInt>(std::min(room.size(), most_at_once));
    const uInt out = stream_.avail_out;
    within_ = true;
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    packed = packed.last(stream_.avail_in);
    room = room.subspan(out - stream_.avail_out);
    if (status != Z_STREAM_END) return status == Z_OK || status == Z_BUF_ERROR;
    within_ = false;  // another member may follow (section 2.2)
    return ::inflateReset(&stream_) == Z_OK;
  }
  [[nodiscard]] bool within() const { return within_; }
  [[nodiscard]] std::string complaint() const {
    if (!ready_) return "no memory for zlib";
    return stream_.msg == nullptr ? "zlib refuses it" : stream_.msg;
  }

 private:
  static constexpr std::size_t most_at_once = std::size_t{1} << 20U;

  z_stream stream_{};
  bool ready_ = false;
  bool within_ = false;  // a member
};

// RFC 8878.
class ZstdCodec {
 public:
  bool step(std::span<const std::uint8_t>& packed, std::span<std::byte>& room) {
    if (stream_ == nullptr) return false;
    if (packed.empty() && !within_) return true;
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    ZSTD_outBuffer out{room.data(), room.size(), 0};
    const std::size_t hint = ::ZSTD_decompressStream(stream_.get(), &out, &in);
    packed = packed.subspan(in.pos);
    room = room.subspan(out.pos);
    if (::ZSTD_isError(hint) != 0) {
      complaint_ = ::ZSTD_getErrorName(hint);
      return false;
    }
    within_ = hint != 0;  // 0: a frame is over, and another may follow (section 3.1)
    return true;
  }
  [[nodiscard]] bool within() const { return within_; }
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ::ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ZSTD_DStream, Free> stream_{::ZSTD_createDStream()};
  bool within_ = false;  // a frame
  std::string complaint_ = "no memory for zstd";
};

}  // namespace

BegunInput::BegunInput(std::unique_ptr<OctetInput> input) : input_{std::move(input)} {
  while (size_ < head_.size()) {
    const auto count = input_->read(std::span{head_}.subspan(size_));
    if (!count) failure_ = tl::make_unexpected(count.error());
    if (count.value_or(0) == 0) break;
    size_ += *count;
  }
}

Result<std::size_t> BegunInput::read(std::span<std::byte> room) {
  if (given_ == size_) {
    if (!failure_) return tl::make_unexpected(failure_.error());
    return input_->read(room);
  }
  const std::size_t count = std::min(room.size(), size_ - given_);
  std::memcpy(room.data(), head_.data() + given_, count);
  given_ += count;
  return count;
}

Packing BegunInput::packing() const {
  const auto head = std::span{head_}.first(size_);
  if (begins(head, {0x1f, 0x8b})) return Packing::gzip;              // RFC 1952 section 2.3.1
  if (begins(head, {'B', 'Z', 'h'})) return Packing::bzip2;          // it has no RFC
  if (begins(head, {0x28, 0xb5, 0x2f, 0xfd})) return Packing::zstd;  // RFC 8878 section 3.1.1
  return Packing::none;
}

std::unique_ptr<OctetInput> unpack_gzip(std::unique_ptr<OctetInput> packed) {
  return std::make_unique<UnpackedInput<GzipCodec>>(std::move(packed));
}

std::unique_ptr<OctetInput> unpack_zstd(std::unique_ptr<OctetInput> packed) {
  return std::make_unique<UnpackedInput<ZstdCodec>>(std::move(packed));
}

}  // namespace strait
