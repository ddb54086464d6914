// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <catch2/catch.hpp>
#include <functional>
#include <thread>
#include <vector>

#include "probe/chrony_watch.hpp"
#include "probe/octets.hpp"

namespace strait::probe {
namespace {

using namespace std::chrono_literals;
using Octets = std::vector<std::byte>;

Octets from_hex(std::string_view text) {
  Octets octets;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2) {
    octets.push_back(
        static_cast<std::byte>(std::stoul(std::string{text.substr(at, 2)}, nullptr, 16)));
  }
  return octets;
}

// As chronyd 4.3 answers request 0x01020304, client of a server with `local stratum 1`. Beside it
// `chronyc -c tracking` told, a second later: 1.849 us fast, root delay 10.812 us, dispersion
// 1.423 us, update interval 1.0 s.
Octets answer() {
  return from_hex(
      "0602000000210005000000000000000001020304000000000000000"
      "00acb00010acb00010000000000000000000000000001000000020000000000006b07f3bb2fe7065a"
      "dd191140d93bee0ee0ecaa1df56e67a7fb6d6ef1fcaabd72e2b56530dcfa70b804806e19");
}
// And the server itself.
Octets answer_of_local() {
  return from_hex(
      "0602000000210005000000000000000001020304000000000000000"
      "07f7f0101000000000000000000000000000000000000000000010000000000006b07f3a30e3513ec"
      "000000000000000000000000000000000000000000000000000000000000000000000000");
}
constexpr std::uint32_t asked = 0x01020304;

TEST_CASE("what chronyd is asked is as long as its answer") {
  const auto request = chrony_tracking_request(asked);
  Octets wanted = from_hex("060100000021000001020304");
  wanted.resize(104);
  CHECK(Octets(request.begin(), request.end()) == wanted);
  CHECK(answer().size() == request.size());
}

TEST_CASE("what chronyd answers") {
  const auto status = parse_chrony_tracking(answer(), asked);
  REQUIRE(status.has_value());
  CHECK(status->synchronised);
  CHECK_FALSE(status->leap_second);
  CHECK(status->offset == -1721ns);
  CHECK(status->root_delay == 10812ns);
  CHECK(status->root_dispersion == 1866ns);
  CHECK(status->max_error() == 1721ns + 5406ns + 1866ns);
}

TEST_CASE("a chronyd that follows nobody but itself is not synchronised") {
  const auto local = parse_chrony_tracking(answer_of_local(), asked);
  REQUIRE(local.has_value());
  CHECK_FALSE(local->synchronised);
  struct Case {
    int leap;
    bool synchronised;
    bool leap_second;
  };
  for (const Case c : {Case{0, true, false}, Case{1, true, true}, Case{2, true, true},
                       Case{3, false, false}, Case{4, false, false}}) {
    CAPTURE(c.leap);
    Octets message = answer();
    message[55] = static_cast<std::byte>(c.leap);
    const auto status = parse_chrony_tracking(message, asked);
    REQUIRE(status.has_value());
    CHECK(status->synchronised == c.synchronised);
    CHECK(status->leap_second == c.leap_second);
  }
}

TEST_CASE("answers of chronyd that are not what was asked for are refused") {
  struct Case {
    const char* what;
    std::function<void(Octets&)> change;
    const char* message;
  };
  const std::vector<Case> cases{
      {"empty", [](Octets& m) { m.clear(); }, "0 octets: want at least 28"},
      {"cut", [](Octets& m) { m.resize(103); }, "the tracking report is cut short"},
      {"version", [](Octets& m) { m[0] = std::byte{5}; }, "not of version 6"},
      {"a request", [](Octets& m) { m[1] = std::byte{1}; }, "no reply"},
      {"another request", [](Octets& m) { m[19] = std::byte{5}; }, "to another request"},
      {"not allowed", [](Octets& m) { m[9] = std::byte{2}; }, "status 2"},
      {"another command", [](Octets& m) { m[5] = std::byte{14}; }, "no tracking report"},
      {"another report", [](Octets& m) { m[7] = std::byte{2}; }, "no tracking report"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Octets message = answer();
    c.change(message);
    const auto status = parse_chrony_tracking(message, asked);
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().message == std::string{"chronyd's answer: "} + c.message);
  }
}

TEST_CASE("the numbers of chronyd, and their extremes") {
  struct Case {
    std::uint32_t bits;
    Nanos value;
  };
  const std::vector<Case> cases{
      {0, 0ns},
      {0x04800000, 1s},              // 0x800000 * 2^(2 - 25)
      {0x05800000, -1s},             // the coefficient is negative: -0x800000
      {0xfe800000, 125ms},           // so is the exponent: -1
      {0x80ffffff, 0ns},             // the least exponent: -64
      {0x7effffff, 1'000'000'000s},  // the greatest: cut
      {0x7f000000, -1'000'000'000s},
  };
  for (const Case& c : cases) {
    CAPTURE(c.bits);
    Octets message = answer();
    store(std::span<std::byte>{message}, 68, c.bits);
    store(std::span<std::byte>{message}, 92, c.bits);
    store(std::span<std::byte>{message}, 96, c.bits);
    const auto status = parse_chrony_tracking(message, asked);
    REQUIRE(status.has_value());
    CHECK(status->offset == c.value);
    CHECK(status->max_error() >= 0ns);
  }
}

// Somebody who listens where chronyd would.
class FakeChronyd {
 public:
  FakeChronyd() : socket_{context_, {boost::asio::ip::address_v4::loopback(), 0}} {
    socket_.non_blocking(true);
  }
  [[nodiscard]] Endpoint place() const {
    return {socket_.local_endpoint().address(), socket_.local_endpoint().port()};
  }
  void close() { socket_.close(); }
  int serve() {
    int served = 0;
    std::array<std::byte, 256> request{};
    boost::asio::ip::udp::endpoint from;
    boost::system::error_code error;
    for (;;) {
      const auto size = socket_.receive_from(boost::asio::buffer(request), from, 0, error);
      if (error) return served;
      ++served;
      CHECK(size == 104);
      Octets reply = answer();
      std::copy_n(request.begin() + 8, 4, reply.begin() + 16);
      socket_.send_to(boost::asio::buffer(reply), from);
    }
  }

 private:
  boost::asio::io_context context_;
  boost::asio::ip::udp::socket socket_;
};

TEST_CASE("chronyd is asked without waiting, and its silence and its end are noticed") {
  FakeChronyd gone;
  FakeChronyd daemon;
  ChronyWatch watch{{gone.place(), daemon.place()}};
  gone.close();
  MonoTime now{1000s};
  for (int i = 0; i < 3; ++i) {
    watch.ask(now += 1s);
    daemon.serve();
  }
  const auto status = watch.ask(now += 1s);
  REQUIRE(status.has_value());
  CHECK(status->synchronised);
  CHECK(watch.ask(now += 5s).has_value());
  CHECK_FALSE(watch.ask(now += 1s).has_value());  // it hangs
  CHECK(daemon.serve() > 0);
  CHECK(watch.ask(now += 1s).has_value());
  daemon.close();
  watch.ask(now += 1s);
  CHECK_FALSE(watch.ask(now += 1s).has_value());
}

TEST_CASE("who waits for chronyd gets its answer at once") {
  FakeChronyd daemon;
  ChronyWatch watch{{daemon.place()}};
  std::jthread server{[&](const std::stop_token& stop) {
    while (!stop.stop_requested() && daemon.serve() == 0) std::this_thread::sleep_for(1ms);
  }};
  CHECK(watch.ask(MonoTime{1000s}, 5s).has_value());
}

}  // namespace
}  // namespace strait::probe
