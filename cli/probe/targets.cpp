// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/targets.hpp"

#include <fmt/format.h>

#include <istream>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "cli/probe/resolve.hpp"
#include "core/file.hpp"

namespace strait::cli {
namespace {

constexpr std::string_view blanks = " \t\r\v\f";

// A target as it was read, and where: nothing for the command line, else "FILE:LINE: ".
struct Word {
  std::string text;
  std::string where;
};

Result<std::string> read_list(const std::string& file, std::istream& input) {
  if (file != "-") return read_file(file);
  std::string text{std::istreambuf_iterator<char>{input}, {}};
  if (input.bad()) return fail(Errc::io, "standard input: it cannot be read");
  return text;
}

// The first word of a line; what follows '#' is a comment.
Result<std::string> word_of(std::string_view line, const std::string& where) {
  line = line.substr(0, line.find('#'));
  const auto begin = line.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return std::string{};
  line.remove_prefix(begin);
  const auto end = line.find_first_of(blanks);
  const auto more = end == std::string_view::npos ? end : line.find_first_not_of(blanks, end);
  if (more != std::string_view::npos) {
    return fail(Errc::bad_input,
                fmt::format("{}'{}': want one target a line; comments begin with #", where,
                            line.substr(more)));
  }
  return std::string{line.substr(0, end)};
}

Result<void> add_file(std::vector<Word>& words, const std::string& file, std::istream& input) {
  const auto text = read_list(file, input);
  if (!text) {
    return fail(text.error().code, fmt::format("list of targets: {}", text.error().message));
  }
  const std::string name = file == "-" ? "standard input" : file;
  std::string_view rest{*text};
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const auto end = rest.find('\n');
    auto where = fmt::format("{}:{}: ", name, number);
    auto word = word_of(rest.substr(0, end), where);
    if (!word) return fail(std::move(word));
    if (!word->empty()) words.push_back({std::move(*word), std::move(where)});
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  return {};
}

Result<std::vector<Word>> read_words(const ProbeOptions& options, std::istream& input) {
  std::vector<Word> words;
  std::vector<std::string> files;
  for (const std::string& target : options.targets) {
    if (target == "-") {
      files.push_back(target);
    } else {
      words.push_back({target, ""});
    }
  }
  files.insert(files.end(), options.files.begin(), options.files.end());
  for (const std::string& file : files) {
    if (auto added = add_file(words, file, input); !added)
      return tl::make_unexpected(added.error());
  }
  if (!words.empty()) return words;
  if (files.empty()) return fail(Errc::bad_input, "probe: no target");
  return fail(Errc::bad_input,
              fmt::format("probe: no target in {}", files[0] == "-" ? "standard input" : files[0]));
}

class Gatherer {
 public:
  Gatherer(const ProbeOptions& options, const ResolveName& resolve_name)
      : options_{options}, resolve_name_{resolve_name} {}

  Result<void> add(const Word& word) {
    if (word.text.find('/') != std::string::npos) return add_prefix(word);
    auto addresses = resolve_name_(word.text, options_.family);
    if (!addresses) {
      if (addresses.error().code == Errc::bad_input) {
        return fail(Errc::bad_input, word.where + addresses.error().message);
      }
      first_error_ = first_error_.value_or(addresses.error().code);
      list_.unresolved.push_back(word.where + addresses.error().message);
      return {};
    }
    if (!options_.all_addresses) addresses->resize(1);
    const bool several = addresses->size() > 1;
    for (const Address& address : *addresses) {
      if (auto ok = add_target(word, word.text, address, several); !ok) return ok;
    }
    return {};
  }

  Result<TargetList> take() {
    if (list_.targets.empty() && first_error_) {
      return fail(*first_error_, fmt::format("{}", fmt::join(list_.unresolved, "\n")));
    }
    return std::move(list_);
  }

 private:
  Result<void> add_prefix(const Word& word) {
    const auto prefix = parse_prefix(word.text);
    if (!prefix) return fail(Errc::bad_input, word.where + "target: " + prefix.error().message);
    if (!matches(prefix->network, options_.family)) {
      return fail(Errc::bad_input,
                  fmt::format("{}target '{}': not an {} prefix", word.where, word.text,
                              prefix->network.is_v4() ? "IPv6" : "IPv4"));
    }
    const auto hosts = hosts_of(*prefix);
    if (!hosts) return fail(Errc::bad_input, word.where + hosts.error().message);
    for (const Address& address : *hosts) {
      if (auto ok = add_target(word, address.to_string(), address, false); !ok) return ok;
    }
    return {};
  }

  Result<void> add_target(const Word& word, const std::string& name, const Address& address,
                          bool several) {
    if (list_.targets.size() == most_targets) {
      return fail(Errc::bad_input, fmt::format("{}more than {} targets: share them out among runs",
                                               word.where, most_targets));
    }
    ProbeTarget target{.name = options_.by_address ? address.to_string() : name,
                       .address = address,
                       .word = name,
                       .label = {}};
    target.label = several && !options_.by_address
                       ? fmt::format("{} ({})", target.name, address.to_string())
                       : target.name;
    if (!seen_.insert(target.label).second) {
      return fail(Errc::bad_input,
                  fmt::format("{}target '{}' is given twice", word.where, target.label));
    }
    list_.targets.push_back(std::move(target));
    return {};
  }

  const ProbeOptions& options_;
  const ResolveName& resolve_name_;
  std::unordered_set<std::string> seen_;
  std::optional<Errc> first_error_;
  TargetList list_;
};

template <class Bytes>
void increment(Bytes& bytes) {
  for (auto at = bytes.rbegin(); at != bytes.rend(); ++at) {
    if (++*at != 0) return;
  }
}

template <class Ip>
std::vector<Address> counted(const Ip& first, std::size_t skipped, std::size_t count) {
  std::vector<Address> addresses;
  addresses.reserve(count);
  auto bytes = first.to_bytes();
  for (std::size_t i = 0; i < skipped + count; ++i) {
    if (i >= skipped) addresses.emplace_back(Ip{bytes});
    increment(bytes);
  }
  return addresses;
}

}  // namespace

Result<std::vector<Address>> hosts_of(const Prefix& prefix) {
  const bool v4 = prefix.network.is_v4();
  const unsigned host_bits = (v4 ? 32U : 128U) - prefix.length;
  constexpr unsigned most_bits = 16;
  static_assert(most_targets == std::size_t{1} << most_bits);
  if (host_bits > most_bits) {
    return fail(Errc::bad_input,
                fmt::format("target '{}': a prefix of more than {} addresses: want /{} or longer",
                            to_string(prefix), most_targets, (v4 ? 32U : 128U) - most_bits));
  }
  const std::size_t all = std::size_t{1} << host_bits;
  // Both addresses of a point-to-point link are hosts (RFC 3021, RFC 6164). Else the first is the
  // network, or the routers' anycast address (RFC 4291 section 2.6.1), and IPv4's last broadcast.
  const bool link = host_bits <= 1;
  const std::size_t skipped = link ? 0 : 1;
  const std::size_t count = all - skipped - (link || !v4 ? 0 : 1);
  return v4 ? counted(prefix.network.to_v4(), skipped, count)
            : counted(prefix.network.to_v6(), skipped, count);
}

Result<TargetList> gather_targets(const ProbeOptions& options, std::istream& input,
                                  const ResolveName& resolve_name) {
  const auto words = read_words(options, input);
  if (!words) return tl::make_unexpected(words.error());
  Gatherer gatherer{options, resolve_name};
  for (const Word& word : *words) {
    if (auto ok = gatherer.add(word); !ok) return tl::make_unexpected(ok.error());
  }
  return gatherer.take();
}

}  // namespace strait::cli
