// SPDX-License-Identifier: Apache-2.0
#include "core/file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "core/digest.hpp"
#include "core/nearest.hpp"

using namespace strait;

namespace {

struct Folder {
  std::filesystem::path path;
  Folder()
      : path{std::filesystem::temp_directory_path() / ("strait-file-" + std::to_string(getpid()))} {
    std::filesystem::create_directories(path);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("replace_file writes the whole file, keeps its mode and leaves nothing beside it") {
  const Folder folder;
  const std::string file = folder.path / "strait.conf";
  REQUIRE(replace_file(file, "old").has_value());
  REQUIRE(chmod(file.c_str(), 0600) == 0);
  REQUIRE(replace_file(file, "new").has_value());
  CHECK(read_file(file) == "new");
  struct stat now{};
  REQUIRE(stat(file.c_str(), &now) == 0);
  CHECK((now.st_mode & 07777) == 0600);
  CHECK(std::distance(std::filesystem::directory_iterator{folder.path}, {}) == 1);
}

TEST_CASE("a file that cannot be written or read names itself and the reason") {
  const auto written = replace_file("/nonexistent/file", "x");
  REQUIRE_FALSE(written.has_value());
  CHECK_THAT(written.error().message, Catch::Contains("/nonexistent/file"));
  CHECK_THAT(read_file("/nonexistent/file").error().message, Catch::Contains("No such file"));
  CHECK_FALSE(read_file("/").has_value());  // a folder
}

TEST_CASE("sha256_hex gives the digest of FIPS 180-4's examples") {
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("nearest finds the word that was meant and stays silent otherwise") {
  const std::vector<std::string> words{"interval", "timeout", "window", "dscp"};
  CHECK(nearest("intervall", words) == "interval");
  CHECK(nearest("time-out", words) == "timeout");
  CHECK(nearest("windwo", words) == "window");
  CHECK_FALSE(nearest("x", words).has_value());
  CHECK_FALSE(nearest("completely", words).has_value());
}
