#include "client/record_scanner.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/match.h"
#include "base/json_scanner.h"

namespace syncline::client {
namespace {

class Scanner {
 public:
  explicit Scanner(absl::string_view text) : p_(text.data()), end_(p_ + text.size()) {}

  // Skips white space and consumes `c`.
  bool Take(char c) {
    SkipSpace();
    if (p_ == end_ || *p_ != c) return false;
    ++p_;
    return true;
  }

  bool AtEnd() {
    SkipSpace();
    return p_ == end_;
  }

  // Consumes a string; `*text` is its contents without the quotes.
  bool TakeString(absl::string_view* text) {
    SkipSpace();
    if (p_ == end_ || *p_ != '"') return false;
    const char* const start = p_ + 1;
    const char* const behind = SkipStringUnchecked(p_, end_);
    if (behind == nullptr) return false;
    p_ = behind;
    *text = absl::string_view(start, static_cast<size_t>(p_ - 1 - start));
    return true;
  }

  bool TakeValue(JsonText* value) {
    SkipSpace();
    if (p_ == end_) return false;
    const char* const start = p_;
    absl::string_view text;
    switch (*p_) {
      case '"':
        value->kind = JsonKind::kString;
        if (!TakeString(&text)) return false;
        break;
      case '{':
      case '[':
        value->kind = *p_ == '{' ? JsonKind::kObject : JsonKind::kArray;
        if (!SkipNested()) return false;
        break;
      default:
        if (!TakeScalar(&value->kind)) return false;
    }
    value->raw = absl::string_view(start, static_cast<size_t>(p_ - start));
    return true;
  }

 private:
  void SkipSpace() {
    while (p_ < end_ && IsJsonSpace(*p_)) ++p_;
  }

  bool SkipNested() {
    int64_t depth = 0;
    absl::string_view text;
    while (p_ < end_) {
      if (*p_ == '"') {
        if (!TakeString(&text)) return false;
        continue;
      }
      const char c = *p_++;
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth == 0) return true;
    }
    return false;
  }

  bool TakeScalar(JsonKind* kind) {
    const char* const start = p_;
    while (p_ < end_ && *p_ != ',' && *p_ != '}' && static_cast<unsigned char>(*p_) > ' ') ++p_;
    const absl::string_view text(start, static_cast<size_t>(p_ - start));
    if (text == "true" || text == "false") {
      *kind = JsonKind::kBoolean;
    } else if (text == "null" || text == "NaN" || text == "Infinity" || text == "-Infinity") {
      *kind = JsonKind::kNull;
    } else {
      *kind = JsonKind::kNumber;
      return IsJsonNumber(text);
    }
    return true;
  }

  const char* p_;
  const char* const end_;
};

}  // namespace

bool ScanRecord(absl::string_view line,
                absl::FunctionRef<void(absl::string_view key, JsonText value)> visit) {
  Scanner scanner(line);
  if (!scanner.Take('{')) return false;
  if (scanner.Take('}')) return scanner.AtEnd();
  do {
    absl::string_view key;
    JsonText value;
    if (!scanner.TakeString(&key) || !scanner.Take(':') || !scanner.TakeValue(&value)) return false;
    visit(key, value);
  } while (scanner.Take(','));
  return scanner.Take('}') && scanner.AtEnd();
}

bool HasJsonGrammar(absl::string_view object) {
  const bool python = absl::StrContains(object, "NaN") || absl::StrContains(object, "Infinity");
  return python || ParseJson(object).has_value();
}

}  // namespace syncline::client
