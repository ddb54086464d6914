// SPDX-License-Identifier: Apache-2.0
#include "probe/doctor/linux_kernel.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "core/clock.hpp"

namespace strait::probe::doctor {

TEST_CASE("the loopback is known to this kernel, and a name that is none is not") {
  const LinuxKernel kernel;
  const auto stamps = kernel.stamps("lo");
  REQUIRE(stamps.has_value());
  CHECK(stamps->software_receive);
  CHECK_FALSE(stamps->hardware_receive);
  CHECK_FALSE(kernel.stamps("no-such-device").has_value());
  CHECK_FALSE(kernel.stamps("a-name-that-is-too-long-for-any-interface").has_value());
  CHECK_FALSE(kernel.driver("lo").has_value());
  CHECK(kernel.has_interface("lo"));
  CHECK_FALSE(kernel.has_interface("no-such-device"));
}

TEST_CASE("the way to the loopback's own address is the loopback, in both families") {
  const LinuxKernel kernel;
  for (const char* const text : {"127.0.0.1", "::1"}) {
    CAPTURE(text);
    const auto address = parse_address(text);
    REQUIRE(address.has_value());
    const auto route =
        kernel.route({.destination = *address, .device = "", .source = {}, .mark = {}});
    if (!route) continue;  // a machine without IPv6
    CHECK(route->interface == "lo");
    CHECK_FALSE(route->gateway.has_value());
    CHECK(kernel.neighbour("lo", *address).value_or(Neighbour::none) != Neighbour::failed);
  }
}

TEST_CASE("a route through an interface that is not there is an error that names it") {
  const LinuxKernel kernel;
  const auto route = kernel.route({.destination = boost::asio::ip::make_address("192.0.2.1"),
                                   .device = "nosuch",
                                   .source = {},
                                   .mark = {}});
  REQUIRE_FALSE(route.has_value());
  CHECK_THAT(route.error().message, Catch::Contains("nosuch"));
}

TEST_CASE("wake-ups are measured, and never ahead of time") {
  const LinuxKernel kernel;
  const auto late = kernel.late_wake_ups();
  REQUIRE_FALSE(late.empty());
  CHECK(std::ranges::min(late) >= Nanos{});
}

TEST_CASE("the tick is that of a kernel") {
  const LinuxKernel kernel;
  CHECK(kernel.tick() >= std::chrono::milliseconds{1});
  CHECK(kernel.tick() <= std::chrono::milliseconds{10});
  CHECK(kernel.timer_resolution() > Nanos{});
}

}  // namespace strait::probe::doctor
