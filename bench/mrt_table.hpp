// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace strait::bench {

struct TableShape {
  unsigned v4 = 1'000'000;
  unsigned v6 = 200'000;
  unsigned peers = 3;
};

// A TABLE_DUMP_V2 dump like that of a site with so many full-table upstreams: 60 % of the IPv4
// prefixes are /24, nested as in the Internet; 85,000 origin ASes whose prefixes stand together,
// paths of 2 to 8 ASes, 0 to 12 communities, large ones in every tenth route. The same each time.
[[nodiscard]] std::string make_table(const TableShape& shape);

// BGP4MP_ET records with UPDATEs of the same peers: announcements of 1 to 4 prefixes each, every
// fifth a withdrawal; `updates` prefixes in all.
[[nodiscard]] std::string make_updates(const TableShape& shape, unsigned updates);

}  // namespace strait::bench
