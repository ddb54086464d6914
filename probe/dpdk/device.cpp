// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/device.hpp"

#include <algorithm>
#include <utility>

#include "probe/dpdk/options.hpp"

namespace strait::probe::dpdk {
namespace {

// Longer than any sensible time-out of a probe.
constexpr Nanos suspect_time = std::chrono::seconds{5};

}  // namespace

std::string_view to_string(Device::State state) {
  switch (state) {
    case Device::State::up:
      return "up";
    case Device::State::down:
      return "down";
    case Device::State::gone:
      return "gone";
  }
  return "unknown";
}

Device::Device(DpdkPort port, std::string argument)
    : port_{std::make_unique<DpdkPort>(std::move(port))},
      argument_{std::move(argument)},
      name_{device_name(argument_)},
      queues_{port_->queues()},
      mac_{port_->mac()},
      released_(queues_) {
  stations_.reserve(most_stations);
}

Station* Device::find_station(const Vlan& vlan) const {
  const std::size_t count = station_count_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    if (stations_[i]->vlan() == vlan) return stations_[i].get();
  }
  return nullptr;
}

Station& Device::station(const Vlan& vlan, bool stacked_ctags) {
  const std::lock_guard lock{mutex_};
  if (Station* const found = find_station(vlan)) return *found;
  stations_.push_back(std::make_unique<Station>(mac_, vlan, stacked_ctags));
  station_count_.store(stations_.size(), std::memory_order_release);
  return *stations_.back();
}

std::vector<Station*> Device::stations() const {
  std::vector<Station*> all;
  const std::size_t count = station_count_.load(std::memory_order_acquire);
  all.reserve(count);
  for (std::size_t i = 0; i < count; ++i) all.push_back(stations_[i].get());
  return all;
}

bool Device::check(MonoTime now) {
  const State before = state();
  if (before == State::gone) return false;  // until its port is replaced
  State seen = State::up;
  if (port_->is_gone()) {
    seen = State::gone;
  } else if (!port_->link_is_up()) {
    seen = State::down;
  }
  if (seen == before) return false;
  if (seen == State::up) {
    suspect_until_.store((now + suspect_time).time_since_epoch().count());
  } else {
    ++link_losses_;
  }
  state_.store(seen, std::memory_order_release);
  return true;
}

bool Device::all_released() const {
  return std::ranges::all_of(released_, [](const auto& flag) { return flag.load(); });
}

PortCounters Device::counters() {
  const std::lock_guard lock{mutex_};
  if (port_) newest_ = port_->counters();
  return closed_ + newest_;
}

void Device::close_port() {
  const std::lock_guard lock{mutex_};
  closed_ = closed_ + std::exchange(newest_, {});
  port_.reset();
}

void Device::replace_port(DpdkPort port) {
  {
    const std::lock_guard lock{mutex_};
    mac_ = port.mac();
    port_ = std::make_unique<DpdkPort>(std::move(port));
  }
  for (auto& flag : released_) flag.store(false);
  generation_.fetch_add(1, std::memory_order_release);
  state_.store(State::up, std::memory_order_release);
}

}  // namespace strait::probe::dpdk
