// SPDX-License-Identifier: Apache-2.0
// An apply that dies at each of its steps, and whoever comes after it.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/file.hpp"
#include "routes/apply/include_file.hpp"
#include "routes/apply/journal.hpp"
#include "routes/apply/steps.hpp"
#include "routes/dialects/bird.hpp"
#include "tests/routes/apply_place.hpp"
#include "tests/routes/fake_router.hpp"
#include "tests/routes/kill_at.hpp"
#include "tests/routes/plan_examples.hpp"
#include "tests/routes/small_disk.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;
using namespace std::chrono_literals;

namespace {

const FakeClock now{{MonoTime{}, parse_wall_time("2026-11-23T16:46:00Z").value()}};

Plan via_u1() {
  Plan plan = empty_plan();
  plan.preferences = {preference("europe", "atlas-offshore", "u1", {"192.0.2.0/24"})};
  return plan;
}

std::string plain() { return render_bird(empty_plan()).value(); }

// A router and the files of an apply, with plain BGP in force.
struct Scene : ApplyPlace {
  Scene() : ApplyPlace{plain()} {}
  [[nodiscard]] JournalEntry last() const {
    JournalEntry entry;
    const auto check = read_journal(
        target.journal_file, [&](const JournalEntry& each, std::string_view) { entry = each; });
    CHECK(check.value().whole());
    return entry;
  }
};

}  // namespace

TEST_CASE("killed at any step, router and file are old or new, and the next start finishes it") {
  const auto number = GENERATE(range(std::size_t{0}, apply_steps));
  const auto meanwhile = GENERATE(as<std::string>{}, "nothing", "timer", "restart");
  const auto step = static_cast<ApplyStep>(number);
  CAPTURE(number, meanwhile);
  const Scene scene;
  FakeRouter bird{scene.target.control_socket, scene.target.include_file};
  apply_and_die(via_u1(), scene.target, now, step);

  const std::string fresh = render_bird(via_u1()).value();
  CHECK((scene.content() == plain() || scene.content() == fresh));
  CHECK((bird.running() == plain() || bird.running() == fresh));
  if (meanwhile == "timer") bird.let_timer_run_out();
  if (meanwhile == "restart") bird.restart();

  const auto done = recover(scene.target, now, "a test");
  if (!done) FAIL(done.error().message);
  CHECK_FALSE(done->empty());
  const bool confirmed = step == ApplyStep::forgotten;
  CHECK(scene.content() == (confirmed ? fresh : plain()));
  CHECK(bird.running() == scene.content());
  CHECK_FALSE(std::filesystem::exists(scene.target.include_file + ".previous"));
  CHECK(scene.last().step == (confirmed                  ? "confirmed"
                              : step == ApplyStep::begun ? "abandoned"
                                                         : "recovered"));
  CHECK(scene.last().refers == std::uint64_t{1});
  bird.let_timer_run_out();  // none may be running any more
  CHECK(bird.running() == scene.content());
  CHECK(recover(scene.target, now, "a test").value().empty());

  const auto again = apply(via_u1(), scene.target, now);
  REQUIRE(again);
  CHECK(again->outcome == ApplyOutcome::confirmed);
  CHECK(bird.running() == fresh);
}

TEST_CASE("an apply that was killed stays unfinished until the router has the old file") {
  const Scene scene;
  {
    FakeRouter bird{scene.target.control_socket, scene.target.include_file};
    apply_and_die(via_u1(), scene.target, now, ApplyStep::confirmed);
  }
  const auto alone = recover(scene.target, now, "a test");
  REQUIRE_FALSE(alone);
  CHECK_THAT(alone.error().message, Catch::Contains("BIRD did not load it"));
  CHECK(scene.content() == plain());
  const FakeRouter bird{scene.target.control_socket, scene.target.include_file};
  CHECK_FALSE(recover(scene.target, now, "a test").value().empty());
  CHECK(bird.running() == plain());
}

TEST_CASE("a first plan that was killed leaves no file where there was none") {
  const Scene scene;
  std::filesystem::remove(scene.target.include_file);
  const FakeRouter bird{scene.target.control_socket, scene.target.include_file};
  apply_and_die(via_u1(), scene.target, now, ApplyStep::loaded);
  REQUIRE(recover(scene.target, now, "a test"));
  CHECK_FALSE(std::filesystem::exists(scene.target.include_file));
}

TEST_CASE("of two applies at once the second one is told who has the first") {
  const Scene scene;
  const FakeRouter bird{scene.target.control_socket, scene.target.include_file};
  const auto held = ApplyLock::take(scene.target.include_file, "the service");
  REQUIRE(held);
  const auto second = apply(via_u1(), scene.target, now);
  REQUIRE_FALSE(second);
  CHECK_THAT(second.error().message,
             Catch::Contains("another apply is running: the service, process " +
                             std::to_string(::getpid()) + ", since 20"));
  CHECK_FALSE(recover(scene.target, now, "a test"));
  CHECK(scene.content() == plain());
}

TEST_CASE("an include file that is edited while BIRD loads stays as the operator wrote it") {
  const Scene scene;
  const FakeRouter bird{scene.target.control_socket, scene.target.include_file};
  ApplyRequest request;
  request.on_step = [&](ApplyStep step) {
    if (step == ApplyStep::loaded) {
      std::ofstream{scene.target.include_file, std::ios::app} << "# mine\n";
    }
  };
  const auto done = apply(via_u1(), scene.target, now, request);
  REQUIRE(done);
  CHECK(done->outcome == ApplyOutcome::failed);
  CHECK_THAT(done->reason, Catch::Contains("changed by hand meanwhile"));
  CHECK_THAT(scene.content(), Catch::EndsWith("# mine\n"));
  CHECK(bird.running() == plain());
  // And before the next one, too.
  const auto next = apply(via_u1(), scene.target, now);
  REQUIRE_FALSE(next);
  CHECK_THAT(next.error().message, Catch::Contains("changed by hand"));
}

TEST_CASE("an edit that stands where the old file has to be again is kept beside it") {
  const Scene scene;
  FakeRouter bird{scene.target.control_socket, scene.target.include_file};
  const auto edit = [&] { std::ofstream{scene.target.include_file, std::ios::app} << "# mine\n"; };
  const std::string aside = scene.target.include_file + ".edited";
  std::string why;
  SECTION("where the routes do not follow the plan") {
    ApplyRequest request;
    request.on_step = [&](ApplyStep step) {
      if (step != ApplyStep::loaded) return;
      bird.let_timer_run_out();
      edit();
    };
    const auto done = apply(via_u1(), scene.target, now, request);
    REQUIRE(done);
    CHECK(done->outcome == ApplyOutcome::rolled_back);
    why = done->reason;
  }
  SECTION("where the apply was killed") {
    apply_and_die(via_u1(), scene.target, now, ApplyStep::loaded);
    edit();
    why = recover(scene.target, now, "a test").value();
  }
  CHECK_THAT(why, Catch::Contains("was changed by hand meanwhile: that is " + aside + " now"));
  CHECK(scene.content() == plain());
  CHECK(read_file(aside).value() == render_bird(via_u1()).value() + "# mine\n");
  CHECK(bird.running() == plain());
}

TEST_CASE("while the stop file is there nothing is preferred, and plain BGP may come back") {
  const Scene scene;
  const FakeRouter bird{scene.target.control_socket, scene.target.include_file};
  CHECK_FALSE(stopped(scene.target));
  REQUIRE(apply(via_u1(), scene.target, now).value().outcome == ApplyOutcome::confirmed);
  REQUIRE(replace_file(stop_file(scene.target), "maintenance, says Amina\n"));
  const auto refused = apply(via_u1(), scene.target, now);
  REQUIRE(refused);
  CHECK(refused->outcome == ApplyOutcome::refused);
  CHECK_THAT(refused->reason, Catch::Contains("strait.conf.stop says: maintenance, says Amina"));
  CHECK(bird.running() == render_bird(via_u1()).value());
  CHECK(apply(withdrawal(now, "stop"), scene.target, now).value().outcome ==
        ApplyOutcome::confirmed);
  CHECK_THAT(bird.running(), Catch::EndsWith("function strait_pref() { }\n"));
}

TEST_CASE("a stop file that comes while BIRD loads is heeded before the confirm") {
  const Scene scene;
  const FakeRouter bird{scene.target.control_socket, scene.target.include_file};
  ApplyRequest request;
  request.on_step = [&](ApplyStep step) {
    if (step == ApplyStep::loaded) REQUIRE(replace_file(stop_file(scene.target), ""));
  };
  const auto done = apply(via_u1(), scene.target, now, request);
  REQUIRE(done);
  CHECK(done->outcome == ApplyOutcome::rolled_back);
  CHECK(bird.running() == plain());
  CHECK(scene.content() == plain());
}

TEST_CASE("behind a journal that does not fit nothing is preferred, and plain BGP may come back") {
  const Scene scene;
  const FakeRouter bird{scene.target.control_socket, scene.target.include_file};
  REQUIRE(apply(via_u1(), scene.target, now).value().outcome == ApplyOutcome::confirmed);
  std::string text = read_file(scene.target.journal_file).value();
  text.replace(text.rfind("confirmed"), 9, "concealed");
  REQUIRE(replace_file(scene.target.journal_file, text));
  const auto refused = apply(via_u1(), scene.target, now);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, Catch::Contains("line 2"));
  const auto back = apply(withdrawal(now, "stop"), scene.target, now);
  REQUIRE(back);
  CHECK(back->outcome == ApplyOutcome::confirmed);
  CHECK_THAT(back->reason, Catch::Contains("line 2"));
  CHECK(read_file(scene.target.journal_file).value() == text);
}

TEST_CASE("a full disk leaves the old file and the old configuration") {
  const Scene scene;
  const FakeRouter bird{scene.target.control_socket, scene.target.include_file};
  const auto room = GENERATE(std::size_t{20}, std::size_t{900});  // for no journal, for no plan
  Plan plan = via_u1();
  plan.preferences[0].reason = std::string(900, 'x');
  {
    const SmallDisk disk{room};
    REQUIRE_FALSE(apply(plan, scene.target, now));
  }
  CHECK(scene.content() == plain());
  CHECK(bird.running() == plain());
  CHECK(apply(via_u1(), scene.target, now).value().outcome == ApplyOutcome::confirmed);
}
