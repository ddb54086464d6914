// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <span>
#include <utility>

#include "core/digest.hpp"
#include "routes/apply/journal_line.hpp"
#include "routes/model/plan_diff.hpp"

namespace strait::routes {
namespace {

constexpr std::size_t diff_limit = 2000;     // octets
constexpr std::size_t reason_limit = 2000;   // octets
constexpr std::size_t guards_limit = 20;     // notes
constexpr std::size_t line_limit = 1 << 18;  // octets: far beyond what is ever written

std::string bounded(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  const std::size_t left_out = text.size() - limit;
  text.resize(limit);
  return text + fmt::format("... and {} octets more", left_out);
}

std::string user_name() {
  constexpr std::size_t room = 4096;
  std::array<char, room> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  const bool known = ::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) == 0 &&
                     found != nullptr;
  return known ? std::string{found->pw_name} : fmt::format("uid {}", ::getuid());
}

// Holds a line against those before it.
class Verifier {
 public:
  explicit Verifier(JournalCheck& check) : check_{check} { check_.last_hash = sha256_hex(""); }

  // The entry of the line, if it has one.
  std::optional<JournalEntry> take(std::string_view text) {
    ++check_.lines;
    auto line = read_journal_line(text);
    if (line && !line->entry.chained && !chained_) {
      ++check_.unchained;
      check_.last_hash = sha256_hex(check_.last_hash + std::string{text});
      line->entry.entry = check_.lines;
      return line->entry;
    }
    if (!line || !line->entry.chained) {
      settle();
      suspect_ = check_.lines;
      suspect_hash_ = sha256_hex(text);
      return std::nullopt;
    }
    fit(*line);
    return line->entry;
  }

  // A line that is neither whole nor told of by the next one.
  void settle() {
    if (suspect_ == 0) return;
    broken(suspect_, "it is no whole entry with a hash of its own: changed, or written over");
    suspect_ = 0;
  }

 private:
  void fit(const JournalLine& line) {
    if (suspect_ != 0 && line.torn == suspect_hash_) {
      ++check_.torn;
      suspect_ = 0;
    }
    settle();
    if (line.previous != check_.last_hash) {
      broken(check_.lines, "it does not bear the hash of the line before it");
    } else if (line.entry.entry != check_.lines) {
      broken(check_.lines, fmt::format("it calls itself entry {}", line.entry.entry));
    }
    chained_ = true;
    check_.last_hash = line.hash;
  }
  void broken(std::uint64_t line, std::string problem) {
    if (check_.broken_line != 0) return;
    check_.broken_line = line;
    check_.problem = std::move(problem);
  }

  JournalCheck& check_;
  bool chained_ = false;
  std::uint64_t suspect_ = 0;
  std::string suspect_hash_;
};

tl::unexpected<Error> journal_error(const std::string& file, std::string_view doing, int error) {
  return fail(error == EACCES ? Errc::no_permission : Errc::io,
              fmt::format("journal {}: {}: {}", file, doing, std::strerror(error)));
}

// Anything else could be endless.
Result<void> must_be_regular(const std::string& file) {
  struct stat now{};
  if (::stat(file.c_str(), &now) != 0 || S_ISREG(now.st_mode)) return {};
  return fail(Errc::io, fmt::format("journal {}: not a regular file", file));
}

// Open for appending, and locked against others who append.
class JournalFile {
 public:
  explicit JournalFile(const std::string& file)
      : fd_{::open(file.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644)} {
    if (fd_ >= 0) ::flock(fd_, LOCK_EX);
  }
  JournalFile(const JournalFile&) = delete;
  JournalFile& operator=(const JournalFile&) = delete;
  JournalFile(JournalFile&&) = delete;
  JournalFile& operator=(JournalFile&&) = delete;
  ~JournalFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] bool open() const { return fd_ >= 0; }

  // At most the last `line_limit` octets; `all` says whether that is the whole file.
  [[nodiscard]] std::string tail(bool& all) const {
    struct stat now{};
    if (::fstat(fd_, &now) != 0) return {};
    const auto size = static_cast<std::size_t>(now.st_size);
    const std::size_t wanted = std::min(size, line_limit);
    all = wanted == size;
    std::string bytes(wanted, '\0');
    const ssize_t got = ::pread(fd_, bytes.data(), wanted, static_cast<off_t>(size - wanted));
    bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return bytes;
  }

  // All of it or nothing: what a full disk took half of is taken off again. 0 or the error.
  [[nodiscard]] int append(std::string_view text) const {
    struct stat before{};
    if (::fstat(fd_, &before) != 0) return errno;
    const ssize_t written = ::write(fd_, text.data(), text.size());
    if (written == static_cast<ssize_t>(text.size())) return ::fsync(fd_) == 0 ? 0 : errno;
    const int error = written < 0 ? errno : ENOSPC;
    // Where that is not allowed either the next one finds a half line, and tells.
    std::ignore = ::ftruncate(fd_, before.st_size);
    return error;
  }

 private:
  int fd_;
};

// What the next line follows.
struct JournalEnd {
  std::uint64_t lines = 0;
  std::string last_hash;
  std::string torn;  // a half line at the end
};

// By the last lines alone, if the last whole one is chained and fits to the one before it.
std::optional<JournalEnd> quick_end(std::string_view tail, bool all) {
  JournalEnd end;
  const auto last_break = tail.rfind('\n');
  if (last_break == std::string_view::npos) return std::nullopt;
  end.torn = tail.substr(last_break + 1);
  tail = tail.substr(0, last_break);
  const auto start = tail.rfind('\n');
  if (start == std::string_view::npos) return std::nullopt;  // the first one: read it all
  const auto last = read_journal_line(tail.substr(start + 1));
  if (!last || !last->entry.chained || !last->torn.empty()) return std::nullopt;
  const auto before = tail.substr(0, start);
  const auto before_start = before.rfind('\n');
  if (before_start == std::string_view::npos && !all) return std::nullopt;
  const auto second = read_journal_line(
      before_start == std::string_view::npos ? before : before.substr(before_start + 1));
  if (!second || !second->entry.chained || second->hash != last->previous) return std::nullopt;
  end.lines = last->entry.entry;
  end.last_hash = last->hash;
  return end;
}

Result<JournalEnd> end_of(const std::string& file, const JournalFile& journal) {
  bool all = false;
  const std::string tail = journal.tail(all);
  if (auto quick = quick_end(tail, all)) return *quick;
  const auto check = read_journal(file, {});
  if (!check) return tl::make_unexpected(check.error());
  if (check->broken_line != 0) {
    return fail(Errc::bad_input,
                fmt::format("journal {}: line {}: {}; nothing is written behind it: find out what "
                            "happened, then move the file away",
                            file, check->broken_line, check->problem));
  }
  JournalEnd end{.lines = check->lines, .last_hash = check->last_hash, .torn = {}};
  if (check->torn_octets > 0) end.torn = tail.substr(tail.rfind('\n') + 1);
  return end;
}

// What has to be written behind a half line, and moves the end behind that: the end of a line that
// only lacks it, or an entry that tells of the half line.
std::string mended(JournalEnd& end, const JournalEntry& entry) {
  if (end.torn.empty()) return {};
  const auto lacks_its_end = read_journal_line(end.torn);
  if (lacks_its_end && lacks_its_end->previous == end.last_hash) {
    ++end.lines;
    end.last_hash = lacks_its_end->hash;
    return "\n";
  }
  JournalEntry told;
  told.at = entry.at;
  told.step = "torn";
  told.by = entry.by;
  told.user = entry.user;
  told.pid = entry.pid;
  told.reason = fmt::format("line {} ends after {} octets: its writer was killed or the disk full",
                            end.lines + 1, end.torn.size());
  end.lines += 2;
  told.entry = end.lines;
  const std::string line = write_journal_line(
      {.entry = told, .previous = end.last_hash, .hash = {}, .torn = sha256_hex(end.torn)});
  end.last_hash = read_journal_line(line).value_or(JournalLine{}).hash;
  return "\n" + line + "\n";
}

}  // namespace

std::string content_hash(const Plan& plan) {
  std::string text;
  for (const Preference& each : plan.preferences) {
    text += fmt::format("{} {} {} {}\n", each.traffic_class, each.path, each.protocol,
                        each.local_pref.value());
    for (const Prefix& prefix : each.prefixes) text += strait::to_string(prefix) + "\n";
  }
  return sha256_hex(text);
}

JournalEntry journal_entry(std::string step, const Plan& plan, const Plan& before) {
  JournalEntry entry;
  entry.step = std::move(step);
  entry.evidence_hash = plan.evidence_hash;
  entry.content_hash = content_hash(plan);
  entry.preferences = plan.preferences.size();
  for (const Preference& each : plan.preferences) entry.prefixes += each.prefixes.size();
  entry.diff = bounded(diff_text(before, plan), diff_limit);
  const std::span notes{plan.notes};
  for (const GuardNote& note : notes.first(std::min(notes.size(), guards_limit))) {
    entry.guards.push_back(bounded(fmt::format("{}: {}", note.guard, note.message), reason_limit));
  }
  if (notes.size() > guards_limit) {
    entry.guards.push_back(fmt::format("and {} more", notes.size() - guards_limit));
  }
  return entry;
}

Result<JournalCheck> read_journal(
    const std::string& file,
    const std::function<void(const JournalEntry& entry, std::string_view line)>& each) {
  JournalCheck check;
  Verifier verifier{check};
  if (auto regular = must_be_regular(file); !regular) return fail(std::move(regular));
  std::ifstream in{file, std::ios::binary};
  if (!in) {
    if (errno == ENOENT) return check;
    return journal_error(file, "open", errno);
  }
  std::string text;
  while (std::getline(in, text)) {
    if (in.eof()) {  // no end of line: a half one
      check.torn_octets = text.size();
      break;
    }
    const auto entry = verifier.take(text);
    if (entry && each) each(*entry, text);
  }
  if (in.bad()) return journal_error(file, "read", errno);
  verifier.settle();
  return check;
}

Result<std::uint64_t> append_journal(const std::string& file, JournalEntry entry) {
  if (file.empty()) return 0;
  if (auto regular = must_be_regular(file); !regular) return fail(std::move(regular));
  const JournalFile journal{file};
  if (!journal.open()) return journal_error(file, "open", errno);
  auto end = end_of(file, journal);
  if (!end) return tl::make_unexpected(end.error());
  entry.user = user_name();
  entry.pid = ::getpid();
  entry.reason = bounded(std::move(entry.reason), reason_limit);
  std::string text = mended(*end, entry);
  entry.entry = end->lines + 1;
  // One write: a line is whole or not there.
  text += write_journal_line({.entry = entry, .previous = end->last_hash, .hash = {}, .torn = {}}) +
          "\n";
  if (const int error = journal.append(text); error != 0) {
    return journal_error(file, "write", error);
  }
  return entry.entry;
}

}  // namespace strait::routes
