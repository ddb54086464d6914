// SPDX-License-Identifier: Apache-2.0
// The golden files in front of the daemons' own checks.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/file.hpp"
#include "tests/temporary_folder.hpp"

using namespace strait;

namespace {

struct Checker {
  const char* dialect;
  const char* before;   // what stands before the golden file in a whole configuration
  const char* behind;   // and behind it
  const char* command;  // a shell's, with FILE for the configuration
};

// vtysh knows the grammar and no values; bgpd -C ends with 0 whatever it reads, but says what it
// does not like. gobgpd -d reads the TOML and nothing more.
const Checker checkers[] = {
    // NOLINT(modernize-avoid-c-arrays): for GENERATE
    {"bird", "router id 192.0.2.1;\nprotocol device {}\n",
     "filter up_in { bgp_local_pref = 100; strait_pref(); accept; }\n", "bird -p -c FILE"},
    {"frr", "", "", "vtysh -C -f FILE && test -z \"$(/usr/lib/frr/bgpd -C -f FILE 2>&1)\""},
    {"gobgp",
     "[global.config]\n  as = 64500\n  router-id = \"192.0.2.1\"\n"
     "[global.apply-policy.config]\n  import-policy-list = [\"strait\"]\n",
     "", "gobgpd -d -f FILE"},
    {"openbgpd",
     "AS 64500\nrouter-id 192.0.2.1\n"
     "neighbor 10.255.1.2 {\n remote-as 65001\n}\nneighbor fd00:255:1::2 {\n remote-as 65001\n}\n"
     "neighbor fd00:255:2::2 {\n remote-as 65002\n}\n"
     "neighbor 10.255.3.2 {\n remote-as 65003\n}\nneighbor fd00:255:3::2 {\n remote-as 65003\n}\n",
     "", "chmod 600 FILE && /usr/sbin/bgpd -n -f FILE"},
    {"exabgp", "", "", "exabgp --validate FILE"},
    // Of commands there is no check; the file of its gobgpd is one of TOML.
    {"gobgp-injector", "", "",
     "test -z \"$(grep -v '^#' FILE | grep -v '^gobgp global rib ')\" && sh -n FILE && "
     "sed -n 's/^#| //p' FILE >injector.toml && gobgpd -d -f injector.toml"},
};

class Room {
 public:
  Room() {}

  [[nodiscard]] bool accepts(const Checker& checker, const std::string& text) const {
    const std::string file = folder_ + "/conf";
    std::ofstream{file} << checker.before << text << checker.behind;
    // FRR's bgpd reads it as another user.
    std::filesystem::permissions(folder_, std::filesystem::perms{0755});
    std::filesystem::permissions(file, std::filesystem::perms{0644});
    std::string command = checker.command;
    for (auto at = command.find("FILE"); at != std::string::npos; at = command.find("FILE")) {
      command.replace(at, 4, file);
    }
    const std::string shell =
        "exec >" + folder_ + "/said 2>&1; cd " + folder_ + "; PATH=$PATH:/usr/sbin; " + command;
    return std::system(shell.c_str()) == 0;
  }
  [[nodiscard]] std::string said() const {
    return read_file(folder_ + "/said").value_or("nothing");
  }

 private:
  testing::TemporaryFolder temporary_;
  std::string folder_ = temporary_.path();
};

}  // namespace

TEST_CASE("the daemon's own check takes the golden files, and not what is none") {
  const auto checker = GENERATE(from_range(std::begin(checkers), std::end(checkers)));
  CAPTURE(checker.dialect);
  const Room room;
  const auto golden = [&](const char* kind) {
    return read_file(std::string{STRAIT_GOLDEN} + "/dialects/" + checker.dialect + "-" + kind)
        .value();
  };
  if (!room.accepts(checker, golden("empty"))) {
    const std::string said = room.said();
    const bool absent = said.find("not found") != std::string::npos || ::geteuid() != 0;
    if (!absent) FAIL("the file of an empty plan: " << said);
    WARN("SKIPPED: its check of files is not there, or not for this user");
    return;
  }
  const bool taken = room.accepts(checker, golden("plan"));
  INFO(room.said());
  CHECK(taken);
  CHECK_FALSE(room.accepts(checker, golden("plan") + "\nnonsense { here\n"));
}
