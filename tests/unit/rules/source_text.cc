#include "tests/unit/rules/source_text.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace syncline::testing {
namespace {

class Lexer {
 public:
  explicit Lexer(absl::string_view rest) : rest_(rest) {}

  SourceText Read() {
    while (!rest_.empty()) {
      if (absl::StartsWith(rest_, "//")) {
        Skip(rest_.find('\n'));
      } else if (absl::StartsWith(rest_, "/*")) {
        Skip(rest_.find("*/"));
        Skip(2);
      } else if (absl::StartsWith(rest_, "R\"")) {
        RawString();
      } else if (rest_.front() == '"') {
        Quoted('"');
      } else if (rest_.front() == '\'' && !IsDigitSeparator()) {
        Quoted('\'');
      } else {
        code_ += rest_.front();
        Skip(1);
      }
    }
    EndLine();
    return std::move(text_);
  }

 private:
  // In 1'000'000 the apostrophe follows a digit.
  bool IsDigitSeparator() const {
    return !code_.empty() && absl::ascii_isxdigit(static_cast<unsigned char>(code_.back()));
  }

  // Skips `count` bytes and ends a line of code at each line feed among them.
  void Skip(size_t count) {
    for (const char c : rest_.substr(0, count)) {
      if (c == '\n') EndLine();
    }
    rest_.remove_prefix(std::min(count, rest_.size()));
  }

  void EndLine() {
    if (!code_.empty() && code_.back() == '\n') code_.pop_back();
    text_.code.push_back(std::move(code_));
    code_.clear();
  }

  int line() const { return static_cast<int>(text_.code.size()) + 1; }

  void Quoted(char quote) {
    const int start = line();
    std::string literal;
    size_t end = 1;
    while (end < rest_.size() && rest_[end] != quote && rest_[end] != '\n') {
      end += rest_[end] == '\\' ? 2 : 1;
    }
    literal = std::string(rest_.substr(1, end - 1));
    code_ += quote;
    code_ += quote;
    Skip(end + 1);
    if (quote == '"') text_.literals.push_back({start, std::move(literal)});
  }

  void RawString() {
    const int start = line();
    const size_t open = rest_.find('(');
    const std::string close = absl::StrCat(")", rest_.substr(2, open - 2), "\"");
    const size_t end = rest_.find(close, open);
    text_.literals.push_back({start, std::string(rest_.substr(open + 1, end - open - 1))});
    code_ += "\"\"";
    Skip(end == absl::string_view::npos ? end : end + close.size());
  }

  absl::string_view rest_;
  std::string code_;
  SourceText text_;
};

}  // namespace

SourceText ReadSource(absl::string_view content) { return Lexer(content).Read(); }

}  // namespace syncline::testing
