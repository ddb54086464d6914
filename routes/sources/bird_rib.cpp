// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/bird_rib.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iterator>

#include "routes/apply/bird_control.hpp"

namespace strait::routes {
namespace {

// A directory that only BIRD and we can use, removed with what is in it.
class SharedDirectory {
 public:
  static Result<SharedDirectory> make(const std::string& parent, const BirdControl& bird) {
    const auto owner = bird.owner();
    if (!owner) return tl::make_unexpected(owner.error());
    std::string name = parent + "/strait-rib-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
      return fail(Errc::io,
                  fmt::format("make a directory in {}: {}", parent, std::strerror(errno)));
    }
    SharedDirectory directory{std::move(name)};
    if (owner->user == ::geteuid()) return directory;
    // Root hands it to BIRD's user; anybody else can only open it under its unguessable name.
    const bool open = ::geteuid() == 0
                          ? ::chown(directory.name_.c_str(), owner->user, owner->group) == 0
                          : ::chmod(directory.name_.c_str(), S_IRWXU | S_IRWXG | S_IRWXO) == 0;
    if (open) return directory;
    return fail(Errc::no_permission,
                fmt::format("open {} to BIRD: {}", directory.name_, std::strerror(errno)));
  }
  SharedDirectory(SharedDirectory&& other) noexcept : name_{std::exchange(other.name_, {})} {}
  SharedDirectory& operator=(SharedDirectory&&) = delete;
  SharedDirectory(const SharedDirectory&) = delete;
  SharedDirectory& operator=(const SharedDirectory&) = delete;
  ~SharedDirectory() {
    std::error_code ignored;
    if (!name_.empty()) std::filesystem::remove_all(name_, ignored);
  }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  explicit SharedDirectory(std::string name) : name_{std::move(name)} {}
  std::string name_;
};

// The file that BIRD has written.
Result<void> dump_table(BirdControl& bird, const std::string& table, const std::string& file) {
  if (table.find_first_of("\"'\n") != std::string::npos) {
    return fail(Errc::bad_input, fmt::format("BIRD table '{}': has a quote", table));
  }
  const auto reply = bird.ask(fmt::format(R"(mrt dump table "{}" to "{}")", table, file));
  if (!reply) return tl::make_unexpected(reply.error());
  if (!reply->ok()) {
    return fail(Errc::io, fmt::format("BIRD: mrt dump of {}: {}", table, reply->message()));
  }
  // BIRD says nothing of a table that it does not have; it just writes no file.
  std::error_code ec;
  if (!std::filesystem::exists(file, ec)) {
    return fail(Errc::not_found, fmt::format("BIRD: no table '{}'", table));
  }
  return {};
}

}  // namespace

Result<RibDump> dump_bird(const BirdRibSource& source, const MrtOptions& options) {
  auto bird = BirdControl::connect(source.control_socket, source.reply_timeout);
  if (!bird) return tl::make_unexpected(bird.error());
  const auto directory = SharedDirectory::make(source.directory, *bird);
  if (!directory) return tl::make_unexpected(directory.error());
  std::vector<std::string> files;
  for (const std::string& table : source.tables) {
    files.push_back(fmt::format("{}/{}.mrt", directory->name(), table));
    if (auto dumped = dump_table(*bird, table, files.back()); !dumped) {
      return fail(std::move(dumped));
    }
  }
  return load_mrt(files, options);
}

}  // namespace strait::routes
