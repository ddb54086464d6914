// SPDX-License-Identifier: Apache-2.0
#include "probe/own_clock.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <vector>

#include "probe/octets.hpp"

namespace strait::probe {
namespace {

using namespace std::chrono_literals;
using Octets = std::vector<std::byte>;

Octets octets(std::initializer_list<int> values) {
  Octets result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

// As ptp4l 3.1 of domain 24 answers, slave of a grandmaster.
Octets answer(std::uint8_t domain = 24, std::uint16_t sequence = 7) {
  Octets message = octets(
      {0x0d, 0x02, 0x00, 0x48, 0x18, 0x00, 0x00, 0x00,                                //
       0,    0,    0,    0,    0,    0,    0,    0,    0, 0, 0,    0,                 // correction
       0x02, 0x42, 0xac, 0xff, 0xfe, 0x11, 0x00, 0x02, 0, 1,                          // source port
       0x00, 0x07, 0x04, 0x7f,                                                        //
       0,    0,    0,    0,    0,    0,    0,    0,    0, 0, 0x00, 0x00, 0x02, 0x00,  // response
       0x00, 0x01, 0x00, 0x14, 0x20, 0x01,                                            //
       0x00, 0x01,                                                                    // one step
       0xff, 0xff, 0xff, 0xff, 0xfb, 0x2e, 0x80, 0x00,                                // -1233.5 ns
       0x00, 0x00, 0x00, 0x00, 0x9c, 0x40, 0x00, 0x00,                                // 40 us
       0x00, 0x00});
  message.resize(72);
  message[4] = std::byte{domain};
  store<std::uint16_t>(message, 30, sequence);
  return message;
}

// What it answers of a grandmaster of class 6 that is within 100 ns.
Octets parent_answer(std::uint8_t domain = 24, std::uint16_t sequence = 7) {
  Octets message = answer(domain, sequence);
  message.resize(86);
  std::fill(message.begin() + 54, message.end(), std::byte{0});
  message[3] = std::byte{86};
  message[51] = std::byte{34};
  message[53] = std::byte{2};
  message[72] = std::byte{128};
  message[73] = std::byte{6};
  message[74] = std::byte{0x21};
  return message;
}

TEST_CASE("what ptp4l is asked, octet for octet") {
  const auto get = ptp_get(PtpDataSet::current, 24, 7);
  const Octets wanted =
      octets({0x0d, 0x02, 0x00, 0x36, 0x18, 0,    0,    0,    0,    0,    0,    0,    0,    0,
              0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
              0,    0,    0x00, 0x07, 0x04, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
              0xff, 0xff, 0,    0,    0,    0,    0x00, 0x01, 0x00, 0x02, 0x20, 0x01});
  CHECK(Octets(get.begin(), get.end()) == wanted);
  const auto parent = ptp_get(PtpDataSet::parent, 24, 7);
  CHECK(parent[53] == std::byte{2});
  CHECK(std::equal(get.begin(), get.end() - 1, parent.begin()));
}

TEST_CASE("what ptp4l answers") {
  const auto status = parse_ptp_current_data_set(answer(), 24, 7);
  REQUIRE(status.has_value());
  CHECK(status->steps_removed == 1);
  CHECK(status->offset_from_master == -1234ns);  // rounded down
  CHECK(status->mean_path_delay == 40us);
  CHECK(status->max_error() == 41234ns);
}

TEST_CASE("what ptp4l answers of its grandmaster") {
  const auto grandmaster = parse_ptp_parent_data_set(parent_answer(), 24, 7);
  REQUIRE(grandmaster.has_value());
  CHECK(grandmaster->clock_class == 6);
  CHECK(grandmaster->max_error() == 100ns);
  CHECK(parse_ptp_parent_data_set(answer(), 24, 7).error().message ==
        "PTP management message: no PARENT_DATA_SET");
  CHECK_FALSE(parse_ptp_current_data_set(parent_answer(), 24, 7).has_value());
  Octets cut = parent_answer();
  cut.pop_back();
  CHECK(parse_ptp_parent_data_set(cut, 24, 7).error().message ==
        "PTP management message: PARENT_DATA_SET is cut short");
}

TEST_CASE("only a grandmaster that follows UTC, and knows how well, vouches for it") {
  struct Case {
    const char* what;
    PtpGrandmaster grandmaster;
    std::optional<Nanos> error;
  };
  const std::vector<Case> cases{
      {"linuxptp's default", {}, std::nullopt},
      {"GNSS", {6, 0x20}, 25ns},
      {"holdover", {7, 0x29}, 1ms},
      {"the worst that is a bound", {6, 0x30}, 10s},
      {"more than 10 s", {6, 0x31}, std::nullopt},
      {"reserved", {6, 0x1f}, std::nullopt},
      {"unknown accuracy", {6, 0xfe}, std::nullopt},
      {"an arbitrary time", {13, 0x20}, std::nullopt},
      {"holdover beyond its specification", {52, 0x20}, std::nullopt},
      {"free-running", {248, 0x20}, std::nullopt},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    CHECK(c.grandmaster.max_error() == c.error);
  }
}

TEST_CASE("answers that are not what was asked for are refused") {
  struct Case {
    const char* what;
    std::function<void(Octets&)> change;
    const char* message;
  };
  const std::vector<Case> cases{
      {"empty", [](Octets& m) { m.clear(); }, "0 octets: want at least 54"},
      {"cut", [](Octets& m) { m.resize(71); }, "CURRENT_DATA_SET is cut short"},
      {"short data", [](Octets& m) { m[51] = std::byte{0x13}; }, "CURRENT_DATA_SET is cut short"},
      {"another message", [](Octets& m) { m[0] = std::byte{0}; }, "no management message"},
      {"version 1", [](Octets& m) { m[1] = std::byte{1}; }, "not of PTP version 2"},
      {"another domain", [](Octets& m) { m[4] = std::byte{0}; }, "of another domain"},
      {"another request", [](Octets& m) { m[31] = std::byte{8}; }, "answers another request"},
      {"a request", [](Octets& m) { m[46] = std::byte{0}; }, "no response"},
      {"an error",
       [](Octets& m) {
         m[49] = std::byte{2};
         m[53] = std::byte{6};
       },
       "error 0x2006"},
      {"another TLV", [](Octets& m) { m[49] = std::byte{3}; }, "no CURRENT_DATA_SET"},
      {"another data set", [](Octets& m) { m[53] = std::byte{0}; }, "no CURRENT_DATA_SET"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Octets message = answer();
    c.change(message);
    const auto status = parse_ptp_current_data_set(message, 24, 7);
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().message == std::string{"PTP management message: "} + c.message);
  }
}

TEST_CASE("a slave that has not measured its delay yet says nothing") {
  PtpStatus status{.steps_removed = 1, .offset_from_master = {}, .mean_path_delay = {}};
  CHECK_FALSE(status.measured());
  status.mean_path_delay = 1ns;
  CHECK(status.measured());
  CHECK(PtpStatus{}.measured());  // a grandmaster has none
}

TEST_CASE("extremes do not overflow") {
  Octets message = answer();
  store<std::uint64_t>(message, 56, 0x8000000000000000);
  store<std::uint64_t>(message, 64, 0x8000000000000000);
  const auto status = parse_ptp_current_data_set(message, 24, 7);
  REQUIRE(status.has_value());
  CHECK(status->max_error() == Nanos{std::int64_t{1} << 48});
}

// Somebody who listens where ptp4l would.
class FakePtp4l {
 public:
  explicit FakePtp4l(std::uint8_t domain)
      : domain_{domain},
        path_{(std::filesystem::temp_directory_path() /
               ("strait-ptp-" + std::to_string(::getpid()) + "-" + std::to_string(domain)))
                  .string()},
        socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)} {
    ::unlink(path_.c_str());
    sockaddr_un own{};
    own.sun_family = AF_UNIX;
    std::memcpy(own.sun_path, path_.data(), path_.size());
    REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0);
  }
  ~FakePtp4l() {
    close();
    ::unlink(path_.c_str());
  }
  FakePtp4l(const FakePtp4l&) = delete;
  FakePtp4l& operator=(const FakePtp4l&) = delete;
  FakePtp4l(FakePtp4l&&) = delete;
  FakePtp4l& operator=(FakePtp4l&&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  bool tells_parent = true;
  // Answers what is of its domain, as ptp4l does; the rest it does not see.
  void serve() {
    std::array<std::byte, 256> request{};
    sockaddr_un from{};
    socklen_t length = sizeof from;
    while (::recvfrom(socket_, request.data(), request.size(), 0,
                      reinterpret_cast<sockaddr*>(&from), &length) > 0) {
      if (request[4] == std::byte{domain_}) {
        const auto sequence = load<std::uint16_t>(request, 30);
        const bool parent = load<std::uint16_t>(request, 52) == 0x2002;
        const Octets reply = parent ? parent_answer(domain_, sequence) : answer(domain_, sequence);
        if (parent && !tells_parent) {
          length = sizeof from;
          continue;
        }
        ::sendto(socket_, reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&from),
                 length);
      }
      length = sizeof from;
    }
  }

 private:
  std::uint8_t domain_;
  std::string path_;
  int socket_;
};

TEST_CASE("ptp4l is found in whatever domain, and its silence and its end are noticed") {
  using Standing = PtpWatch::Standing;
  FakePtp4l daemon{44};
  PtpWatch watch{{"/nonexistent/ptp4lro", daemon.path()}};
  MonoTime now{1000s};
  int asked = 0;
  Standing standing = watch.ask(now);
  for (; standing != Standing::known && asked < 20; ++asked) {
    CHECK(standing == Standing::silent);
    daemon.serve();
    standing = watch.ask(now += 1s);
  }
  CHECK(standing == Standing::known);
  CHECK(asked <= 8);  // domains 40 to 47 come sixth, and the grandmaster is asked for then
  CHECK(watch.status().mean_path_delay == 40us);
  CHECK(watch.grandmaster().max_error() == 100ns);
  for (int i = 0; i < 3; ++i) {
    daemon.serve();
    CHECK(watch.ask(now += 1s) == Standing::known);
  }
  watch.ask(now += 1s);
  CHECK(watch.ask(now += 5s) == Standing::silent);  // it hangs
  daemon.close();
  CHECK(watch.ask(now += 1s) == Standing::absent);
}

TEST_CASE("a ptp4l that does not tell of its grandmaster says nothing of UTC") {
  using Standing = PtpWatch::Standing;
  FakePtp4l daemon{0};
  daemon.tells_parent = false;
  PtpWatch watch{{daemon.path()}};
  MonoTime now{1000s};
  for (int i = 0; i < 3; ++i) {
    CHECK(watch.ask(now += 1s) == Standing::silent);
    daemon.serve();
  }
  daemon.tells_parent = true;
  watch.ask(now += 1s);
  daemon.serve();
  CHECK(watch.ask(now += 1s) == Standing::known);
}

TEST_CASE("of the kernel's bound and ptp4l's the worse counts, and the operator's word is last") {
  const ClockQuality kernel{.synchronised = true, .max_error = 10us};
  const ClockQuality free{.synchronised = false, .max_error = 16s, .leap_second = true};
  using Standing = PtpWatch::Standing;
  const ClockDaemons none;
  const ClockDaemons silent{
      .ptp_standing = Standing::silent, .ptp = {}, .grandmaster = {}, .chrony = {}};
  ClockDaemons known{
      .ptp_standing = Standing::known,
      .ptp = {.steps_removed = 1, .offset_from_master = -2us, .mean_path_delay = 40us},
      .grandmaster = {.clock_class = 6, .accuracy = 0x23},
      .chrony = {}};
  CHECK(judge_clock(kernel, none, {}) == kernel);
  CHECK_FALSE(judge_clock(kernel, silent, {}).synchronised);
  CHECK(judge_clock(kernel, known, {}) == ClockQuality{true, 43us});
  CHECK(judge_clock({true, 1ms}, known, {}).max_error == 1ms);
  CHECK_FALSE(judge_clock(free, known, {}).synchronised);
  CHECK(judge_clock(free, none, 100us) == ClockQuality{true, 100us, true});
  CHECK(judge_clock(kernel, known, 100us) == ClockQuality{true, 100us});
  CHECK(judge_clock(kernel, known, 1us) == ClockQuality{true, 43us});
  known.grandmaster = {};
  CHECK_FALSE(judge_clock(kernel, known, {}).synchronised);
  CHECK(judge_clock(kernel, known, 1us) == ClockQuality{true, 42us});
  known.ptp = {};  // it is the grandmaster itself, so others keep the clock
  CHECK(judge_clock(kernel, known, {}) == kernel);
}

TEST_CASE("chronyd's own word takes the place of what it wrote into the kernel") {
  const ChronyStatus good{
      .synchronised = true, .offset = -30us, .root_delay = 200us, .root_dispersion = 70us};
  const auto with = [](const ChronyStatus& status) {
    ClockDaemons daemons;
    daemons.chrony = status;
    return daemons;
  };
  CHECK(judge_clock({true, 32ms}, with(good), {}) == ClockQuality{true, 200us});
  CHECK(judge_clock({true, 1us}, with(good), {}) == ClockQuality{true, 200us});
  CHECK(judge_clock({false, 16s}, with(good), {}) == ClockQuality{true, 200us});  // no rtcsync
  ChronyStatus lost = good;
  lost.synchronised = false;
  CHECK_FALSE(judge_clock({true, 1us}, with(lost), {}).synchronised);
  CHECK(judge_clock({true, 1us}, with(lost), 5us) == ClockQuality{true, 5us});
  CHECK(judge_clock({true, 1us}, with(good), 5us) == ClockQuality{true, 200us});
  ChronyStatus leap = good;
  leap.leap_second = true;
  CHECK(judge_clock({true, 1us}, with(leap), {}).leap_second);
  CHECK(judge_clock({true, 1us, true}, with(good), {}).leap_second);
}

}  // namespace
}  // namespace strait::probe
