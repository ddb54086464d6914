// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/duration.hpp"
#include "routes/model/path.hpp"

namespace strait::analyzer {

using ClassRates = std::map<std::string, BitRate, std::less<>>;

// What a path's cost counts for one class, in the unit of Path::cost. What is paid for in any case
// (Path::commit) costs nothing more.
struct PathCost {
  enum class Basis : std::uint8_t {
    whole,          // there is no commit
    rate_unknown,   // of the class: all of the cost counts, as in the next two
    load_unknown,   // of a class that uses the path
    place_unknown,  // of a class: it may use this path
    commit,         // a part of it
  };
  double counts = 0;
  Basis basis = Basis::whole;
  // With `commit`:
  BitRate rate;    // of the class
  BitRate others;  // of the classes that use the path besides it
  BitRate beyond;  // what of `rate` would be beyond the commit

  [[nodiscard]] std::string words(const routes::Path& path) const;
};

// Which classes use which path, for the commits. A class that has moved counts on both its paths
// for one that is not there yet, so that nobody takes what may still be needed; for one that is
// there it has left, so that not all leave where the first was enough. Borrows paths and rates.
class CommitLoads {
 public:
  CommitLoads(std::span<const routes::Path> paths, const ClassRates& rates);

  // Once for each class. Nothing: nobody knows which path it uses. One that is none of these: a
  // class on none.
  void place(std::string_view traffic_class, const std::optional<std::string>& path);
  // From now on it uses this one, at most once for each class.
  void move(std::string_view traffic_class, std::string_view path);

  // Of each path, in their order. A class may be asked for that was never placed.
  [[nodiscard]] std::vector<PathCost> costs(std::string_view traffic_class) const;

 private:
  struct Load {
    double bits = 0;                             // per second, of those whose rate is known
    std::set<std::string, std::less<>> unknown;  // the others

    void add(std::string_view traffic_class, const std::optional<double>& rate);
    void remove(std::string_view traffic_class, const std::optional<double>& rate);
  };
  struct Loads {
    Load before;  // with who has left and who has come
    Load after;   // with who has come
  };
  [[nodiscard]] std::optional<std::size_t> number_of(std::string_view path) const;
  [[nodiscard]] std::optional<double> rate_of(std::string_view traffic_class) const;
  [[nodiscard]] PathCost cost(std::string_view traffic_class, std::size_t path) const;

  std::span<const routes::Path> paths_;
  const ClassRates& rates_;
  std::vector<Loads> loads_;                             // by path
  std::map<std::string, std::size_t, std::less<>> now_;  // by class: its path
  std::set<std::string, std::less<>> nowhere_;           // classes whose path nobody knows
};

}  // namespace strait::analyzer
