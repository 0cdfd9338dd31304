// How measures change as one thing grows: a table, and lines of a plot.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bench/runner/figure.h"

namespace syncline::bench {

struct SeriesPoint {
  double x = 0;
  std::string label;           // x as people write it
  std::vector<double> values;  // one for each measure
};

struct Series {
  std::string name;                   // of a scenario: "growth-columns"
  std::string title;                  // "rows a second and memory by columns"
  std::string x_name;                 // "columns"
  std::vector<std::string> measures;  // with their units: "rows/s", "peak MiB"
  std::vector<SeriesPoint> points;
  // The measures that are plotted.
  std::vector<size_t> plotted = {0};
};

// What a scenario found out.
struct Findings {
  Findings() = default;
  // A scenario that compares finds only figures.
  Findings(std::vector<Figure> found) : figures(std::move(found)) {}  // NOLINT: a conversion
  explicit Findings(Series found) { series.push_back(std::move(found)); }

  std::vector<Figure> figures;
  std::vector<Series> series;
};

}  // namespace syncline::bench
