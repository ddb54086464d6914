// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "analyzer/outlook.hpp"
#include "analyzer/seal.hpp"
#include "cli/routes/plan_text.hpp"
#include "cli/routes/run.hpp"
#include "cli/routes/situation.hpp"
#include "exporters/json_lines.hpp"
#include "exporters/json_writer.hpp"
#include "exporters/text.hpp"
#include "routes/explain.hpp"

namespace strait::cli {
namespace {

template <class T, class Belongs>
std::vector<T> those(const std::vector<T>& all, const Belongs& belongs) {
  std::vector<T> found;
  std::ranges::copy_if(all, std::back_inserter(found), belongs);
  return found;
}

std::string path_text(const routes::Path& path) {
  const auto commit =
      path.commit ? fmt::format(", commit {}", strait::to_string(*path.commit)) : std::string{};
  return fmt::format("{}: {}, {:.0f} km through {}, floor {} there and back, upstream AS{}{}{}\n",
                     path.name, fmt::join(path.segments, " > "), path.length_km,
                     path.countries.empty() ? "no known country"
                                            : fmt::format("{}", fmt::join(path.countries, " ")),
                     strait::to_text(path.one_way_floor * 2), path.upstream_asn.value(), commit,
                     path.forbidden ? ", forbidden: " + path.forbidden_reason : "");
}

std::string outlook_text(std::span<const analyzer::Verdict> verdicts,
                         const analyzer::DecisionOptions& options) {
  std::string text;
  for (const analyzer::Verdict& verdict : verdicts) {
    text += fmt::format("{}: what would have to change\n", verdict.traffic_class);
    for (const std::string& sentence : analyzer::outlook(verdict, options)) {
      text += fmt::format("  {}\n", sentence);
    }
  }
  return text;
}

const analyzer::PartVerdict* part_of(const Advice& advice, std::string_view name) {
  const auto found = std::ranges::find_if(
      advice.parts, [&](const auto& part) { return part.verdict.traffic_class == name; });
  return found == advice.parts.end() ? nullptr : &*found;
}

// "europe:FR:AS64500", whether or not it is measured.
bool names_part(const Advice& advice, const std::string& subject) {
  const std::string_view its_class = analyzer::class_of(subject);
  return its_class != subject && std::ranges::any_of(advice.verdicts, [&](const auto& verdict) {
           return verdict.traffic_class == its_class;
         });
}

// Who speaks for a subject: a part without targets of its own goes by what it is part of.
std::string speaker_of(const Advice& advice, const std::string& subject) {
  if (!names_part(advice, subject)) return subject;
  std::string speaker{analyzer::class_of(subject)};
  for (const analyzer::PartVerdict& part : advice.parts) {
    const std::string& name = part.verdict.traffic_class;
    const bool around = subject == name || subject.starts_with(name + ":");
    if (around && name.size() > speaker.size()) speaker = name;
  }
  return speaker;
}

// Of everything, of a class with its parts that have paths of their own, or of one part.
std::vector<analyzer::Verdict> verdicts_of(const Advice& advice, const std::string& subject) {
  if (const analyzer::PartVerdict* const part = part_of(advice, subject)) return {part->verdict};
  return those(advice.verdicts, [&](const auto& verdict) {
    return subject.empty() || analyzer::class_of(verdict.traffic_class) == subject;
  });
}

std::vector<analyzer::Evidence> evidence_of(const Advice& advice, const std::string& subject) {
  const bool part = part_of(advice, subject) != nullptr;
  return those(advice.evidence, [&](const auto& item) {
    const std::string_view name = item.traffic_class;
    return subject.empty() || (part ? name : analyzer::class_of(name)) == subject ||
           item.path == subject;
  });
}

// What is known of a part besides its verdict.
std::string part_text(const Advice& advice, const std::string& subject,
                      const std::string& speaker) {
  std::string text;
  if (speaker != subject) {
    text += advice.parts.empty()
                ? fmt::format("{} goes by {}: no class has parts here, see [analyzer] grain\n",
                              subject, speaker)
                : fmt::format(
                      "{} goes by {}: no targets besides those of {} are known to be "
                      "there\n",
                      subject, speaker, speaker);
  }
  if (const analyzer::PartVerdict* const part = part_of(advice, speaker)) {
    text += fmt::format("{}: {}, of {}, {} {} inside, weight {:.3g}\n", speaker,
                        to_string(part->standing), part->verdict.whole, part->targets,
                        part->targets == 1 ? "target" : "targets", part->weight);
  }
  return text;
}

// What `explain` says in words besides evidence and verdicts.
std::string explanation_json(const Situation& situation, const std::string& subject,
                             const std::string& speaker,
                             std::span<const analyzer::Verdict> verdicts,
                             std::span<const analyzer::Evidence> evidence) {
  const auto& plan = situation.advice.plan;
  exporters::JsonWriter json;
  json.begin_object()
      .member("strait", exporters::json_version)
      .member("type", "explanation")
      .member("subject", subject)
      .member("goes_by", speaker == subject ? std::nullopt : std::optional{speaker})
      .member("evidence_hash", analyzer::evidence_hash(evidence, {}))
      .member("plan_hash", plan ? std::optional{plan->evidence_hash} : std::nullopt);
  json.key("would_change").begin_object();
  for (const analyzer::Verdict& verdict : verdicts) {
    json.key(verdict.traffic_class).begin_array();
    for (const auto& sentence :
         analyzer::outlook(verdict, situation.configuration.analyzer.decision)) {
      json.value(sentence);
    }
    json.end_array();
  }
  return json.end_object().end_object().take();
}

Result<int> explain_json(const Situation& situation, const std::string& subject,
                         std::ostream& results) {
  const Advice& advice = situation.advice;
  const std::string speaker = speaker_of(advice, subject);
  const auto verdicts = verdicts_of(advice, speaker);
  const auto evidence = evidence_of(advice, speaker);
  if (!subject.empty() && verdicts.empty() && evidence.empty()) {
    return fail(Errc::not_found,
                fmt::format("explain: no class or path '{}' with evidence; a prefix is explained "
                            "in words only, without --json",
                            subject));
  }
  for (const auto& item : evidence) results << exporters::to_json(item) << '\n';
  for (const auto& verdict : verdicts) results << exporters::to_json(verdict) << '\n';
  results << explanation_json(situation, subject, speaker, verdicts, evidence) << '\n';
  return 0;
}

// What is known of `subject`: a class or part, a path, a prefix, or (empty) everything.
Result<std::string> explanation(const Situation& situation, const std::string& subject,
                                bool colours) {
  const exporters::TextOptions text{.colours = colours};
  const Advice& advice = situation.advice;
  if (subject.find('/') != std::string::npos && !names_part(advice, subject)) {
    const auto prefix = parse_prefix(subject);
    if (!prefix) return tl::make_unexpected(prefix.error());
    if (!situation.rib) return fail(wanted_plan(situation));
    return routes::explain_prefix(*prefix, situation.rib->rib, situation.configuration.regions,
                                  situation.configuration.paths,
                                  situation.configuration.routes.decision);
  }
  const std::string speaker = speaker_of(advice, subject);
  const auto verdicts = verdicts_of(advice, speaker);
  const auto evidence = evidence_of(advice, speaker);
  const auto paths = those(situation.configuration.paths, [&](const auto& path) {
    return subject.empty() || path.name == subject;
  });
  if (verdicts.empty() && evidence.empty() && paths.empty()) {
    return fail(Errc::not_found,
                fmt::format("explain: '{}' is no class, part, path or prefix of this configuration",
                            subject));
  }
  std::string words = part_text(advice, subject, speaker) + exporters::to_text(verdicts, text) +
                      exporters::to_text(evidence, text);
  for (const routes::Path& path : paths) words += path_text(path);
  words += outlook_text(verdicts, situation.configuration.analyzer.decision);
  words += fmt::format("evidence hash {}\n", analyzer::evidence_hash(evidence, {}));
  if (advice.plan) {
    words +=
        fmt::format("plan hash {}\n", advice.plan->evidence_hash) + notes_text(advice.plan->notes);
  }
  return words;
}

}  // namespace

Result<int> run_explain(const ExplainOptions& options, const RoutesStreams& streams) {
  const auto situation = look(options.source, streams.progress, options.at);
  if (!situation) return tl::make_unexpected(situation.error());
  if (options.source.json) {
    return explain_json(*situation, options.subject, streams.results);
  }
  const auto words = explanation(*situation, options.subject, streams.colours);
  if (!words) return tl::make_unexpected(words.error());
  streams.results << *words;
  return 0;
}

}  // namespace strait::cli
