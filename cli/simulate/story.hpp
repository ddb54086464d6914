// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <iosfwd>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "analyzer/verdict.hpp"
#include "cli/simulate/score.hpp"
#include "cli/simulate/strip.hpp"
#include "probe/simulated/world.hpp"
#include "routes/model/path.hpp"

namespace strait::cli {

// Tells a simulation to people, as its virtual time passes: what happens, what strait makes of it,
// and the delays of every path as bars.
class Story {
 public:
  // `before` is called before each time that something is written.
  Story(const probe::simulated::World& world, std::ostream& out, bool colours,
        std::function<void()> before);

  void head(std::span<const routes::Path> paths, std::uint64_t seed);
  // Everything that happens before the end of the slot that `windows` are of, and their delays.
  void pass(WallTime end, std::span<const Window> windows);
  // Those that changed what is in force.
  void verdicts(WallTime time, std::span<const analyzer::Verdict> verdicts);
  void foot(const std::vector<ClassScore>& scores);

 private:
  void happen(const probe::simulated::Truth& truth);
  void over(const probe::simulated::Truth& truth);
  void line(WallTime time, std::string_view text);
  void flush_strips();

  const probe::simulated::World& world_;
  [[nodiscard]] std::ostream& out() const {
    before_();
    return out_;
  }

  std::ostream& out_;
  bool colours_;
  std::function<void()> before_;
  std::vector<probe::simulated::Truth> truths_;               // by start
  std::size_t next_ = 0;                                      // the first that has not begun
  std::vector<probe::simulated::Truth> running_;              // begun, and not over
  std::map<std::string, unsigned, std::less<>> congestions_;  // so far, by path
  std::map<std::string, unsigned, std::less<>> told_;         // verdicts, by class
  Strips strips_;
};

}  // namespace strait::cli
