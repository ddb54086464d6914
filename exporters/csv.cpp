// SPDX-License-Identifier: Apache-2.0
#include "exporters/csv.hpp"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "analyzer/options.hpp"
#include "analyzer/words.hpp"

namespace strait::exporters {
namespace {

using analyzer::Evidence;
using analyzer::Percentile;

std::string delay_cell(const std::optional<Nanos>& delay) {
  if (!delay) return "";
  return *delay == analyzer::infinite_delay ? "inf" : std::to_string(delay->count());
}

std::string header() {
  std::string line = "class,path,from,to,windows,samples,kept_apart";
  for (const double q : analyzer::reported_quantiles) {
    const std::string name = analyzer::quantile_name(q);
    line += fmt::format(",{0}_ns,{0}_low_ns,{0}_high_ns,{0}_worth", name);
  }
  return line +
         ",min_ns,pdv_ns,sent,lost,loss,loss_low,loss_high,loss_worth,loss_windows,most_lost,"
         "floor_ns,stretch,detour_km,circle_ns,circle_stretch,circle_detour_km,age_ns,adequate,"
         "adequacy_reason,method,ipdv_pairs,ipdv_p50_ns,ipdv_p95_ns,ipdv_p99_ns\n";
}

void add_percentile(std::vector<std::string>& cells, const Percentile* percentile) {
  if (percentile == nullptr) {
    cells.resize(cells.size() + 4);
    return;
  }
  cells.push_back(delay_cell(percentile->value));
  cells.push_back(delay_cell(percentile->low));
  cells.push_back(delay_cell(percentile->high));
  cells.push_back(std::to_string(percentile->worth));
}

void add_loss(std::vector<std::string>& cells, const Evidence& evidence) {
  const analyzer::Proportion& loss = evidence.loss;
  const auto share = [&](double value) {
    return loss.trials == 0 ? std::string{} : fmt::format("{:.6f}", value);
  };
  cells.push_back(std::to_string(loss.trials));
  cells.push_back(std::to_string(loss.hits));
  cells.push_back(share(loss.value));
  cells.push_back(share(loss.low));
  cells.push_back(share(loss.high));
  cells.push_back(std::to_string(loss.worth));
  cells.push_back(std::to_string(evidence.windows_with_loss));
  cells.push_back(std::to_string(evidence.most_lost));
}

void add_distances(std::vector<std::string>& cells, const Evidence& evidence) {
  const auto km = [](double value) { return fmt::format("{:.1f}", value); };
  cells.push_back(evidence.detour_km ? km(*evidence.detour_km) : "");
  const auto& circle = evidence.great_circle;
  cells.push_back(circle ? std::to_string(circle->round_trip.count()) : "");
  cells.push_back(circle ? fmt::format("{:.4f}", circle->stretch) : "");
  cells.push_back(circle ? km(circle->detour_km) : "");
}

std::string line_of(const Evidence& evidence) {
  const bool measured = evidence.windows > 0;
  const auto time = [&](WallTime when) {
    return measured ? strait::to_string(when) : std::string{};
  };
  std::vector<std::string> cells{csv_cell(evidence.traffic_class),
                                 csv_cell(evidence.path),
                                 time(evidence.from),
                                 time(evidence.to),
                                 std::to_string(evidence.windows),
                                 std::to_string(evidence.samples),
                                 std::to_string(evidence.kept_apart)};
  for (const double q : analyzer::reported_quantiles) add_percentile(cells, evidence.percentile(q));
  cells.push_back(delay_cell(evidence.min));
  cells.push_back(delay_cell(evidence.pdv));
  add_loss(cells, evidence);
  cells.push_back(delay_cell(evidence.floor));
  cells.push_back(evidence.stretch ? fmt::format("{:.4f}", *evidence.stretch) : "");
  add_distances(cells, evidence);
  cells.push_back(measured ? std::to_string(evidence.age.count()) : "");
  cells.emplace_back(evidence.adequacy == analyzer::Adequacy::adequate ? "true" : "false");
  cells.push_back(csv_cell(evidence.adequacy_reason));
  cells.push_back(csv_cell(evidence.method));
  const auto variation = evidence.ipdv.value_or(analyzer::PacketVariation{});
  cells.push_back(evidence.ipdv ? std::to_string(variation.pairs) : "");
  for (const auto& each : {variation.p50, variation.p95, variation.p99}) {
    cells.push_back(delay_cell(each));
  }
  return fmt::format("{}\n", fmt::join(cells, ","));
}

}  // namespace

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string{text};
  std::string cell{'"'};
  for (const char each : text) {
    if (each == '"') cell += '"';
    cell += each;
  }
  return cell + '"';
}

std::string to_csv(std::span<const Evidence> evidence) {
  std::string text = header();
  for (const Evidence& each : evidence) text += line_of(each);
  return text;
}

}  // namespace strait::exporters
