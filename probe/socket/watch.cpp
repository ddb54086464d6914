// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/watch.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <iterator>

#include "probe/socket/channel.hpp"

namespace strait::probe::kernel {
namespace {

constexpr std::size_t most_polled = 8;
constexpr std::size_t most_events = 64;

timespec to_timespec(Nanos time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  return {.tv_sec = whole.count(), .tv_nsec = (time - whole).count()};
}

}  // namespace

Result<Watch> Watch::open() {
  Fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  if (!epoll.is_open())
    return fail(Errc::io, fmt::format("make an epoll descriptor: {}", std::strerror(errno)));
  return Watch{std::move(epoll)};
}

Result<void> Watch::add(Channel& channel) {
  if (channels_.size() < most_polled) {
    polled_.insert(polled_.begin() + std::ssize(channels_),
                   {.fd = channel.fd(), .events = POLLIN, .revents = 0});
    channels_.push_back(&channel);
    return {};
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &channel;
  if (::epoll_ctl(epoll_.value(), EPOLL_CTL_ADD, channel.fd(), &event) != 0)
    return fail(Errc::io, fmt::format("watch a socket: {}", std::strerror(errno)));
  if (in_epoll_++ == 0) polled_.push_back({.fd = epoll_.value(), .events = POLLIN, .revents = 0});
  return {};
}

void Watch::remove(Channel& channel) {
  if (const auto found = std::ranges::find(channels_, &channel); found != channels_.end()) {
    polled_.erase(polled_.begin() + (found - channels_.begin()));
    channels_.erase(found);
    return;
  }
  if (::epoll_ctl(epoll_.value(), EPOLL_CTL_DEL, channel.fd(), nullptr) != 0) return;
  if (--in_epoll_ == 0) polled_.pop_back();
}

void Watch::take_epoll() {
  std::array<epoll_event, most_events> events{};
  const int got = ::epoll_wait(epoll_.value(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < got; ++i) {
    const epoll_event& event = events.at(static_cast<std::size_t>(i));
    ready_.push_back({static_cast<Channel*>(event.data.ptr), (event.events & EPOLLERR) != 0});
  }
}

std::span<const Watch::Ready> Watch::wait(Nanos timeout) {
  ready_.clear();
  const timespec limit = to_timespec(std::max(timeout, Nanos::zero()));
  if (::ppoll(polled_.data(), polled_.size(), &limit, nullptr) <= 0) return ready_;
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    const short events = polled_[i].revents;
    if (events != 0) ready_.push_back({channels_[i], (events & POLLERR) != 0});
  }
  if (in_epoll_ > 0 && polled_.back().revents != 0) take_epoll();
  return ready_;
}

}  // namespace strait::probe::kernel
