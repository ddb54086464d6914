// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "cli/probe/command.hpp"
#include "core/address.hpp"
#include "core/result.hpp"

namespace strait::cli {

inline constexpr std::size_t most_targets = 65536;

// One address to probe.
struct ProbeTarget {
  std::string name;  // as the user wrote it; of a prefix, and with --by-address, the address
  Address address;
  std::string word;   // the name, whatever is shown
  std::string label;  // the name, with the address where the name has several of them: unique
};

struct TargetList {
  std::vector<ProbeTarget> targets;
  std::vector<std::string> unresolved;  // what is wrong with names that gave no address
};

// All addresses of a name in the wanted family, in the resolver's order.
using ResolveName = std::function<Result<std::vector<Address>>(const std::string&, Family)>;

// The targets of the words and the files, in that order. "-" is the standard input, of which
// `input` is the text. A word with a '/' is a prefix: all its addresses but those that are no
// host's. A name that does not resolve leaves the others as they are, unless there is no other.
[[nodiscard]] Result<TargetList> gather_targets(const ProbeOptions& options, std::istream& input,
                                                const ResolveName& resolve_name);

// The addresses of hosts in a prefix; an error beyond most_targets.
[[nodiscard]] Result<std::vector<Address>> hosts_of(const Prefix& prefix);

}  // namespace strait::cli
