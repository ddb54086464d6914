// SPDX-License-Identifier: Apache-2.0
#include "probe/doctor/machine.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <sstream>
#include <system_error>

#include "core/file.hpp"

namespace strait::probe::doctor {
namespace {

constexpr unsigned most_cpus = 8192;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view spaces = " \t\r\n";
  const auto begin = text.find_first_not_of(spaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(spaces) - begin + 1);
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

// Adds "3" or "0-2".
bool add_range(std::string_view range, std::vector<unsigned>& cpus) {
  const auto dash = range.find('-');
  const auto first = parse_number<unsigned>(range.substr(0, dash));
  const auto last =
      dash == std::string_view::npos ? first : parse_number<unsigned>(range.substr(dash + 1));
  if (!first || !last || *first > *last || *last >= most_cpus) return false;
  for (unsigned cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
  return true;
}

}  // namespace

bool Machine::exists(const std::string& path) const {
  std::error_code gone;
  return std::filesystem::exists(root_ / path, gone);
}

std::optional<std::string> Machine::text(const std::string& path) const {
  // Some files of sysfs open and then refuse to be read: absent as well.
  auto content = read_file((root_ / path).string());
  if (!content) return std::nullopt;
  return std::move(*content);
}

std::optional<std::string> Machine::line(const std::string& path) const {
  const auto content = text(path);
  if (!content) return std::nullopt;
  const auto first = trimmed(std::string_view{*content}.substr(0, content->find('\n')));
  if (first.empty()) return std::nullopt;
  return std::string{first};
}

std::optional<std::int64_t> Machine::number(const std::string& path) const {
  const auto content = line(path);
  return content ? parse_number<std::int64_t>(*content) : std::nullopt;
}

std::vector<std::string> Machine::names(const std::string& directory) const {
  std::vector<std::string> found;
  std::error_code gone;
  std::filesystem::directory_iterator entry{root_ / directory, gone};
  while (!gone && entry != std::filesystem::directory_iterator{}) {
    found.push_back(entry->path().filename().string());
    entry.increment(gone);
  }
  std::ranges::sort(found);
  return found;
}

std::optional<std::string> Machine::link(const std::string& path) const {
  std::error_code gone;
  const auto target = std::filesystem::read_symlink(root_ / path, gone);
  if (gone) return std::nullopt;
  return target.string();
}

std::optional<std::string> Machine::link_name(const std::string& path) const {
  const auto target = link(path);
  if (!target) return std::nullopt;
  return std::filesystem::path{*target}.filename().string();
}

std::optional<std::string> field(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || trimmed(line.substr(0, colon)) != key) continue;
    return std::string{trimmed(line.substr(colon + 1))};
  }
  return std::nullopt;
}

std::optional<std::vector<unsigned>> parse_cpu_list(std::string_view text) {
  std::vector<unsigned> cpus;
  text = trimmed(text);
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    if (!add_range(text.substr(0, end), cpus)) return std::nullopt;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return cpus;
}

std::vector<std::string> words(std::string_view text) {
  std::istringstream stream{std::string{text}};
  return {std::istream_iterator<std::string>{stream}, {}};
}

}  // namespace strait::probe::doctor
