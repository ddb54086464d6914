// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/command.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <span>

namespace strait::lab {
namespace {

using Words = std::span<const std::string_view>;

std::vector<std::string_view> split(std::string_view line) {
  constexpr std::string_view blank = " \t\r\n";
  std::vector<std::string_view> words;
  for (auto begin = line.find_first_not_of(blank); begin != std::string_view::npos;) {
    const auto end = line.find_first_of(blank, begin);
    words.push_back(line.substr(begin, end - begin));
    begin = line.find_first_not_of(blank, end);
  }
  return words;
}

tl::unexpected<Error> wanted(std::string_view form) {
  return fail(Errc::bad_input, fmt::format("want: {}", form));
}

Result<std::vector<Direction>> parse_directions(std::string_view word) {
  if (word == "out") return std::vector{Direction::out};
  if (word == "back") return std::vector{Direction::back};
  if (word == "both") return std::vector{Direction::out, Direction::back};
  return fail(Errc::bad_input, fmt::format("direction '{}': want out, back or both", word));
}

Result<ProfileTable::Key> parse_key(std::string_view word) {
  if (word == "-") return ProfileTable::Key{};
  auto prefix = parse_prefix(word);
  if (!prefix) return fail(std::move(prefix));
  return ProfileTable::Key{*prefix};
}

Result<double> parse_share(std::string_view key, std::string_view word) {
  double value = 0;
  const char* const end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, value);
  if (error != std::errc{} || stop != end || std::isnan(value) || value < 0 || value > 1) {
    return fail(Errc::bad_input, fmt::format("{} '{}': want 0 to 1", key, word));
  }
  return value;
}

Result<std::optional<std::uint8_t>> parse_dscp(std::string_view word) {
  if (word == "keep") return std::optional<std::uint8_t>{};
  std::uint8_t value = 0;
  const char* const end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, value);
  if (error != std::errc{} || stop != end || value > 63) {
    return fail(Errc::bad_input, fmt::format("dscp '{}': want 0 to 63, or keep", word));
  }
  return std::optional{value};
}

Result<std::size_t> parse_word(std::string_view key, std::string_view word,
                               const std::array<std::string_view, 2>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (word == words.at(i)) return i;
  }
  return fail(Errc::bad_input,
              fmt::format("{} '{}': want {} or {}", key, word, words[0], words[1]));
}

// Stores a parsed value, or hands its error on.
template <class T, class U>
Result<void> store(std::optional<T>& place, Result<U> value) {
  if (!value) return fail(std::move(value));
  place = static_cast<T>(*value);
  return {};
}

Result<void> parse_setting(SetProfile& set, std::string_view word) {
  const auto equals = word.find('=');
  const auto key = word.substr(0, equals);
  const auto value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
  if (key == "delay") return store(set.delay, parse_duration(value));
  if (key == "jitter") return store(set.jitter, parse_duration(value));
  if (key == "loss") return store(set.loss, parse_share(key, value));
  if (key == "duplicate") return store(set.duplicate, parse_share(key, value));
  if (key == "reorder") return store(set.reorder, parse_share(key, value));
  if (key == "hold") return store(set.hold, parse_duration(value));
  if (key == "shape") return store(set.shape, parse_word(key, value, {"uniform", "normal"}));
  if (key == "blackhole") return store(set.blackhole, parse_word(key, value, {"off", "on"}));
  if (key == "member") return store(set.member, parse_duration(value));
  if (key == "dscp") return store(set.dscp, parse_dscp(value));
  return fail(Errc::bad_input,
              fmt::format("'{}': want delay=, jitter=, shape=, loss=, blackhole=, member=, dscp=, "
                          "duplicate=, reorder= or hold=",
                          word));
}

Result<Command> parse_path(Words words) {
  if (words.size() < 3) {
    return wanted("path NAME SITE_INTERFACE FAR_INTERFACE [vlans=ID,ID] [mpls=LABEL,...]");
  }
  AddPath path{std::string{words[0]}, std::string{words[1]}, std::string{words[2]}, {}};
  for (const auto word : words.subspan(3)) {
    if (auto read = parse_tags(word, path.tags); !read) return fail(std::move(read));
  }
  return path;
}

Result<Command> parse_set(Words words) {
  if (words.size() < 3) return wanted("set PATH out|back|both [PREFIX|-] KEY=VALUE...");
  SetProfile set;
  set.path = words[0];
  auto directions = parse_directions(words[1]);
  if (!directions) return fail(std::move(directions));
  set.directions = std::move(*directions);
  words = words.subspan(2);
  if (words[0].find('=') == std::string_view::npos) {
    auto key = parse_key(words[0]);
    if (!key) return fail(std::move(key));
    set.key = *key;
    words = words.subspan(1);
  }
  if (words.empty()) return fail(Errc::bad_input, "set: nothing to set");
  for (const auto word : words) {
    if (auto done = parse_setting(set, word); !done) return fail(std::move(done));
  }
  return set;
}

Result<Command> parse_cut(Words words) {
  const bool hard = words.size() == 2 && words[1] == "hard";
  if (words.size() != (hard ? 2U : 1U)) return wanted("cut PATH [hard]");
  return Cut{std::string{words[0]}, hard};
}

Result<Command> parse_repair(Words words) {
  if (words.size() != 1) return wanted("repair PATH");
  return Repair{std::string{words[0]}};
}

Result<Command> parse_truth(Words words) {
  if (words.size() < 3 || words.size() > 4)
    return wanted("truth PATH out|back PREFIX|- [DURATION]");
  auto directions = parse_directions(words[1]);
  if (!directions) return fail(std::move(directions));
  if (directions->size() != 1) return wanted("truth PATH out|back PREFIX|- [DURATION]");
  auto key = parse_key(words[2]);
  if (!key) return fail(std::move(key));
  auto last = parse_duration(words.size() == 4 ? words[3] : "10s");
  if (!last) return fail(std::move(last));
  return AskTruth{std::string{words[0]}, directions->front(), *key, *last};
}

struct Form {
  std::string_view name;
  Result<Command> (*parse)(Words words);
};

template <class Bare>
Result<Command> parse_bare(Words words) {
  if (!words.empty()) return fail(Errc::bad_input, fmt::format("'{}': not expected", words[0]));
  return Bare{};
}

Result<Command> parse_at(Words words);

constexpr std::array forms{
    Form{"path", parse_path},         Form{"set", parse_set},     Form{"cut", parse_cut},
    Form{"repair", parse_repair},     Form{"at", parse_at},       Form{"show", parse_bare<Show>},
    Form{"stats", parse_bare<Stats>}, Form{"truth", parse_truth},
};

Result<Command> parse_words(Words words) {
  if (words.empty()) return fail(Errc::bad_input, "no command");
  for (const Form& form : forms) {
    if (form.name == words[0]) return form.parse(words.subspan(1));
  }
  return fail(
      Errc::bad_input,
      fmt::format("command '{}': want path, set, cut, repair, at, show, stats or truth", words[0]));
}

Result<Command> parse_at(Words words) {
  if (words.size() < 2) return wanted("at DURATION COMMAND...");
  auto after = parse_duration(words[0]);
  if (!after) return fail(std::move(after));
  auto command = parse_words(words.subspan(1));
  if (!command) return command;
  if (auto* set = std::get_if<SetProfile>(&*command)) return At{*after, std::move(*set)};
  if (auto* cut = std::get_if<Cut>(&*command)) return At{*after, std::move(*cut)};
  if (auto* repair = std::get_if<Repair>(&*command)) return At{*after, std::move(*repair)};
  return fail(Errc::bad_input,
              fmt::format("at: '{}' cannot wait; want set, cut or repair", words[1]));
}

}  // namespace

void SetProfile::apply(Profile& profile) const {
  profile.delay = delay.value_or(profile.delay);
  profile.jitter = jitter.value_or(profile.jitter);
  profile.shape = shape.value_or(profile.shape);
  profile.loss = loss.value_or(profile.loss);
  profile.duplicate = duplicate.value_or(profile.duplicate);
  profile.reorder = reorder.value_or(profile.reorder);
  profile.hold = hold.value_or(profile.hold);
  profile.blackhole = blackhole.value_or(profile.blackhole);
  profile.member = member.value_or(profile.member);
  profile.dscp = dscp.value_or(profile.dscp);
}

Result<Command> parse_command(std::string_view line) { return parse_words(split(line)); }

}  // namespace strait::lab
