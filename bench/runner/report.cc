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
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  return absl::StrFormat("%.2f-%.2f", *least, *greatest);
}

std::string TargetOf(const Figure& figure) {
  if (!figure.target.has_value()) return "";
  return absl::StrFormat("%s %.4g", figure.better == Better::kLower ? "<=" : ">=", *figure.target);
}

const char* VerdictOf(const Figure& figure) {
  const std::optional<bool> passed = PassedOf(figure);
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
  std::string json = absl::StrCat(
      "{\"id\":", JsonText(figure.id), ",\"name\":", JsonText(figure.name),
      ",\"unit\":", JsonText(figure.unit), ",\"ours\":", JsonNumbers(figure.ours),
      ",\"baseline\":", JsonNumbers(figure.baseline), ",\"ratios\":", JsonNumbers(RatiosOf(figure)),
      absl::StrFormat(",\"result\":%.6g", ResultOf(figure)));
  if (figure.target.has_value()) {
    absl::StrAppendFormat(&json, ",\"target\":%.6g,\"better\":\"%s\"", *figure.target,
                          figure.better == Better::kLower ? "lower" : "higher");
  }
  if (const std::optional<bool> passed = PassedOf(figure)) {
    absl::StrAppend(&json, ",\"passed\":", *passed ? "true" : "false");
  }
  return json + "}";
}

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

void AppendFacts(Facts::const_iterator begin, Facts::const_iterator end, int y, std::string* svg) {
  absl::StrAppendFormat(
      svg, "<text x=\"10\" y=\"%d\" font-size=\"11\" fill=\"#666\">%s</text>\n", y,
      Escaped(absl::StrJoin(begin, end, ", ", [](std::string* out, const auto& fact) {
        absl::StrAppend(out, fact.first, " ", fact.second);
      })));
}

}  // namespace

std::string TableOf(const std::vector<Figure>& figures) {
  std::string table = absl::StrFormat("%-4s %-46s %14s %14s %7s %13s %8s  %s\n", "id", "scenario",
                                      "ours", "baseline", "ratio", "spread", "target", "");
  for (const Figure& figure : figures) {
    const std::vector<double> ratios = RatiosOf(figure);
    absl::StrAppendFormat(&table, "%-4s %-46s %14s %14s %7s %13s %8s  %s\n", figure.id, figure.name,
                          Amount(figure.ours, figure.unit), Amount(figure.baseline, figure.unit),
                          ratios.empty() ? "" : absl::StrFormat("%.3f", Median(ratios)),
                          Spread(ratios.empty() ? figure.ours : ratios), TargetOf(figure),
                          VerdictOf(figure));
  }
  return table;
}

std::string JsonOf(const Facts& facts, const std::vector<Figure>& figures) {
  std::string json = "{";
  for (const auto& [name, value] : facts) {
    absl::StrAppend(&json, JsonText(name), ":", JsonText(value), ",");
  }
  absl::StrAppend(&json, "\"figures\":[\n",
                  absl::StrJoin(figures, ",\n",
                                [](std::string* out, const Figure& figure) {
                                  absl::StrAppend(out, JsonFigure(figure));
                                }),
                  "]}\n");
  return json;
}

std::string PictureOf(const Facts& facts, const std::vector<Figure>& figures) {
  constexpr int kLabelWidth = 330;
  constexpr int kUnitWidth = 260;  // of a ratio of 1
  constexpr int kWidth = 780;
  constexpr int kRowHeight = 30;
  constexpr int kTop = 46;
  std::vector<const Figure*> shown;
  for (const Figure& figure : figures) {
    if (!figure.baseline.empty()) shown.push_back(&figure);
  }
  const int bottom = kTop + kRowHeight * static_cast<int>(shown.size());
  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
      "<text x=\"%d\" y=\"20\" text-anchor=\"middle\">baseline = 1</text>\n"
      "<text x=\"10\" y=\"20\" fill=\"#666\">bar: ours / baseline, mark: target</text>\n",
      kWidth, bottom + 48, kLabelWidth + kUnitWidth);
  int y = kTop;
  for (const Figure* figure : shown) {
    const double ratio = ResultOf(*figure);
    const double width = std::min(ratio * kUnitWidth, double{kWidth - kLabelWidth - 60});
    const bool missed = PassedOf(*figure) == std::optional<bool>(false);
    absl::StrAppendFormat(
        &svg,
        "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n"
        "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"18\" fill=\"%s\"/>\n"
        "<text x=\"%.1f\" y=\"%d\">%.2f</text>\n",
        kLabelWidth - 8, y + 14, Escaped(absl::StrCat(figure->id, " ", figure->name)), kLabelWidth,
        y, width, missed ? "#c98b4a" : "#3b7d9e", kLabelWidth + width + 6, y + 14, ratio);
    if (figure->target.has_value()) {
      const double at = kLabelWidth + *figure->target * kUnitWidth;
      absl::StrAppendFormat(&svg,
                            "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"#111\" "
                            "stroke-width=\"2\"/>\n",
                            at, at, y - 3, y + 21);
    }
    y += kRowHeight;
  }
  absl::StrAppendFormat(
      &svg,
      "<line x1=\"%d\" x2=\"%d\" y1=\"28\" y2=\"%d\" stroke=\"#888\" stroke-dasharray=\"4 3\"/>\n",
      kLabelWidth + kUnitWidth, kLabelWidth + kUnitWidth, bottom);
  // Two lines hold them.
  const auto middle = facts.begin() + static_cast<ptrdiff_t>((facts.size() + 1) / 2);
  AppendFacts(facts.begin(), middle, bottom + 20, &svg);
  AppendFacts(middle, facts.end(), bottom + 36, &svg);
  svg += "</svg>\n";
  return svg;
}

}  // namespace syncline::bench
