// SPDX-License-Identifier: Apache-2.0
#include "cli/simulate/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <ostream>
#include <thread>

#include "analyzer/decision.hpp"
#include "cli/simulate/ahead.hpp"
#include "cli/simulate/story.hpp"
#include "core/clock.hpp"
#include "core/nearest.hpp"
#include "exporters/json_lines.hpp"
#include "exporters/sqlite_store.hpp"
#include "exporters/truth_json.hpp"
#include "probe/simulated/read_scenario.hpp"
#include "probe/simulated/simulation.hpp"
#include "routes/catalogue/catalogue.hpp"

namespace strait::cli {
namespace {

using probe::simulated::PathModel;
using probe::simulated::Scenario;
using probe::simulated::Simulation;
using probe::simulated::TargetModel;

constexpr std::size_t batch = 1024;  // windows that the store gets at once
constexpr auto between_reports = std::chrono::milliseconds{500};

struct Shipped {
  std::string name;
  std::string file;
};

Result<std::vector<Shipped>> shipped_scenarios() {
  const auto data = routes::data_directory(std::nullopt);
  if (!data) return tl::make_unexpected(data.error());
  const std::string folder = *data + "/scenarios";
  std::error_code error;
  std::vector<Shipped> found;
  for (auto entry = std::filesystem::directory_iterator{folder, error};
       !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
    if (entry->path().extension() == ".toml") {
      found.push_back({entry->path().stem().string(), entry->path().string()});
    }
  }
  if (error) return fail(Errc::io, fmt::format("read {}: {}", folder, error.message()));
  std::ranges::sort(found, {}, &Shipped::name);
  return found;
}

Result<int> list_scenarios(std::ostream& results) {
  const auto scenarios = shipped_scenarios();
  if (!scenarios) return tl::make_unexpected(scenarios.error());
  for (const auto& [name, file] : *scenarios) {
    const auto scenario = probe::simulated::load_scenario(file);
    if (!scenario) return tl::make_unexpected(scenario.error());
    results << fmt::format("{:<24} {} ({})\n", name, scenario->title, to_string(scenario->length));
  }
  return 0;
}

// A word with a slash or a dot is a file; any other is the name of a scenario that ships.
Result<Scenario> find_scenario(const std::string& word) {
  if (word.find_first_of("/.") != std::string::npos) return probe::simulated::load_scenario(word);
  const auto scenarios = shipped_scenarios();
  if (!scenarios) return tl::make_unexpected(scenarios.error());
  std::vector<std::string> names;
  for (const auto& [name, file] : *scenarios) {
    if (name == word) return probe::simulated::load_scenario(file);
    names.push_back(name);
  }
  const auto guess = nearest(word, names);
  return fail(Errc::not_found,
              fmt::format("no scenario '{}'{}; 'strait simulate' lists them, and a file needs a "
                          "slash or a dot in its name",
                          word, guess ? fmt::format("; did you mean '{}'?", *guess) : ""));
}

// Lengths, floors and risk groups from the catalogue, and a check against them: a round trip that
// light cannot make would only show how well impossible ones are refused.
Result<std::vector<routes::Path>> complete_paths(const Scenario& scenario) {
  const auto data = routes::data_directory(std::nullopt);
  if (!data) return tl::make_unexpected(data.error());
  const auto catalogue = routes::Catalogue::load(*data);
  if (!catalogue) return tl::make_unexpected(catalogue.error());
  std::vector<routes::Path> paths;
  for (const PathModel& model : scenario.paths) {
    routes::Path path;
    path.name = model.name;
    path.segments = model.segments;
    if (!path.segments.empty()) {
      auto complete = catalogue->complete(std::move(path));
      if (!complete) return fail(std::move(complete));
      path = *std::move(complete);
    }
    for (const TargetModel& target : scenario.targets) {
      const auto rtt = target.rtt.find(model.name);
      if (rtt == target.rtt.end() || rtt->second >= 2 * path.one_way_floor) continue;
      return fail(
          Errc::bad_input,
          fmt::format("target {}: {} over {} is below {}, the floor of its segments", target.name,
                      to_text(rtt->second), model.name, to_text(2 * path.one_way_floor)));
    }
    paths.push_back(std::move(path));
  }
  return paths;
}

std::vector<analyzer::Target> targets_of(const Scenario& scenario) {
  std::vector<analyzer::Target> targets;
  targets.reserve(scenario.targets.size());
  for (const TargetModel& target : scenario.targets) {
    targets.push_back(
        {.name = target.name, .traffic_class = target.region, .weight = target.weight});
  }
  return targets;
}

// What strait makes of the windows, as the service would.
class Judge {
 public:
  Judge(const Scenario& scenario, std::vector<routes::Path> paths)
      : paths_{std::move(paths)}, targets_{targets_of(scenario)}, defaults_{scenario.defaults} {
    const auto slots = std::max(options_.pair_windows, options_.evidence.span_windows) + 1;
    kept_ = scenario.window * static_cast<Nanos::rep>(slots);
  }

  std::vector<analyzer::Verdict> judge(std::span<const Window> windows, WallTime now) {
    const auto fresh = std::ranges::find_if(
        recent_, [&](const Window& window) { return window.start >= now - kept_; });
    recent_.erase(recent_.begin(), fresh);
    recent_.insert(recent_.end(), windows.begin(), windows.end());
    auto decision =
        analyzer::decide({.windows = recent_,
                          .network = {.targets = targets_, .paths = paths_, .far_ends = {}},
                          .routed = {},
                          .default_path = defaults_,
                          .pins = {}},
                         memory_, options_, now);
    memory_ = std::move(decision.memory);
    for (const auto& verdict : decision.verdicts) {
      if (verdict.path) {
        chosen_[verdict.traffic_class] = *verdict.path;
      } else {
        chosen_.erase(verdict.traffic_class);
      }
    }
    return std::move(decision.verdicts);
  }
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& chosen() const {
    return chosen_;
  }
  [[nodiscard]] std::span<const routes::Path> paths() const { return paths_; }

 private:
  analyzer::DecisionOptions options_;
  std::vector<routes::Path> paths_;
  std::vector<analyzer::Target> targets_;
  std::map<std::string, std::string, std::less<>> defaults_;
  Nanos kept_{};
  std::vector<Window> recent_;
  analyzer::DecisionMemory memory_;
  std::map<std::string, std::string, std::less<>> chosen_;  // by class
};

// The store, if there is one: windows in batches, verdicts that changed something.
class Keeper {
 public:
  static Result<Keeper> open(const std::string& file, const Scenario& scenario) {
    Keeper keeper;
    if (file.empty()) return keeper;
    std::error_code error;
    if (std::filesystem::exists(file, error)) {
      return fail(Errc::bad_input,
                  fmt::format("store {} is there already: simulated windows do not "
                              "go among others; name a new file",
                              file));
    }
    auto store = exporters::SqliteStore::open(file);
    if (!store) return fail(std::move(store));
    keeper.store_ = std::move(*store);
    exporters::TargetRegions regions;
    for (const TargetModel& target : scenario.targets) regions[target.name] = target.region;
    if (auto set = keeper.store_->set_regions(regions); !set) return fail(std::move(set));
    return keeper;
  }

  Result<void> keep(std::span<const Window> windows) {
    if (!store_) return {};
    waiting_.insert(waiting_.end(), windows.begin(), windows.end());
    return waiting_.size() < batch ? Result<void>{} : flush();
  }
  Result<void> keep(std::span<const analyzer::Verdict> verdicts) {
    if (!store_) return {};
    return store_->append(verdicts);
  }
  Result<void> flush() {
    if (!store_) return {};
    auto appended = store_->append(waiting_);
    waiting_.clear();
    return appended;
  }

 private:
  std::unique_ptr<exporters::Store> store_;
  std::vector<Window> waiting_;
};

// Holds virtual time back to `speed` of it for each second.
class Pace {
 public:
  Pace(std::optional<Nanos> speed, WallTime from) : speed_{speed}, from_{from} {}
  void wait_for(WallTime virtual_time) const {
    if (!speed_) return;
    const double seconds =
        static_cast<double>((virtual_time - from_).count()) / static_cast<double>(speed_->count());
    std::this_thread::sleep_until(
        began_ + std::chrono::duration_cast<Nanos>(std::chrono::duration<double>{seconds}));
  }

 private:
  std::optional<Nanos> speed_;
  WallTime from_;
  MonoTime began_ = SystemClock{}.now().mono;
};

// A line on the terminal that says how far virtual time is.
class Progress {
 public:
  Progress(std::ostream& out, bool show) : out_{out}, show_{show} {}
  void report(WallTime time) {
    if (!show_) return;
    const MonoTime now = SystemClock{}.now().mono;
    if (now - last_ < between_reports) return;
    last_ = now;
    out_ << fmt::format("\r{} ...", to_string(time)) << std::flush;
    shown_ = true;
  }
  void clear() {
    if (shown_) out_ << "\r\033[K" << std::flush;
    shown_ = false;
  }

 private:
  std::ostream& out_;
  bool show_;
  bool shown_ = false;
  MonoTime last_ = SystemClock{}.now().mono;
};

Result<void> write_truth(const std::string& file, const probe::simulated::World& world) {
  if (file.empty()) return {};
  std::ofstream out{file};
  for (const auto& truth : world.truths()) out << exporters::to_json(truth) << '\n';
  out.close();
  if (!out) return fail(Errc::io, fmt::format("write {}: it cannot be written", file));
  return {};
}

std::vector<analyzer::Verdict> changed(std::span<const analyzer::Verdict> verdicts) {
  std::vector<analyzer::Verdict> result;
  std::ranges::copy_if(verdicts, std::back_inserter(result), [](const analyzer::Verdict& verdict) {
    return verdict.path != verdict.previous;
  });
  return result;
}

// One run: the simulation and whoever looks at it.
class Run {
 public:
  Run(const SimulateOptions& options, const SimulateStreams& streams, Scenario scenario,
      std::vector<routes::Path> paths, Keeper keeper)
      : options_{options},
        streams_{streams},
        seed_{options.seed.value_or(scenario.seed)},
        judge_{scenario, std::move(paths)},
        simulation_{Simulation{std::move(scenario), seed_}},
        keeper_{std::move(keeper)},
        score_{simulation_.world()},
        progress_{streams.progress, streams.show_progress && !options.json},
        story_{simulation_.world(), streams.results, streams.colours,
               [this] { progress_.clear(); }},
        pace_{options.speed, simulation_.world().scenario().start} {}

  Result<int> run() {
    if (options_.json) {
      for (const auto& truth : simulation_.world().truths()) print(truth);
    } else {
      story_.head(judge_.paths(), seed_);
    }
    while (const auto next = simulation_.next()) {
      if (auto stepped = step(*next); !stepped) return tl::make_unexpected(stepped.error());
    }
    progress_.clear();
    if (auto flushed = keeper_.flush(); !flushed) return tl::make_unexpected(flushed.error());
    if (!options_.json) story_.foot(score_.classes());
    streams_.results.flush();
    if (!streams_.results) return fail(Errc::io, "write the standard output: it is gone");
    return 0;
  }

 private:
  template <class T>
  void print(const T& line) {
    streams_.results << exporters::to_json(line) << '\n';
  }

  Result<void> step(const SimulateAhead::Step& step) {
    pace_.wait_for(step.end);
    score_.count(step.middle, judge_.chosen());
    if (auto kept = keeper_.keep(step.windows); !kept) return kept;
    if (options_.json) {
      for (const Window& each : step.windows) print(each);
    } else {
      progress_.report(step.end);
      story_.pass(step.end, step.windows);
    }
    return options_.verdicts ? judge(step) : Result<void>{};
  }

  Result<void> judge(const SimulateAhead::Step& step) {
    const auto verdicts = changed(judge_.judge(step.windows, step.end));
    if (verdicts.empty()) return {};
    if (options_.json) {
      for (const auto& verdict : verdicts) print(verdict);
    } else {
      story_.verdicts(step.end, verdicts);
    }
    return keeper_.keep(verdicts);
  }

  const SimulateOptions& options_;
  const SimulateStreams& streams_;
  std::uint64_t seed_;
  Judge judge_;
  SimulateAhead simulation_;
  Keeper keeper_;
  Score score_;
  Progress progress_;
  Story story_;
  Pace pace_;
};

}  // namespace

Result<int> run_simulate(const SimulateOptions& options, const SimulateStreams& streams) {
  if (options.scenario.empty()) return list_scenarios(streams.results);
  auto scenario = find_scenario(options.scenario);
  if (!scenario) return fail(std::move(scenario));
  if (options.to) scenario->length = std::min(scenario->length, *options.to);
  auto paths = complete_paths(*scenario);
  if (!paths) return fail(std::move(paths));
  auto keeper = Keeper::open(options.store, *scenario);
  if (!keeper) return fail(std::move(keeper));
  const probe::simulated::World world{*scenario};
  if (auto written = write_truth(options.truth, world); !written) return fail(std::move(written));
  Run run{options, streams, std::move(*scenario), std::move(*paths), std::move(*keeper)};
  return run.run();
}

}  // namespace strait::cli
