// SPDX-License-Identifier: Apache-2.0
#include "exporters/options.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>

namespace strait::exporters {
namespace {

constexpr Nanos shortest_retention = std::chrono::hours{1};

void read_listen(ConfigTable& table, std::vector<Endpoint>& listen) {
  if (!table.has("listen")) return;
  listen.clear();
  for (const std::string& text : table.texts("listen")) {
    const auto endpoint = parse_endpoint(text, default_http_port);
    if (!endpoint) {
      table.error("listen", endpoint.error().message);
    } else if (std::ranges::find(listen, *endpoint) != listen.end()) {
      table.error("listen", fmt::format("'{}' is there twice", text));
    } else {
      listen.push_back(*endpoint);
    }
  }
}

}  // namespace

ExporterOptions default_exporter_options() {
  namespace ip = boost::asio::ip;
  ExporterOptions options;
  options.listen = {{ip::address_v4::loopback(), default_http_port},
                    {ip::address_v6::loopback(), default_http_port}};
  return options;
}

ExporterOptions read_exporter_options(ConfigTable table) {
  ExporterOptions options = default_exporter_options();
  read_listen(table, options.listen);
  options.store = table.text("store").value_or("");
  options.json = table.text("json").value_or("");
  options.outcomes = table.text("outcomes").value_or("");
  options.retention = table.duration("retention");
  if (options.retention && *options.retention < shortest_retention) {
    table.error("retention", "want at least 1h: the decisions look back over many windows");
  }
  if (options.retention && options.store.empty()) {
    table.error("retention", "there is no store to delete from; set store as well");
  }
  return options;
}

}  // namespace strait::exporters
