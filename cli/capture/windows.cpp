// SPDX-License-Identifier: Apache-2.0
#include "cli/capture/windows.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/passive_method.hpp"

namespace strait::cli {
namespace {

namespace passive = probe::passive;

constexpr std::size_t most_sessions = 10'000;
// Several interfaces are read in turns, so packets of one may come that much behind the others'.
constexpr Nanos stragglers = std::chrono::seconds{1};

// They have the same names.
Protocol session_protocol(passive::Method method) {
  const auto known = parse_passive_method(to_string(method));
  assert(known.has_value());
  return protocol_of(known.value_or(PassiveMethod::sequence));
}

}  // namespace

CaptureWindows::CaptureWindows(GroupBy by, Nanos length, StampSource source, Places& places)
    : by_{by}, length_{length}, source_{source}, places_{places} {}

bool CaptureWindows::has_room(Key key) {
  key.slot = 0;
  if (sessions_.contains(key)) return true;
  if (sessions_.size() == most_sessions) return false;
  sessions_.insert(key);
  return true;
}

Window CaptureWindows::begin(const Key& key, const Address& address) {
  Window window;
  window.session.path = places_.paths().name(key.path);
  window.session.target = places_.name(by_, key.place);
  window.session.protocol = session_protocol(key.method);
  window.start = WallTime{length_ * key.slot};
  window.length = length_;
  window.source = source_;
  if (!regions_.contains(window.session.target)) {
    auto region = places_.region_of(address);
    if (!region.empty()) regions_.emplace(window.session.target, std::move(region));
  }
  return window;
}

void CaptureWindows::add(const passive::RoundTrip& trip) {
  if (places_.is_local(trip.answerer.address)) return;
  const Key key{.slot = trip.time.time_since_epoch() / length_,
                .path = trip.path,
                .method = trip.method,
                .place = places_.key(by_, trip.answerer.address)};
  if (key.slot < first_open_slot_) {
    ++late_;
    return;
  }
  auto found = open_.find(key);
  if (found == open_.end()) {
    if (!has_room(key)) {
      ++without_room_;
      return;
    }
    found = open_.emplace(key, begin(key, trip.answerer.address)).first;
  }
  Window& window = found->second;
  window.rtt.record(trip.rtt);
  ++window.counts.scheduled;
  ++window.counts.sent;
  ++window.counts.received;
  if (trip.maybe_delayed) ++window.counts.errors["maybe-delayed"];
}

std::vector<Window> CaptureWindows::close(WallTime now) {
  first_open_slot_ = std::max(first_open_slot_, (now.time_since_epoch() - stragglers) / length_);
  std::vector<Window> closed;
  while (!open_.empty() && open_.begin()->first.slot < first_open_slot_) {
    closed.push_back(std::move(open_.begin()->second));
    open_.erase(open_.begin());
  }
  return closed;
}

std::vector<Window> CaptureWindows::finish() {
  std::vector<Window> closed;
  closed.reserve(open_.size());
  for (auto& [key, window] : open_) closed.push_back(std::move(window));
  open_.clear();
  return closed;
}

std::vector<Window> CaptureWindows::open() const {
  std::vector<Window> windows;
  windows.reserve(open_.size());
  for (const auto& [key, window] : open_) windows.push_back(window);
  return windows;
}

}  // namespace strait::cli
