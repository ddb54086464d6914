// SPDX-License-Identifier: Apache-2.0
#include "tests/probe/socket/namespace_pair.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>

namespace strait::probe::test {
namespace {

void shell(const std::string& command) {
  CAPTURE(command);
  REQUIRE(std::system(command.c_str()) == 0);
}

void enter(const std::string& path) {
  const kernel::Fd space{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  CAPTURE(path);
  REQUIRE(space.is_open());
  REQUIRE(::setns(space.value(), CLONE_NEWNET) == 0);
}

}  // namespace

bool NamespacePair::allowed() {
  if (::geteuid() == 0) return true;
  WARN("skipped: making network namespaces needs root");
  return false;
}

NamespacePair::NamespacePair()
    : near_{"stn" + std::to_string(::getpid())},
      far_{"stf" + std::to_string(::getpid())},
      home_{::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)} {
  remove();
  shell("ip netns add " + near_ + " && ip netns add " + far_);
  in_near("ip link add va type veth peer name va netns " + far_ +
          " && ip link add vb type veth peer name vb netns " + far_);
  for (const auto& [space, host] : {std::pair{near_, "1"}, std::pair{far_, "2"}}) {
    shell("ip -n " + space + " link set lo up && ip -n " + space + " link set va up && ip -n " +
          space + " link set vb up");
    shell("ip -n " + space + " address add 192.0.2." + host + "/24 dev va && ip -n " + space +
          " address add 198.51.100." + host + "/24 dev vb");
    shell("ip -n " + space + " address add 2001:db8:1::" + host + "/64 dev va nodad && ip -n " +
          space + " address add 2001:db8:2::" + host + "/64 dev vb nodad");
  }
  in_far("ip address add 203.0.113.1/32 dev lo && ip route add unreachable 203.0.113.9");
  in_far(
      "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 "
      "net.ipv4.conf.va.rp_filter=0 net.ipv4.conf.vb.rp_filter=0");
  in_near(
      "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.va.rp_filter=0 "
      "net.ipv4.conf.vb.rp_filter=0");
  in_near("ip route add 203.0.113.0/24 via 192.0.2.2");
}

NamespacePair::~NamespacePair() {
  (void)::setns(home_.value(), CLONE_NEWNET);
  remove();
}

void NamespacePair::remove() const {
  for (const auto& space : {near_, far_})
    (void)!std::system(("ip netns delete " + space + " 2>/dev/null").c_str());
}

void NamespacePair::enter_near() const { enter("/run/netns/" + near_); }
void NamespacePair::enter_far() const { enter("/run/netns/" + far_); }

void NamespacePair::in_near(const std::string& command) const {
  shell("ip netns exec " + near_ + " sh -c '" + command + "'");
}

void NamespacePair::in_far(const std::string& command) const {
  shell("ip netns exec " + far_ + " sh -c '" + command + "'");
}

std::string NamespacePair::output_in_near(const std::string& command) const {
  const auto whole = "ip netns exec " + near_ + " " + command;
  FILE* const pipe = ::popen(whole.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string output;
  std::array<char, 256> piece{};
  while (std::fgets(piece.data(), piece.size(), pipe) != nullptr) output += piece.data();
  CHECK(::pclose(pipe) == 0);
  return output;
}

}  // namespace strait::probe::test
