// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/command.hpp"

#include <catch2/catch.hpp>

using namespace strait;
using namespace strait::lab;
using namespace std::chrono_literals;

TEST_CASE("a set command changes only the parts of a profile that it names") {
  struct Case {
    const char* line;
    const char* profile;
  };
  const auto c = GENERATE(values<Case>({
      {"set atlas out delay=9ms", "delay=9ms jitter=100us shape=uniform loss=0.5 blackhole=off"},
      {"set atlas both jitter=1ms", "delay=1ms jitter=1ms shape=uniform loss=0.5 blackhole=off"},
      {"set atlas back - shape=normal loss=0",
       "delay=1ms jitter=100us shape=normal loss=0 blackhole=off"},
      {"set atlas out 198.18.0.0/18 blackhole=on",
       "delay=1ms jitter=100us shape=uniform loss=0.5 blackhole=on"},
      {"  set\tatlas out 2001:db8::/32   delay=0ms jitter=0us\r",
       "delay=0s jitter=0s shape=uniform loss=0.5 blackhole=off"},
      {"set atlas out dscp=8",
       "delay=1ms jitter=100us shape=uniform loss=0.5 blackhole=off dscp=8"},
      {"set atlas out duplicate=0.01 reorder=0.02 hold=7ms",
       "delay=1ms jitter=100us shape=uniform loss=0.5 blackhole=off duplicate=0.01 reorder=0.02 "
       "hold=7ms"},
      {"set atlas out dscp=keep", "delay=1ms jitter=100us shape=uniform loss=0.5 blackhole=off"},
  }));
  CAPTURE(c.line);
  const auto command = parse_command(c.line);
  REQUIRE(command.has_value());
  Profile profile{.delay = 1ms, .jitter = 100us, .loss = 0.5};
  std::get<SetProfile>(*command).apply(profile);
  CHECK(to_string(profile) == c.profile);
}

TEST_CASE("a command that cannot be obeyed is refused with what was wanted") {
  struct Case {
    const char* line;
    const char* error;
  };
  const auto c = GENERATE(values<Case>({
      {"", "no command"},
      {"   ", "no command"},
      {"explode atlas", "command 'explode'"},
      {"path atlas n-1", "want: path NAME"},
      {"set atlas out", "want: set PATH"},
      {"set atlas sideways delay=1ms", "want out, back or both"},
      {"set atlas out 198.18.0.0/18", "nothing to set"},
      {"set atlas out 198.18.0.1/18 delay=1ms", "198.18.0.1/18"},
      {"set atlas out delay=9", "9"},
      {"set atlas out delay", "delay"},
      {"set atlas out loss=1.5", "want 0 to 1"},
      {"set atlas out loss=nan", "want 0 to 1"},
      {"set atlas out loss=-0.1", "want 0 to 1"},
      {"set atlas out loss=0.1x", "want 0 to 1"},
      {"set atlas out duplicate=2", "duplicate '2': want 0 to 1"},
      {"set atlas out reorder=", "reorder '': want 0 to 1"},
      {"set atlas out shape=pareto", "want uniform or normal"},
      {"set atlas out dscp=64", "want 0 to 63, or keep"},
      {"set atlas out dscp=", "want 0 to 63, or keep"},
      {"set atlas out blackhole=yes", "want off or on"},
      {"set atlas out speed=9ms", "'speed=9ms': want delay="},
      {"cut", "want: cut PATH"},
      {"cut atlas softly", "want: cut PATH"},
      {"repair", "want: repair PATH"},
      {"at 3s", "want: at DURATION"},
      {"at soon cut atlas", "soon"},
      {"at 3s show", "'show' cannot wait"},
      {"at 3s path a b c", "'path' cannot wait"},
      {"at 3s at 4s cut atlas", "'at' cannot wait"},
      {"show all", "'all': not expected"},
      {"truth atlas both -", "want: truth"},
      {"truth atlas out", "want: truth"},
      {"truth atlas out nowhere", "nowhere"},
  }));
  CAPTURE(c.line);
  const auto command = parse_command(c.line);
  REQUIRE_FALSE(command.has_value());
  CHECK_THAT(command.error().message, Catch::Contains(c.error));
}

TEST_CASE("the other commands say what they mean") {
  CHECK_FALSE(std::get<Cut>(parse_command("cut atlas").value()).hard);
  CHECK(std::get<Cut>(parse_command("cut atlas hard").value()).hard);
  CHECK(std::get<Repair>(parse_command("repair atlas").value()).path == "atlas");

  const auto path = std::get<AddPath>(parse_command("path atlas n-1 f-1").value());
  CHECK(path.site_interface == "n-1");
  CHECK(path.far_interface == "f-1");

  const auto at = std::get<At>(parse_command("at 1500ms cut atlas hard").value());
  CHECK(at.after == 1500ms);
  CHECK(std::get<Cut>(at.change).hard);

  const auto truth = std::get<AskTruth>(parse_command("truth atlas back 198.18.0.0/18 3s").value());
  CHECK(truth.direction == Direction::back);
  CHECK(to_string(truth.key) == "198.18.0.0/18");
  CHECK(truth.last == 3s);
  CHECK(std::get<AskTruth>(parse_command("truth atlas out -").value()).last == 10s);
}

TEST_CASE("what show prints is a command that makes the same profile") {
  const Profile profile{.delay = 9642193ns,
                        .jitter = 150us,
                        .shape = JitterShape::normal,
                        .loss = 0.25,
                        .duplicate = 0.5,
                        .reorder = 0.125,
                        .hold = 3ms,
                        .blackhole = true};
  const auto command = parse_command("set p out " + to_string(profile));
  REQUIRE(command.has_value());
  Profile copy;
  std::get<SetProfile>(*command).apply(copy);
  CHECK(copy == profile);
}
