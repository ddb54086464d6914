// SPDX-License-Identifier: Apache-2.0
#include "probe/doctor/linux_kernel.hpp"
#include "probe/own_clock.hpp"

#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <thread>

#include "core/clock.hpp"
#include "probe/wake_up.hpp"

namespace strait::probe::doctor {
namespace {

constexpr std::size_t sleeps = 200;
constexpr Nanos sleep_length = std::chrono::microseconds{500};
constexpr Nanos sleep_budget = std::chrono::milliseconds{250};

// A descriptor for ioctls on interfaces.
class Control {
 public:
  Control() : fd_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {}
  ~Control() {
    if (fd_ >= 0) ::close(fd_);
  }
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;
  Control(Control&&) = delete;
  Control& operator=(Control&&) = delete;

  // `data` is what the request reads or fills. Returns errno, 0 for success.
  [[nodiscard]] int ask(unsigned long request, const std::string& interface, void* data) const {
    ifreq question{};
    if (interface.size() >= sizeof question.ifr_name) return ENODEV;
    interface.copy(question.ifr_name, sizeof question.ifr_name - 1);
    question.ifr_data = static_cast<char*>(data);
    return ::ioctl(fd_, request, &question) == 0 ? 0 : errno;
  }

 private:
  int fd_;
};

std::optional<bool> card_stamps_receipts(const Control& control, const std::string& interface) {
  hwtstamp_config config{};
  if (control.ask(SIOCGHWTSTAMP, interface, &config) != 0) return std::nullopt;
  return config.rx_filter != HWTSTAMP_FILTER_NONE;
}

Nanos resolution(clockid_t clock) {
  timespec time{};
  if (::clock_getres(clock, &time) != 0) return {};
  return std::chrono::seconds{time.tv_sec} + Nanos{time.tv_nsec};
}

MonoTime mono_now() { return SystemClock{}.now().mono; }

void sleep_until(MonoTime time) {
  const auto nanos = time.time_since_epoch().count();
  const timespec when{nanos / 1'000'000'000, nanos % 1'000'000'000};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr) == EINTR) {
  }
}

}  // namespace

ClockReading LinuxKernel::clock() const {
  timex clock{};  // modes = 0: read only
  static_cast<void>(::adjtimex(&clock));
  OwnClock own;
  const ClockQuality quality = own.read();
  return {.quality = quality,
          .estimated_error = std::chrono::microseconds{std::max<long>(clock.esterror, 0)},
          .daemons = own.daemons()};
}

Result<StampAbilities> LinuxKernel::stamps(const std::string& interface) const {
  const Control control;
  ethtool_ts_info info{};
  info.cmd = ETHTOOL_GET_TS_INFO;
  if (const int error = control.ask(SIOCETHTOOL, interface, &info); error != 0) {
    return fail(Errc::io, fmt::format("the kernel does not tell: {}", std::strerror(error)));
  }
  const auto can = [&](unsigned flag) { return (info.so_timestamping & flag) != 0; };
  StampAbilities abilities;
  abilities.software_receive = can(SOF_TIMESTAMPING_RX_SOFTWARE);
  abilities.software_transmit = can(SOF_TIMESTAMPING_TX_SOFTWARE);
  abilities.hardware_receive = can(SOF_TIMESTAMPING_RX_HARDWARE);
  abilities.hardware_transmit = can(SOF_TIMESTAMPING_TX_HARDWARE);
  if (info.phc_index >= 0) abilities.card_clock = info.phc_index;
  if (abilities.hardware_receive) {
    abilities.receiving_on = card_stamps_receipts(control, interface);
  }
  return abilities;
}

bool LinuxKernel::has_interface(const std::string& interface) const {
  return ::if_nametoindex(interface.c_str()) != 0;
}

std::optional<std::string> LinuxKernel::driver(const std::string& interface) const {
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  if (Control{}.ask(SIOCETHTOOL, interface, &info) != 0) return std::nullopt;
  return std::string{info.driver, ::strnlen(info.driver, sizeof info.driver)};
}

// The coarse clock moves with the tick.
Nanos LinuxKernel::tick() const { return resolution(CLOCK_MONOTONIC_COARSE); }
Nanos LinuxKernel::timer_resolution() const { return resolution(CLOCK_MONOTONIC); }

// As the engines sleep, on a thread of its own so that this one stays as it is.
std::vector<Nanos> LinuxKernel::late_wake_ups() const {
  std::vector<Nanos> late;
  late.reserve(sleeps);
  std::thread sleeper{[&late] {
    sharpen_wake_ups();
    const MonoTime end = mono_now() + sleep_budget;
    for (std::size_t i = 0; i < sleeps && mono_now() < end; ++i) {
      const MonoTime wake = mono_now() + sleep_length;
      sleep_until(wake);
      late.push_back(mono_now() - wake);
    }
  }};
  sleeper.join();
  return late;
}

}  // namespace strait::probe::doctor
