// SPDX-License-Identifier: Apache-2.0
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <set>
#include <sstream>

#include "cli/probe/run.hpp"
#include "tests/probe/fake_transport.hpp"
#include "tests/probe/prober_fixture.hpp"

using namespace strait;
using namespace strait::cli;
using namespace std::chrono_literals;

namespace {

// A network that balances over two ways by five-tuple: flows of even ports take one that is 3 ms
// longer.
class Balanced final : public probe::Transport {
 public:
  explicit Balanced(std::set<std::uint16_t>& ports) {
    net_.network = [this, &ports](const probe::FakeTransport::Sent& probe) {
      const std::uint16_t port = probe.flow_spec.source_port;
      ports.insert(port);
      net_.uncertainty = ++sent_ % 10 == 5 ? 1ms : 0ms;  // of the next one
      net_.reflect(probe, port % 2 == 0 ? 11'500us : 10ms);
    };
  }
  [[nodiscard]] Instant now() const override { return net_.now(); }
  [[nodiscard]] Result<probe::FlowId> open_flow(const probe::FlowSpec& spec) override {
    return net_.open_flow(spec);
  }
  void close_flow(probe::FlowId flow) override { net_.close_flow(flow); }
  [[nodiscard]] std::size_t send(std::span<probe::Departure> burst) override {
    return net_.send(burst);
  }
  [[nodiscard]] std::size_t receive(std::span<probe::Arrival> burst) override {
    return net_.receive(burst);
  }
  void wait(MonoTime until) override { net_.wait(until); }
  [[nodiscard]] std::size_t burst_size() const override { return 1; }
  [[nodiscard]] probe::TransportCounters counters() override { return net_.counters(); }

 private:
  FakeClock clock_{probe::test_start};
  probe::FakeTransport net_{clock_};
  std::uint64_t sent_ = 0;
};

struct Said {
  std::string text;
  std::set<std::uint16_t> ports;
};

Said run(std::uint16_t flows, std::uint64_t count, bool json) {
  ProbeOptions options;
  options.targets = {"192.0.2.1"};
  options.protocol = Protocol::stamp;
  options.count = count;
  options.interval = 10ms;
  options.flows = flows;
  options.json = json;
  Said said;
  std::ostringstream results;
  std::ostringstream progress;
  std::istringstream nothing;
  const auto status =
      run_probe(options,
                [&](const ProbeOptions&) -> Result<std::unique_ptr<probe::Transport>> {
                  return std::make_unique<Balanced>(said.ports);
                },
                {.results = results, .progress = progress, .input = nothing});
  if (!status) FAIL(status.error().message);
  CHECK(*status == 0);
  said.text = results.str();
  return said;
}

}  // namespace

TEST_CASE("flows that the network sends over two ways are shown as two members") {
  const Said said = run(4, 400, false);
  CAPTURE(said.text);
  CHECK(said.ports.size() == 4);
  CHECK_THAT(said.text, Catch::Contains("400 sent, 400 received, 0 lost"));
  CHECK_THAT(said.text, Catch::Contains("4 flows over 2 ECMP members, which the percentiles above "
                                        "mix"));
  CHECK_THAT(said.text, Catch::Contains("1       1 3    20.00 ms  20.00 ms"));
  CHECK_THAT(said.text, Catch::Contains("2       0 2    23.00 ms  23.00 ms"));
  CHECK_THAT(said.text, Catch::Contains("40 of 400 samples kept apart: timestamps uncertain by "
                                        "more than 250us"));
}

TEST_CASE("a single flow has one five-tuple and no table of members") {
  const Said said = run(1, 100, false);
  CAPTURE(said.text);
  CHECK(said.ports.size() == 1);
  CHECK_THAT(said.text, !Catch::Contains("ECMP"));
  CHECK_THAT(said.text, !Catch::Contains("flows"));
}

TEST_CASE("the JSON of a probe has the members and what was kept apart") {
  const auto json = boost::json::parse(run(8, 400, true).text).as_object();
  CHECK(json.at("sent").as_int64() == 400);
  CHECK(json.at("kept_apart").as_int64() == 40);
  REQUIRE(json.at("members").as_array().size() == 2);
  CHECK(json.at("members").at(0).at("flows").as_array().size() == 4);
  CHECK(json.at("members").at(1).at("min_ns").as_int64() == 23'000'000);
  CHECK(json.at("flows").as_array().size() == 8);
  CHECK_FALSE(boost::json::parse(run(1, 100, true).text).as_object().contains("members"));
}

TEST_CASE("what flows cannot share is refused") {
  struct Case {
    void (*change)(ProbeOptions&);
    const char* error;
  };
  const auto c = GENERATE(values<Case>({
      {[](ProbeOptions& options) { options.count = 3; }, "--count 3 with --flows 4"},
      {[](ProbeOptions& options) { options.flow_label = 7; }, "--flow-label 7 with --flows 4"},
  }));
  ProbeOptions options;
  options.targets = {"2001:db8::1"};
  options.flows = 4;
  c.change(options);
  std::ostringstream nowhere;
  std::istringstream nothing;
  const auto refused =
      run_probe(options,
                [](const ProbeOptions&) -> Result<std::unique_ptr<probe::Transport>> {
                  return fail(Errc::io, "opened");
                },
                {.results = nowhere, .progress = nowhere, .input = nothing});
  REQUIRE_FALSE(refused.has_value());
  CHECK_THAT(refused.error().message, Catch::Contains(c.error));
}
