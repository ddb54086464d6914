// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/plan_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/digest.hpp"
#include "core/file.hpp"
#include "routes/dialects/bird.hpp"
#include "routes/dialects/exabgp.hpp"
#include "routes/dialects/gobgp.hpp"
#include "routes/dialects/gobgp_injector.hpp"
#include "routes/dialects/openbgpd.hpp"
#include "routes/dialects/router_lists.hpp"
#include "routes/dialects/wording.hpp"

namespace strait::routes {
namespace {

// Behind the mark of a comment: '!' or '#'.
constexpr std::string_view seal_words =
    " strait: the plan itself, in BIRD's language; what stands above and it have the sha256 ";
constexpr std::string_view plan_mark = "= ";
constexpr std::array marks{'!', '#'};

struct Language {
  char mark = '#';
  Result<Rendering> (*render)(const Plan& plan, const Surroundings& around) = nullptr;
};

Language language_of(RouterKind kind) {
  switch (kind) {
    case RouterKind::frr:
      return {.mark = '!', .render = render_frr};
    case RouterKind::gobgp:
      return {.mark = '#', .render = render_gobgp};
    case RouterKind::openbgpd:
      return {.mark = '#', .render = render_openbgpd};
    case RouterKind::exabgp:
      return {.mark = '#', .render = render_exabgp};
    case RouterKind::gobgp_injector:
      return {.mark = '#', .render = render_gobgp_injector};
    case RouterKind::bird:
      break;
  }
  return {};
}

std::string sealed(std::string text, char mark, std::string_view plan) {
  const std::string hash = sha256_hex(text + std::string{plan});
  text += fmt::format("{}{}{}\n", mark, seal_words, hash);
  while (!plan.empty()) {
    const auto end = std::min(plan.find('\n'), plan.size());
    text += fmt::format("{}{}{}\n", mark, plan_mark, plan.substr(0, end));
    plan.remove_prefix(std::min(end + 1, plan.size()));
  }
  return text;
}

// The lines behind the seal without their marks.
std::string without_marks(std::string_view lines) {
  std::string plan;
  while (!lines.empty()) {
    const auto end = std::min(lines.find('\n'), lines.size());
    const auto line = lines.substr(0, end);
    plan += fmt::format("{}\n", line.substr(std::min(line.size(), 1 + plan_mark.size())));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return plan;
}

tl::unexpected<Error> not_as_written() {
  return fail(Errc::bad_input, "the file of preferences was changed by hand, or is not of strait");
}

Result<Plan> unsealed(std::string_view text, char mark) {
  const std::string seal = fmt::format("\n{}{}", mark, seal_words);
  const auto at = text.find(seal);
  if (at == std::string_view::npos) return not_as_written();
  const std::string_view rendered = text.substr(0, at + 1);
  const auto line_end = text.find('\n', at + 1);
  if (line_end == std::string_view::npos) return not_as_written();
  auto plan = read_bird(without_marks(text.substr(line_end + 1)));
  if (!plan) return plan;
  const auto again = render_bird(*plan);
  if (again && sealed(std::string{rendered}, mark, *again) == text) return plan;
  return not_as_written();
}

bool begins_with_mark(std::string_view text, char mark) {
  return text.starts_with(fmt::format("{} strait: BGP preferences for ", mark));
}

}  // namespace

Result<std::string> plan_file_text(const Plan& plan, const RouterTarget& target, const Rib* rib) {
  if (target.kind == RouterKind::bird) return render_bird(plan);
  // What ends or continues a comment somewhere must not be in one.
  Plan clean = plan;
  for (Preference& each : clean.preferences) each.reason = comment_text(each.reason);
  auto text = render_bird(clean);
  if (!text) return text;
  const Language language = language_of(target.kind);
  auto rendered = language.render(plan, {.site_asn = target.site_asn,
                                         .paths = target.paths,
                                         // What FRR runs is compared with lists of prefixes.
                                         .rib = target.kind == RouterKind::frr ? nullptr : rib,
                                         .injector = target.injector});
  if (!rendered) return tl::make_unexpected(rendered.error());
  return sealed(std::move(rendered->text), language.mark, *text);
}

Carries carries(RouterKind kind) {
  return kind == RouterKind::gobgp_injector ? gobgp_injector_carries : Carries{};
}

Result<Plan> read_plan_file(std::string_view text) {
  for (const char mark : marks) {
    const bool other = text.find(fmt::format("\n{}{}", mark, seal_words)) != std::string_view::npos;
    if (other) return unsealed(text, mark);
  }
  return read_bird(text);
}

bool begins_as_ours(std::string_view text) {
  return std::ranges::any_of(marks, [&](char mark) { return begins_with_mark(text, mark); });
}

Result<std::shared_ptr<const Plan>> plan_in_file(const std::string& file) {
  const auto text = read_file(file);
  if (!text && text.error().code == Errc::not_found) return nullptr;
  if (!text) return tl::make_unexpected(text.error());
  if (text->empty()) return nullptr;
  auto plan = read_plan_file(*text);
  if (!plan) {
    return fail(plan.error().code, fmt::format("{}: {}", file, plan.error().message));
  }
  return std::make_shared<const Plan>(std::move(*plan));
}

}  // namespace strait::routes
