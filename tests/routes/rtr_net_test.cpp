// SPDX-License-Identifier: Apache-2.0
// The client of RPKI caches beside StayRTR, and beside caches of ours that do what StayRTR does
// not.
#include "routes/sources/rtr_client.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "core/file.hpp"
#include "tests/temporary_folder.hpp"

using namespace strait;
using namespace strait::routes;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;

namespace {

// The system's, so much later.
class LaterClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override {
    Instant now = SystemClock{}.now();
    now.mono += later.load();
    now.wall += later.load();
    return now;
  }
  std::atomic<Nanos> later{Nanos{0}};
};

template <class F>
bool eventually(F holds) {
  for (int i = 0; i < 400; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(50ms);
  }
  return false;
}

std::uint16_t free_port() {
  boost::asio::io_context context;
  const tcp::acceptor acceptor{context, {boost::asio::ip::address_v4::loopback(), 0}};
  return acceptor.local_endpoint().port();
}

RtrCache at(std::uint16_t port) { return {.host = "127.0.0.1", .port = port}; }

std::vector<Vrp> random_vrps(unsigned seed, std::size_t count) {
  std::mt19937 dice{seed};
  std::vector<Vrp> vrps;
  while (vrps.size() < count) {
    const bool v4 = dice() % 2 == 0;
    const auto length = static_cast<std::uint8_t>(v4 ? 8 + dice() % 9 : 20 + dice() % 13);
    const auto longest = static_cast<std::uint8_t>(length + dice() % 8);
    Address network;
    if (v4) {
      const auto host = static_cast<std::uint32_t>(dice() & 0xffffffU);
      const boost::asio::ip::address_v4 address{0x0a000000U | host};
      network = boost::asio::ip::network_v4{address, length}.network();
    } else {
      boost::asio::ip::address_v6::bytes_type octets{0x20, 0x01, 0x0d, 0xb8};
      octets[2] = static_cast<std::uint8_t>(dice());
      const boost::asio::ip::address_v6 address{octets};
      network = boost::asio::ip::network_v6{address, length}.network();
    }
    vrps.push_back({.prefix = {.network = network, .length = length},
                    .max_length = longest,
                    .asn = Asn{64496U + static_cast<std::uint32_t>(dice() % 5)},
                    .expires = 0});
  }
  return vrps;
}

// RFC 6811 section 2 read aloud.
RovState reference(const std::vector<Vrp>& vrps, const Prefix& prefix, Asn origin) {
  bool covered = false;
  for (const Vrp& vrp : vrps) {
    if (!contains(vrp.prefix, prefix)) continue;
    covered = true;
    if (vrp.asn == origin && prefix.length <= vrp.max_length) return RovState::valid;
  }
  return covered ? RovState::invalid : RovState::not_found;
}

// How many of the routes, one for each VRP of `asked`, the view judges otherwise than `vrps` do.
std::size_t misjudged(const RtrView& view, const std::vector<Vrp>& asked,
                      const std::vector<Vrp>& vrps) {
  if (!view.vrps) return asked.size();
  return static_cast<std::size_t>(std::ranges::count_if(asked, [&](const Vrp& each) {
    const Asn origin{each.asn.value() - each.max_length % 2};
    return view.vrps->validate(each.prefix, origin).state != reference(vrps, each.prefix, origin);
  }));
}

class StayRtr {
 public:
  StayRtr() {}
  StayRtr(const StayRtr&) = delete;
  StayRtr& operator=(const StayRtr&) = delete;
  StayRtr(StayRtr&&) = delete;
  StayRtr& operator=(StayRtr&&) = delete;
  ~StayRtr() { kill(); }

  // It looks every second.
  void set(const std::vector<Vrp>& vrps) const {
    const std::string fresh = folder_ + "/fresh.json";
    {
      std::ofstream file{fresh};
      file << "{\"roas\":[";
      for (const Vrp& vrp : vrps) {
        file << (&vrp == vrps.data() ? "" : ",") << "{\"asn\":" << vrp.asn.value()
             << ",\"prefix\":\"" << strait::to_string(vrp.prefix)
             << "\",\"maxLength\":" << int{vrp.max_length} << ",\"ta\":\"x\"}";
      }
      file << "]}";
    }
    std::filesystem::rename(fresh, folder_ + "/vrps.json");
  }
  void start() {
    const std::string command =
        "cd " + folder_ + " && exec stayrtr -bind 127.0.0.1:" + std::to_string(port) +
        " -cache vrps.json -refresh 1 -checktime=false -metrics.addr "
        "127.0.0.1:0 -rtr.refresh 30 -rtr.retry 2 -rtr.expire 600 >log 2>&1";
    std::array<char*, 4> words{const_cast<char*>("sh"), const_cast<char*>("-c"),
                               const_cast<char*>(command.c_str()), nullptr};
    REQUIRE(::posix_spawn(&process_, "/bin/sh", nullptr, nullptr, words.data(), environ) == 0);
    REQUIRE(eventually([&] {
      boost::asio::io_context context;
      boost::system::error_code error;
      tcp::socket{context}.connect({boost::asio::ip::address_v4::loopback(), port}, error);
      return !error;
    }));
  }
  void kill() {
    if (process_ == 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = 0;
  }
  const std::uint16_t port = free_port();

 private:
  testing::TemporaryFolder temporary_;
  std::string folder_ = temporary_.path();
  pid_t process_ = 0;
};

using Pdu = std::vector<std::uint8_t>;

// A cache that answers each query with the next of these, the last one again and again, and closes
// the connection behind an empty one.
class ScriptedCache {
 public:
  explicit ScriptedCache(std::vector<Pdu> answers)
      : answers_{std::move(answers)}, thread_{[this] { serve(); }} {}
  ScriptedCache(const ScriptedCache&) = delete;
  ScriptedCache& operator=(const ScriptedCache&) = delete;
  ScriptedCache(ScriptedCache&&) = delete;
  ScriptedCache& operator=(ScriptedCache&&) = delete;
  ~ScriptedCache() {
    ending_ = true;
    boost::system::error_code error;
    tcp::socket{context_}.connect(acceptor_.local_endpoint(), error);
    thread_.join();
  }
  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  void serve() {
    while (!ending_) {
      tcp::socket peer = acceptor_.accept();
      while (!ending_ && answer(peer)) {
      }
    }
  }
  bool answer(tcp::socket& peer) {
    std::array<std::uint8_t, 12> query{};
    boost::system::error_code error;
    boost::asio::read(peer, boost::asio::buffer(query, 8), error);
    // A Serial Query has its serial too (RFC 8210 section 5.3).
    if (!error && query[1] == 1) boost::asio::read(peer, boost::asio::buffer(&query[8], 4), error);
    if (error) return false;
    const Pdu& pdus = answers_[std::min(next_, answers_.size() - 1)];
    ++next_;
    boost::asio::write(peer, boost::asio::buffer(pdus), error);
    return !error && !pdus.empty();
  }

  std::vector<Pdu> answers_;
  std::size_t next_ = 0;
  std::atomic<bool> ending_{false};
  boost::asio::io_context context_;
  tcp::acceptor acceptor_{context_, {boost::asio::ip::address_v4::loopback(), 0}};
  std::thread thread_;
};

Pdu operator+(Pdu left, const Pdu& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// RFC 6810 section 5: version 0, whose End of Data has no intervals.
Pdu cache_response() { return {0, 3, 0, 7, 0, 0, 0, 8}; }
Pdu ten(std::uint8_t length, std::uint8_t longest) {
  return {0, 4, 0, 0, 0, 0, 0, 20, 1, length, longest, 0, 10, 1, 2, 3, 0, 0, 0xfb, 0xf0};
}
Pdu end_of_data() { return {0, 2 + 5, 0, 7, 0, 0, 0, 12, 0, 0, 0, 1}; }
// RFC 6810 section 5.10, without PDU and text.
Pdu error_report(std::uint8_t version, std::uint8_t code) {
  return {version, 10, 0, code, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0};
}

bool has_stayrtr() {
  const bool has = std::system("command -v stayrtr >/dev/null") == 0;
  if (!has) WARN("SKIPPED: needs stayrtr");
  return has;
}

}  // namespace

TEST_CASE("StayRTR's VRPs are heard, changes of them too; one that stops is stale, then not used") {
  if (!has_stayrtr()) return;
  StayRtr cache;
  const auto asked = random_vrps(9, 3000);
  const auto first = random_vrps(1, 1500);
  cache.set(first);
  LaterClock clock;
  cache.start();
  // Nobody listens at the preferred one.
  auto client = RtrClient::start({at(free_port()), at(cache.port)}, clock).value();
  REQUIRE(eventually([&] { return client->view().freshness == Freshness::fresh; }));
  CHECK(misjudged(client->view(), asked, first) == 0);

  auto second = random_vrps(2, 500);
  second.insert(second.end(), first.begin(), first.begin() + 700);
  cache.set(second);
  CHECK(misjudged(client->view(), asked, second) > 0);
  CHECK(eventually([&] { return misjudged(client->view(), asked, second) == 0; }));

  cache.kill();
  REQUIRE(eventually([&] { return client->view().freshness == Freshness::stale; }));
  CHECK(misjudged(client->view(), asked, second) == 0);
  CHECK_THAT(client->view().note, Catch::Contains("no connection: "));
  clock.later = 601s;
  CHECK(client->view().freshness == Freshness::none);
  CHECK(client->view().vrps == nullptr);
  clock.later = 0s;

  // It comes back as another session, with other data, and has to be asked for all of it.
  const auto third = random_vrps(3, 1000);
  cache.set(third);
  cache.start();
  CHECK(eventually([&] {
    const RtrView view = client->view();
    return view.freshness == Freshness::fresh && misjudged(view, asked, third) == 0;
  }));
}

TEST_CASE("a cache of version 0 is heard; its records that are no VRPs are left out and counted") {
  ScriptedCache cache{{error_report(0, 4), cache_response() + ten(8, 24) + ten(24, 8) +
                                               ten(33, 33) + ten(16, 33) + end_of_data()}};
  const SystemClock clock;
  const auto client = RtrClient::start({at(cache.port())}, clock).value();
  const RtrView view = client->first_view(10s);
  REQUIRE(view.vrps);
  CHECK(view.vrps->size() == 1);
  // Bits behind the prefix are cut off.
  CHECK(view.vrps->validate(parse_prefix("10.9.0.0/16").value(), Asn{64496}).state ==
        RovState::valid);
  CHECK_THAT(view.note, Catch::Contains("3 of its records are no VRPs"));
}

TEST_CASE("nothing is used of an answer that does not end, nor of a cache that has no data") {
  struct Row {
    const char* what;
    std::vector<Pdu> answers;
    const char* trouble;
  };
  const auto row = GENERATE(
      Row{"no data", {error_report(0, 4), error_report(0, 2)}, "it has no data"},
      Row{"an internal error", {error_report(0, 4), error_report(0, 1)}, "it reported error 1"},
      Row{"half an answer", {error_report(0, 4), cache_response() + ten(8, 8), Pdu{}}, ""},
      Row{"noise", {Pdu(64, 0xff)}, ""});
  INFO(row.what);
  ScriptedCache cache{row.answers};
  const SystemClock clock;
  const auto client = RtrClient::start({at(cache.port())}, clock).value();
  const RtrView view = client->first_view(1s);
  CHECK(view.freshness == Freshness::none);
  CHECK(view.vrps == nullptr);
  CHECK_THAT(view.note, Catch::Contains(row.trouble));
}
