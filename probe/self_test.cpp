// SPDX-License-Identifier: Apache-2.0
#include "probe/self_test.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "probe/random.hpp"

namespace strait::probe {
namespace {

// Where a probe cannot leave yet, such as before its next hop is known.
constexpr Nanos retry = std::chrono::milliseconds{50};

}  // namespace

SelfTest::SelfTest(Transport& inner, const Settings& settings)
    : inner_{inner},
      late_{settings.late},
      last_wait_{settings.last_wait},
      random_{settings.seed != 0 ? settings.seed : entropy_word()} {}

SelfTest::~SelfTest() {
  for (Question& question : questions_) close(question);
}

void SelfTest::ask_these(std::vector<FlowSpec> flows,
                         std::span<const std::optional<std::size_t>> before, Nanos interval) {
  interval_ = interval;
  const MonoTime now = inner_.now().mono;
  auto old = std::exchange(questions_, {});
  std::ranges::fill(mine_, nobody);
  std::vector<bool> kept(old.size());
  for (std::size_t i = 0; i < flows.size(); ++i) {
    if (const auto earlier = before[i]) {
      Question& same = old[*earlier];
      kept[*earlier] = true;
      same.due = std::min(same.due, now + interval);  // it may have become shorter
      questions_.push_back(std::move(same));
      continue;
    }
    Question fresh;
    fresh.spec = std::move(flows[i]);
    fresh.due = now;
    questions_.push_back(std::move(fresh));
  }
  for (std::size_t i = 0; i < old.size(); ++i) {
    if (!kept[i]) close(old[i]);
  }
  for (std::size_t i = 0; i < questions_.size(); ++i) open(i);
  next_due_ = next_due();
  ++changes_;
}

void SelfTest::open(std::size_t index) {
  Question& question = questions_[index];
  if (question.flow == no_flow) {
    const auto opened = inner_.open_flow(question.spec);
    if (!opened) {
      question.remark = opened.error().message;
      return;
    }
    question.flow = *opened;
  }
  if (mine_.size() <= question.flow) mine_.resize(question.flow + 1, nobody);
  mine_[question.flow] = static_cast<std::uint32_t>(index);
}

void SelfTest::close(Question& question) {
  if (question.flow == no_flow) return;
  if (question.flow < mine_.size()) mine_[question.flow] = nobody;
  inner_.close_flow(std::exchange(question.flow, no_flow));
}

bool SelfTest::any_pending() const {
  for (std::size_t i = 0; i < questions_.size(); ++i) {
    if (is_pending(i)) return true;
  }
  return false;
}

void SelfTest::settle(Nanos limit) {
  std::vector<Arrival> burst(std::max<std::size_t>(burst_size(), 1));
  const MonoTime end = now().mono + limit;
  while (true) {
    const MonoTime now = inner_.now().mono;
    if (now >= next_due_) step(now);
    if (!any_pending() || now >= end) return;
    inner_.wait(std::min(end, next_due_));
    std::ignore = receive(burst);
  }
}

void SelfTest::wait(MonoTime until) {
  if (next_due_ != MonoTime::max()) {
    if (const MonoTime now = inner_.now().mono; now >= next_due_) step(now);
  }
  inner_.wait(std::min(until, next_due_));
}

MonoTime SelfTest::next_due() const {
  MonoTime next = MonoTime::max();
  for (const Question& question : questions_) next = std::min(next, question.due);
  return next;
}

void SelfTest::step(MonoTime now) {
  for (std::size_t i = 0; i < questions_.size(); ++i) {
    if (questions_[i].due <= now) act(i, now);
  }
  next_due_ = next_due();
}

void SelfTest::act(std::size_t index, MonoTime now) {
  Question& question = questions_[index];
  if (!question.running) begin_round(index, now);
  const bool out_of_time = question.sent == 0 && now >= question.began + tries * try_gap;
  if (question.flow == no_flow || question.sent == tries || out_of_time) {
    end_unanswered(index, now);
    return;
  }
  switch (attempt(index)) {
    case Attempt::sent:
      question.due = now + (question.sent == tries ? last_wait_ : try_gap);
      break;
    case Attempt::later:
      question.due = now + retry;
      break;
    case Attempt::never:
      question.remark = "its probe cannot be sent: no route, or the next hop does not answer";
      question.due = now + retry;
      break;
    case Attempt::over:
      break;
  }
}

void SelfTest::begin_round(std::size_t index, MonoTime now) {
  Question& question = questions_[index];
  question.running = true;
  question.began = now;
  question.sent = 0;
  question.first_tag = question.next_tag;
  question.remark.clear();
  begin(index);
  if (question.flow == no_flow) open(index);
}

SelfTest::Attempt SelfTest::send_try(std::size_t index, std::span<Departure> probes) {
  Question& question = questions_[index];
  std::uint32_t tag = question.next_tag;
  for (Departure& probe : probes) {
    probe.flow = question.flow;
    probe.tag = tag++ & 0xffffU;  // RFC 792: an echo's sequence number has 16 bits
  }
  const MonoTime now = inner_.now().mono;
  const std::size_t taken = inner_.send(probes);
  const auto refused =
      static_cast<std::size_t>(std::ranges::count(probes.first(taken), true, &Departure::refused));
  if (taken > refused) {
    sent_ += taken - refused;
    question.next_tag = tag;
    question.deaf_from = now + listening;
  }
  if (taken < probes.size()) return Attempt::later;
  if (refused > 0) return Attempt::never;
  ++question.sent;
  return Attempt::sent;
}

void SelfTest::end(std::size_t index, MonoTime now) {
  Question& question = questions_[index];
  question.running = false;
  const Nanos usual = is_failing(index) ? std::min(interval_, recheck) : interval_;
  // The first rounds of all begin together; from the second on each has its own time.
  const bool first = question.first_tag == 0;
  question.due = now + (first ? spread(usual, 0.5, 1.0) : spread(usual, 0.9, 1.1));
  next_due_ = next_due();
}

void SelfTest::end_unanswered(std::size_t index, MonoTime now) {
  ++questions_[index].missed;
  give_up(index);
  end(index, now);
}

std::uint64_t SelfTest::random() { return next_random(random_); }

Nanos SelfTest::spread(Nanos around, double low, double high) {
  const double share = static_cast<double>(random() >> 11U) * 0x1p-53;
  const double factor = low + (high - low) * share;
  return Nanos{static_cast<Nanos::rep>(static_cast<double>(around.count()) * factor)};
}

std::size_t SelfTest::receive(std::span<Arrival> burst) {
  while (true) {
    const std::size_t got = inner_.receive(burst);
    const std::size_t left = pass_on(burst.first(got));
    // 0 would say that nothing is waiting.
    if (left > 0 || got == 0) return left;
  }
}

std::size_t SelfTest::pass_on(std::span<Arrival> burst) {
  std::size_t left = 0;
  for (std::size_t i = 0; i < burst.size(); ++i) {
    if (is_mine(burst[i].flow)) {
      take(burst[i]);
      continue;
    }
    if (left != i) burst[left] = burst[i];
    ++left;
  }
  return left;
}

void SelfTest::take(const Arrival& arrival) {
  if (arrival.kind == Arrival::Kind::transmit_stamp) return;
  ++received_;
  const std::uint32_t index = mine_[arrival.flow];
  const Question& question = questions_[index];
  const bool tagged = question.spec.kind == FlowKind::icmp_echo;
  // The tags of this round, on a circle of 16 bits.
  const std::uint32_t since = (arrival.tag - question.first_tag) & 0xffffU;
  const bool earlier = tagged && since >= question.next_tag - question.first_tag;
  const bool late = earlier || question.next_tag == question.first_tag ||
                    arrival.received.mono >= question.deaf_from;
  if (late || !hear(index, arrival)) ++stale_;
}

TransportCounters SelfTest::counters() {
  TransportCounters counters = inner_.counters();
  counters.sent -= std::min(counters.sent, sent_);
  counters.received -= std::min(counters.received, received_);
  if (stale_ > 0) counters.ignored[late_] = stale_;
  return counters;
}

}  // namespace strait::probe
