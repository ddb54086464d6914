// SPDX-License-Identifier: Apache-2.0
#include "probe/own_clock.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace strait::probe {
namespace {

constexpr Nanos forget_after = std::chrono::seconds{5};
constexpr Nanos first_wait = std::chrono::milliseconds{160};
constexpr unsigned domains = 128;      // IEEE 1588-2008 table 2
constexpr unsigned tried_at_once = 8;  // a local socket may queue no more than ten

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

}  // namespace

PtpWatch::PtpWatch(std::vector<std::string> sockets) : sockets_{std::move(sockets)} {}

PtpWatch::~PtpWatch() {
  if (socket_ >= 0) ::close(socket_);
}

bool PtpWatch::open() {
  if (socket_ >= 0) return true;
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return false;
  // ptp4l answers to the sender's address; with no name given the kernel makes an abstract one,
  // which is known in this network namespace only.
  sockaddr own{};
  own.sa_family = AF_UNIX;
  if (::bind(socket_, &own, sizeof own.sa_family) == 0) return true;
  ::close(std::exchange(socket_, -1));
  return false;
}

void PtpWatch::take(MonoTime now) {
  std::array<std::byte, 1500> message{};
  for (;;) {
    const ssize_t got = ::recv(socket_, message.data(), message.size(), 0);
    if (got < 0) return;
    const auto octets = std::span{message}.first(static_cast<std::size_t>(got));
    if (octets.size() < ptp_get_size) continue;
    const auto domain = std::to_integer<std::uint8_t>(octets[4]);
    const auto status = parse_ptp_current_data_set(octets, domain, sequence_);
    if (!status || !status->measured()) continue;
    domain_ = domain;
    answered_ = now;
    status_ = *status;
  }
}

bool PtpWatch::send() {
  ++sequence_;
  const unsigned count = domain_ ? 1 : tried_at_once;
  for (const std::string& path : sockets_) {
    const sockaddr_un there = address_of(path);
    bool listens = false;
    unsigned asked = 0;
    for (; asked < count; ++asked) {
      const auto domain =
          domain_.value_or(static_cast<std::uint8_t>((next_domain_ + asked) % domains));
      const auto message = ptp_get_current_data_set(domain, sequence_);
      const auto sent = ::sendto(socket_, message.data(), message.size(), 0,
                                 reinterpret_cast<const sockaddr*>(&there), sizeof there);
      listens = sent >= 0 || (errno != ENOENT && errno != ECONNREFUSED);
      if (sent < 0) break;
    }
    if (!listens) continue;
    if (!domain_) next_domain_ = static_cast<std::uint8_t>((next_domain_ + asked) % domains);
    return true;
  }
  return false;
}

void PtpWatch::wait_for_answer(MonoTime now, Nanos most) {
  pollfd waited{.fd = socket_, .events = POLLIN, .revents = 0};
  const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(most).count();
  if (::poll(&waited, 1, static_cast<int>(limit)) > 0) take(now);
}

PtpWatch::Standing PtpWatch::ask(MonoTime now, Nanos wait) {
  if (!open()) return Standing::absent;
  take(now);
  // Who waits asks all domains.
  const unsigned rounds = wait > Nanos{0} ? domains / tried_at_once : 1;
  for (unsigned round = 0; round < rounds; ++round) {
    if (!send()) {
      answered_.reset();
      domain_.reset();
      return Standing::absent;
    }
    if (wait > Nanos{0}) wait_for_answer(now, wait / rounds);
    if (answered_) break;
  }
  if (answered_ && now - *answered_ <= forget_after) return Standing::known;
  domain_.reset();  // it may have come back in another one
  return Standing::silent;
}

OwnClock::OwnClock(std::optional<Nanos> told, std::vector<std::string> ptp_sockets)
    : told_{told}, ptp_{std::move(ptp_sockets)} {}

ClockQuality OwnClock::read() {
  standing_ = ptp_.ask(SystemClock{}.now().mono, asked_ ? Nanos{0} : first_wait);
  asked_ = true;
  return judge_clock(read_clock_quality(), standing_, ptp_.status(), told_);
}

std::optional<PtpStatus> OwnClock::ptp() const {
  if (standing_ != PtpWatch::Standing::known) return std::nullopt;
  return ptp_.status();
}

std::function<ClockQuality()> own_clock_reader(std::optional<Nanos> told) {
  // A copy is for another thread, so it asks by itself.
  class Reader {
   public:
    explicit Reader(std::optional<Nanos> error)
        : told_{error}, clock_{std::make_unique<OwnClock>(error)} {}
    Reader(const Reader& other) : Reader{other.told_} {}
    Reader& operator=(const Reader& other) {
      if (this != &other) *this = Reader{other.told_};
      return *this;
    }
    Reader(Reader&&) = default;
    Reader& operator=(Reader&&) = default;
    ~Reader() = default;
    ClockQuality operator()() { return clock_->read(); }

   private:
    std::optional<Nanos> told_;
    std::unique_ptr<OwnClock> clock_;
  };
  return Reader{told};
}

ClockQuality judge_clock(ClockQuality kernel, PtpWatch::Standing standing, const PtpStatus& ptp,
                         std::optional<Nanos> told) {
  ClockQuality clock = kernel;
  if (standing == PtpWatch::Standing::silent) clock.synchronised = false;
  if (standing == PtpWatch::Standing::known) {
    clock.max_error = std::max(clock.max_error, ptp.max_error());
  }
  if (!told) return clock;
  clock.max_error = clock.synchronised ? std::max(clock.max_error, *told) : *told;
  clock.synchronised = true;
  return clock;
}

}  // namespace strait::probe
