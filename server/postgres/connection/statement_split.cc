#include "server/postgres/connection/statement_split.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace syncline::postgres {
namespace {

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Reads `sql` from left to right. Every Skip function returns the position behind what starts at
// `at`; what does not end there extends to the end of the text.
class Scanner {
 public:
  explicit Scanner(absl::string_view sql) : sql_(sql) {}

  // Returns the position of the semicolon that ends the statement at `at`, or the end of the text.
  size_t FindEnd(size_t at) {
    int depth = 0;
    while (at < sql_.size() && (sql_[at] != ';' || depth > 0)) {
      if (sql_[at] == '(') ++depth;
      if (sql_[at] == ')') depth = std::max(0, depth - 1);
      at = SkipToken(at);
    }
    return at;
  }

 private:
  size_t SkipToken(size_t at) {
    const absl::string_view rest = sql_.substr(at);
    if (rest[0] == '\'') return SkipQuoted(at, '\'', /*backslashes=*/false);
    if (rest[0] == '"') return SkipQuoted(at, '"', /*backslashes=*/false);
    if (absl::StartsWith(rest, "--")) return std::min(sql_.find('\n', at), sql_.size());
    if (absl::StartsWith(rest, "/*")) return SkipComment(at);
    if (rest[0] == '$') return SkipDollarQuoted(at);
    if (!IsNameCharacter(rest[0])) return at + 1;
    return SkipName(at);
  }

  // E'...' has escapes with backslashes.
  size_t SkipName(size_t at) {
    const size_t first = at;
    while (at < sql_.size() && (IsNameCharacter(sql_[at]) || (sql_[at] == '$' && at > first))) ++at;
    const bool escapes = at - first == 1 && (sql_[first] == 'E' || sql_[first] == 'e');
    if (escapes && at < sql_.size() && sql_[at] == '\'') {
      return SkipQuoted(at, '\'', /*backslashes=*/true);
    }
    return at;
  }

  // A doubled quote ends one string and begins the next one, which has the same result.
  size_t SkipQuoted(size_t at, char quote, bool backslashes) {
    for (++at; at < sql_.size(); ++at) {
      if (backslashes && sql_[at] == '\\') {
        ++at;
      } else if (sql_[at] == quote) {
        return at + 1;
      }
    }
    return sql_.size();
  }

  size_t SkipComment(size_t at) {
    int depth = 0;
    while (at < sql_.size()) {
      const absl::string_view two = sql_.substr(at, 2);
      if (two == "/*") {
        ++depth;
      } else if (two == "*/") {
        --depth;
      } else {
        ++at;
        continue;
      }
      at += 2;
      if (depth == 0) return at;
    }
    return sql_.size();
  }

  // A parameter such as $1 is no quote.
  size_t SkipDollarQuoted(size_t at) {
    size_t end = at + 1;
    while (end < sql_.size() && IsNameCharacter(sql_[end])) ++end;
    const bool parameter =
        end > at + 1 && absl::ascii_isdigit(static_cast<unsigned char>(sql_[at + 1]));
    if (parameter || end == sql_.size() || sql_[end] != '$') return end;
    const absl::string_view tag = sql_.substr(at, end + 1 - at);
    const size_t close = sql_.find(tag, end + 1);
    return close == absl::string_view::npos ? sql_.size() : close + tag.size();
  }

  const absl::string_view sql_;
};

}  // namespace

std::vector<absl::string_view> SplitStatements(absl::string_view sql) {
  std::vector<absl::string_view> statements;
  Scanner scanner(sql);
  for (size_t begin = 0; begin < sql.size();) {
    const size_t end = scanner.FindEnd(begin);
    const absl::string_view statement = absl::StripAsciiWhitespace(sql.substr(begin, end - begin));
    if (!statement.empty()) statements.push_back(statement);
    begin = end + 1;
  }
  return statements;
}

}  // namespace syncline::postgres
