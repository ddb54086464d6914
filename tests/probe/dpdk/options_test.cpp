// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/options.hpp"

#include <catch2/catch.hpp>

#include "probe/dpdk/eal.hpp"

using namespace strait;
using namespace strait::probe::dpdk;

TEST_CASE("[dpdk] is read into options, and its mistakes are reported") {
  auto good = ConfigDocument::parse(R"([dpdk]
devices = ["net_af_packet0,iface=veth0", "0000:03:00.0"]
huge_pages = true
memory_mb = 128
cores = [1, 3]
poll = "busy"
eal_arguments = ["--vdev=net_null0"]
)",
                                    "strait.toml");
  REQUIRE(good);
  const auto options = read_dpdk_options(good->root().table("dpdk"));
  CHECK_FALSE(good->errors());
  CHECK(options.devices.size() == 2);
  CHECK(options.huge_pages);
  CHECK(options.memory_mb == 128);
  CHECK(options.cores == std::vector<unsigned>{1, 3});
  CHECK(options.poll == Poll::busy);
  CHECK(options.eal_arguments.size() == 1);

  auto bad = ConfigDocument::parse("[dpdk]\nmemory_mb = 1\npoll = \"lazy\"\nhugepages = true\n",
                                   "strait.toml");
  REQUIRE(bad);
  const auto defaults = read_dpdk_options(bad->root().table("dpdk"));
  CHECK(defaults.memory_mb == 64);
  const auto errors = bad->errors();
  REQUIRE(errors);
  CHECK_THAT(errors->message, Catch::Contains("strait.toml:2"));
  CHECK_THAT(errors->message, Catch::Contains("strait.toml:3"));
  CHECK_THAT(errors->message, Catch::Contains("huge_pages"));
}

TEST_CASE("the EAL's command line keeps away from what it was not given") {
  DpdkOptions options;
  const auto line = [&] {
    std::string text;
    for (const auto& word : eal_command_line(options)) text += word + " ";
    return text;
  };
  CHECK(line() ==
        "strait --no-telemetry --no-shconf --log-level=3 --lcores 0@0 -m 64 --no-huge --no-pci ");
  options.devices = {"net_af_packet0,iface=veth0"};
  CHECK_THAT(line(), Catch::Contains("--no-pci"));
  options.devices.emplace_back("0000:03:00.0");
  options.huge_pages = true;
  CHECK_THAT(line(), Catch::Contains("-a 0000:03:00.0") && !Catch::Contains("--no-pci"));
  CHECK_THAT(line(), Catch::Contains("--in-memory") && !Catch::Contains("--no-huge"));
}

TEST_CASE("the parts of a device are found") {
  CHECK(device_name("net_af_packet0,iface=veth0,qdisc_bypass=1") == "net_af_packet0");
  CHECK(device_name("net_null0") == "net_null0");
  CHECK(device_argument("net_af_packet0,iface=veth0,qdisc_bypass=1", "iface") == "veth0");
  CHECK(device_argument("net_af_packet0,iface=veth0", "iface") == "veth0");
  CHECK_FALSE(device_argument("net_null0", "iface"));
  CHECK(is_pci_device("0000:03:00.0"));
  CHECK(is_pci_device("03:00.0,representor=0"));
  CHECK_FALSE(is_pci_device("net_null0"));
  CHECK_FALSE(is_pci_device("0000:03:00"));
}
