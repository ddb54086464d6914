// SPDX-License-Identifier: Apache-2.0
#include "exporters/text.hpp"

#include <fmt/core.h>

#include <map>
#include <set>

#include "exporters/text_table.hpp"

namespace strait::exporters {
namespace {

using analyzer::Evidence;
using analyzer::Percentile;
using analyzer::Verdict;
using Row = std::vector<TextTable::Cell>;

std::string time_or_lost(Nanos delay) {
  return delay == analyzer::infinite_delay ? "lost" : strait::to_text(delay);
}

std::string maybe(const std::optional<Nanos>& delay) { return delay ? time_or_lost(*delay) : "-"; }

std::string with_bounds(Nanos value, Nanos low, Nanos high) {
  return fmt::format("{} [{}, {}]", time_or_lost(value), time_or_lost(low), time_or_lost(high));
}

TextTable::Cell percentile_cell(const Percentile* p) {
  if (p == nullptr) return {"-"};
  if (!p->low || !p->high) return {"insufficient", Colour::yellow};
  const Colour colour = p->value == analyzer::infinite_delay ? Colour::red : Colour::none;
  return {with_bounds(p->value, *p->low, *p->high), colour};
}

std::string loss_text(const analyzer::Proportion& loss) {
  if (loss.trials == 0) return "-";
  return fmt::format("{:.2f} % [{:.2f}, {:.2f}]", 100 * loss.value, 100 * loss.low,
                     100 * loss.high);
}

TextTable::Cell remark(const Evidence& evidence) {
  if (evidence.below_floor) return {"faster than the fibre: wrong target or clock", Colour::red};
  if (evidence.adequacy == analyzer::Adequacy::insufficient) {
    return {fmt::format("insufficient ({})", evidence.adequacy_reason), Colour::yellow};
  }
  return {""};
}

// What a table of some evidence has beside what it always has.
struct Columns {
  std::set<double> quantiles;
  bool ipdv = false;
  bool detour = false;
  bool great_circle = false;

  void add(const Evidence& evidence) {
    for (const Percentile& p : evidence.rtt) quantiles.insert(p.q);
    ipdv = ipdv || evidence.ipdv.has_value();
    detour = detour || evidence.detour_km.has_value();
    great_circle = great_circle || evidence.great_circle.has_value();
  }
};

Row heading(const Columns& columns) {
  Row row{{"path", Colour::bold}};
  for (const double q : columns.quantiles) {
    row.push_back({fmt::format("p{:g}", 100 * q), Colour::bold});
  }
  row.push_back({"loss", Colour::bold});
  for (const char* name : {"min", "pdv"}) row.push_back({name, Colour::bold, true});
  if (columns.ipdv) row.push_back({"ipdv", Colour::bold, true});
  for (const char* name : {"floor", "stretch"}) row.push_back({name, Colour::bold, true});
  if (columns.detour) row.push_back({"detour", Colour::bold, true});
  if (columns.great_circle) row.push_back({"great circle", Colour::bold, true});
  return row;
}

std::string circle_text(const analyzer::GreatCircle& circle) {
  return fmt::format("{}: {} x {:.2f}", circle.target, maybe(circle.round_trip), circle.stretch);
}

std::string asymmetry_note(const Evidence& evidence, const analyzer::OneWayDelays& delays) {
  const Nanos asymmetry = delays.asymmetry();
  const Nanos size = asymmetry < Nanos{0} ? -asymmetry : asymmetry;
  const std::string words =
      size <= delays.asymmetry_error()
          ? fmt::format("as long as the clocks can tell (to {})",
                        strait::to_text(delays.asymmetry_error()))
          : fmt::format("{} by {}, to {}", asymmetry > Nanos{0} ? "longer" : "shorter",
                        strait::to_text(size), strait::to_text(delays.asymmetry_error()));
  return fmt::format("  one way on {}: to {} {}, back {} (medians of {}): the way there is {}\n",
                     evidence.path, delays.target, strait::to_text(delays.forward),
                     strait::to_text(delays.reverse), delays.samples, words);
}

Row evidence_row(const Evidence& evidence, const Columns& columns) {
  Row row{{evidence.path}};
  for (const double q : columns.quantiles) {
    row.push_back(percentile_cell(evidence.percentile(q)));
  }
  row.push_back({loss_text(evidence.loss)});
  row.push_back({maybe(evidence.min), Colour::none, true});
  row.push_back({maybe(evidence.pdv), Colour::none, true});
  if (columns.ipdv) {
    const auto p99 = evidence.ipdv ? evidence.ipdv->p99 : std::nullopt;
    row.push_back({maybe(p99), Colour::none, true});
  }
  row.push_back({maybe(evidence.floor), Colour::none, true});
  row.push_back(
      {evidence.stretch ? fmt::format("{:.2f}", *evidence.stretch) : "-", Colour::none, true});
  if (columns.detour) {
    row.push_back({evidence.detour_km ? fmt::format("{:.0f} km", *evidence.detour_km) : "-",
                   Colour::none, true});
  }
  if (columns.great_circle) {
    const auto& circle = evidence.great_circle;
    row.push_back({circle ? circle_text(*circle) : "-", Colour::none, true});
  }
  row.push_back(remark(evidence));
  return row;
}

void append_class(std::string& out, const std::string& traffic_class,
                  const std::vector<const Evidence*>& members, bool colours) {
  Columns columns;
  std::string notes;
  for (const Evidence* each : members) {
    columns.add(*each);
    for (const auto& delays : each->one_way) notes += asymmetry_note(*each, delays);
    for (const std::string& note : each->notes) {
      notes += fmt::format("  note on {}: {}\n", each->path, note);
    }
  }
  TextTable table;
  table.add_row(heading(columns));
  for (const Evidence* each : members) table.add_row(evidence_row(*each, columns));
  out += (colours ? painted(traffic_class, Colour::bold) : traffic_class) + '\n';
  out += table.render("  ", colours);
  out += notes;
}

Colour colour_of(analyzer::Ruling ruling) {
  switch (ruling) {
    case analyzer::Ruling::prefer:
      return Colour::green;
    case analyzer::Ruling::keep:
      break;
    case analyzer::Ruling::insufficient:
      return Colour::yellow;
    case analyzer::Ruling::forbidden:
      return Colour::red;
  }
  return Colour::none;
}

TextTable ranking(const Verdict& verdict) {
  TextTable table;
  std::size_t place = 0;
  for (const analyzer::Ranked& each : verdict.ranking) {
    std::string difference;
    if (each.difference && each.difference_low && each.difference_high) {
      difference = with_bounds(*each.difference, *each.difference_low, *each.difference_high);
    }
    table.add_row({{each.eligible ? fmt::format("{}.", ++place) : "-"},
                   {each.path},
                   {each.eligible ? "eligible" : "not eligible",
                    each.eligible ? Colour::none : Colour::yellow},
                   {difference},
                   {each.reason}});
  }
  return table;
}

std::string without_path(const Verdict& verdict) {
  return verdict.whole.empty() ? " (plain BGP decides)"
                               : fmt::format(" (goes by {})", verdict.whole);
}

// A part stands beneath its class.
void append_verdict(std::string& out, const Verdict& verdict, bool colours) {
  const std::string ruling{to_string(verdict.ruling)};
  const std::string indent(verdict.whole.empty() ? 0 : 2, ' ');
  out += fmt::format("{}{}: {}", indent, verdict.traffic_class,
                     colours ? painted(ruling, colour_of(verdict.ruling)) : ruling);
  out += verdict.path ? ' ' + *verdict.path : without_path(verdict);
  if (verdict.previous && verdict.previous != verdict.path) {
    out += fmt::format(", until now {}", *verdict.previous);
  }
  out += fmt::format("\n{}  {}\n", indent, verdict.reason);
  if (verdict.gain) {
    out += fmt::format("{}  gain {}", indent, time_or_lost(*verdict.gain));
    if (verdict.gain_low && verdict.gain_high) {
      out += fmt::format(" [{}, {}]", time_or_lost(*verdict.gain_low),
                         time_or_lost(*verdict.gain_high));
    }
    out += '\n';
  }
  if (verdict.hold_until) {
    out += fmt::format("{}  held until {}\n", indent, to_string(*verdict.hold_until));
  }
  out += ranking(verdict).render(indent + "  ", colours);
}

}  // namespace

std::string to_text(std::span<const Evidence> evidence, const TextOptions& options) {
  std::map<std::string, std::vector<const Evidence*>> classes;
  for (const Evidence& each : evidence) {
    const auto name = each.method.empty() ? each.traffic_class
                                          : fmt::format("{}, captured traffic by {}",
                                                        each.traffic_class, each.method);
    classes[name].push_back(&each);
  }
  std::string out;
  for (const auto& [traffic_class, members] : classes) {
    append_class(out, traffic_class, members, options.colours);
  }
  return out;
}

std::string to_text(std::span<const Verdict> verdicts, const TextOptions& options) {
  std::string out;
  for (const Verdict& verdict : verdicts) append_verdict(out, verdict, options.colours);
  return out;
}

}  // namespace strait::exporters
