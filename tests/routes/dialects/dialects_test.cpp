// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <sstream>

#include "core/file.hpp"
#include "routes/dialects/gobgp_injector.hpp"
#include "routes/dialects/router_lists.hpp"
#include "tests/routes/dialects/surroundings.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

std::vector<std::string> all_names() {
  std::vector<std::string> names;
  for (const Dialect& dialect : dialects()) names.emplace_back(dialect.name);
  return names;
}

const Dialect& named(const std::string& name) {
  const Dialect* const dialect = find_dialect(name);
  REQUIRE(dialect != nullptr);
  return *dialect;
}

std::string text_in(const std::string& name, const Plan& plan) {
  const Site site;
  const auto rendered = named(name).render(plan, site.around());
  if (!rendered) FAIL(rendered.error().message);
  return rendered->text;
}

// What a router reads of it: the lines that are no comment.
std::string without_comments(const std::string& text) {
  std::istringstream lines{text};
  std::string rest;
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find_first_not_of(' ');
    const bool comment = first != std::string::npos && (line[first] == '#' || line[first] == '!');
    if (!comment) rest += line + "\n";
  }
  return rest;
}

Plan many(std::size_t count) {
  Plan plan = empty_plan();
  plan.preferences = {preference("europe", "atlas-offshore", "u1", {})};
  for (std::size_t i = 0; i < count; ++i) {
    plan.preferences[0].prefixes.push_back(prefix(
        ("20." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ".0/24").c_str()));
  }
  return plan;
}

}  // namespace

TEST_CASE("each dialect writes a plan as its golden file, byte for byte") {
  const std::string name = GENERATE(from_range(all_names()));
  CAPTURE(name);
  const auto golden = [&](const char* kind) {
    return read_file(std::string{STRAIT_GOLDEN} + "/dialects/" + name + "-" + kind)
        .value_or("none");
  };
  CHECK(text_in(name, all_kinds()) == golden("plan"));
  CHECK(text_in(name, empty_plan()) == golden("empty"));
}

TEST_CASE("in no dialect does the order within a plan change the bytes") {
  const std::string name = GENERATE(from_range(all_names()));
  CAPTURE(name);
  Plan shuffled = all_kinds();
  std::ranges::reverse(shuffled.preferences);
  for (Preference& one : shuffled.preferences) {
    std::ranges::reverse(one.prefixes);
    one.prefixes.push_back(one.prefixes.front());
  }
  CHECK(text_in(name, shuffled) == text_in(name, all_kinds()));
}

TEST_CASE("words from outside change comments and nothing else") {
  const std::string name = GENERATE(from_range(all_names()));
  const std::string hostile = GENERATE(values<std::string>({
      "x\n}; protocol static { route 0.0.0.0/0 blackhole; } /*",
      "x\r\nno router bgp\r\n",
      "x */ policy-options { } /* \"",
      "x\\",
      "x; } neighbor 192.0.2.9 { peer-as 1; }",
      "x ? y \t\x1b[2J \x7f",
      "gr\xc3\xbc\xc3\x9f \xff\xfe \xe2\x80\xa8 z",
      "\"\"\" ''' ${HOME} `id` $(id)",
      "!",
      "#",
      "end-set",
  }));
  CAPTURE(name, hostile);
  Plan plan = all_kinds();
  for (Preference& one : plan.preferences) one.reason = hostile;
  const std::string text = text_in(name, plan);
  CHECK(without_comments(text) == without_comments(text_in(name, all_kinds())));
  CHECK_THAT(text, Catch::Contains("reason: "));
  if (name == "bird") return;  // BIRD takes UTF-8 and a backslash in a comment
  for (const char c : text) {
    const bool plain = c == '\n' || (c >= ' ' && c <= '~' && c != '?' && c != '\\');
    if (!plain) FAIL("octet " << static_cast<int>(static_cast<unsigned char>(c)));
  }
}

TEST_CASE("names that a router could misread are refused in every dialect") {
  const std::string name = GENERATE(from_range(all_names()));
  const std::string bad = GENERATE(values<std::string>(
      {"", "a b", "a\"b", "a\nb", "a;b", "a#b", "a!b", "a{b", "a}b", "a/b", "a\\b", "a'b", "a?b",
       "a$b", "a,b", "gr\xc3\xbc", std::string(65, 'a')}));
  CAPTURE(name, bad);
  const Site site;
  for (std::string Preference::* const member :
       {&Preference::traffic_class, &Preference::path, &Preference::protocol}) {
    Plan plan = all_kinds();
    plan.preferences[0].*member = bad;
    const auto rendered = named(name).render(plan, site.around());
    REQUIRE_FALSE(rendered);
    CHECK(rendered.error().code == Errc::bad_input);
    CHECK_THAT(rendered.error().message, Catch::Contains("'" + bad + "': want 1 to"));
  }
}

TEST_CASE("what is no plan for a router is refused in every dialect but BIRD's own check") {
  struct Case {
    const char* what;
    void (*spoil)(Plan&);
    const char* error;
  };
  const std::string name = GENERATE(from_range(all_names()));
  const auto c = GENERATE(values<Case>({
      {"hash", [](Plan& p) { p.evidence_hash = "x\ny"; }, "want 64 hexadecimal digits"},
      {"one prefix in two classes of a session",
       [](Plan& p) {
         p.preferences[2].protocol = p.preferences[0].protocol;
         p.preferences[2].prefixes = p.preferences[0].prefixes;
       },
       "is in class"},
      {"a length that is none", [](Plan& p) { p.preferences[0].prefixes[0].length = 33; },
       "want one without host bits"},
      {"host bits", [](Plan& p) { p.preferences[0].prefixes[0].length = 8; },
       "want one without host bits"},
  }));
  CAPTURE(name, c.what);
  if (name == "bird" && std::string{c.error} == "want one without host bits") return;
  Plan plan = all_kinds();
  c.spoil(plan);
  const Site site;
  const auto rendered = named(name).render(plan, site.around());
  REQUIRE_FALSE(rendered);
  CHECK_THAT(rendered.error().message, Catch::Contains(c.error));
}

TEST_CASE("a session name of the configuration is checked though nothing is preferred there") {
  Site site;
  site.paths[2].protocol = "u3\n!";
  for (const char* const name : {"frr", "junos", "ios-xr", "eos"}) {
    CAPTURE(name);
    const auto rendered = named(name).render(empty_plan(), site.around());
    REQUIRE_FALSE(rendered);
    CHECK_THAT(rendered.error().message, Catch::Contains("protocol 'u3\n!'"));
  }
}

TEST_CASE("FRR's quadratic prefix lists are kept short") {
  const Site site;
  CHECK(render_frr(many(frr_most_prefixes), site.around()));
  const auto refused = render_frr(many(frr_most_prefixes + 1), site.around());
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message,
             Catch::Contains("the plan has 501 prefixes, want 500 at most"));
}

TEST_CASE("GoBGP, told each route by a command, is not told thousands") {
  const Site site;
  CHECK(render_gobgp_injector(many(gobgp_injector_most_prefixes), site.around()));
  const auto refused = render_gobgp_injector(many(gobgp_injector_most_prefixes + 1), site.around());
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message,
             Catch::Contains("the plan has 2001 prefixes, want 2000 at most"));
}

TEST_CASE("a dialect says what it lacks") {
  struct Case {
    const char* name;
    void (*take)(Site&, Surroundings&);
    const char* error;
  };
  const auto c = GENERATE(values<Case>({
      {"gobgp", [](Site& s, Surroundings& a) { s.paths.clear(), a.paths = s.paths; },
       "GoBGP: session u1 has no neighbour's address"},
      {"openbgpd", [](Site& s, Surroundings& a) { s.paths.clear(), a.paths = s.paths; },
       "OpenBGPD: session u1 has no neighbour's address"},
      {"openbgpd", [](Site&, Surroundings& a) { a.site_asn = Asn{}; }, "want the site's AS number"},
      {"exabgp", [](Site&, Surroundings& a) { a.site_asn = Asn{}; }, "want the site's AS number"},
      {"exabgp", [](Site&, Surroundings& a) { a.rib = nullptr; }, "want the RIB"},
      {"exabgp", [](Site&, Surroundings& a) { a.injector.reset(); }, "want [routes.injector]"},
      {"gobgp-injector", [](Site&, Surroundings& a) { a.site_asn = Asn{}; },
       "want the site's AS number"},
      {"gobgp-injector", [](Site&, Surroundings& a) { a.rib = nullptr; }, "want the RIB"},
      {"gobgp-injector", [](Site&, Surroundings& a) { a.injector.reset(); },
       "want [routes.injector]"},
      {"exabgp",
       [](Site&, Surroundings& a) {
         a.injector = Injector{.router = parse_address("10.255.9.1").value(),
                               .local_address = parse_address("10.255.9.2").value(),
                               .router_id = parse_address("10.255.9.2").value(),
                               .community = 1};
       },
       "cannot announce IPv6 prefixes of length 32"},
  }));
  CAPTURE(c.name, c.error);
  Site site;
  Surroundings around = site.around();
  c.take(site, around);
  const auto rendered = named(c.name).render(all_kinds(), around);
  REQUIRE_FALSE(rendered);
  CHECK_THAT(rendered.error().message, Catch::Contains(c.error));
}

TEST_CASE("a dialect is found by its name and by no other") {
  CHECK(find_dialect("ios") == nullptr);
  CHECK(find_dialect("") == nullptr);
  CHECK(find_dialect("BIRD") == nullptr);
  CHECK(dialects().front().name == "bird");
}
