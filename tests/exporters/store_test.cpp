// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "exporters/sqlite_store.hpp"
#include "tests/exporters/samples.hpp"
#include "tests/temporary_folder.hpp"

using namespace strait;
using namespace strait::exporters;
using namespace std::chrono_literals;

namespace {

class Scratch {
 public:
  [[nodiscard]] std::string file(const std::string& name = "strait.db") const {
    return folder_.path() + "/" + name;
  }
  [[nodiscard]] const std::string& path() const { return folder_.path(); }

 private:
  testing::TemporaryFolder folder_;
};

// A file system of 512 KiB for as long as it lives.
class SmallDisk {
 public:
  explicit SmallDisk(std::string at)
      : at_{std::move(at)},
        mounted_{::mount("strait", at_.c_str(), "tmpfs", 0, "size=512k") == 0} {}
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  std::string at_;
  bool mounted_;
};

std::unique_ptr<SqliteStore> open(const std::string& file) {
  auto store = SqliteStore::open(file);
  if (!store) FAIL(store.error().message);
  return std::move(*store);
}

// Changes the file behind the store's back, as another program would.
void sql(const std::string& file, const std::string& statement) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &database) == SQLITE_OK);
  char* error = nullptr;
  sqlite3_exec(database, statement.c_str(), nullptr, nullptr, &error);
  const std::string said = error != nullptr ? error : "";
  sqlite3_free(error);
  sqlite3_close(database);
  REQUIRE(said.empty());
}

std::vector<Window> read(Store& store, const TimeRange& range = {},
                         const WindowFilter& filter = {}) {
  auto stored = store.windows(range, filter);
  if (!stored) FAIL(stored.error().message);
  CHECK(stored->damaged == 0);
  return std::move(stored->windows);
}

const WallTime t0 = samples::start;

}  // namespace

TEST_CASE("windows come back as they went in, ordered by time") {
  const Scratch scratch;
  const auto store = open(scratch.file());
  Window odd = samples::window("loukkos", "2001:db8::1", t0 - 1min);
  odd.session.dscp = 46;
  odd.session.protocol = Protocol::icmp;
  odd.forward.record(9ms);
  odd.reverse.record(Nanos{-3});
  odd.uncertain.record(21ms, 2);
  odd.far = {.dscp = 10,
             .seen_as = "[2001:db8::7]:40001",
             .clock = "gnss",
             .counts = true,
             .left_late = Nanos{-7},
             .left_by = "hardware"};
  odd.clocks = {.state = ClockState::own_inexact,
                .error = 3ms,
                .raw_forward = Nanos{1'795'000'000'123'456'789},
                .raw_reverse = Nanos{-1'794'999'999'123'456'789}};
  odd.counts.errors = {{"quo\"te", 1}, {"\xc3\xa9", 2}};
  odd.source = StampSource::tsc;
  const std::vector<Window> windows{samples::window("atlas", "192.0.2.1", t0), odd,
                                    samples::window("atlas", "192.0.2.2", t0)};
  REQUIRE(store->append(windows).has_value());
  const auto back = read(*store);
  REQUIRE(back.size() == 3);
  CHECK(back[0] == windows[1]);
  CHECK(back[1] == windows[0]);
  CHECK(back[2] == windows[2]);
}

TEST_CASE("a closed store opens again with all that it held") {
  const Scratch scratch;
  const std::vector<Window> windows{samples::window("atlas", "192.0.2.1", t0)};
  REQUIRE(open(scratch.file())->append(windows).has_value());
  const auto again = open(scratch.file());
  CHECK(read(*again) == windows);
  CHECK(*again->size() > 0);
}

TEST_CASE("the flows of a session are kept apart from each other") {
  const Scratch scratch;
  const auto store = open(scratch.file());
  std::vector<Window> windows(3, samples::window("atlas", "192.0.2.1", t0));
  windows[1].session.flow = 1;
  windows[1].rtt.record(90ms);
  windows[2].session.flow = 63;
  REQUIRE(store->append(windows).has_value());
  CHECK(read(*store) == windows);
}

TEST_CASE("of two windows with the same session and start the fuller one stays") {
  const Scratch scratch;
  const auto store = open(scratch.file());
  const Window whole = samples::window("atlas", "192.0.2.1", t0);
  Window cut = whole;
  cut.length = 30s;
  cut.counts.sent = 300;
  const std::vector<Window> twice{whole, whole};
  REQUIRE(store->append(twice).has_value());
  REQUIRE(store->append({&cut, 1}).has_value());
  CHECK(read(*store) == std::vector{whole});

  Window fuller = whole;
  fuller.counts.sent = 601;
  REQUIRE(store->append({&fuller, 1}).has_value());
  CHECK(read(*store) == std::vector{fuller});
}

TEST_CASE("a range takes its start and leaves its end; filters take what they name") {
  const Scratch scratch;
  const auto store = open(scratch.file());
  std::vector<Window> windows;
  for (int minute = 0; minute < 10; ++minute) {
    windows.push_back(samples::window("atlas", "192.0.2.1", t0 + std::chrono::minutes{minute}));
    windows.push_back(samples::window("loukkos", "192.0.2.2", t0 + std::chrono::minutes{minute}));
  }
  REQUIRE(store->append(windows).has_value());
  REQUIRE(store->set_regions({{"192.0.2.1", "europe"}, {"192.0.2.2", "africa"}}).has_value());
  CHECK(store->regions()->at("192.0.2.2") == "africa");

  CHECK(read(*store, {t0 + 2min, t0 + 4min}).size() == 4);
  CHECK(read(*store, {}, {.path = "atlas", .target = {}, .region = {}}).size() == 10);
  CHECK(read(*store, {}, {.path = {}, .target = "192.0.2.2", .region = {}}).size() == 10);
  CHECK(read(*store, {t0, t0 + 1min}, {.path = {}, .target = {}, .region = "africa"}).size() == 1);
  CHECK(read(*store, {}, {.path = "atlas", .target = {}, .region = "africa"}).empty());
  CHECK(read(*store, {}, {.path = "' OR 1=1 --", .target = {}, .region = {}}).empty());
}

TEST_CASE("verdicts and the decision memory come back as they went in") {
  const Scratch scratch;
  const auto store = open(scratch.file());
  CHECK(store->last_memory()->empty());

  std::vector<analyzer::Verdict> verdicts(2, samples::verdict());
  verdicts[1].traffic_class = "africa";
  verdicts[1].path = std::nullopt;
  verdicts[1].gain_high = analyzer::infinite_delay;
  REQUIRE(store->append(verdicts).has_value());
  const auto back = store->verdicts({t0, t0 + 2min});
  REQUIRE(back.has_value());
  REQUIRE(back->verdicts.size() == 2);
  CHECK(back->verdicts[0].traffic_class == "africa");
  CHECK(back->verdicts[0].path == std::nullopt);
  CHECK(back->verdicts[0].gain_high == analyzer::infinite_delay);
  CHECK(back->verdicts[1].reason == verdicts[0].reason);
  CHECK(back->verdicts[1].at == verdicts[0].at);
  CHECK(back->verdicts[1].ranking.at(0).difference_low == Nanos{-3'300'000});

  const analyzer::DecisionMemory memory = samples::snapshot().memory;
  REQUIRE(store->remember({}).has_value());
  REQUIRE(store->remember(memory).has_value());
  CHECK(*store->last_memory() == memory);
}

TEST_CASE("a count that SQLite cannot hold is refused, and nothing of the batch is stored") {
  const Scratch scratch;
  const auto store = open(scratch.file());
  std::vector<Window> windows(2, samples::window("atlas", "192.0.2.1", t0));
  windows[1].start = t0 + 1min;
  windows[1].counts.late = std::uint64_t{1} << 63U;
  const auto refused = store->append(windows);
  REQUIRE_FALSE(refused.has_value());
  CHECK_THAT(refused.error().message, Catch::Contains("late is 9223372036854775808"));
  CHECK(read(*store).empty());

  windows[1].counts.late = 0;  // the session's row was rolled back as well: it is made again
  REQUIRE(store->append(windows).has_value());
  CHECK(read(*store) == windows);
}

TEST_CASE("a damaged row is left out, counted and explained") {
  struct Case {
    const char* change;
    const char* problem;
  };
  const auto c = GENERATE(values<Case>({
      {"UPDATE windows SET rtt = x'ff00ff' WHERE start_ns % 120000000000 <> 0", "sketch rtt"},
      {"UPDATE windows SET lag = substr(lag, 1, 9) WHERE start_ns % 120000000000 <> 0",
       "sketch lag"},
      {"UPDATE windows SET lost = -1 WHERE start_ns % 120000000000 <> 0", "lost is -1"},
      {"UPDATE windows SET errors = '{' WHERE start_ns % 120000000000 <> 0", "JSON counts"},
      {"UPDATE windows SET errors = '{\"a\":-1}' WHERE start_ns % 120000000000 <> 0", "\"a\""},
      {"UPDATE windows SET source = 'x' WHERE start_ns % 120000000000 <> 0", "source 'x'"},
  }));
  CAPTURE(c.change);
  const Scratch scratch;
  std::vector<Window> windows;
  for (int i = 0; i < 4; ++i) {
    windows.push_back(samples::window("atlas", "192.0.2.1", t0 + std::chrono::minutes{i}));
  }
  REQUIRE(open(scratch.file())->append(windows).has_value());
  sql(scratch.file(), c.change);
  const auto stored = open(scratch.file())->windows({}, {});
  REQUIRE(stored.has_value());
  CHECK(stored->windows.size() == 2);
  CHECK(stored->damaged == 2);
  CHECK_THAT(stored->first_problem, Catch::Contains(c.problem) && Catch::Contains("atlas") &&
                                        Catch::Contains(scratch.file()));
}

TEST_CASE("files that are no store of ours are refused with the reason") {
  const Scratch scratch;
  const std::string file = scratch.file();
  SECTION("not a database") {
    std::ofstream{file} << std::string(5000, 'x');
    const auto store = SqliteStore::open(file);
    REQUIRE_FALSE(store.has_value());
    CHECK_THAT(store.error().message, Catch::Contains("not a SQLite database"));
  }
  SECTION("another program's database is refused and left as it is") {
    sql(file, "CREATE TABLE other (x)");
    const auto store = SqliteStore::open(file);
    REQUIRE_FALSE(store.has_value());
    CHECK_THAT(store.error().message, Catch::Contains("another program"));
    sql(file, "SELECT x FROM other");
  }
  SECTION("a newer schema") {
    static_cast<void>(open(file));
    sql(file, "PRAGMA user_version = 99");
    const auto store = SqliteStore::open(file);
    REQUIRE_FALSE(store.has_value());
    CHECK(store.error().code == Errc::unsupported);
    CHECK_THAT(store.error().message, Catch::Contains("schema version 99 is newer"));
  }
  SECTION("a damaged database") {
    {
      const auto store = open(file);
      std::vector<Window> windows;
      for (int i = 0; i < 300; ++i) {
        windows.push_back(samples::window("atlas", "192.0.2.1", t0 + std::chrono::minutes{i}));
      }
      REQUIRE(store->append(windows).has_value());
    }
    std::fstream bytes{file, std::ios::in | std::ios::out | std::ios::binary};
    bytes.seekp(8192);
    bytes << std::string(100'000, '\xa5');
    bytes.close();
    auto store = SqliteStore::open(file);
    const auto stored = store ? (*store)->windows({}, {}) : fail(std::move(store));
    REQUIRE_FALSE(stored.has_value());
    CHECK_THAT(stored.error().message, Catch::Contains("damaged") && Catch::Contains(file));
  }
  SECTION("no such directory") {
    const auto store = SqliteStore::open(scratch.file("no/such/strait.db"));
    REQUIRE_FALSE(store.has_value());
    CHECK_THAT(store.error().message, Catch::Contains("directory exists"));
  }
  SECTION("read-only does not create") {
    const auto store = SqliteStore::open_read_only(file);
    REQUIRE_FALSE(store.has_value());
    CHECK(store.error().code == Errc::not_found);
    CHECK_FALSE(std::filesystem::exists(file));
  }
}

TEST_CASE("a store of the first schema is read as it is, and brought up to date by a writer") {
  const Scratch scratch;
  const std::string file = scratch.file();
  sql(file, R"(
CREATE TABLE sessions (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL, target TEXT NOT NULL, protocol TEXT NOT NULL,
  dscp INTEGER NOT NULL, UNIQUE (path, target, protocol, dscp)) STRICT;
CREATE TABLE targets (target TEXT PRIMARY KEY, region TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE windows (
  start_ns INTEGER NOT NULL, session INTEGER NOT NULL REFERENCES sessions (id),
  length_ns INTEGER NOT NULL, scheduled INTEGER NOT NULL, missed INTEGER NOT NULL,
  sent INTEGER NOT NULL, received INTEGER NOT NULL, lost INTEGER NOT NULL, late INTEGER NOT NULL,
  duplicate INTEGER NOT NULL, reordered INTEGER NOT NULL, errors TEXT NOT NULL,
  rtt BLOB NOT NULL, forward BLOB NOT NULL, reverse BLOB NOT NULL, lag BLOB NOT NULL,
  source TEXT NOT NULL, uncertainty_ns INTEGER NOT NULL,
  PRIMARY KEY (start_ns, session)) STRICT, WITHOUT ROWID;
CREATE TABLE verdicts (
  at_ns INTEGER NOT NULL, class TEXT NOT NULL, ruling TEXT NOT NULL, path TEXT,
  verdict TEXT NOT NULL, PRIMARY KEY (at_ns, class)) STRICT, WITHOUT ROWID;
CREATE TABLE memory (id INTEGER PRIMARY KEY CHECK (id = 1), memory TEXT NOT NULL) STRICT;
INSERT INTO sessions VALUES (7, 'atlas', '192.0.2.1', 'stamp', 46);
INSERT INTO windows VALUES (1000, 7, 60000000000, 10, 0, 10, 9, 1, 0, 0, 0, '{}', x'0107000000',
  x'0107000000', x'0107000000', x'0104000000', 'kernel', 5);
PRAGMA application_id = 0x73747261;
PRAGMA user_version = 1;
)");
  const auto check = [&](const Window& window) {
    CHECK(window.session == SessionKey{"atlas", "192.0.2.1", Protocol::stamp, 46, 0});
    CHECK(window.counts.received == 9);
    CHECK(window.uncertain == Sketch{lag_schema});
    CHECK(window.far.empty());
    CHECK(window.clocks == Clocks{});
    CHECK(window.ipdv == Sketch{variation_schema});
  };
  {
    auto reader = SqliteStore::open_read_only(file);
    REQUIRE(reader.has_value());
    const auto windows = read(**reader);
    REQUIRE(windows.size() == 1);
    check(windows[0]);
    CHECK(read(**reader, {}, {.path = "loukkos", .target = {}, .region = {}}).empty());
  }
  const auto store = open(file);
  Window next = read(*store).at(0);
  check(next);
  next.session.flow = 1;
  next.uncertain.record(20ms);
  next.ipdv.record(1ms, 8);
  next.far.dscp = std::uint8_t{63};
  next.clocks.state = ClockState::usable;
  REQUIRE(store->append({&next, 1}).has_value());
  const auto both = read(*store);
  REQUIRE(both.size() == 2);
  check(both[0]);
  CHECK(both[1] == next);
  CHECK(read(*open(file)).size() == 2);  // up to date: nothing more to do
}

TEST_CASE("a reader sees whole batches while the writer goes on, and cannot write") {
  const Scratch scratch;
  const auto writer = open(scratch.file());
  Window window = samples::window("atlas", "192.0.2.1", t0);
  REQUIRE(writer->append({&window, 1}).has_value());

  auto reader = SqliteStore::open_read_only(scratch.file());
  REQUIRE(reader.has_value());
  CHECK(read(**reader).size() == 1);
  window.start += 1min;
  REQUIRE(writer->append({&window, 1}).has_value());
  CHECK(read(**reader).size() == 2);

  const auto refused = (*reader)->append({&window, 1});
  REQUIRE_FALSE(refused.has_value());
  CHECK_THAT(refused.error().message, Catch::Contains("may not be written"));
}

TEST_CASE("forgetting is bounded, oldest first") {
  const Scratch scratch;
  const auto store = open(scratch.file());
  std::vector<Window> windows;
  for (int i = 0; i < 10; ++i) {
    windows.push_back(samples::window("atlas", "192.0.2.1", t0 + std::chrono::minutes{i}));
  }
  REQUIRE(store->append(windows).has_value());
  CHECK(*store->forget_before(t0 + 5min, 3) == 3);
  CHECK(read(*store).front().start == t0 + 3min);
  CHECK(*store->forget_before(t0 + 5min, 3) == 2);
  CHECK(*store->forget_before(t0 + 5min, 3) == 0);
  CHECK(read(*store).size() == 5);
}

namespace {

constexpr std::size_t killed_batch = 20;

// Appends batches until it is killed, and says each that append() has returned for with an octet.
[[noreturn]] void write_until_killed(const std::string& file, WallTime start, int said) {
  auto store = SqliteStore::open(file);
  if (!store) ::_exit(1);
  for (int i = 0;; ++i) {
    std::vector<Window> windows;
    for (std::size_t target = 0; target < killed_batch; ++target) {
      const std::string name = "192.0.2." + std::to_string(target);
      windows.push_back(samples::window("atlas", name, start + Nanos{i}));
    }
    if (!(*store)->append(windows)) ::_exit(2);
    if (::write(said, "x", 1) != 1) ::_exit(3);
  }
}

// How many batches the writer got an answer for before it was killed at some moment after the
// first.
std::size_t batches_before_kill(const std::string& file, WallTime start, int round) {
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) write_until_killed(file, start, pipe[1]);
  ::close(pipe[1]);
  char octet = 0;
  std::size_t answered = 0;
  if (::read(pipe[0], &octet, 1) == 1) ++answered;
  std::this_thread::sleep_for(std::chrono::microseconds{1 + round * 3777});
  ::kill(child, SIGKILL);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));  // it was killed, it had not failed
  while (::read(pipe[0], &octet, 1) == 1) ++answered;
  ::close(pipe[0]);
  return answered;
}

}  // namespace

TEST_CASE("a process that is killed while it writes leaves whole batches, and all it was told of") {
  const Scratch scratch;
  for (int round = 0; round < 5; ++round) {
    const WallTime start = t0 + std::chrono::hours{round};
    const std::size_t answered = batches_before_kill(scratch.file(), start, round);
    REQUIRE(answered >= 1);

    const auto store = open(scratch.file());
    std::map<WallTime, std::size_t> rows;
    for (const Window& window : read(*store, {start, WallTime::max()})) ++rows[window.start];
    CHECK(rows.size() >= answered);
    CHECK(rows.size() <= answered + 1);  // one may have been stored and not yet told
    for (const auto& [at, count] : rows) CHECK(count == killed_batch);
  }
  const auto check = SqliteDatabase::open(scratch.file(), SqliteDatabase::Access::read_only);
  REQUIRE(check.has_value());
  auto statement = (*check)->prepare("PRAGMA integrity_check");
  REQUIRE(statement.has_value());
  REQUIRE(statement->step().value_or(false));
  CHECK(statement->text(0) == "ok");
}

TEST_CASE("a full disk is an error that says so, and what was stored before is still there") {
  const Scratch scratch;
  const SmallDisk disk{scratch.path()};
  if (!disk.mounted()) {
    WARN("cannot mount a small file system (not root): skipped");
    return;
  }
  {
    const auto store = open(scratch.file());
    std::size_t stored = 0;
    Result<void> appended;
    for (int i = 0; i < 2000 && appended; ++i) {
      const Window window = samples::window("atlas", "192.0.2.1", t0 + std::chrono::minutes{i});
      appended = store->append({&window, 1});
      if (appended) ++stored;
    }
    CHECK_FALSE(appended.has_value());
    if (!appended) CHECK_THAT(appended.error().message, Catch::Contains("disk is full"));
    CHECK(stored > 10);
    CHECK(read(*store).size() == stored);
  }
}
