// Tells code, comments and string literals of a C++ source apart: enough of a lexer for rules about
// text.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace syncline::testing {

struct SourceText {
  struct Literal {
    int line = 0;  // where it starts
    std::string text;
  };
  std::vector<std::string> code;  // line by line, without comments, literals as ""
  std::vector<Literal> literals;  // strings, raw ones too; adjacent ones are separate
};

SourceText ReadSource(absl::string_view content);

}  // namespace syncline::testing
