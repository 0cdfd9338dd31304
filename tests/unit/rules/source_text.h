// Separates code, comments and string literals of a C++ source. It is only as much of a lexer as
// rules about text need.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace syncline::testing {

struct SourceText {
  struct Literal {
    int line = 0;  // line on which it starts
    std::string text;
  };
  std::vector<std::string> code;  // per line, without comments, literals as ""
  std::vector<Literal> literals;  // strings, including raw ones; adjacent ones are separate
};

SourceText ReadSource(absl::string_view content);

}  // namespace syncline::testing
