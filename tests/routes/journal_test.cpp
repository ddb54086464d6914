// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/journal.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <sstream>

#include "core/file.hpp"
#include "routes/apply/plan_archive.hpp"
#include "routes/dialects/bird.hpp"
#include "tests/routes/plan_examples.hpp"
#include "tests/routes/small_disk.hpp"
#include "tests/temporary_folder.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

// A folder with a journal that does not exist yet.
struct Shelf {
  Shelf() { file = folder + "/journal"; }
  [[nodiscard]] std::string text() const { return read_file(file).value(); }
  void write(std::string_view bytes) const { REQUIRE(replace_file(file, bytes)); }
  [[nodiscard]] JournalCheck check() const { return read_journal(file, {}).value(); }
  [[nodiscard]] std::vector<JournalEntry> entries() const {
    std::vector<JournalEntry> all;
    REQUIRE(read_journal(
        file, [&](const JournalEntry& entry, std::string_view) { all.push_back(entry); }));
    return all;
  }
  // Appends one, and returns its number.
  [[nodiscard]] Result<std::uint64_t> append(const char* step) const {
    JournalEntry entry = journal_entry(step, two_classes(), empty_plan());
    entry.at = empty_plan().made;
    entry.by = "a test";
    return append_journal(file, std::move(entry));
  }
  void fill() const {
    for (const char* step : {"begin", "confirmed", "begin", "rolled-back"}) REQUIRE(append(step));
  }

  testing::TemporaryFolder temporary;
  std::string folder = temporary.path();
  std::string file;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);) lines.push_back(line + "\n");
  return lines;
}

const char* const old_line =
    R"({"at":"2026-11-01T00:00:00Z","step":"confirmed","evidence":"","plan":"ab","preferences":1,)"
    R"("prefixes":2,"reason":"old"})"
    "\n";

}  // namespace

TEST_CASE("a journal gives back what was written, with who asked, and is whole") {
  const Shelf shelf;
  CHECK(shelf.check().whole());  // not there yet
  shelf.fill();
  const auto entries = shelf.entries();
  REQUIRE(entries.size() == 4);
  CHECK(entries[3].entry == 4);
  CHECK(entries[3].step == "rolled-back");
  CHECK(entries[3].by == "a test");
  CHECK(entries[3].user.size() > 0);
  CHECK(entries[3].pid == ::getpid());
  CHECK(entries[3].evidence_hash == std::string(64, 'a'));
  CHECK(entries[3].prefixes == 4);
  CHECK_THAT(entries[3].diff, Catch::Contains("+ 192.0.2.0/24"));
  CHECK(entries[3].content_hash == content_hash(two_classes()));
  CHECK(entries[3].chained);
  CHECK(shelf.check().whole());
  CHECK(shelf.check().lines == 4);
}

TEST_CASE("whatever is done to a line of a journal, the line is named and nothing follows it") {
  struct Case {
    const char* what;
    void (*spoil)(std::vector<std::string>&);
    std::uint64_t line;
    const char* problem;
  };
  const auto c = GENERATE(values<Case>({
      {"a word is changed",
       [](auto& lines) { lines[1].replace(lines[1].find("confirmed"), 9, "concealed"); }, 2,
       "changed"},
      {"a line is taken out", [](auto& lines) { lines.erase(lines.begin() + 1); }, 2,
       "hash of the line before"},
      {"the first line is taken out", [](auto& lines) { lines.erase(lines.begin()); }, 1,
       "hash of the line before"},
      {"two lines change places", [](auto& lines) { std::swap(lines[1], lines[2]); }, 2,
       "hash of the line before"},
      {"a line is there twice", [](auto& lines) { lines.insert(lines.begin() + 2, lines[1]); }, 3,
       "hash of the line before"},
      {"a line without a hash is put in",
       [](auto& lines) { lines.insert(lines.begin() + 3, old_line); }, 4, "changed"},
      {"a line is emptied", [](auto& lines) { lines[2] = "\n"; }, 3, "changed"},
      {"the last line is changed",
       [](auto& lines) { lines[3].replace(lines[3].find("rolled"), 6, "rooled"); }, 4, "changed"},
      {"zeros instead of a line", [](auto& lines) { lines[2] = std::string(500, '\0') + "\n"; }, 3,
       "changed"},
  }));
  CAPTURE(c.what);
  const Shelf shelf;
  shelf.fill();
  auto lines = lines_of(shelf.text());
  c.spoil(lines);
  std::string spoilt;
  for (const std::string& line : lines) spoilt += line;
  shelf.write(spoilt);
  const auto check = shelf.check();
  CHECK_FALSE(check.whole());
  CHECK(check.broken_line == c.line);
  CHECK_THAT(check.problem, Catch::Contains(c.problem));
  // What stands behind a fault that is further up is found when the journal is read as a whole.
  if (c.line < lines.size()) return;
  const auto appended = shelf.append("begin");
  REQUIRE_FALSE(appended);
  CHECK_THAT(appended.error().message,
             Catch::Contains("line " + std::to_string(c.line)) && Catch::Contains(c.problem));
  CHECK(shelf.text() == spoilt);
}

TEST_CASE("a half line at the end is told of, and the next entry goes on behind it") {
  const Shelf shelf;
  shelf.fill();
  const std::string whole = shelf.text();
  const auto cut = GENERATE(2U, 5U, 70U, 300U);
  shelf.write(whole.substr(0, whole.size() - cut));
  const auto torn = shelf.check();
  CHECK_FALSE(torn.whole());
  CHECK(torn.torn_octets > 0);
  CHECK(torn.broken_line == 0);
  CHECK(shelf.append("begin").value() == 6);
  REQUIRE(shelf.append("confirmed"));
  const auto after = shelf.check();
  CHECK(after.whole());
  CHECK(after.torn == 1);
  const auto entries = shelf.entries();
  REQUIRE(entries.size() >= 3);
  CHECK(entries[entries.size() - 3].step == "torn");
  CHECK_THAT(entries[entries.size() - 3].reason, Catch::StartsWith("line 4 ends after"));
}

TEST_CASE("a last line that lacks nothing but its end gets it from the next entry") {
  const Shelf shelf;
  shelf.fill();
  const std::string whole = shelf.text();
  shelf.write(whole.substr(0, whole.size() - 1));
  CHECK(shelf.append("begin").value() == 5);
  CHECK(shelf.check().whole());
  CHECK(shelf.check().torn == 0);
  CHECK(shelf.text().starts_with(whole));
}

TEST_CASE("a journal from before there were hashes is read, marked, and chained from then on") {
  const Shelf shelf;
  shelf.write(std::string{old_line} + old_line);
  CHECK(shelf.append("begin").value() == 3);
  CHECK(shelf.append("confirmed").value() == 4);
  const auto check = shelf.check();
  CHECK(check.whole());
  CHECK(check.unchained == 2);
  CHECK_FALSE(shelf.entries()[1].chained);
  CHECK(shelf.entries()[2].chained);
  auto lines = lines_of(shelf.text());
  lines[0].replace(lines[0].find("\"old\""), 5, "\"new\"");
  shelf.write(lines[0] + lines[1] + lines[2] + lines[3]);
  CHECK(shelf.check().broken_line == 3);  // the chain covers them as a whole
}

TEST_CASE("what a plan says is bounded in the journal, however many classes it has") {
  Plan plan = empty_plan();
  for (int i = 0; i < 5000; ++i) {
    plan.preferences.push_back(two_classes().preferences[0]);
    plan.preferences.back().traffic_class = "class-" + std::to_string(i);
    plan.notes.push_back(
        {.guard = "marked-route", .message = std::string(3000, 'x'), .blocks = false});
  }
  const Shelf shelf;
  REQUIRE(append_journal(shelf.file, journal_entry("begin", plan, empty_plan())));
  CHECK(shelf.text().size() < 60'000);
  CHECK_THAT(shelf.entries()[0].guards.back(), Catch::Equals("and 4980 more"));
  CHECK(shelf.check().whole());
}

TEST_CASE(
    "a disk that is full in the middle of a line leaves no half line, and the error says so") {
  const Shelf shelf;
  shelf.fill();
  const std::string before = shelf.text();
  {
    const SmallDisk disk{before.size() + 100};
    const auto appended = shelf.append("begin");
    REQUIRE_FALSE(appended);
    CHECK_THAT(appended.error().message, Catch::Contains("No space left"));
  }
  CHECK(shelf.text() == before);
  CHECK(shelf.append("begin").value() == 5);
}

TEST_CASE("what is no regular file is no journal") {
  const Shelf shelf;
  std::filesystem::create_symlink("/dev/zero", shelf.file);
  CHECK_THAT(shelf.append("begin").error().message, Catch::Contains("not a regular file"));
  CHECK_THAT(read_journal(shelf.file, {}).error().message, Catch::Contains("not a regular file"));
}

TEST_CASE("a kept plan comes back whole, or the reason why it does not") {
  const Shelf shelf;
  const std::string content = content_hash(two_classes());
  CHECK_THAT(kept_plan(shelf.file, content).error().message, Catch::Contains("not kept any more"));
  CHECK_FALSE(kept_plan(shelf.file, "../../etc/passwd"));
  REQUIRE(keep_plan(shelf.file, content, render_bird(two_classes()).value()));
  CHECK(kept_plan(shelf.file, content).value().preferences.size() == 2);
  const std::string other(64, 'b');
  REQUIRE(keep_plan(shelf.file, other, render_bird(two_classes()).value()));
  CHECK_THAT(kept_plan(shelf.file, other).error().message, Catch::Contains("not what its name"));
  for (int i = 0; i < 40; ++i) {
    const std::string name = std::string(62, 'c') + std::to_string(10 + i);
    REQUIRE(keep_plan(shelf.file, name, "x"));
  }
  const std::filesystem::directory_iterator folder{shelf.file + ".plans"};
  CHECK(std::distance(begin(folder), end(folder)) == 32);
}
