// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/bird.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>

#include "routes/dialects/prefix_patterns.hpp"
#include "routes/dialects/script.hpp"
#include "routes/dialects/wording.hpp"

namespace strait::routes {
namespace {

constexpr std::string_view first_line =
    "# strait: BGP preferences for BIRD 2, format 1. Generated: the next plan overwrites changes.";

// One line of a comment: a line break in a reason must not become configuration.
std::string one_line(std::string_view text) {
  std::string line{text};
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::string bird_set_name(std::size_t number, bool v6) {
  return fmt::format("STRAIT_{}_V{}", number, v6 ? 6 : 4);
}

std::string header(const Plan& plan) {
  return fmt::format("{}\n{}", first_line, comment("# ", origin_lines(plan)));
}

// Sets with patterns, or with one prefix a line as files of earlier versions have them.
enum class Form : std::uint8_t { patterns, plain };

void append_member(std::string& text, const Prefix& prefix) { append(text, prefix); }

void append_member(std::string& text, const PrefixPattern& pattern) {
  append(text, pattern.network);
  if (!pattern.single()) {
    fmt::format_to(std::back_inserter(text), "{{{},{}}}", pattern.from, pattern.to);
  }
}

void append_members(std::string& text, std::span<const Prefix> prefixes, Form form) {
  const auto append_all = [&](const auto& members) {
    for (const auto& member : members) {
      text += &member == &members.front() ? "  " : ",\n  ";
      append_member(text, member);
    }
  };
  if (form == Form::plain) {
    append_all(prefixes);
  } else {
    append_all(patterns_of(prefixes));
  }
  text += '\n';
}

std::string sets(const Preference& preference, std::size_t number, Form form) {
  std::string text = fmt::format(
      "\n# prefer {} via {}: protocol {}, local-pref {}, {} prefixes\n# reason: {}\n",
      preference.traffic_class, preference.path, preference.protocol, preference.local_pref.value(),
      preference.prefixes.size(), one_line(preference.reason));
  for (const bool v6 : {false, true}) {
    const auto prefixes = of_family(preference.prefixes, v6);
    if (prefixes.empty()) continue;  // BIRD has no empty set
    text += fmt::format("define {} = [\n", bird_set_name(number, v6));
    append_members(text, prefixes, form);
    text += "];\n";
  }
  return text;
}

std::string branch(const Preference& preference, std::size_t number) {
  std::string text = fmt::format("    if proto = \"{}\" then {{\n", preference.protocol);
  for (const bool v6 : {false, true}) {
    if (of_family(preference.prefixes, v6).empty()) continue;
    text += fmt::format("      if net ~ {} then bgp_local_pref = {};\n", bird_set_name(number, v6),
                        preference.local_pref.value());
  }
  return text + "    }\n";
}

std::string function(const std::vector<Preference>& preferences) {
  std::string branches;
  for (std::size_t i = 0; i < preferences.size(); ++i) {
    if (!preferences[i].prefixes.empty()) branches += branch(preferences[i], i + 1);
  }
  if (branches.empty()) return "\nfunction strait_pref() { }\n";
  // RFC 8326 section 4 and RFC 7999 section 2: such routes are not to be raised.
  return fmt::format(
      "\nfunction strait_pref() {{\n"
      "  if ! (bgp_community ~ [(65535, 0), (65535, 666)]) then {{\n{}  }}\n}}\n",
      branches);
}

// Takes lines off a file, and words off a line.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_{text} {}
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  std::string_view next() {
    const auto end = std::min(rest_.find('\n'), rest_.size());
    const auto line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return line;
  }

 private:
  std::string_view rest_;
};

// The text between `before`, which must come first, and `after`; both are taken off `line`.
std::string_view between(std::string_view& line, std::string_view before, std::string_view after) {
  if (!line.starts_with(before)) return {};
  line.remove_prefix(before.size());
  const auto end = after.empty() ? line.size() : std::min(line.find(after), line.size());
  const auto word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

WallTime time_of(std::string_view text) { return parse_wall_time(text).value_or(WallTime{}); }

Preference read_preference(std::string_view line) {
  Preference preference;
  preference.traffic_class = between(line, "# prefer ", " via ");
  preference.path = between(line, " via ", ": protocol ");
  preference.protocol = between(line, ": protocol ", ", local-pref ");
  const auto number = between(line, ", local-pref ", ", ");
  std::uint32_t local_pref = 0;
  std::from_chars(number.data(), number.data() + number.size(), local_pref);
  preference.local_pref = LocalPref{local_pref};
  return preference;
}

std::optional<std::uint8_t> read_length(std::string_view text) {
  std::uint8_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return length;
}

// A member of a set: "  192.0.2.0/24," or "  192.0.2.0/23{24,24}", with or without the comma.
std::optional<PrefixPattern> read_member(std::string_view line) {
  if (!line.starts_with("  ")) return std::nullopt;
  line.remove_prefix(2);
  if (line.ends_with(',')) line.remove_suffix(1);
  const auto brace = line.find('{');
  const auto prefix = parse_prefix(line.substr(0, brace));
  if (!prefix) return std::nullopt;
  if (brace == std::string_view::npos)
    return PrefixPattern{*prefix, prefix->length, prefix->length};
  std::string_view lengths = line.substr(brace);
  const auto from = read_length(between(lengths, "{", ","));
  const auto to = read_length(between(lengths, ",", "}"));
  if (!from || !to || lengths != "}") return std::nullopt;
  return PrefixPattern{*prefix, *from, *to};
}

// A hostile file must not take memory without end: more than the tables of the Internet hold are
// not ours.
constexpr std::size_t most_members = 10'000'000;

// What a line says of the whole plan. False: it is another one.
bool read_heading(std::string_view line, Plan& plan) {
  if (line.starts_with("# evidence sha256:")) {
    plan.evidence_hash = between(line, "# evidence sha256:", "");
  } else if (line.starts_with("# made ")) {
    plan.made = time_of(between(line, "# made ", ""));
  } else if (line.starts_with("# expires ")) {
    plan.expires = time_of(between(line, "# expires ", ""));
  } else {
    return false;
  }
  return true;
}

Plan read_lines(std::string_view text) {
  Plan plan;
  std::size_t members = 0;
  Lines lines{text};
  while (!lines.empty()) {
    std::string_view line = lines.next();
    if (read_heading(line, plan)) continue;
    if (line.starts_with("# prefer ")) {
      plan.preferences.push_back(read_preference(line));
    } else if (line.starts_with("# reason: ") && !plan.preferences.empty()) {
      plan.preferences.back().reason = between(line, "# reason: ", "");
    } else if (const auto member = read_member(line); member && !plan.preferences.empty()) {
      auto& prefixes = plan.preferences.back().prefixes;
      const std::size_t before = prefixes.size();
      if (members > most_members || !expand(*member, prefixes)) return {};
      members += prefixes.size() - before;
    }
  }
  for (Preference& preference : plan.preferences) {
    std::ranges::sort(preference.prefixes);
  }
  return plan;
}

Result<std::string> render(const Plan& plan, Form form) {
  const auto preferences = in_order(plan, {});
  if (!preferences) return tl::make_unexpected(preferences.error());
  std::string text = header(plan);
  for (std::size_t i = 0; i < preferences->size(); ++i)
    text += sets((*preferences)[i], i + 1, form);
  return text + function(*preferences);
}

}  // namespace

Result<std::string> render_bird(const Plan& plan) { return render(plan, Form::patterns); }

Result<Plan> read_bird(std::string_view text) {
  if (!text.starts_with(first_line)) {
    return fail(Errc::bad_input, "not a file of preferences that strait wrote for BIRD");
  }
  Plan plan = read_lines(text);
  const auto written_as = [&](Form form) {
    const auto again = render(plan, form);
    return again && *again == text;
  };
  if (!written_as(Form::patterns) && !written_as(Form::plain)) {
    return fail(Errc::bad_input, "the file of preferences for BIRD was changed by hand");
  }
  return plan;
}

}  // namespace strait::routes
