// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/byte_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "core/octet_input.hpp"
#include "core/packing.hpp"
#include "routes/sources/bzip2.hpp"

namespace strait::routes {
namespace {

constexpr std::size_t block_size = std::size_t{1} << 18U;
constexpr std::size_t blocks_ahead = 8;

// What an input gives, in the words of a source.
class InputSource final : public ByteSource {
 public:
  explicit InputSource(std::unique_ptr<OctetInput> input) : input_{std::move(input)} {}
  std::size_t read(std::span<std::byte> to) override {
    if (!damage_.empty()) return 0;
    const auto count = input_->read(to);
    if (!count) damage_ = count.error().message;
    return count.value_or(0);
  }
  [[nodiscard]] std::string damage() const override { return damage_; }

 private:
  std::unique_ptr<OctetInput> input_;
  std::string damage_;
};

// Blocks on their way from the reading thread to the reader, a few at most.
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

// Gives at most `limit` octets of an input, which a thread of its own reads.
class AheadSource final : public ByteSource {
 public:
  AheadSource(std::unique_ptr<OctetInput> input, std::uint64_t limit)
      : input_{std::move(input)}, limit_{limit} {
    thread_ = std::thread{[this] { queue_.finish(read_ahead()); }};
  }
  AheadSource(const AheadSource&) = delete;
  AheadSource& operator=(const AheadSource&) = delete;
  AheadSource(AheadSource&&) = delete;
  AheadSource& operator=(AheadSource&&) = delete;
  ~AheadSource() override {
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
  std::string read_ahead() {
    std::uint64_t total = 0;
    for (;;) {
      std::vector<std::byte> block(block_size);
      std::size_t filled = 0;
      Result<std::size_t> count = 0;
      while (filled < block.size()) {
        count = input_->read(std::span{block}.subspan(filled));
        if (count.value_or(0) == 0) break;
        filled += *count;
      }
      block.resize(filled);
      total += filled;
      if (total > limit_) return fmt::format("more than {} octets when unpacked", limit_);
      if (filled > 0 && !queue_.push(std::move(block))) return {};
      if (!count) return count.error().message;
      if (*count == 0) return {};
    }
  }

  std::unique_ptr<OctetInput> input_;
  std::uint64_t limit_;
  BlockQueue queue_;
  std::thread thread_;
  std::vector<std::byte> block_;
  std::size_t given_ = 0;
};

std::unique_ptr<ByteSource> unpacked(std::unique_ptr<OctetInput> input, std::uint64_t limit) {
  auto begun = std::make_unique<BegunInput>(std::move(input));
  switch (begun->packing()) {
    case Packing::gzip:
      return std::make_unique<AheadSource>(unpack_gzip(std::move(begun)), limit);
    case Packing::zstd:
      return std::make_unique<AheadSource>(unpack_zstd(std::move(begun)), limit);
    case Packing::bzip2:
      return bzip2_source(std::make_unique<InputSource>(std::move(begun)), limit);
    case Packing::none:
      break;
  }
  return std::make_unique<InputSource>(std::move(begun));
}

}  // namespace

Result<std::unique_ptr<ByteSource>> open_source(const std::string& file) {
  auto input = open_input(file);
  if (!input) return fail(std::move(input));
  return unpacked(std::move(*input), unpacked_limit);
}

std::unique_ptr<ByteSource> memory_source(std::span<const std::byte> octets, std::uint64_t limit) {
  return unpacked(memory_input(octets), limit);
}

}  // namespace strait::routes
