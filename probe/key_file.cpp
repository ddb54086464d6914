// SPDX-License-Identifier: Apache-2.0
#include "probe/key_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "probe/hmac_key.hpp"

namespace strait::probe {
namespace {

constexpr std::string_view credential_word = "credential:";
constexpr std::string_view hex_word = "hex:";
// A key in hexadecimal, its word and a line feed.
constexpr std::size_t most_octets = 2 * HmacKey::longest + 8;

class OpenFile {
 public:
  // A FIFO that nobody writes to must not hold us up before it is refused: O_NONBLOCK.
  explicit OpenFile(const std::string& name)
      : fd_{::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)} {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  OpenFile(OpenFile&&) = delete;
  OpenFile& operator=(OpenFile&&) = delete;
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

struct Place {
  std::string file;
  bool credential = false;
};

Result<Place> place_of(const std::string& from) {
  if (!from.starts_with(credential_word)) return Place{from, false};
  const std::string name = from.substr(credential_word.size());
  if (name.empty() || name.find('/') != std::string::npos) {
    return fail(Errc::bad_input, fmt::format("key {}: want credential:NAME", from));
  }
  const char* const folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr || *folder == '\0') {
    return fail(Errc::bad_input, fmt::format("key {}: systemd passed no credentials; the unit "
                                             "needs LoadCredential={}:FILE",
                                             from, name));
  }
  return Place{std::string{folder} + '/' + name, true};
}

tl::unexpected<Error> cannot_open(const std::string& file, int error) {
  Errc code = Errc::io;
  if (error == ENOENT) code = Errc::not_found;
  if (error == EACCES) code = Errc::no_permission;
  return fail(code, fmt::format("key {}: {}", file, std::strerror(error)));
}

// What the group may do with a credential is systemd's access list, not a group's right.
Result<void> check_mode(const Place& place, int fd) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) {
    return fail(Errc::io, fmt::format("key {}: {}", place.file, std::strerror(errno)));
  }
  if (!S_ISREG(facts.st_mode)) {
    return fail(Errc::bad_input, fmt::format("key {}: not a file", place.file));
  }
  const unsigned others = facts.st_mode & (place.credential ? 07U : 077U);
  if (others == 0) return {};
  return fail(Errc::bad_input,
              fmt::format("key {}: mode {:04o} opens it to others than its owner; run: chmod 600 "
                          "{}",
                          place.file, facts.st_mode & 07777U, place.file));
}

Result<std::string> read_all(const Place& place, int fd) {
  std::string text(most_octets + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto got = ::read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Errc::io, fmt::format("key {}: {}", place.file, std::strerror(errno)));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > most_octets) {
    return fail(Errc::bad_input, fmt::format("key {}: more than {} octets: that is no key",
                                             place.file, most_octets));
  }
  text.resize(size);
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

Result<std::vector<std::byte>> octets_of(std::string_view text) {
  std::vector<std::byte> octets;
  if (!text.starts_with(hex_word)) {
    const auto plain = std::as_bytes(std::span{text});
    octets.assign(plain.begin(), plain.end());
    return octets;
  }
  text.remove_prefix(hex_word.size());
  octets.reserve(text.size() / 2 + 1);
  for (std::size_t at = 0; at < text.size(); at += 2) {
    unsigned value = 0;
    const auto digits = text.substr(at, 2);
    const auto [stop, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc{} || stop != digits.data() + 2) {
      return fail(Errc::bad_input, "behind \"hex:\" want pairs of hexadecimal digits");
    }
    octets.push_back(static_cast<std::byte>(value));
  }
  return octets;
}

}  // namespace

Result<std::vector<std::byte>> read_key_octets(const std::string& from) {
  const auto place = place_of(from);
  if (!place) return tl::make_unexpected(place.error());
  const OpenFile file{place->file};
  if (file.fd() < 0) {
    return cannot_open(place->file, errno);
  }
  if (auto good = check_mode(*place, file.fd()); !good) return fail(std::move(good));
  auto text = read_all(*place, file.fd());
  if (!text) return tl::make_unexpected(text.error());
  auto octets = octets_of(*text);
  ::explicit_bzero(text->data(), text->size());
  if (!octets) {
    return fail(octets.error().code,
                fmt::format("key {}: {}", place->file, octets.error().message));
  }
  return octets;
}

Result<HmacKey> read_key(const std::string& from) {
  auto octets = read_key_octets(from);
  if (!octets) return tl::make_unexpected(octets.error());
  auto key = HmacKey::make(*octets);
  // Only the state that follows from the key stays in memory.
  if (!octets->empty()) ::explicit_bzero(octets->data(), octets->size());
  if (!key) {
    const auto place = place_of(from);
    return fail(key.error().code,
                fmt::format("key {}: {}", place ? place->file : from, key.error().message));
  }
  return key;
}

}  // namespace strait::probe
