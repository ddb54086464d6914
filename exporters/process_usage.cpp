// SPDX-License-Identifier: Apache-2.0
#include "exporters/process_usage.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace strait::exporters {
namespace {

// Fields of /proc/self/stat from number 3 on: the second is a name that may hold spaces and ')'.
std::vector<std::string> stat_fields() {
  std::ifstream file{"/proc/self/stat"};
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream rest{line.substr(name_end + 1)};
  std::vector<std::string> fields;
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

std::optional<std::uint64_t> field(const std::vector<std::string>& fields, std::size_t number) {
  const std::size_t index = number - 3;
  if (index >= fields.size()) return std::nullopt;
  std::istringstream text{fields[index]};
  std::uint64_t value = 0;
  if (!(text >> value)) return std::nullopt;
  return value;
}

Nanos from_ticks(std::uint64_t ticks) {
  const auto per_second = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  const std::uint64_t nanos =
      ticks / per_second * 1'000'000'000 + ticks % per_second * 1'000'000'000 / per_second;
  return Nanos{static_cast<std::int64_t>(nanos)};
}

std::optional<WallTime> boot_time() {
  std::ifstream file{"/proc/stat"};
  for (std::string word; file >> word;) {
    std::int64_t seconds = 0;
    if (word == "btime" && file >> seconds) return WallTime{std::chrono::seconds{seconds}};
  }
  return std::nullopt;
}

std::optional<std::uint64_t> open_files() {
  std::error_code ec;
  std::uint64_t count = 0;
  std::filesystem::directory_iterator entry{"/proc/self/fd", ec};
  for (const std::filesystem::directory_iterator end; !ec && entry != end; entry.increment(ec)) {
    ++count;
  }
  // The directory itself was open while it was read.
  return ec || count == 0 ? std::nullopt : std::optional{count - 1};
}

std::optional<std::uint64_t> max_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return limit.rlim_cur;
}

}  // namespace

ProcessUsage process_usage() {
  const std::vector<std::string> fields = stat_fields();
  ProcessUsage usage;
  const auto user = field(fields, 14);
  const auto system = field(fields, 15);
  if (user && system) usage.cpu = from_ticks(*user + *system);
  usage.virtual_bytes = field(fields, 23);
  if (const auto pages = field(fields, 24)) {
    usage.resident_bytes = *pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  }
  const auto boot = boot_time();
  const auto start = field(fields, 22);
  if (boot && start) usage.started = *boot + from_ticks(*start);
  usage.open_files = open_files();
  usage.max_open_files = max_open_files();
  return usage;
}

}  // namespace strait::exporters
