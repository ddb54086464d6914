// SPDX-License-Identifier: Apache-2.0
#include "probe/pins.hpp"

#include <catch2/catch.hpp>

namespace {

using namespace strait;
using namespace strait::probe;

std::optional<Error> errors_of(const std::string& lines) {
  auto document = ConfigDocument::parse("[[path]]\n" + lines, "t.toml").value();
  ConfigTable root = document.root();
  std::ignore = read_pins(root);
  return document.errors();
}

}  // namespace

TEST_CASE("a path says how its probes are kept on it") {
  auto document = ConfigDocument::parse(R"([[path]]
name = "a"
device = "net_af_packet0,iface=eth1"
source_v4 = "192.0.2.9"
source_v6 = "2001:db8::9"
next_hop_v4 = "192.0.2.1"
next_hop_v6 = "fe80::1"
next_hop_mac = "02:00:5e:10:00:01"
vlans = [300, 101]
outer_vlan_type = "802.1q"
mpls = [16001, 1048575]
mtu = 1400
mark = 7
pin_answers = ["192.0.2.3", "2001:db8::3"]
pin_hops = 2
)",
                                        "t.toml")
                      .value();
  const auto pins = read_pins(document.root());
  REQUIRE_FALSE(document.errors());
  REQUIRE(pins.size() == 1);
  const PathPin& pin = pins[0].pin;
  CHECK(pins[0].path == "a");
  CHECK(pin.device == "net_af_packet0,iface=eth1");
  CHECK(pin.source(false)->to_string() == "192.0.2.9");
  CHECK(pin.source(true)->to_string() == "2001:db8::9");
  CHECK(pin.next_hop(false)->to_string() == "192.0.2.1");
  CHECK(pin.next_hop(true)->to_string() == "fe80::1");
  CHECK(to_string(*pin.next_hop_mac) == "02:00:5e:10:00:01");
  CHECK(pin.vlans == std::vector<std::uint16_t>{300, 101});
  CHECK(pin.stacked_ctags);
  CHECK(pin.labels == std::vector<std::uint32_t>{16001, 1048575});
  CHECK(pin.mtu == 1400);
  CHECK(pin.mark == 7U);
  CHECK(pins[0].hops == 2);
  REQUIRE(pins[0].answers.size() == 2);
  CHECK(pins[0].answers[1].to_string() == "2001:db8::3");
}

TEST_CASE("tags, labels and addresses that cannot be on the wire are refused where they stand") {
  struct Case {
    const char* lines;
    const char* message;
  };
  const auto c = GENERATE(values<Case>({
      {"next_hop_mac = \"02:00\"", "02:00"},
      {"vlans = [0]", "vlans is 0: want 1 to 4094"},
      {"vlans = [4095]", "vlans is 4095: want 1 to 4094"},
      {"vlans = [1, 2, 3]", "want at most two"},
      {"vlans = 5", "an array of integers"},
      {"vlans = [\"5\"]", "an array of integers"},
      {"mpls = [3]", "mpls is 3: want 16 to 1048575"},
      {"mpls = [16, 17, 18, 19, 20]", "want at most four"},
      {"mtu = 100", "mtu is 100: want 576 to 9216"},
      {"outer_vlan_type = \"q\"", "802.1ad"},
      {"pin_answers = [\"router-1\"]", "'router-1'"},
      {"pin_hops = 0", "pin_hops is 0: want 1 to 16"},
      {"next_hop_v6 = \"192.0.2.1\"", "must be an IPv6 address"},
      {"next_hop_v4 = \"fe80::1\"", "must be an IPv4 address"},
  }));
  CAPTURE(c.lines);
  const auto errors = errors_of(c.lines);
  REQUIRE(errors);
  CHECK_THAT(errors->message, Catch::Contains(c.message));
}
