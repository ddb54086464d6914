// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "probe/transport.hpp"

namespace strait::probe {

// Asks the network a few questions over the transport that measures, with flows of its own: each at
// once, and then every `interval` at a moment of its own, in up to three tries. Wraps the transport
// and passes everything on, save what its own few probes bring back. What is asked, and what an
// answer means, its children know. Used by one thread, as the transport is; it goes on in wait().
class SelfTest : public Transport {
 public:
  static constexpr unsigned tries = 3;  // of one round
  static constexpr Nanos try_gap = std::chrono::milliseconds{300};
  // A little more than these take.
  static constexpr Nanos one_round = tries * try_gap + std::chrono::milliseconds{200};
  static constexpr unsigned patience = 3;  // rounds without an answer until an old one is forgotten
  static constexpr Nanos recheck = std::chrono::seconds{30};  // of what fails
  // An answer after this counts no more: it also bounds when a forged one could.
  static constexpr Nanos listening = std::chrono::seconds{3};

  SelfTest(const SelfTest&) = delete;
  SelfTest& operator=(const SelfTest&) = delete;
  SelfTest(SelfTest&&) = delete;
  SelfTest& operator=(SelfTest&&) = delete;
  ~SelfTest() override;  // closes its flows

  // Until no first round is pending, at most for `limit`. Whatever else arrives is dropped: it is
  // for before the first probe.
  void settle(Nanos limit);
  // Grows when something that the children show has changed.
  [[nodiscard]] std::uint64_t changes() const { return changes_; }

  [[nodiscard]] Instant now() const override { return inner_.now(); }
  [[nodiscard]] Result<FlowId> open_flow(const FlowSpec& spec) override {
    return inner_.open_flow(spec);
  }
  void close_flow(FlowId flow) override { inner_.close_flow(flow); }
  [[nodiscard]] std::size_t send(std::span<Departure> burst) override { return inner_.send(burst); }
  [[nodiscard]] std::size_t receive(std::span<Arrival> burst) override;
  void wait(MonoTime until) override;
  void tolerate(Nanos lateness) override { inner_.tolerate(lateness); }
  void expect(MonoTime when) override { inner_.expect(when); }
  [[nodiscard]] std::size_t burst_size() const override { return inner_.burst_size(); }
  // Its own packets are taken out; answers that came too late, or to an earlier round, are ignored
  // under a name of their own.
  [[nodiscard]] TransportCounters counters() override;

 protected:
  struct Settings {
    std::string_view late;  // what answers that came too late are counted as
    Nanos last_wait;        // for answers, from the last try of a round on
    std::uint64_t seed;     // 0: from the system
  };
  struct Question {
    FlowSpec spec;
    FlowId flow = no_flow;
    MonoTime due;                 // of the next try, of giving up, or of the next round
    bool running = false;         // a round is
    MonoTime began;               // it did
    unsigned sent = 0;            // tries of it
    std::uint32_t first_tag = 0;  // of it
    std::uint32_t next_tag = 0;
    MonoTime deaf_from;   // answers to it count until then
    unsigned missed = 0;  // rounds in a row without an answer
    std::string remark;   // why it got no answer
  };
  enum class Attempt : std::uint8_t {
    sent,
    later,
    never,
    over,  // the round is: there is nothing more to ask
  };

  // `inner` outlives it.
  SelfTest(Transport& inner, const Settings& settings);

  // From now on these flows. Where `before` has the index of an old question, that one goes on;
  // each is named once at most.
  void ask_these(std::vector<FlowSpec> flows, std::span<const std::optional<std::size_t>> before,
                 Nanos interval);
  [[nodiscard]] Question& question(std::size_t index) { return questions_[index]; }
  [[nodiscard]] std::size_t questions() const { return questions_.size(); }
  // A try of the question: flow and tags (16 bits, as an echo has them) are filled in here.
  [[nodiscard]] Attempt send_try(std::size_t index, std::span<Departure> probes);
  // The round has its answer: the next one comes after the interval, or sooner if it fails.
  void end(std::size_t index, MonoTime now);
  void note_change() { ++changes_; }
  [[nodiscard]] std::uint64_t random();

 private:
  virtual void begin(std::size_t index) = 0;
  [[nodiscard]] virtual Attempt attempt(std::size_t index) = 0;
  // An answer in time. False: it is none, or to another round, and counted as late.
  [[nodiscard]] virtual bool hear(std::size_t index, const Arrival& arrival) = 0;
  virtual void give_up(std::size_t index) = 0;  // the round has ended without an answer
  [[nodiscard]] virtual bool is_pending(std::size_t index) const = 0;
  [[nodiscard]] virtual bool is_failing(std::size_t index) const = 0;

  void act(std::size_t index, MonoTime now);
  void begin_round(std::size_t index, MonoTime now);
  void end_unanswered(std::size_t index, MonoTime now);
  void step(MonoTime now);
  [[nodiscard]] MonoTime next_due() const;
  [[nodiscard]] bool any_pending() const;
  [[nodiscard]] bool is_mine(FlowId flow) const {
    return flow < mine_.size() && mine_[flow] != nobody;
  }
  [[nodiscard]] std::size_t pass_on(std::span<Arrival> burst);
  void take(const Arrival& arrival);
  void open(std::size_t index);
  void close(Question& question);
  [[nodiscard]] Nanos spread(Nanos around, double low, double high);

  static constexpr std::uint32_t nobody = 0xffffffff;

  Transport& inner_;
  std::string late_;
  Nanos last_wait_;
  std::uint64_t random_;
  Nanos interval_{std::chrono::minutes{5}};
  std::vector<Question> questions_;
  std::vector<std::uint32_t> mine_;  // FlowId to index
  MonoTime next_due_ = MonoTime::max();
  std::uint64_t changes_ = 0;
  std::uint64_t stale_ = 0;  // answers
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

// The first of `count` old things that is `same` and that `claimed` does not have yet.
template <class Same>
[[nodiscard]] std::optional<std::size_t> unclaimed(
    std::span<const std::optional<std::size_t>> claimed, std::size_t count, const Same& same) {
  for (std::size_t i = 0; i < count; ++i) {
    if (same(i) && std::ranges::find(claimed, std::optional{i}) == claimed.end()) return i;
  }
  return std::nullopt;
}

}  // namespace strait::probe
