// The figures as a table for people, as JSON for programs and as a picture for the README.
//
// Stateless.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bench/runner/figure.h"

namespace syncline::bench {

// What the figures were measured on and with, name and value.
using Facts = std::vector<std::pair<std::string, std::string>>;

std::string TableOf(const std::vector<Figure>& figures);

std::string JsonOf(const Facts& facts, const std::vector<Figure>& figures);

// An SVG: a bar for each ratio, the baseline as a line at 1, the target as a mark.
std::string PictureOf(const Facts& facts, const std::vector<Figure>& figures);

}  // namespace syncline::bench
