// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/byte_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/iostreams/concepts.hpp>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filter/zstd.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "routes/sources/bzip2.hpp"

namespace strait::routes {
namespace {

namespace io = boost::iostreams;

constexpr std::size_t block_size = std::size_t{1} << 18U;
constexpr std::size_t blocks_ahead = 8;
constexpr std::size_t magic_size = 4;

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> octets) : rest_{octets} {}
  std::size_t read(std::span<std::byte> to) override {
    const std::size_t count = std::min(to.size(), rest_.size());
    std::ranges::copy(rest_.first(count), to.begin());
    rest_ = rest_.subspan(count);
    return count;
  }

 private:
  std::span<const std::byte> rest_;
};

class FileSource final : public ByteSource {
 public:
  FileSource(int descriptor, bool owned) : descriptor_{descriptor}, owned_{owned} {}
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  FileSource(FileSource&&) = delete;
  FileSource& operator=(FileSource&&) = delete;
  ~FileSource() override {
    if (owned_) ::close(descriptor_);
  }
  std::size_t read(std::span<std::byte> to) override {
    ssize_t count = -1;
    do {
      count = ::read(descriptor_, to.data(), to.size());
    } while (count < 0 && errno == EINTR);
    if (count >= 0) return static_cast<std::size_t>(count);
    damage_ = fmt::format("read: {}", std::strerror(errno));
    return 0;
  }
  [[nodiscard]] std::string damage() const override { return damage_; }

 private:
  int descriptor_;
  bool owned_;
  std::string damage_;
};

// Gives back what was looked at, then the rest.
class PeekedSource final : public ByteSource {
 public:
  explicit PeekedSource(std::unique_ptr<ByteSource> rest) : rest_{std::move(rest)} {
    while (seen_ < front_.size()) {
      const std::size_t count = rest_->read(std::span{front_}.subspan(seen_));
      if (count == 0) break;
      seen_ += count;
    }
  }
  [[nodiscard]] std::span<const std::byte> front() const { return std::span{front_}.first(seen_); }
  std::size_t read(std::span<std::byte> to) override {
    if (given_ == seen_) return rest_->read(to);
    const std::size_t count = std::min(to.size(), seen_ - given_);
    std::ranges::copy(std::span{front_}.subspan(given_, count), to.begin());
    given_ += count;
    return count;
  }
  [[nodiscard]] std::string damage() const override { return rest_->damage(); }

 private:
  std::unique_ptr<ByteSource> rest_;
  std::array<std::byte, magic_size> front_{};
  std::size_t seen_ = 0;
  std::size_t given_ = 0;
};

enum class Packing : std::uint8_t { none, gzip, bzip2, zstd };

Packing packing_of(std::span<const std::byte> front) {
  const std::string_view text{reinterpret_cast<const char*>(front.data()), front.size()};
  if (text.starts_with("\x1f\x8b")) return Packing::gzip;
  if (text.starts_with("BZh")) return Packing::bzip2;
  if (text.starts_with("\x28\xb5\x2f\xfd")) return Packing::zstd;
  return Packing::none;
}

// What Boost.Iostreams reads from.
struct SourceDevice : io::source {
  ByteSource* from;
  std::streamsize read(char* to, std::streamsize count) const {
    const std::size_t got =
        from->read(std::as_writable_bytes(std::span{to, static_cast<std::size_t>(count)}));
    return got == 0 ? -1 : static_cast<std::streamsize>(got);
  }
};

// Blocks on their way from the unpacking thread to the reader, a few at most.
class BlockQueue {
 public:
  // False: nobody wants more.
  bool push(std::vector<std::byte> block) {
    std::unique_lock lock{mutex_};
    room_.wait(lock, [&] { return blocks_.size() < blocks_ahead || abandoned_; });
    if (abandoned_) return false;
    blocks_.push_back(std::move(block));
    filled_.notify_one();
    return true;
  }
  void finish(std::string damage) {
    const std::scoped_lock lock{mutex_};
    finished_ = true;
    damage_ = std::move(damage);
    filled_.notify_one();
  }
  // Empty at the end.
  std::vector<std::byte> pop() {
    std::unique_lock lock{mutex_};
    filled_.wait(lock, [&] { return !blocks_.empty() || finished_; });
    if (blocks_.empty()) return {};
    std::vector<std::byte> block = std::move(blocks_.front());
    blocks_.pop_front();
    room_.notify_one();
    return block;
  }
  void abandon() {
    const std::scoped_lock lock{mutex_};
    abandoned_ = true;
    room_.notify_one();
  }
  [[nodiscard]] std::string damage() const {
    const std::scoped_lock lock{mutex_};
    return damage_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::condition_variable filled_;
  std::deque<std::vector<std::byte>> blocks_;
  bool finished_ = false;
  bool abandoned_ = false;
  std::string damage_;
};

class UnpackingSource final : public ByteSource {
 public:
  UnpackingSource(std::unique_ptr<ByteSource> packed, Packing packing, std::uint64_t limit)
      : packed_{std::move(packed)}, limit_{limit} {
    thread_ = std::thread{[this, packing] { queue_.finish(unpack(packing)); }};
  }
  UnpackingSource(const UnpackingSource&) = delete;
  UnpackingSource& operator=(const UnpackingSource&) = delete;
  UnpackingSource(UnpackingSource&&) = delete;
  UnpackingSource& operator=(UnpackingSource&&) = delete;
  ~UnpackingSource() override {
    queue_.abandon();
    thread_.join();
  }
  std::size_t read(std::span<std::byte> to) override {
    if (given_ == block_.size()) {
      block_ = queue_.pop();
      given_ = 0;
    }
    const std::size_t count = std::min(to.size(), block_.size() - given_);
    std::ranges::copy(std::span{block_}.subspan(given_, count), to.begin());
    given_ += count;
    return count;
  }
  [[nodiscard]] std::string damage() const override { return queue_.damage(); }

 private:
  // Runs in the thread; returns why the data ended early, or nothing.
  std::string unpack(Packing packing) {
    std::uint64_t total = 0;
    try {
      io::filtering_istream stream;
      constexpr std::streamsize buffer = 1 << 16;
      if (packing == Packing::gzip) stream.push(io::gzip_decompressor{}, buffer);
      if (packing == Packing::zstd) stream.push(io::zstd_decompressor{}, buffer);
      SourceDevice device;
      device.from = packed_.get();
      stream.push(device, buffer);
      for (;;) {
        std::vector<std::byte> block(block_size);
        const auto count = io::read(stream, reinterpret_cast<char*>(block.data()),
                                    static_cast<std::streamsize>(block.size()));
        if (count <= 0) break;
        block.resize(static_cast<std::size_t>(count));
        total += block.size();
        if (total > limit_) return fmt::format("more than {} octets when unpacked", limit_);
        if (!queue_.push(std::move(block))) break;
      }
    } catch (const std::exception& error) {
      return fmt::format("packed data is damaged: {}", error.what());
    }
    return packed_->damage();
  }

  std::unique_ptr<ByteSource> packed_;
  std::uint64_t limit_;
  BlockQueue queue_;
  std::thread thread_;
  std::vector<std::byte> block_;
  std::size_t given_ = 0;
};

std::unique_ptr<ByteSource> unpacked(std::unique_ptr<ByteSource> source, std::uint64_t limit) {
  auto peeked = std::make_unique<PeekedSource>(std::move(source));
  const Packing packing = packing_of(peeked->front());
  if (packing == Packing::none) return peeked;
  if (packing == Packing::bzip2) return bzip2_source(std::move(peeked), limit);
  return std::make_unique<UnpackingSource>(std::move(peeked), packing, limit);
}

Errc kind_of(int code) {
  if (code == ENOENT) return Errc::not_found;
  return code == EACCES ? Errc::no_permission : Errc::io;
}

}  // namespace

Result<std::unique_ptr<ByteSource>> open_source(const std::string& file) {
  if (file == "-") {
    return unpacked(std::make_unique<FileSource>(STDIN_FILENO, false), unpacked_limit);
  }
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    const int code = errno;
    return fail(kind_of(code), fmt::format("open {}: {}", file, std::strerror(code)));
  }
  return unpacked(std::make_unique<FileSource>(descriptor, true), unpacked_limit);
}

std::unique_ptr<ByteSource> memory_source(std::span<const std::byte> octets, std::uint64_t limit) {
  return unpacked(std::make_unique<MemorySource>(octets), limit);
}

}  // namespace strait::routes
