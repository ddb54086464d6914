// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/targets.hpp"

#include <catch2/catch.hpp>
#include <sstream>

using namespace strait;
using namespace strait::cli;

namespace {

Address address(const char* text) { return parse_address(text).value(); }

// "two" has an address of each family, "none" has none; addresses are themselves.
Result<std::vector<Address>> look_up(const std::string& name, Family family) {
  if (name == "none") return fail(Errc::not_found, "target 'none': no such name");
  if (name == "bad") return fail(Errc::bad_input, "target 'bad': not an IPv6 address");
  if (name == "two") {
    if (family == Family::v6) return std::vector{address("2001:db8::2")};
    return std::vector{address("192.0.2.2"), address("2001:db8::2")};
  }
  return std::vector{parse_address(name).value()};
}

ProbeOptions options_of(std::vector<std::string> targets, std::vector<std::string> files = {}) {
  ProbeOptions options;
  options.targets = std::move(targets);
  options.files = std::move(files);
  return options;
}

Result<TargetList> gather(const ProbeOptions& options, const std::string& input = "") {
  std::istringstream stream{input};
  return gather_targets(options, stream, look_up);
}

std::vector<std::string> labels(const TargetList& list) {
  std::vector<std::string> found;
  for (const ProbeTarget& target : list.targets) found.push_back(target.label);
  return found;
}

using Words = std::vector<std::string>;

std::vector<std::string> hosts(const char* prefix) {
  std::vector<std::string> found;
  const auto addresses = hosts_of(parse_prefix(prefix).value());
  for (const Address& each : addresses.value()) found.push_back(each.to_string());
  return found;
}

}  // namespace

TEST_CASE("a prefix stands for the addresses of its hosts") {
  CHECK(hosts("192.0.2.8/30") == Words{"192.0.2.9", "192.0.2.10"});
  CHECK(hosts("192.0.2.8/31") == Words{"192.0.2.8", "192.0.2.9"});
  CHECK(hosts("192.0.2.8/32") == Words{"192.0.2.8"});
  CHECK(hosts("2001:db8::/126") == Words{"2001:db8::1", "2001:db8::2", "2001:db8::3"});
  CHECK(hosts("2001:db8::/127") == Words{"2001:db8::", "2001:db8::1"});
  CHECK(hosts("10.1.0.0/16").size() == 65534);
  CHECK(hosts("10.0.0.0/22")[255] == "10.0.1.0");
}

TEST_CASE("a prefix beyond the limit is refused with the limit") {
  CHECK(hosts_of(parse_prefix("10.0.0.0/15").value()).error().message ==
        "target '10.0.0.0/15': a prefix of more than 65536 addresses: want /16 or longer");
  CHECK(hosts_of(parse_prefix("2001:db8::/64").value()).error().message ==
        "target '2001:db8::/64': a prefix of more than 65536 addresses: want /112 or longer");
}

TEST_CASE("a list has comments and empty lines") {
  const auto options = options_of({"192.0.2.9"}, {"-"});
  const auto list = gather(options, "# all\n\n192.0.2.1  # one\r\n\t192.0.2.3\n192.0.2.4#x");
  REQUIRE(list);
  CHECK(labels(*list) == Words{"192.0.2.9", "192.0.2.1", "192.0.2.3", "192.0.2.4"});
}

TEST_CASE("a dash among the targets is the standard input") {
  const auto list = gather(options_of({"-"}), "192.0.2.1\n");
  REQUIRE(list);
  CHECK(labels(*list) == Words{"192.0.2.1"});
}

TEST_CASE("what is wrong in a list is said with its line") {
  const auto message = [](const std::string& input) {
    const auto list = gather(options_of({"-"}), input);
    REQUIRE_FALSE(list);
    CHECK(list.error().code == Errc::bad_input);
    return list.error().message;
  };
  CHECK(message("192.0.2.1\n192.0.2.2 192.0.2.3\n") ==
        "standard input:2: '192.0.2.3': want one target a line; comments begin with #");
  CHECK(message("\n192.0.2.1/24\n") ==
        "standard input:2: target: prefix '192.0.2.1/24': host bits are set");
  CHECK(message("192.0.2.1\n\n192.0.2.1\n") ==
        "standard input:3: target '192.0.2.1' is given twice");
  CHECK(message("bad\n") == "standard input:1: target 'bad': not an IPv6 address");
  CHECK(message("# nobody\n") == "probe: no target in standard input");
  CHECK(message("10.0.0.0/8\n") ==
        "standard input:1: target '10.0.0.0/8': a prefix of more than 65536 addresses: want /16 or "
        "longer");
}

TEST_CASE("a file that is not there is an error that names it") {
  const auto list = gather(options_of({}, {"/nonexistent/targets"}));
  REQUIRE_FALSE(list);
  CHECK(list.error().message.find("list of targets: open /nonexistent/targets") == 0);
}

TEST_CASE("a name has one address or all of them") {
  auto options = options_of({"two"});
  CHECK(labels(*gather(options)) == Words{"two"});
  options.all_addresses = true;
  CHECK(labels(*gather(options)) == Words{"two (192.0.2.2)", "two (2001:db8::2)"});
  options.by_address = true;
  CHECK(labels(*gather(options)) == Words{"192.0.2.2", "2001:db8::2"});
  options.by_address = false;
  options.family = Family::v6;
  CHECK(labels(*gather(options)) == Words{"two"});
}

TEST_CASE("a name that does not resolve leaves the others") {
  const auto list = gather(options_of({"none", "192.0.2.1"}));
  REQUIRE(list);
  CHECK(labels(*list) == Words{"192.0.2.1"});
  CHECK(list->unresolved == Words{"target 'none': no such name"});
  const auto nobody = gather(options_of({"none"}));
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().code == Errc::not_found);
  CHECK(nobody.error().message == "target 'none': no such name");
}

TEST_CASE("no more targets than the limit") {
  const auto list = gather(options_of({"10.1.0.0/16", "10.2.0.0/29"}));
  REQUIRE_FALSE(list);
  CHECK(list.error().message == "more than 65536 targets: share them out among runs");
}
