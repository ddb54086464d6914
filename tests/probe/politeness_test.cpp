// SPDX-License-Identifier: Apache-2.0
#include "probe/politeness.hpp"

#include <array>
#include <catch2/catch.hpp>

#include "probe/options.hpp"
#include "probe/tcp_packet.hpp"

namespace strait::probe {
namespace {

using namespace std::chrono_literals;

SessionSpec spec_to(const char* address, Protocol protocol, Nanos interval) {
  SessionSpec spec;
  spec.key = {"atlas", "target", protocol, 0};
  spec.flow.destination = {*parse_address(address), 443};
  spec.schedule.interval = interval;
  return spec;
}

TEST_CASE("an address is foreign unless nobody else can have it") {
  struct Case {
    const char* address;
    bool foreign;
  };
  const auto c = GENERATE(values<Case>({{"198.51.100.1", true},
                                        {"2001:db8::1", true},
                                        {"100.64.0.1", true},
                                        {"172.32.0.1", true},
                                        {"192.0.2.7", false},
                                        {"2001:db8::7", false},
                                        {"127.0.0.1", false},
                                        {"10.1.2.3", false},
                                        {"172.31.255.1", false},
                                        {"192.168.7.1", false},
                                        {"169.254.1.1", false},
                                        {"198.19.0.1", false},
                                        {"::1", false},
                                        {"fd00::1", false},
                                        {"fe80::1%1", false}}));
  CAPTURE(c.address);
  const std::vector<Address> own{*parse_address("192.0.2.7"), *parse_address("2001:db8::7")};
  boost::system::error_code error;
  const Address address = boost::asio::ip::make_address(c.address, error);
  REQUIRE_FALSE(error);
  CHECK(is_foreign(address, own) == c.foreign);
}

TEST_CASE("all sessions to a foreign address send one SYN a second together") {
  std::vector<SessionSpec> specs;
  for (const SessionSpec& flow : flows_of(spec_to("198.51.100.1", Protocol::tcp, 100ms), 4)) {
    specs.push_back(flow);
  }
  specs.push_back(spec_to("198.51.100.1", Protocol::tcp, 50ms));    // another path
  specs.push_back(spec_to("198.51.100.2", Protocol::tcp, 3s));      // slow enough
  specs.push_back(spec_to("10.0.0.1", Protocol::tcp, 100ms));       // nobody else's
  specs.push_back(spec_to("198.51.100.1", Protocol::icmp, 100ms));  // no SYN
  specs.push_back(spec_to("198.51.100.3", Protocol::tcp, 100ms));
  specs.back().force_rate = true;
  const auto before = specs;
  CHECK(make_polite(specs, {}));
  double rate = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    rate += std::chrono::duration<double>(1s) / specs[i].schedule.interval;
    // All slower by as much: their shares stay what they were.
    CHECK(specs[i].schedule.interval == before[i].schedule.interval * 30);
  }
  CHECK(rate == Approx(1));
  for (std::size_t i = 5; i < specs.size(); ++i) {
    CHECK(specs[i].schedule.interval == before[i].schedule.interval);
  }
  CHECK_FALSE(make_polite(std::span{specs}.subspan(5), {}));
}

TEST_CASE("a target's protocol gives it a port and a payload") {
  auto document = ConfigDocument::parse(R"(
[[target]]
name = "ping"
address = "192.0.2.1"
[[target]]
name = "echo"
address = "192.0.2.1"
protocol = "udp-echo"
[[target]]
name = "syn"
address = "192.0.2.1"
protocol = "tcp"
force_rate = true
[[target]]
name = "bgp"
address = "192.0.2.1"
port = 179
protocol = "tcp"
)",
                                        "t.toml")
                      .value();
  const auto targets = read_targets(document.root());
  REQUIRE_FALSE(document.errors().has_value());
  REQUIRE(targets.size() == 4);
  struct Wanted {
    std::uint16_t port;
    std::size_t payload;
    FlowKind kind;
    bool force_rate;
  };
  constexpr std::array wanted{Wanted{0, 44, FlowKind::icmp_echo, false},
                              Wanted{7, 44, FlowKind::udp, false},
                              Wanted{443, tcp_probe_size, FlowKind::tcp_syn, true},
                              Wanted{179, tcp_probe_size, FlowKind::tcp_syn, false}};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    CAPTURE(i);
    const SessionSpec spec = session_spec({}, targets[i], "atlas", {});
    CHECK(spec.flow.destination.port == wanted.at(i).port);
    CHECK(spec.flow.max_payload == wanted.at(i).payload);
    CHECK(flow_kind(spec.key.protocol) == wanted.at(i).kind);
    CHECK(spec.force_rate == wanted.at(i).force_rate);
  }
}

TEST_CASE("a rate is forced of TCP only") {
  auto document =
      ConfigDocument::parse(
          "[[target]]\nname = \"a\"\naddress = \"192.0.2.1\"\nforce_rate = true\n", "t.toml")
          .value();
  static_cast<void>(read_targets(document.root()));
  const auto errors = document.errors();
  REQUIRE(errors.has_value());
  CHECK_THAT(errors->message, Catch::Contains("only TCP has a rate to force"));
}

TEST_CASE("the addresses of this machine are known to it") {
  const auto own = own_addresses();
  CHECK(std::ranges::find(own, *parse_address("127.0.0.1")) != own.end());
}

}  // namespace
}  // namespace strait::probe
