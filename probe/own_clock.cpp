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
constexpr Nanos chrony_wait = std::chrono::milliseconds{20};  // at each of its places
constexpr unsigned domains = 128;                             // IEEE 1588-2008 table 2
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
    take(std::span{message}.first(static_cast<std::size_t>(got)), now);
  }
}

void PtpWatch::take(std::span<const std::byte> message, MonoTime now) {
  if (message.size() < ptp_get_size) return;
  const auto domain = std::to_integer<std::uint8_t>(message[4]);
  if (const auto status = parse_ptp_current_data_set(message, domain, sequence_)) {
    if (!status->measured()) return;
    domain_ = domain;
    answered_ = now;
    status_ = *status;
  }
  if (const auto grandmaster = parse_ptp_parent_data_set(message, domain, sequence_)) {
    grandmaster_told_ = now;
    grandmaster_ = *grandmaster;
  }
}

bool PtpWatch::send() {
  ++sequence_;
  return std::ranges::any_of(sockets_, [this](const std::string& path) { return send(path); });
}

bool PtpWatch::send(const std::string& path) {
  const sockaddr_un there = address_of(path);
  const unsigned count = domain_ ? 2 : tried_at_once;
  bool listens = false;
  unsigned asked = 0;
  for (; asked < count; ++asked) {
    const auto domain =
        domain_.value_or(static_cast<std::uint8_t>((next_domain_ + asked) % domains));
    const bool second = domain_ && asked == 1;
    const auto message =
        ptp_get(second ? PtpDataSet::parent : PtpDataSet::current, domain, sequence_);
    const auto sent = ::sendto(socket_, message.data(), message.size(), 0,
                               reinterpret_cast<const sockaddr*>(&there), sizeof there);
    listens = sent >= 0 || (errno != ENOENT && errno != ECONNREFUSED);
    if (sent < 0) break;
  }
  if (listens && !domain_) {
    next_domain_ = static_cast<std::uint8_t>((next_domain_ + asked) % domains);
  }
  return listens;
}

void PtpWatch::wait_for_answer(MonoTime now, Nanos most) {
  pollfd waited{.fd = socket_, .events = POLLIN, .revents = 0};
  const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(most).count();
  if (::poll(&waited, 1, static_cast<int>(limit)) > 0) take(now);
}

// A grandmaster has none; anybody else's must be known too.
bool PtpWatch::complete() const {
  return answered_ && (status_.steps_removed == 0 || grandmaster_told_);
}

PtpWatch::Standing PtpWatch::forget(Standing standing) {
  answered_.reset();
  grandmaster_told_.reset();
  domain_.reset();  // it may come back in another one
  return standing;
}

PtpWatch::Standing PtpWatch::ask(MonoTime now, Nanos wait) {
  if (!open()) return Standing::absent;
  take(now);
  // Who waits asks all domains, and the one that answered once more.
  const unsigned rounds = wait > Nanos{0} ? domains / tried_at_once + 1 : 1;
  for (unsigned round = 0; round < rounds; ++round) {
    if (!send()) return forget(Standing::absent);
    if (wait > Nanos{0}) wait_for_answer(now, wait / rounds);
    if (complete()) break;
  }
  if (answered_ && now - *answered_ > forget_after) return forget(Standing::silent);
  if (grandmaster_told_ && now - *grandmaster_told_ > forget_after) grandmaster_told_.reset();
  return complete() ? Standing::known : Standing::silent;
}

OwnClock::OwnClock(std::optional<Nanos> told, std::vector<std::string> ptp_sockets,
                   std::vector<Endpoint> chrony_places)
    : told_{told}, ptp_{std::move(ptp_sockets)}, chrony_{std::move(chrony_places)} {}

ClockQuality OwnClock::read() {
  const MonoTime now = SystemClock{}.now().mono;
  daemons_.ptp_standing = ptp_.ask(now, asked_ ? Nanos{0} : first_wait);
  daemons_.ptp = ptp_.status();
  daemons_.grandmaster = ptp_.grandmaster();
  daemons_.chrony = chrony_.ask(now, asked_ ? Nanos{0} : chrony_wait);
  asked_ = true;
  return judge_clock(read_clock_quality(), daemons_, told_);
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

namespace {

void heed_chrony(const ChronyStatus& chrony, ClockQuality& clock) {
  // The kernel has no STA_UNSYNC removed for it without `rtcsync`, makes its bound 500 us larger
  // every second until chronyd's next update, and does not count what is not slewed away yet.
  clock.synchronised = chrony.synchronised;
  clock.max_error = chrony.max_error();
  clock.leap_second = clock.leap_second || chrony.leap_second;
}

// As far as ptp4l knows.
Nanos ptp_bound(const ClockDaemons& daemons) {
  if (daemons.ptp_standing != PtpWatch::Standing::known) return Nanos{0};
  if (daemons.ptp.steps_removed == 0) return daemons.ptp.max_error();
  return daemons.ptp.max_error() + daemons.grandmaster.max_error().value_or(Nanos{0});
}

bool ptp_objects(const ClockDaemons& daemons) {
  if (daemons.ptp_standing != PtpWatch::Standing::known) {
    return daemons.ptp_standing == PtpWatch::Standing::silent;
  }
  return daemons.ptp.steps_removed > 0 && !daemons.grandmaster.max_error();
}

}  // namespace

ClockQuality judge_clock(const ClockQuality& kernel, const ClockDaemons& daemons,
                         std::optional<Nanos> told) {
  ClockQuality clock = kernel;
  if (daemons.chrony) heed_chrony(*daemons.chrony, clock);
  if (ptp_objects(daemons)) clock.synchronised = false;
  const Nanos ptp = ptp_bound(daemons);
  clock.max_error = std::max(clock.max_error, ptp);
  if (!told) return clock;
  // What nobody vouches for is no bound.
  clock.max_error = std::max(*told, clock.synchronised ? clock.max_error : ptp);
  clock.synchronised = true;
  return clock;
}

}  // namespace strait::probe
