// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "core/file.hpp"
#include "tests/temporary_folder.hpp"

namespace strait::testing {

using namespace std::chrono_literals;

inline bool lacks(const std::string& programs) {
  const std::string command = "PATH=$PATH:/usr/sbin:/usr/lib/frr; for p in ip bird jq " + programs +
                              "; do command -v $p >/dev/null || exit 1; done";
  const bool can = ::geteuid() == 0 && std::system(command.c_str()) == 0;
  if (!can) WARN("SKIPPED: needs root, iproute2, bird2, jq and " << programs);
  return !can;
}

// The lab for as long as this object lives; the script ends when its standard input does.
class DaemonLab {
 public:
  explicit DaemonLab(const std::string& daemon) {
    script_ =
        ::popen((std::string{STRAIT_DAEMON_LAB} + " " + folder_ + " " + daemon).c_str(), "we");
    for (int i = 0; i < 600 && !there("ready") && !there("ended"); ++i) {
      std::this_thread::sleep_for(100ms);
    }
    INFO("the lab did not come up");
    REQUIRE(there("ready"));
  }
  DaemonLab(const DaemonLab&) = delete;
  DaemonLab& operator=(const DaemonLab&) = delete;
  DaemonLab(DaemonLab&&) = delete;
  DaemonLab& operator=(DaemonLab&&) = delete;
  ~DaemonLab() { ::pclose(script_); }

  // One line to the script, one line back.
  std::string ask(const std::string& order) {
    std::fputs((order + "\n").c_str(), script_);
    std::fflush(script_);
    const std::string answer = "answer." + std::to_string(++asked_);
    for (int i = 0; i < 600 && !there(answer); ++i) std::this_thread::sleep_for(50ms);
    std::string text = read_file(folder_ + "/" + answer).value_or("no answer");
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }
  std::string best(const std::string& to) { return ask(question_ + " " + to); }
  // Whether `best(to)` becomes that neighbour within fifteen seconds.
  bool becomes(const std::string& to, const std::string& neighbor) {
    for (int i = 0; i < 150; ++i) {
      if (best(to) == neighbor) return true;
      std::this_thread::sleep_for(100ms);
    }
    return false;
  }
  std::string hand_over(const std::string& order, const std::string& text) {
    const std::string file = folder_ + "/strait." + std::to_string(asked_);
    std::ofstream{file} << text;
    return ask(order + " " + file);
  }

  // From now on best() and becomes() speak of next hops.
  void ask_for_next_hops() { question_ = "via"; }

  // The lab's own files are here.
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  [[nodiscard]] bool there(const std::string& name) const {
    return std::filesystem::exists(folder_ + "/" + name);
  }
  testing::TemporaryFolder temporary_;
  std::string folder_ = temporary_.path();
  std::FILE* script_ = nullptr;
  std::string question_ = "best";
  int asked_ = 0;
};

}  // namespace strait::testing
