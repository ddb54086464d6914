// SPDX-License-Identifier: Apache-2.0
// Against a real BIRD with two upstreams, in network namespaces: see bird_lab.sh. Needs root.
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "core/file.hpp"
#include "routes/apply/apply.hpp"
#include "routes/apply/bird_routes.hpp"
#include "routes/dialects/bird.hpp"
#include "routes/rib.hpp"
#include "routes/sources/bird_rib.hpp"
#include "tests/routes/plan_examples.hpp"
#include "tests/temporary_folder.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;
using namespace std::chrono_literals;

namespace {

bool unprivileged() {
  const bool can = ::geteuid() == 0 && std::system("command -v ip bird birdc >/dev/null") == 0;
  if (!can) WARN("SKIPPED: needs root, iproute2 and bird2");
  return !can;
}

// The lab for as long as this object lives; the script ends when its standard input does.
class Lab {
 public:
  Lab() {
    script_ = ::popen((std::string{STRAIT_BIRD_LAB} + " " + folder_).c_str(), "we");
    const auto waiting = [&] {
      return !std::filesystem::exists(file("ready")) && !std::filesystem::exists(file("ended"));
    };
    for (int i = 0; i < 400 && waiting(); ++i) {
      std::this_thread::sleep_for(100ms);
    }
    INFO("the lab did not come up");
    REQUIRE(std::filesystem::exists(file("ready")));
  }
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;
  ~Lab() { ::pclose(script_); }

  [[nodiscard]] std::string file(const std::string& name) const { return folder_ + "/" + name; }
  [[nodiscard]] RouterTarget target() const {
    RouterTarget target;
    target.include_file = file("strait.conf");
    target.control_socket = file("d.ctl");
    target.confirm_timeout = 4s;
    target.read_back_within = 2s;
    target.journal_file = file("journal");
    return target;
  }
  [[nodiscard]] std::vector<BirdRoute> routes(const std::string& what) const {
    auto bird = BirdControl::connect(file("d.ctl"), 5s).value();
    return read_bird_routes(bird.ask("show route " + what + " all").value()).value();
  }
  [[nodiscard]] std::string best(const std::string& prefix) const {
    for (const BirdRoute& route : routes(prefix)) {
      if (route.best) return route.protocol;
    }
    return "none";
  }
  // Whether `best(prefix)` becomes `protocol` within ten seconds.
  [[nodiscard]] bool becomes(const std::string& prefix, const std::string& protocol) const {
    for (int i = 0; i < 100; ++i) {
      if (best(prefix) == protocol) return true;
      std::this_thread::sleep_for(100ms);
    }
    return false;
  }

 private:
  testing::TemporaryFolder temporary_;
  std::string folder_ = temporary_.path();
  std::FILE* script_ = nullptr;
};

Plan plan_via_u1() {
  const SystemClock clock;
  Plan plan;
  plan.made = clock.now().wall;
  plan.expires = plan.made + 1h;
  plan.preferences = {
      preference("europe", "atlas-offshore", "u1", {"20.1.0.0/16", "20.2.0.0/16", "30.0.0.0/16"}),
      preference("europe", "atlas-offshore", "u1v6", {"2001:db8:10::/48"})};
  return plan;
}

std::string last_line(const std::string& file) {
  std::ifstream in{file};
  std::string line;
  std::string last;
  while (std::getline(in, line)) last = line;
  return last;
}

// One text for what both BIRD's print-out and a dump know of a route.
std::string text_of(const BirdRoute& route) {
  return to_string(route.prefix) + " path " + route.as_path + " hop " + route.next_hop + " pref " +
         (route.local_pref ? std::to_string(route.local_pref->value()) : "-") + " med " +
         route.med + " origin " + route.origin + " communities " + route.community;
}

std::string text_of(const Route& route) {
  std::string path;
  for (const Asn asn : route.as_path)
    path += (path.empty() ? "" : " ") + std::to_string(asn.value());
  std::string communities;
  for (const std::uint32_t one : route.communities) {
    communities += (communities.empty() ? "(" : " (") + std::to_string(one >> 16U) + "," +
                   std::to_string(one & 0xffffU) + ")";
  }
  const char* const origins[] = {"IGP", "EGP", "Incomplete"};
  const bool local = route.neighbor.is_unspecified();
  return to_string(route.prefix) + " path " + path + " hop " +
         (local ? "" : route.next_hop.to_string()) + " pref " +
         (route.local_pref ? std::to_string(route.local_pref->value()) : "-") + " med " +
         (route.med ? std::to_string(route.med->value()) : "") + " origin " +
         (local ? "" : origins[static_cast<int>(route.origin)]) + " communities " + communities;
}

}  // namespace

TEST_CASE("a dump of a running BIRD holds the routes that it shows, one by one") {
  if (unprivileged()) return;
  const Lab lab;
  BirdRibSource source;
  source.control_socket = lab.file("d.ctl");
  const auto dump = dump_bird(source, {.site_asn = Asn{64500}});
  if (!dump) FAIL(dump.error().message);
  CHECK(dump->report.complete());

  std::multiset<std::string> read;
  const Rib& rib = dump->rib;
  rib.for_each([&](const RibEntry& entry) {
    for (const RibRoute& route : entry.routes) {
      read.insert(text_of(rib.route(entry.prefix, route)));
    }
  });
  std::multiset<std::string> shown;
  for (const BirdRoute& route : lab.routes("")) shown.insert(text_of(route));
  CHECK(shown.size() == 309);
  CHECK(read == shown);

  const auto offered = [&](const char* neighbor) {
    std::size_t count = 0;
    rib.for_each_of(parse_address(neighbor).value(),
                    [&](const RibEntry&, const RibRoute&) { ++count; });
    return count;
  };
  CHECK(offered("10.255.1.2") == 102);
  CHECK(offered("fd00:255:2::2") == 50);
  CHECK(rib.candidates(prefix("20.5.0.0/16")).size() == 2);

  BirdRibSource wrong = source;
  wrong.tables = {"nope"};
  CHECK_THAT(dump_bird(wrong, {}).error().message, Catch::Contains("no table 'nope'"));
}

TEST_CASE("an applied plan moves exactly its prefixes, and its withdrawal brings plain BGP back") {
  if (unprivileged()) return;
  const Lab lab;
  const SystemClock clock;
  REQUIRE(lab.best("20.1.0.0/16") == "u2");
  REQUIRE(lab.best("2001:db8:10::/48") == "u2v6");

  const auto done = apply(plan_via_u1(), lab.target(), clock);
  if (!done) FAIL(done.error().message);
  CAPTURE(done->reason);
  CHECK(done->outcome == ApplyOutcome::confirmed);
  CHECK(done->read_back.checked == 4);
  CHECK(done->read_back.as_wanted == 3);
  CHECK(done->read_back.marked == 1);
  CHECK(lab.best("20.1.0.0/16") == "u1");
  CHECK(lab.best("2001:db8:10::/48") == "u1v6");
  CHECK(lab.best("20.3.0.0/16") == "u2");
  CHECK(lab.best("30.0.0.0/16") == "u2");  // carries GRACEFUL_SHUTDOWN: not raised
  CHECK(read_bird(read_file(lab.file("strait.conf")).value()).has_value());
  CHECK_THAT(last_line(lab.file("journal")), Catch::Contains("\"step\":\"confirmed\""));

  std::this_thread::sleep_for(5s);  // past BIRD's timer: confirmed means kept
  CHECK(lab.best("20.1.0.0/16") == "u1");

  const auto undone = apply(withdrawal(clock, "stale"), lab.target(), clock);
  REQUIRE(undone);
  CHECK(undone->outcome == ApplyOutcome::confirmed);
  CHECK(lab.becomes("20.1.0.0/16", "u2"));
  CHECK(lab.becomes("2001:db8:10::/48", "u2v6"));
}

TEST_CASE("what BIRD's own check refuses leaves file and routes as they were") {
  if (unprivileged()) return;
  const Lab lab;
  const SystemClock clock;
  const std::string before = read_file(lab.file("strait.conf")).value();
  Plan plan = plan_via_u1();
  plan.preferences[0].prefixes[0].length = 33;  // no parser of ours lets this through
  const auto done = apply(plan, lab.target(), clock);
  REQUIRE(done);
  CHECK(done->outcome == ApplyOutcome::refused);
  CHECK_THAT(done->reason, Catch::Contains("strait.conf"));
  CHECK(read_file(lab.file("strait.conf")).value() == before);
  CHECK_FALSE(std::filesystem::exists(lab.file("strait.conf.previous")));
  CHECK(lab.best("20.1.0.0/16") == "u2");
}

TEST_CASE("a plan that the routes do not follow is rolled back, and the reason names a route") {
  if (unprivileged()) return;
  const Lab lab;
  const SystemClock clock;
  const std::string before = read_file(lab.file("strait.conf")).value();
  // An operator's filter that overrules the preference.
  std::string conf = read_file(lab.file("d.conf")).value();
  conf.replace(conf.find("strait_pref(); accept"), 21,
               "strait_pref(); bgp_local_pref = 100; accept");
  REQUIRE(replace_file(lab.file("d.conf"), conf));
  const auto done = apply(plan_via_u1(), lab.target(), clock);
  REQUIRE(done);
  CHECK(done->outcome == ApplyOutcome::rolled_back);
  CHECK_THAT(done->reason, Catch::Contains("20.1.0.0/16 of class europe: want u1 with local-pref "
                                           "200, found best via u2, u1 has local-pref 100"));
  CHECK(read_file(lab.file("strait.conf")).value() == before);
  CHECK_THAT(last_line(lab.file("journal")), Catch::Contains("\"step\":\"rolled-back\""));
}

TEST_CASE("killed before the confirm, BIRD undoes by itself and the next apply knows what was") {
  if (unprivileged()) return;
  const Lab lab;
  const SystemClock clock;
  const std::string before = read_file(lab.file("strait.conf")).value();
  Plan wrong = plan_via_u1();  // one prefix that never follows keeps the read-back waiting
  wrong.preferences[0].prefixes.push_back(prefix("40.2.0.0/16"));
  wrong.preferences.push_back(preference("africa", "loukkos", "u2", {"40.1.0.0/16"}));

  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto ignored = apply(wrong, lab.target(), SystemClock{});
    ::_exit(ignored ? 0 : 1);
  }
  const bool moved = lab.becomes("20.1.0.0/16", "u1");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(moved);
  CHECK(read_file(lab.file("strait.conf")).value() == render_bird(wrong).value());
  CHECK(lab.becomes("20.1.0.0/16", "u2"));  // BIRD's own timer

  const auto done = apply(wrong, lab.target(), clock);
  REQUIRE(done);
  CHECK(done->outcome == ApplyOutcome::rolled_back);
  CHECK(read_file(lab.file("strait.conf")).value() == before);
}
