// How measures change as one quantity grows: a table, and lines of a plot.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bench/runner/figure.h"

namespace syncline::bench {

struct SeriesPoint {
  double x = 0;
  std::string label;           // x as displayed
  std::vector<double> values;  // one per measure
};

struct Series {
  std::string name;                   // of the scenario: "growth-columns"
  std::string title;                  // "Rows per second and memory by columns"
  std::string x_name;                 // "columns"
  std::vector<std::string> measures;  // with their units: "rows/s", "peak MiB"
  std::vector<SeriesPoint> points;
  // Indexes of the measures that are plotted.
  std::vector<size_t> plotted = {0};
};

// The results of a scenario.
struct Findings {
  Findings() = default;
  // For scenarios that only compare.
  Findings(std::vector<Figure> found) : figures(std::move(found)) {}  // NOLINT: implicit
  explicit Findings(Series found) { series.push_back(std::move(found)); }

  std::vector<Figure> figures;
  std::vector<Series> series;
};

}  // namespace syncline::bench
