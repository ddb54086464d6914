// SPDX-License-Identifier: Apache-2.0
#include "probe/options.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

namespace strait::probe {
namespace {

using namespace std::chrono_literals;

TEST_CASE("an empty configuration gives the defaults and no targets") {
  auto document = ConfigDocument::parse("", "t.toml").value();
  const ProbeOptions options = read_probe_options(document.root());
  CHECK(options.engine == Engine::socket);
  CHECK(options.interval == 100ms);
  CHECK(options.timeout == 3s);
  CHECK(options.window == 60s);
  CHECK(options.uncertainty_limit == 250us);
  CHECK(options.flows == 1);
  CHECK(options.pin_check == PinMode::enforce);
  CHECK(options.pin_check_interval == 5min);
  CHECK(read_targets(document.root()).empty());
  CHECK_FALSE(document.errors().has_value());
}

TEST_CASE("probe and target tables are read whole") {
  auto document = ConfigDocument::parse(R"(
[probe]
engine = "dpdk"
interval = "10ms"
timeout = "1s"
window = "10s"
schedule = "poisson"
jitter = 0.5
payload = 128
dscp = 46
hop_limit = 64
timestamps = "ptp"
require_ssid = true
clock_error_limit = "2ms"
own_clock_error = "70us"
uncertainty_limit = "1ms"
flows = 8
pin_check = "warn"
pin_check_interval = "30s"

[[target]]
name = "marseille-1"
address = "192.0.2.1"
protocol = "stamp"
port = 4000
region = "europe"
place = "marseille"
weight = 2.5

[[target]]
name = "dakar"
address = "2001:db8::1"

[[target]]
name = "oran"
address = "192.0.2.3"
protocol = "twamp"
)",
                                        "t.toml")
                      .value();
  const ProbeOptions options = read_probe_options(document.root());
  const auto targets = read_targets(document.root());
  REQUIRE_FALSE(document.errors().has_value());
  CHECK(options.engine == Engine::dpdk);
  CHECK(options.schedule == ScheduleKind::poisson);
  CHECK(options.timestamps == TimestampFormat::ptp);
  CHECK(options.require_ssid);
  CHECK(options.pin_check == PinMode::warn);
  CHECK(options.pin_check_interval == 30s);
  CHECK(options.own_clock_error == std::optional<Nanos>{70us});
  CHECK(prober_options(options).clock_quality().synchronised);
  REQUIRE(targets.size() == 3);
  CHECK(targets[2].protocol == Protocol::twamp);
  CHECK(targets[0].port == 4000);
  CHECK(targets[0].weight == 2.5);
  CHECK(targets[1].protocol == Protocol::icmp);

  const SessionSpec spec = session_spec(options, targets[0], "atlas", {});
  CHECK(spec.key == SessionKey{"atlas", "marseille-1", Protocol::stamp, 46});
  CHECK(spec.flow.destination == Endpoint{targets[0].address, 4000});
  CHECK(spec.flow.max_payload == 128);
  CHECK(spec.schedule.interval == 10ms);
  CHECK(prober_options(options).window == 10s);
  CHECK(prober_options(options).uncertainty_limit == 1ms);
  CHECK(options.flows == 8);
}

TEST_CASE(
    "a STAMP target's probes carry what [probe] asks for, under its own key or the common one") {
  const auto file =
      std::filesystem::temp_directory_path() / ("strait-options-key-" + std::to_string(getpid()));
  std::ofstream{file} << "0123456789abcdef";
  REQUIRE(chmod(file.c_str(), 0600) == 0);
  auto document = ConfigDocument::parse(fmt::format(R"(
[probe]
tlvs = ["cos", "direct"]
loss_by_direction = true
[[target]]
name = "a"
address = "192.0.2.1"
protocol = "stamp"
[[target]]
name = "b"
address = "192.0.2.2"
protocol = "stamp"
key = "{}"
[[target]]
name = "c"
address = "192.0.2.3"
)",
                                                    file.string()),
                                        "t.toml")
                      .value();
  const ProbeOptions options = read_probe_options(document.root());
  const auto targets = read_targets(document.root());
  std::filesystem::remove(file);
  REQUIRE_FALSE(document.errors().has_value());
  const SessionSpec plain = session_spec(options, targets[0], "atlas", {});
  CHECK(plain.extras.tlvs.class_of_service);
  CHECK(plain.extras.tlvs.direct_measurement);
  CHECK_FALSE(plain.extras.tlvs.location);
  CHECK(plain.extras.loss_by_direction);
  CHECK(plain.flow.max_payload == 44 + 8 + 16);
  const SessionSpec keyed = session_spec(options, targets[1], "atlas", {});
  CHECK(keyed.extras.key != nullptr);
  CHECK(keyed.flow.max_payload == 112 + 8 + 16 + 20);
  CHECK_FALSE(keyed.extras == plain.extras);
  CHECK_FALSE(session_spec(options, targets[2], "atlas", {}).extras.any());
  CHECK(payload_with(plain.extras, 70) == 72);  // 4 octets of an Extra Padding TLV
  CHECK(payload_with(plain.extras, 100) == 100);
}

TEST_CASE("flows share out a session's probes, each as often as the others") {
  SessionSpec session;
  session.key = {"atlas", "dakar", Protocol::icmp, 46};
  session.schedule.interval = 10ms;
  session.count = 10;
  const auto flows = flows_of(session, 4);
  REQUIRE(flows.size() == 4);
  std::uint64_t probes = 0;
  for (std::uint16_t i = 0; i < 4; ++i) {
    CHECK(flows[i].key == SessionKey{"atlas", "dakar", Protocol::icmp, 46, i});
    CHECK(flows[i].schedule.interval == 40ms);
    CHECK((flows[i].count == 2 || flows[i].count == 3));
    probes += flows[i].count;
  }
  CHECK(probes == 10);

  session.count = 0;  // endless
  CHECK(flows_of(session, 2)[1].count == 0);
  const auto single = flows_of(session, 1);
  CHECK(single.size() == 1);
  CHECK(single[0].key == session.key);
  CHECK(single[0].schedule.interval == 10ms);
}

TEST_CASE("mistakes in the probe tables are named") {
  struct Case {
    const char* text;
    const char* error;
  };
  const auto c = GENERATE(values<Case>({
      {"[probe]\nintervall = \"1s\"", "interval"},
      {"[probe]\nengine = \"xdp\"", "dpdk"},
      {"[probe]\npayload = 46", "Extra Padding"},
      {"[probe]\ndscp = 64", "63"},
      {"[probe]\nwindow = \"1ms\"", "100ms"},
      {"[probe]\nuncertainty_limit = \"2s\"", "at most 1s"},
      {"[probe]\nflows = 0", "64"},
      {"[probe]\nflows = 65", "64"},
      {"[probe]\npin_check = \"yes\"", "enforce"},
      {"[probe]\npin_check_interval = \"900ms\"", "want at least 1s"},
      {"[probe]\ntwamp_light = true\ntimestamps = \"ptp\"", "TWAMP-Light"},
      {"[probe]\ntlvs = [\"cos\", \"hmac\"]", "'hmac': want cos"},
      {"[probe]\nkey = \"/nonexistent/key\"", "No such file"},
      {"[probe]\ntwamp_light = true\ntlvs = [\"cos\"]", "neither tlvs"},
      {"[[target]]\nname = \"a\"\naddress = \"192.0.2.1\"\nkey = \"/dev/null\"", "not a file"},
      {"[[target]]\nname = \"a\"", "address"},
      {"[[target]]\naddress = \"192.0.2.1\"", "name"},
      {"[[target]]\nname = \"a\"\naddress = \"192.0.2.1\"\n[[target]]\nname = \"a\"\n"
       "address = \"192.0.2.2\"",
       "already"},
  }));
  CAPTURE(c.text);
  auto document = ConfigDocument::parse(c.text, "t.toml").value();
  (void)read_probe_options(document.root());
  (void)read_targets(document.root());
  const auto errors = document.errors();
  REQUIRE(errors.has_value());
  CHECK_THAT(errors->message, Catch::Contains(c.error));
}

}  // namespace
}  // namespace strait::probe
