#include "bench/runner/picture.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace syncline::bench {
namespace {

constexpr char kOurs[] = "#3b7d9e";
constexpr char kMissed[] = "#c98b4a";
constexpr char kFaint[] = "#666";

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

std::string Head(int width, int height) {
  return absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
      "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\">\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
      width, height, width, height);
}

void AppendText(double x, double y, const char* anchor, const char* colour, int size,
                const std::string& text, std::string* svg) {
  absl::StrAppendFormat(
      svg,
      "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\" font-size=\"%d\">%s</text>\n", x,
      y, anchor, colour, size, Escaped(text));
}

void AppendLine(double x1, double y1, double x2, double y2, const char* style, std::string* svg) {
  absl::StrAppendFormat(svg, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1,
                        x2, y2, style);
}

// Appends the facts in as many lines as needed, from `y` down.
void AppendFacts(const Facts& facts, int y, std::string* svg) {
  constexpr size_t kLineLength = 110;
  std::string line;
  for (const auto& [name, value] : facts) {
    const std::string fact = absl::StrCat(name, " ", value);
    if (line.size() + fact.size() > kLineLength) {
      AppendText(12, y, "start", kFaint, 11, line + ",", svg);
      y += 16;
      line.clear();
    }
    absl::StrAppend(&line, line.empty() ? "" : ", ", fact);
  }
  AppendText(12, y, "start", kFaint, 11, line, svg);
}

// Formats a number for an axis: 1200 is "1.2k".
std::string Short(double value) {
  if (value >= 1e6) return absl::StrFormat("%.3gM", value / 1e6);
  if (value >= 1e3) return absl::StrFormat("%.3gk", value / 1e3);
  return absl::StrFormat("%.3g", value);
}

// Returns the smallest number that is at least `value` and has round quarters.
double RoundUp(double value) {
  if (value <= 0) return 1;
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double factor : {1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0}) {
    if (value <= factor * power) return factor * power;
  }
  return 10 * power;
}

// A plot with points at equal distances, regardless of x, because x grows by factors.
class Panel {
 public:
  Panel(const Series& series, size_t measure, double left, double top)
      : series_(series), measure_(measure), left_(left), top_(top) {
    double max_value = 0;
    for (const SeriesPoint& point : series.points) max_value = std::max(max_value, ValueOf(point));
    most_ = RoundUp(max_value);
  }

  void AppendTo(std::string* svg) const {
    AppendText(left_, top_ - 10, "start", "#111", 12, series_.measures[measure_], svg);
    constexpr int kGridLines = 4;
    for (int i = 0; i <= kGridLines; ++i) {
      const double value = most_ * i / kGridLines;
      AppendLine(left_, YOf(value), left_ + kWidth, YOf(value), "stroke=\"#ddd\"", svg);
      AppendText(left_ - 6, YOf(value) + 4, "end", kFaint, 11, Short(value), svg);
    }
    std::string line;
    for (size_t i = 0; i < series_.points.size(); ++i) {
      absl::StrAppendFormat(&line, "%.1f,%.1f ", XOf(i), YOf(ValueOf(series_.points[i])));
    }
    absl::StrAppendFormat(
        svg, "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", line,
        kOurs);
    for (size_t i = 0; i < series_.points.size(); ++i) {
      absl::StrAppendFormat(svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>\n",
                            XOf(i), YOf(ValueOf(series_.points[i])), kOurs);
      AppendText(XOf(i), top_ + kHeight + 16, "middle", kFaint, 11, series_.points[i].label, svg);
    }
    AppendText(left_ + kWidth / 2, top_ + kHeight + 32, "middle", kFaint, 11, series_.x_name, svg);
  }

  static constexpr double kWidth = 290;
  static constexpr double kHeight = 130;

 private:
  double ValueOf(const SeriesPoint& point) const { return point.values[measure_]; }
  double YOf(double value) const { return top_ + kHeight * (1 - value / most_); }
  double XOf(size_t i) const {
    const auto count = static_cast<double>(series_.points.size());
    return left_ + kWidth * (static_cast<double>(i) + 0.5) / count;
  }

  const Series& series_;
  const size_t measure_;
  const double left_;
  const double top_;
  double most_ = 1;
};

}  // namespace

std::string DrawBars(const Facts& facts, const std::vector<Figure>& figures) {
  constexpr int kLabelWidth = 340;
  constexpr int kUnitWidth = 260;  // of a ratio of 1
  constexpr int kWidth = 820;
  constexpr int kRowHeight = 28;
  constexpr int kTop = 46;
  std::vector<const Figure*> shown;
  for (const Figure& figure : figures) {
    if (!figure.baseline.empty()) shown.push_back(&figure);
  }
  const int bottom = kTop + kRowHeight * static_cast<int>(shown.size());
  std::string svg = Head(kWidth, bottom + 68);
  AppendText(12, 20, "start", kFaint, 12, "bar: ours / baseline, black mark and brackets: target",
             &svg);
  AppendText(kLabelWidth + kUnitWidth, 20, "middle", kFaint, 12, "baseline = 1", &svg);
  int y = kTop;
  for (const Figure* figure : shown) {
    const double ratio = ComputeResult(*figure);
    // A longer bar is cut at the edge. Its number has the true value.
    const double end =
        kLabelWidth + std::min(ratio * kUnitWidth, double{kWidth - kLabelWidth - 110});
    const bool missed = HasPassed(*figure) == std::optional<bool>(false);
    const std::string name =
        figure->id.empty() ? figure->name : absl::StrCat(figure->id, "  ", figure->name);
    AppendText(kLabelWidth - 8, y + 14, "end", "#111", 13, name, &svg);
    absl::StrAppendFormat(&svg,
                          "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"18\" fill=\"%s\"/>\n",
                          kLabelWidth, y, end - kLabelWidth, missed ? kMissed : kOurs);
    double behind = end;
    if (figure->target.has_value()) {
      const double at = kLabelWidth + *figure->target * kUnitWidth;
      if (at < kWidth - 10) {
        AppendLine(at, y - 3, at, y + 21, "stroke=\"#111\" stroke-width=\"2\"", &svg);
        // Otherwise the number would be on the mark.
        if (at > end - 4 && at < end + 90) behind = at;
      }
    }
    std::string number = absl::StrFormat("%.2f", ratio);
    if (figure->target.has_value()) {
      absl::StrAppendFormat(&number, " (%s %.4g)", figure->better == Better::kLower ? "≤" : "≥",
                            *figure->target);
    }
    AppendText(behind + 6, y + 14, "start", "#111", 13, number, &svg);
    y += kRowHeight;
  }
  AppendLine(kLabelWidth + kUnitWidth, 28, kLabelWidth + kUnitWidth, bottom,
             "stroke=\"#888\" stroke-dasharray=\"4 3\"", &svg);
  AppendFacts(facts, bottom + 22, &svg);
  return svg + "</svg>\n";
}

std::string DrawPlots(const std::vector<Series>& series) {
  constexpr double kLeft = 60;
  constexpr double kPanelGap = 90;
  constexpr double kRowHeight = 240;
  constexpr double kTop = 54;
  const int height = static_cast<int>(kRowHeight * static_cast<double>(series.size())) + 8;
  std::string svg = Head(static_cast<int>(kLeft + 2 * Panel::kWidth + kPanelGap + 30), height);
  double y = 0;
  for (const Series& one : series) {
    AppendText(12, y + 22, "start", "#111", 14, one.title, &svg);
    double left = kLeft;
    for (const size_t measure : one.plotted) {
      Panel(one, measure, left, y + kTop).AppendTo(&svg);
      left += Panel::kWidth + kPanelGap;
    }
    y += kRowHeight;
  }
  return svg + "</svg>\n";
}

}  // namespace syncline::bench
