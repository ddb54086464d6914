// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/include_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <tuple>
#include <utility>

#include "core/clock.hpp"
#include "core/digest.hpp"
#include "core/file.hpp"

namespace strait::routes {
namespace {

// Stands in the copy for "there was no file".
constexpr std::string_view absent = "# strait: there was no file\n";

std::string holder_of(const std::string& lock_file) {
  auto text = read_file(lock_file).value_or("");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.empty() ? std::string{"another apply"} : text;
}

}  // namespace

Result<ApplyLock> ApplyLock::take(const std::string& include_file, std::string_view by) {
  const std::string file = include_file + ".lock";
  ApplyLock lock{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)};
  if (lock.fd_ < 0) {
    return fail(errno == EACCES ? Errc::no_permission : Errc::io,
                fmt::format("lock {}: {}", file, std::strerror(errno)));
  }
  if (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
    return fail(Errc::io,
                fmt::format("lock {}: another apply is running: {}", file, holder_of(file)));
  }
  // Only for whoever finds it taken: a disk that is full is no reason not to go on.
  const std::string holder = fmt::format("{}, process {}, since {}\n", by, ::getpid(),
                                         strait::to_string(SystemClock{}.now().wall));
  if (::ftruncate(lock.fd_, 0) == 0)
    std::ignore = ::pwrite(lock.fd_, holder.data(), holder.size(), 0);
  return lock;
}

ApplyLock::ApplyLock(ApplyLock&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}

ApplyLock::~ApplyLock() {
  if (fd_ >= 0) ::close(fd_);
}

bool IncludeFile::unfinished() const {
  std::error_code ignored;
  return std::filesystem::exists(kept_, ignored);
}

Result<void> IncludeFile::keep_previous() {
  auto kept = content_of(kept_);
  if (!kept) return fail(std::move(kept));
  if (std::optional<std::string>& old = *kept; old) {
    previous_ = *old == absent ? std::nullopt : std::move(old);
    return {};
  }
  auto now = content_of(file_);
  if (!now) return fail(std::move(now));
  previous_ = std::move(*now);
  return replace_file(kept_, previous_ ? std::string_view{*previous_} : absent);
}

Result<void> IncludeFile::write(std::string_view text) const { return replace_file(file_, text); }

Result<std::string> IncludeFile::set_edit_aside(std::string_view ours) const {
  const auto content = this->content();
  if (!content) return tl::make_unexpected(content.error());
  const std::optional<std::string>& now = *content;
  if (ours.empty() || !now || now == previous_ || sha256_hex(*now) == ours) return std::string{};
  std::string aside = file_ + ".edited";
  for (int again = 2; std::filesystem::exists(aside); ++again) {
    aside = fmt::format("{}.edited.{}", file_, again);
  }
  if (::rename(file_.c_str(), aside.c_str()) == 0) {
    return fmt::format("{} was changed by hand meanwhile: that is {} now", file_, aside);
  }
  return fail(Errc::io, fmt::format("{} was changed by hand meanwhile: rename it to {}: {}", file_,
                                    aside, std::strerror(errno)));
}

Result<std::string> IncludeFile::put_back(std::string_view ours) const {
  auto edit = set_edit_aside(ours);
  if (!edit) return edit;
  if (previous_) {
    if (auto back = replace_file(file_, *previous_); !back) return fail(std::move(back));
  } else if (::unlink(file_.c_str()) != 0 && errno != ENOENT) {
    return fail(Errc::io, fmt::format("remove {}: {}", file_, std::strerror(errno)));
  }
  return edit;
}

Result<std::string> IncludeFile::restore(std::string_view ours) const {
  auto edit = put_back(ours);
  if (edit) forget_previous();
  return edit;
}

void IncludeFile::forget_previous() const { ::unlink(kept_.c_str()); }

Result<std::optional<std::string>> IncludeFile::content_of(const std::string& file) {
  auto text = read_file(file);
  if (text) return std::optional{std::move(*text)};
  if (text.error().code == Errc::not_found) return std::optional<std::string>{};
  return fail(std::move(text));
}

}  // namespace strait::routes
