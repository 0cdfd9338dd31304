#include "bench/runner/report.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace syncline::bench {
namespace {

std::string Amount(const std::vector<double>& samples, const std::string& unit) {
  if (samples.empty()) return "";
  const double median = Median(samples);
  return absl::StrFormat(median >= 1000  ? "%.0f %s"
                         : median >= 100 ? "%.1f %s"
                                         : "%.3f %s",
                         median, unit);
}

std::string Spread(const std::vector<double>& values) {
  if (values.size() < 2) return "";
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  return absl::StrFormat("%.2f-%.2f", *min, *max);
}

std::string TargetOf(const Figure& figure) {
  if (!figure.target.has_value()) return "";
  return absl::StrFormat("%s %.4g", figure.better == Better::kLower ? "<=" : ">=", *figure.target);
}

const char* VerdictOf(const Figure& figure) {
  const std::optional<bool> passed = HasPassed(figure);
  return !passed.has_value() ? "" : *passed ? "pass" : "MISS";
}

std::string JsonText(const std::string& text) {
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
}

std::string JsonNumbers(const std::vector<double>& numbers) {
  return absl::StrCat("[",
                      absl::StrJoin(numbers, ",",
                                    [](std::string* out, double number) {
                                      absl::StrAppendFormat(out, "%.6g", number);
                                    }),
                      "]");
}

std::string JsonFigure(const Figure& figure) {
  std::string json =
      absl::StrCat("{\"id\":", JsonText(figure.id), ",\"name\":", JsonText(figure.name),
                   ",\"unit\":", JsonText(figure.unit), ",\"ours\":", JsonNumbers(figure.ours),
                   ",\"baseline\":", JsonNumbers(figure.baseline),
                   ",\"ratios\":", JsonNumbers(ComputeRatios(figure)),
                   absl::StrFormat(",\"result\":%.6g", ComputeResult(figure)));
  if (figure.target.has_value()) {
    absl::StrAppendFormat(&json, ",\"target\":%.6g,\"better\":\"%s\"", *figure.target,
                          figure.better == Better::kLower ? "lower" : "higher");
  }
  if (const std::optional<bool> passed = HasPassed(figure)) {
    absl::StrAppend(&json, ",\"passed\":", *passed ? "true" : "false");
  }
  return json + "}";
}

std::string JsonSeries(const Series& series) {
  std::vector<std::string> points;
  for (const SeriesPoint& point : series.points) {
    points.push_back(
        absl::StrFormat("{\"x\":%.6g,\"values\":%s}", point.x, JsonNumbers(point.values)));
  }
  std::vector<std::string> measures;
  for (const std::string& measure : series.measures) measures.push_back(JsonText(measure));
  return absl::StrCat("{\"name\":", JsonText(series.name), ",\"by\":", JsonText(series.x_name),
                      ",\"measures\":[", absl::StrJoin(measures, ","), "],\"points\":[",
                      absl::StrJoin(points, ","), "]}");
}

// Formats a value of a series with few digits and never with an exponent.
std::string Plain(double value) {
  return absl::StrFormat(value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f", value);
}

std::string MarkdownRow(const std::vector<std::string>& cells) {
  return absl::StrCat("| ", absl::StrJoin(cells, " | "), " |\n");
}

std::string MarkdownHead(const std::vector<std::string>& cells) {
  return MarkdownRow(cells) + MarkdownRow(std::vector<std::string>(cells.size(), "---"));
}

}  // namespace

std::string TableOf(const std::vector<Figure>& figures) {
  std::string table = absl::StrFormat("%-4s %-46s %14s %14s %7s %13s %8s  %s\n", "id", "scenario",
                                      "ours", "baseline", "ratio", "spread", "target", "");
  for (const Figure& figure : figures) {
    const std::vector<double> ratios = ComputeRatios(figure);
    absl::StrAppendFormat(&table, "%-4s %-46s %14s %14s %7s %13s %8s  %s\n", figure.id, figure.name,
                          Amount(figure.ours, figure.unit), Amount(figure.baseline, figure.unit),
                          ratios.empty() ? "" : absl::StrFormat("%.3f", Median(ratios)),
                          Spread(ratios.empty() ? figure.ours : ratios), TargetOf(figure),
                          VerdictOf(figure));
  }
  return table;
}

std::string FormatJson(const Facts& facts, const Findings& findings) {
  std::string json = "{";
  for (const auto& [name, value] : facts) {
    absl::StrAppend(&json, JsonText(name), ":", JsonText(value), ",");
  }
  std::vector<std::string> figures;
  for (const Figure& figure : findings.figures) figures.push_back(JsonFigure(figure));
  std::vector<std::string> series;
  for (const Series& one : findings.series) series.push_back(JsonSeries(one));
  absl::StrAppend(&json, "\"figures\":[\n", absl::StrJoin(figures, ",\n"), "],\"series\":[\n",
                  absl::StrJoin(series, ",\n"), "]}\n");
  return json;
}

std::string TableOf(const Series& series) {
  std::string table = absl::StrFormat("%s\n%16s", series.title, series.x_name);
  for (const std::string& measure : series.measures)
    absl::StrAppendFormat(&table, " %18s", measure);
  table += "\n";
  for (const SeriesPoint& point : series.points) {
    absl::StrAppendFormat(&table, "%16s", point.label);
    for (const double value : point.values) absl::StrAppendFormat(&table, " %18s", Plain(value));
    table += "\n";
  }
  return table;
}

std::string FormatMarkdown(const Facts& facts) {
  std::string table = MarkdownHead({"", ""});
  for (const auto& [name, value] : facts) absl::StrAppend(&table, MarkdownRow({name, value}));
  return table;
}

std::string FormatMarkdown(const std::vector<Figure>& figures) {
  std::string table =
      MarkdownHead({"", "scenario", "ours", "baseline", "ratio", "spread", "target", ""});
  for (const Figure& figure : figures) {
    const std::vector<double> ratios = ComputeRatios(figure);
    absl::StrAppend(&table,
                    MarkdownRow({figure.id, figure.name, Amount(figure.ours, figure.unit),
                                 Amount(figure.baseline, figure.unit),
                                 ratios.empty() ? "" : absl::StrFormat("%.2f", Median(ratios)),
                                 Spread(ratios.empty() ? figure.ours : ratios), TargetOf(figure),
                                 VerdictOf(figure)}));
  }
  return table;
}

std::string FormatMarkdown(const Series& series) {
  std::vector<std::string> head = {series.x_name};
  head.insert(head.end(), series.measures.begin(), series.measures.end());
  std::string table = MarkdownHead(head);
  for (const SeriesPoint& point : series.points) {
    std::vector<std::string> cells = {point.label};
    for (const double value : point.values) cells.push_back(Plain(value));
    absl::StrAppend(&table, MarkdownRow(cells));
  }
  return table;
}

}  // namespace syncline::bench
