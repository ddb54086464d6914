// SPDX-License-Identifier: Apache-2.0
#include "probe/hmac_key.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/probe/hex_octets.hpp"

namespace strait::probe {
namespace {

TEST_CASE("tags are the first 128 bits of RFC 4231's, also of a copy and in two parts") {
  struct Case {
    const char* key;
    const char* data;
    const char* tag;
  };
  const auto c = GENERATE(values<Case>({
      {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
       "b0344c61d8db38535ca8afceaf0bf12b"},
      {"0102030405060708090a0b0c0d0e0f10111213141516171819",
       "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdc"
       "d"
       "cdcdcdcd",
       "82558a389a443c0ea4cc819899f2083a"},
  }));
  auto key = HmacKey::make(from_hex(c.key)).value();
  HmacKey copy{key};
  const auto data = from_hex(c.data);
  for (HmacKey* each : {&key, &copy, &key}) {
    std::array<std::byte, 16> tag{};
    const auto all = std::span{data};
    REQUIRE(each->sign(all.first(3), all.subspan(3), tag));
    CHECK(to_hex(tag) == c.tag);
    CHECK(each->verify(all, {}, from_hex(c.tag)));
    tag[15] ^= std::byte{1};
    CHECK_FALSE(each->verify(all, {}, tag));
    CHECK_FALSE(each->verify(all, {}, std::span{tag}.first(15)));
  }
  CHECK(key == copy);
  CHECK_FALSE(key == HmacKey::make(std::vector<std::byte>(32)).value());
}

class KeyFile {
 public:
  KeyFile(const std::string& content, unsigned mode)
      : folder_{std::filesystem::temp_directory_path() /
                ("strait-key-" + std::to_string(getpid()))} {
    std::filesystem::create_directories(folder_);
    std::ofstream{path(), std::ios::binary | std::ios::trunc} << content;
    REQUIRE(chmod(path().c_str(), mode) == 0);
  }
  KeyFile(const KeyFile&) = delete;
  KeyFile& operator=(const KeyFile&) = delete;
  KeyFile(KeyFile&&) = delete;
  KeyFile& operator=(KeyFile&&) = delete;
  ~KeyFile() { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path() const { return folder_ / "stamp"; }
  [[nodiscard]] std::string folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

TEST_CASE("a key file holds a key that only its owner can read, or the error says what to do") {
  const std::string good(32, 'k');
  struct Case {
    std::string content;
    unsigned mode;
    const char* error;  // empty: good
  };
  const std::vector<Case> cases{
      {good, 0600, ""},
      {good + "\n", 0400, ""},
      {"hex:" + std::string(64, 'a') + "\n", 0600, ""},
      {good, 0640, "chmod 600"},
      {good, 0604, "mode 0604"},
      {"short", 0600, "a key of 5 octets: want 16 to 1024"},
      {"", 0600, "a key of 0 octets"},
      {"hex:0g", 0600, "hexadecimal"},
      {"hex:" + std::string(33, 'a'), 0600, "pairs"},
      {std::string(5000, 'k'), 0600, "that is no key"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.content, c.mode);
    const KeyFile file{c.content, c.mode};
    const auto key = read_key(file.path());
    REQUIRE(key.has_value() == (*c.error == '\0'));
    if (!key)
      CHECK_THAT(key.error().message, Catch::Contains(c.error) && Catch::Contains(file.path()));
  }
  CHECK(read_key("/nonexistent/key").error().code == Errc::not_found);
  CHECK_THAT(read_key("/").error().message, Catch::Contains("not a file"));
}

TEST_CASE("a line feed and hexadecimal do not change the key") {
  const std::string text(32, 'k');
  const KeyFile one{text, 0600};
  const auto first = read_key(one.path()).value();
  std::string digits = "hex:";
  for (int i = 0; i < 32; ++i) digits += "6b";
  std::ofstream{one.path(), std::ios::trunc} << digits << '\n';
  CHECK(read_key(one.path()).value() == first);
}

TEST_CASE("credential:NAME is a file of the folder that systemd names") {
  const KeyFile file{std::string(32, 'k'), 0440};
  unsetenv("CREDENTIALS_DIRECTORY");
  CHECK_THAT(read_key("credential:stamp").error().message, Catch::Contains("LoadCredential=stamp"));
  setenv("CREDENTIALS_DIRECTORY", file.folder().c_str(), 1);
  CHECK(read_key("credential:stamp").has_value());
  CHECK_FALSE(read_key("credential:other").has_value());
  CHECK_THAT(read_key("credential:../stamp").error().message, Catch::Contains("credential:NAME"));
  unsetenv("CREDENTIALS_DIRECTORY");
}

}  // namespace
}  // namespace strait::probe
