// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "core/file.hpp"
#include "tests/routes/apply_place.hpp"

namespace strait::testing {

// A vtysh that is a shell script, and the FRR behind it: a running configuration that is a file,
// and a route of 192.0.2.0/24 by 10.255.1.2 and one by 10.255.2.2, of which the first is the best
// one where the configuration raises it.
class FakeFrr {
 public:
  explicit FakeFrr(std::string folder) : folder_{std::move(folder)} {
    std::filesystem::create_directories(folder_);
    std::ofstream{folder_ + "/vtysh"} << script;
    std::filesystem::permissions(folder_ + "/vtysh", std::filesystem::perms{0755});
    restart();
  }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string running() const { return read_file(folder_ + "/running").value_or(""); }
  [[nodiscard]] bool prefers() const {
    return running().find("permit 192.0.2.0/24") != std::string::npos;
  }
  // FRR forgets what vtysh told it.
  void restart() const { std::ofstream{folder_ + "/running"} << ""; }
  // While `file` is there: "down" bgpd does not answer, "deaf" it takes no configuration and says
  // so, "half" it takes the first part of one and says nothing, "overruled" the route is not
  // raised, "grammar" vtysh -C complains.
  void set(const char* file) const { std::ofstream{folder_ + "/" + file} << ""; }
  void clear(const char* file) const { std::filesystem::remove(folder_ + "/" + file); }
  [[nodiscard]] std::string commands() const {
    return read_file(folder_ + "/commands").value_or("");
  }

 private:
  static constexpr const char* script = R"(#!/bin/sh
here=$(dirname "$0")
echo "$*" >>"$here/commands"
if [ "$1" = -C ]; then
  [ -e "$here/grammar" ] && { echo 'line 3: % Unknown command: x'; exit 2; }
  exit 0
fi
[ -e "$here/down" ] && { echo 'Exiting: failed to connect to any daemons.'; exit 1; }
shift 4 # --vty_socket DIRECTORY -d bgpd
case $1 in
  -f)
    [ -e "$here/deaf" ] && { echo 'line 3: % Configuration failed.'; exit 0; }
    # What a "no" takes away goes; what is set stays until then.
    grep '^no ' "$2" | cut -c4- | grep -v optimization >"$here/gone"
    while read -r object; do
      awk -v o="$object" '{ own = index($0, o " ") == 1 } own { skip = 1; next }
        /^[^ ]/ { skip = 0 } !skip' "$here/running" >"$here/next"
      mv "$here/next" "$here/running"
    done <"$here/gone"
    if [ -e "$here/half" ]; then lines=3; else lines=9999; fi
    grep -v -e '^!' -e '^no ' -e '^bgp ' "$2" | head -n "$lines" >>"$here/running"
    ;;
  -c)
    case $2 in
      "show running"*) cat "$here/running"; printf '!\nend\n' ;;
      "show bgp ipv4 unicast 192.0.2.0/24 json")
        pref=100; first=false; second=true
        grep -q 'permit 192.0.2.0/24' "$here/running" && [ ! -e "$here/overruled" ] && { pref=200; first=true; second=false; }
        printf '{"paths":[{"locPrf":%s,"bestpath":{"overall":%s},"peer":{"peerId":"10.255.1.2"}},' $pref $first
        printf '{"locPrf":100,"bestpath":{"overall":%s},"peer":{"peerId":"10.255.2.2"}}]}\n' $second
        ;;
      "show bgp"*) printf '{\n}\n' ;;
    esac
    ;;
esac
)";
  std::string folder_;
};

}  // namespace strait::testing
