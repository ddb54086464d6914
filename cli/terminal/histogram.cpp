// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal/histogram.hpp"

#include <fmt/format.h>
#include <langinfo.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <clocale>
#include <cmath>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

namespace strait::cli {
namespace {

constexpr std::size_t most_rows = 12;
constexpr std::size_t fewest_columns = 20;
constexpr std::size_t most_columns = 100;
constexpr std::size_t widest_bar = 60;
constexpr std::size_t narrowest_bar = 4;
constexpr std::array<std::string_view, 8> eighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};

// The finest schema whose buckets fit the rows.
Sketch coarse_enough(const Sketch& rtt) {
  for (int schema = rtt.schema(); schema > Sketch::min_schema; --schema) {
    Sketch folded = rtt.folded(schema);
    const auto buckets = folded.buckets();
    const auto span = static_cast<std::size_t>(buckets.back().key - buckets.front().key) + 1;
    if (span <= most_rows) return folded;
  }
  return rtt.folded(Sketch::min_schema);
}

// Whatever has a count has a mark.
std::string bar(double share, std::size_t width, bool unicode) {
  const double columns = share * static_cast<double>(width);
  std::string text;
  if (!unicode) {
    text.assign(static_cast<std::size_t>(std::ceil(columns)), '#');
    return text;
  }
  const auto marks = static_cast<std::size_t>(std::ceil(columns * 8));
  for (std::size_t i = 0; i < marks / 8; ++i) text += "█";
  return text.append(eighths.at(marks % 8));
}

using Labels = std::vector<std::string>;

// The upper bounds as elsewhere, or with as many decimals as it takes to tell them apart.
Labels labels_of(std::span<const Sketch::Bucket> buckets, int schema) {
  Labels labels;
  const auto write = [&](const auto& text_of) {
    labels.clear();
    for (const auto& bucket : buckets)
      labels.push_back(text_of(Sketch::upper_bound(bucket.key, schema)));
    return std::ranges::adjacent_find(labels) == labels.end();
  };
  bool distinct = write([](Nanos bound) { return strait::to_text(bound); });
  for (int decimals = 4; !distinct && decimals <= 6; ++decimals) {
    distinct = write([decimals](Nanos bound) {
      return fmt::format("{:.{}f} ms", static_cast<double>(bound.count()) / 1e6, decimals);
    });
  }
  return labels;
}

std::size_t columns_of(int fd) {
  struct winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  std::size_t columns = 0;
  const char* const given = std::getenv("COLUMNS");
  if (given == nullptr) return Canvas{}.width;
  const std::string_view text{given};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), columns);
  return error == std::errc{} && columns > 0 ? columns : Canvas{}.width;
}

// Asked of a locale of its own, so that the program's stays what it is.
bool locale_is_utf8() {
  const locale_t locale = ::newlocale(LC_CTYPE_MASK, "", nullptr);
  if (locale == nullptr) return false;
  const bool utf8 = std::string_view{::nl_langinfo_l(CODESET, locale)} == "UTF-8";
  ::freelocale(locale);
  return utf8;
}

}  // namespace

Canvas canvas_of(int fd) {
  return {std::clamp(columns_of(fd), fewest_columns, most_columns), locale_is_utf8()};
}

std::string histogram(const Sketch& rtt, const Canvas& canvas) {
  if (rtt.count() <= rtt.zero_count()) return "";
  const Sketch coarse = coarse_enough(rtt);
  const auto buckets = coarse.buckets();
  const std::uint64_t most = std::ranges::max_element(buckets, {}, &Sketch::Bucket::count)->count;
  const auto labels = labels_of(buckets, coarse.schema());
  const std::size_t label = std::max<std::size_t>(10, labels.back().size());
  // "  <= ", the bound, two spaces; behind the bar a space and the count.
  const std::size_t others = 5 + label + 2 + 1 + fmt::formatted_size("{}", most);
  const std::size_t width =
      std::clamp(canvas.width > others ? canvas.width - others : 0, narrowest_bar, widest_bar);
  std::string text;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const double share = static_cast<double>(buckets[i].count) / static_cast<double>(most);
    text += fmt::format("  <= {:>{}}  {} {}\n", labels[i], label, bar(share, width, canvas.unicode),
                        buckets[i].count);
  }
  return text;
}

}  // namespace strait::cli
