// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/bzip2.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <boost/iostreams/device/array.hpp>
#include <boost/iostreams/filter/bzip2.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

namespace strait::routes {
namespace {

namespace io = boost::iostreams;

constexpr std::size_t mark_bits = 48;
constexpr std::size_t crc_bits = 32;
constexpr std::uint64_t end_mark = 0x177245385090;
// Runs of one octet shrink before all else: 4 of a run and its length take up to 255. That of
// 900,000 octets is the most that a block can become.
constexpr std::size_t most_unpacked = std::size_t{900'000} / 5 * 259 + 900'000;

void append(std::vector<std::byte>& octets, std::size_t& bits, std::uint64_t value,
            std::size_t count) {
  for (std::size_t i = count; i-- > 0; ++bits) {
    if (bits % 8 == 0) octets.push_back(std::byte{0});
    if ((value >> i & 1U) != 0) octets.back() |= std::byte{0x80} >> static_cast<int>(bits % 8);
  }
}

void append(std::vector<std::byte>& octets, std::size_t& bits, const Bzip2Piece& piece) {
  const std::size_t whole = piece.bits / 8;
  if (bits % 8 == 0) {
    octets.insert(octets.end(), piece.octets.begin(),
                  piece.octets.begin() + static_cast<std::ptrdiff_t>(whole));
    bits += whole * 8;
  } else {
    for (std::size_t i = 0; i < whole; ++i) {
      append(octets, bits, std::to_integer<std::uint64_t>(piece.octets[i]), 8);
    }
  }
  const std::size_t rest = piece.bits % 8;
  if (rest == 0) return;
  append(octets, bits, std::to_integer<std::uint64_t>(piece.octets[whole]) >> (8 - rest), rest);
}

// That of the block, which stands behind its mark.
std::optional<std::uint32_t> crc_of(const Bzip2Piece& piece) {
  if (piece.bits < mark_bits + crc_bits) return std::nullopt;
  std::uint32_t crc = 0;
  for (std::size_t i = mark_bits / 8; i < (mark_bits + crc_bits) / 8; ++i) {
    crc = crc << 8U | std::to_integer<std::uint32_t>(piece.octets[i]);
  }
  return crc;
}

struct Unpacked {
  std::vector<std::byte> octets;
  std::string damage;
};

// The piece as a stream of its own, whose CRC is then that of its only block.
Unpacked unpack(const Bzip2Piece& piece) {
  Unpacked result;
  const auto crc = crc_of(piece);
  if (!crc) return {.octets = {}, .damage = "a block that is too short"};
  std::vector<std::byte> stream{std::byte{'B'}, std::byte{'Z'}, std::byte{'h'}, piece.level};
  stream.reserve(piece.octets.size() + 24);
  std::size_t bits = stream.size() * 8;
  append(stream, bits, piece);
  append(stream, bits, end_mark, mark_bits);
  append(stream, bits, *crc, crc_bits);
  try {
    io::filtering_istream unpacking;
    constexpr std::streamsize buffer = 1 << 16;
    unpacking.push(io::bzip2_decompressor{}, buffer);
    unpacking.push(io::array_source{reinterpret_cast<const char*>(stream.data()), stream.size()},
                   buffer);
    constexpr std::size_t step = std::size_t{1} << 18U;
    for (std::streamsize count = 1; count > 0;) {
      const std::size_t before = result.octets.size();
      result.octets.resize(before + step);
      count = io::read(unpacking, reinterpret_cast<char*>(result.octets.data() + before),
                       static_cast<std::streamsize>(step));
      result.octets.resize(before + static_cast<std::size_t>(std::max<std::streamsize>(count, 0)));
      if (result.octets.size() > most_unpacked) {
        return {.octets = {}, .damage = "a block that becomes longer than one can be"};
      }
    }
  } catch (const std::exception& error) {
    return {.octets = {}, .damage = error.what()};
  }
  return result;
}

Bzip2Piece joined(const Bzip2Piece& one, const Bzip2Piece& other) {
  Bzip2Piece both = one;
  both.octets.resize((one.bits + 7) / 8);
  std::size_t bits = one.bits;
  // The bits behind the last one belong to nobody.
  if (bits % 8 != 0) both.octets.back() &= std::byte{0xff} << static_cast<int>(8 - bits % 8);
  append(both.octets, bits, other);
  both.bits = bits;
  both.stream_crc = other.stream_crc;
  return both;
}

struct Job {
  Bzip2Piece piece;
  Unpacked result;
  bool taken = false;  // by a worker
  bool done = false;
};

class Bzip2Source final : public ByteSource {
 public:
  Bzip2Source(std::function<std::optional<Bzip2Piece>()> next_piece,
              std::function<std::string()> damage, std::uint64_t limit, unsigned workers)
      : next_piece_{std::move(next_piece)}, packed_damage_{std::move(damage)}, limit_{limit} {
    most_jobs_ = std::max(workers, 1U) + std::size_t{2};
    threads_.reserve(workers + std::size_t{1});
    threads_.emplace_back([this](const std::stop_token& stop) { split(stop); });
    for (unsigned i = 0; i < std::max(workers, 1U); ++i) {
      threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    }
  }
  Bzip2Source(const Bzip2Source&) = delete;
  Bzip2Source& operator=(const Bzip2Source&) = delete;
  Bzip2Source(Bzip2Source&&) = delete;
  Bzip2Source& operator=(Bzip2Source&&) = delete;
  ~Bzip2Source() override = default;  // the threads are told to stop, and waited for

  std::size_t read(std::span<std::byte> to) override {
    while (given_ == block_.size() && !over_) take_block();
    const std::size_t count = std::min(to.size(), block_.size() - given_);
    std::ranges::copy(std::span{block_}.subspan(given_, count), to.begin());
    given_ += count;
    return count;
  }
  [[nodiscard]] std::string damage() const override { return damage_; }

 private:
  void split(const std::stop_token& stop) {
    for (;;) {
      auto piece = next_piece_();
      std::unique_lock lock{mutex_};
      if (!piece) break;
      if (!changed_.wait(lock, stop, [&] { return jobs_.size() < most_jobs_; })) return;
      jobs_.push_back({.piece = std::move(*piece), .result = {}});
      changed_.notify_all();
    }
    const std::scoped_lock lock{mutex_};
    all_split_ = true;
    changed_.notify_all();
  }

  void work(const std::stop_token& stop) {
    std::unique_lock lock{mutex_};
    for (;;) {
      const auto waiting = [&] { return std::ranges::find(jobs_, false, &Job::taken); };
      if (!changed_.wait(lock, stop, [&] { return waiting() != jobs_.end(); })) return;
      Job& job = *waiting();  // stays where it is: only the ends of a deque change
      job.taken = true;
      lock.unlock();
      Unpacked result = job.piece.bits > 0 ? unpack(job.piece) : Unpacked{};
      lock.lock();
      job.result = std::move(result);
      job.done = true;
      changed_.notify_all();
    }
  }

  // The next one in order; nothing when there are no more.
  std::optional<Job> pop() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return jobs_.empty() ? all_split_ : jobs_.front().done; });
    if (jobs_.empty()) return std::nullopt;
    std::optional<Job> job{std::move(jobs_.front())};
    jobs_.pop_front();
    changed_.notify_all();
    return job;
  }

  void take_block() {
    block_.clear();
    given_ = 0;
    auto job = pop();
    if (!job) {
      end(packed_damage_());
      return;
    }
    if (!job->result.damage.empty() && !job->piece.stream_crc) {
      if (auto next = pop()) {
        job->piece = joined(job->piece, next->piece);
        job->result = unpack(job->piece);
      }
    }
    if (!job->result.damage.empty()) {
      end(fmt::format("packed data is damaged: {}", job->result.damage));
      return;
    }
    if (job->piece.first) crc_ = 0;
    if (job->piece.bits > 0) crc_ = std::rotl(crc_, 1) ^ crc_of(job->piece).value_or(0);
    total_ += job->result.octets.size();
    if (total_ > limit_) {
      end(fmt::format("more than {} octets when unpacked", limit_));
      return;
    }
    block_ = std::move(job->result.octets);
    if (job->piece.stream_crc && *job->piece.stream_crc != crc_) {
      end("packed data is damaged: blocks of a stream are missing");
    }
  }

  void end(std::string why) {
    over_ = true;
    damage_ = std::move(why);
  }

  std::function<std::optional<Bzip2Piece>()> next_piece_;
  std::function<std::string()> packed_damage_;
  std::uint64_t limit_;
  std::size_t most_jobs_ = 0;

  std::vector<std::byte> block_;
  std::size_t given_ = 0;
  std::uint64_t total_ = 0;
  std::uint32_t crc_ = 0;  // of the stream so far
  bool over_ = false;
  std::string damage_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> jobs_;  // in order
  bool all_split_ = false;
  std::vector<std::jthread> threads_;  // the last member: they use the others
};

}  // namespace

std::unique_ptr<ByteSource> unpack_bzip2(std::function<std::optional<Bzip2Piece>()> next_piece,
                                         std::function<std::string()> damage, std::uint64_t limit,
                                         unsigned workers) {
  return std::make_unique<Bzip2Source>(std::move(next_piece), std::move(damage), limit, workers);
}

std::unique_ptr<ByteSource> bzip2_source(std::unique_ptr<ByteSource> packed, std::uint64_t limit) {
  // More than eight would only use memory: one thread reads what they unpack.
  const unsigned workers = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
  const std::shared_ptr<ByteSource> source{std::move(packed)};
  const auto splitter = std::make_shared<Bzip2Splitter>(*source);
  return unpack_bzip2([source, splitter] { return splitter->next(); },
                      [splitter] { return splitter->damage(); }, limit, workers);
}

}  // namespace strait::routes
