// SPDX-License-Identifier: Apache-2.0
// Any bytes as a configuration: either a document whose getters and errors hold together, or an
// error that names the file.
#include "core/config.hpp"

#include <cstdlib>

namespace {

void read_everything(strait::ConfigTable& table) {
  for (const char* key :
       {"name", "interval", "count", "share", "rate", "source", "prefix", "path"}) {
    (void)table.text(key);
    (void)table.boolean(key);
    (void)table.integer(key, -5, 5);
    (void)table.number(key, 0, 1);
    (void)table.duration(key);
    (void)table.rate(key);
    (void)table.address(key);
    (void)table.prefix(key);
    (void)table.choice(key, {"socket", "dpdk"});
    (void)table.texts(key);
    table.require(key);
    table.error(key, "seen");
    for (auto& inner : table.tables(key)) (void)inner.text("name");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  auto document = strait::ConfigDocument::parse({reinterpret_cast<const char*>(bytes), size}, "f");
  if (!document) {
    if (!document.error().message.starts_with("f:")) std::abort();
    return 0;
  }
  auto root = document->root();
  read_everything(root);
  auto inner = root.table("probe");
  read_everything(inner);
  for (auto& [name, table] : root.table("region").named_tables()) read_everything(table);
  if (!document->errors()) std::abort();  // read_everything() recorded some
  return 0;
}
