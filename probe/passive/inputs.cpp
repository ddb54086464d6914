// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/inputs.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <boost/iostreams/categories.hpp>
#include <boost/iostreams/filter/zstd.hpp>
#include <boost/iostreams/filtering_streambuf.hpp>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

namespace strait::probe::passive {
namespace {

namespace io = boost::iostreams;

std::string reason(int code) { return std::generic_category().message(code); }

class FileInput final : public Input {
 public:
  explicit FileInput(int fd) : fd_{fd} {}
  FileInput(const FileInput&) = delete;
  FileInput& operator=(const FileInput&) = delete;
  FileInput(FileInput&&) = delete;
  FileInput& operator=(FileInput&&) = delete;
  ~FileInput() override {
    if (fd_ != STDIN_FILENO) ::close(fd_);
  }
  Result<std::size_t> read(std::span<std::byte> room) override {
    for (;;) {
      const ssize_t count = ::read(fd_, room.data(), room.size());
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) return fail(Errc::io, reason(errno));
    }
  }

 private:
  int fd_;
};

// What tells the packing, and then the rest.
class Begun {
 public:
  explicit Begun(std::unique_ptr<Input> input) : input_{std::move(input)} {
    while (size_ < head_.size()) {
      const auto count = take(std::as_writable_bytes(std::span{head_}).subspan(size_));
      if (count == 0) break;
      size_ += count;
    }
  }
  [[nodiscard]] std::span<const std::uint8_t> head() const { return std::span{head_}.first(size_); }
  [[nodiscard]] const std::string& failure() const { return failure_; }

  std::size_t read(std::span<std::byte> room) {
    if (given_ == size_) return take(room);
    const std::size_t count = std::min(room.size(), size_ - given_);
    std::memcpy(room.data(), head_.data() + given_, count);
    given_ += count;
    return count;
  }

 private:
  std::size_t take(std::span<std::byte> room) {
    if (!failure_.empty()) return 0;
    const auto count = input_->read(room);
    if (!count) failure_ = count.error().message;
    return count.value_or(0);
  }

  std::unique_ptr<Input> input_;
  std::array<std::uint8_t, 4> head_{};
  std::size_t size_ = 0;
  std::size_t given_ = 0;
  std::string failure_;
};

class PlainInput final : public Input {
 public:
  explicit PlainInput(std::shared_ptr<Begun> begun) : begun_{std::move(begun)} {}
  Result<std::size_t> read(std::span<std::byte> room) override {
    const std::size_t count = begun_->read(room);
    if (count == 0 && !begun_->failure().empty()) return fail(Errc::io, begun_->failure());
    return count;
  }

 private:
  std::shared_ptr<Begun> begun_;
};

// RFC 1952. By zlib itself: Boost's filter takes what it has just unpacked with it when the data
// ends too early.
class GzipInput final : public Input {
 public:
  explicit GzipInput(std::shared_ptr<Begun> begun) : begun_{std::move(begun)}, packed_(chunk) {
    constexpr int gzip_only = 16;
    // Not by the macro, which casts as C does.
    const int status = ::inflateInit2_(&stream_, MAX_WBITS + gzip_only, ZLIB_VERSION,
                                       static_cast<int>(sizeof(stream_)));
    if (status != Z_OK) failure_ = "no memory";
  }
  GzipInput(const GzipInput&) = delete;
  GzipInput& operator=(const GzipInput&) = delete;
  GzipInput(GzipInput&&) = delete;
  GzipInput& operator=(GzipInput&&) = delete;
  ~GzipInput() override { ::inflateEnd(&stream_); }

  Result<std::size_t> read(std::span<std::byte> room) override {
    stream_.next_out = reinterpret_cast<Bytef*>(room.data());
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(room.size(), most_at_once));
    const uInt wanted = stream_.avail_out;
    while (stream_.avail_out == wanted && failure_.empty() && go_on()) {
    }
    const std::size_t count = wanted - stream_.avail_out;
    if (count > 0) return count;
    if (!begun_->failure().empty()) return fail(Errc::io, begun_->failure());
    if (!failure_.empty()) return fail(Errc::bad_input, "packed data is damaged: " + failure_);
    return 0;
  }

 private:
  static constexpr std::size_t chunk = 16384;
  static constexpr std::size_t most_at_once = std::size_t{1} << 20U;

  // One step; false at the end, which is a good one unless `failure_` says why.
  bool go_on() {
    if (stream_.avail_in == 0 && !refill()) {
      if (within_) failure_ = "it ends too early";
      return false;
    }
    within_ = true;
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      within_ = false;  // another member may follow (section 2.2)
      ::inflateReset(&stream_);
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      failure_ = stream_.msg == nullptr ? "zlib refuses it" : stream_.msg;
    }
    return failure_.empty();
  }
  bool refill() {
    const std::size_t count = begun_->read(std::as_writable_bytes(std::span{packed_}));
    stream_.next_in = packed_.data();
    stream_.avail_in = static_cast<uInt>(count);
    return count > 0;
  }

  std::shared_ptr<Begun> begun_;
  std::vector<Bytef> packed_;
  z_stream stream_{};
  bool within_ = false;  // a member
  std::string failure_;
};

// A device of Boost.Iostreams; copied by it, so what it reads from is shared.
struct BegunDevice {
  // The names are Boost's.
  using char_type = char;           // NOLINT(readability-identifier-naming)
  using category = io::source_tag;  // NOLINT(readability-identifier-naming)
  std::shared_ptr<Begun> begun;

  std::streamsize read(char* room, std::streamsize size) const {
    const auto octets = std::as_writable_bytes(std::span{room, static_cast<std::size_t>(size)});
    const std::size_t count = begun->read(octets);
    return count == 0 ? -1 : static_cast<std::streamsize>(count);
  }
};

constexpr std::streamsize chunk = 16384;

class PackedInput final : public Input {
 public:
  template <class Filter>
  PackedInput(std::shared_ptr<Begun> begun, const Filter& filter) : begun_{std::move(begun)} {
    stream_.push(filter, chunk);
    stream_.push(BegunDevice{begun_}, chunk);
  }
  Result<std::size_t> read(std::span<std::byte> room) override {
    try {
      // What is unpacked before damage must not be lost with it: not more than one chunk at a time.
      if (stream_.in_avail() <= 0 && stream_.sgetc() == std::char_traits<char>::eof()) {
        if (!begun_->failure().empty()) return fail(Errc::io, begun_->failure());
        return 0;
      }
      const auto size = std::min(stream_.in_avail(), static_cast<std::streamsize>(room.size()));
      return static_cast<std::size_t>(stream_.sgetn(reinterpret_cast<char*>(room.data()), size));
    } catch (const std::exception& error) {
      return fail(Errc::bad_input, std::string{"packed data is damaged: "} + error.what());
    }
  }

 private:
  std::shared_ptr<Begun> begun_;
  io::filtering_streambuf<io::input> stream_;
};

bool begins(std::span<const std::uint8_t> head, std::initializer_list<std::uint8_t> magic) {
  return head.size() >= magic.size() && std::equal(magic.begin(), magic.end(), head.begin());
}

}  // namespace

Result<std::unique_ptr<Input>> open_input(const std::string& file) {
  if (file == "-") return std::make_unique<FileInput>(STDIN_FILENO);
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const int code = errno;
    auto kind = Errc::io;
    if (code == ENOENT) kind = Errc::not_found;
    if (code == EACCES) kind = Errc::no_permission;
    return fail(kind, "open " + file + ": " + reason(code));
  }
  return std::make_unique<FileInput>(fd);
}

std::unique_ptr<Input> unpacked(std::unique_ptr<Input> input) {
  auto begun = std::make_shared<Begun>(std::move(input));
  if (begins(begun->head(), {0x1f, 0x8b})) {  // RFC 1952 section 2.3.1
    return std::make_unique<GzipInput>(std::move(begun));
  }
  if (begins(begun->head(), {0x28, 0xb5, 0x2f, 0xfd})) {  // RFC 8878 section 3.1.1
    return std::make_unique<PackedInput>(std::move(begun), io::zstd_decompressor{});
  }
  return std::make_unique<PlainInput>(std::move(begun));
}

}  // namespace strait::probe::passive
