// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/plan_archive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "core/file.hpp"
#include "routes/apply/journal.hpp"
#include "routes/apply/plan_file.hpp"

namespace strait::routes {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t plans_kept = 32;

fs::path folder_of(const std::string& journal_file) { return journal_file + ".plans"; }

bool is_hash(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

void drop_oldest(const fs::path& folder) {
  std::vector<std::pair<fs::file_time_type, fs::path>> plans;
  std::error_code error;
  for (fs::directory_iterator each{folder, error}; !error && each != fs::directory_iterator{};
       each.increment(error)) {
    if (!is_hash(each->path().filename().string())) continue;
    const auto written = fs::last_write_time(each->path(), error);
    if (!error) plans.emplace_back(written, each->path());
  }
  if (plans.size() <= plans_kept) return;
  std::ranges::sort(plans);
  plans.resize(plans.size() - plans_kept);
  for (const auto& [written, file] : plans) fs::remove(file, error);
}

}  // namespace

Result<void> keep_plan(const std::string& journal_file, const std::string& content,
                       std::string_view rendered) {
  if (journal_file.empty()) return {};
  const fs::path folder = folder_of(journal_file);
  std::error_code error;
  fs::create_directory(folder, error);
  if (error) return fail(Errc::io, fmt::format("create {}: {}", folder.string(), error.message()));
  if (auto written = replace_file((folder / content).string(), rendered); !written) return written;
  drop_oldest(folder);
  return {};
}

Result<Plan> kept_plan(const std::string& journal_file, const std::string& content) {
  if (!is_hash(content)) return fail(Errc::bad_input, "the journal names no plan there");
  const auto text = read_file((folder_of(journal_file) / content).string());
  if (!text && text.error().code == Errc::not_found) {
    return fail(Errc::not_found,
                fmt::format("the plan {} is not kept any more: only the newest {} are", content,
                            plans_kept));
  }
  if (!text) return tl::make_unexpected(text.error());
  auto plan = read_plan_file(*text);
  if (!plan) return plan;
  if (content_hash(*plan) != content) {
    return fail(Errc::bad_input,
                fmt::format("the kept plan {} is not what its name says", content));
  }
  return plan;
}

}  // namespace strait::routes
