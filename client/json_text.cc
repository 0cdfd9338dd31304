#include "client/json_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "base/json_scanner.h"
#include "base/utf8.h"

namespace syncline::client {
namespace {

void SkipSpace(const char** p, const char* end) {
  while (*p < end && IsJsonSpace(**p)) ++*p;
}

// Sets `*p` to `behind`, which is the position after a token, or null if there is none.
bool Advance(const char** p, const char* behind) {
  if (behind == nullptr) return false;
  *p = behind;
  return true;
}

bool SkipWord(const char** p, const char* end, absl::string_view word) {
  if (static_cast<size_t>(end - *p) < word.size()) return false;
  if (absl::string_view(*p, word.size()) != word) return false;
  *p += word.size();
  return true;
}

bool SkipScalar(const char** p, const char* end) {
  switch (**p) {
    case '"':
      return Advance(p, SkipStringUnchecked(*p, end));
    case 't':
      return SkipWord(p, end, "true");
    case 'f':
      return SkipWord(p, end, "false");
    case 'n':
      return SkipWord(p, end, "null");
    default:
      return Advance(p, SkipJsonNumber(*p, end));
  }
}

// Skips a key and its colon.
bool SkipKey(const char** p, const char* end) {
  SkipSpace(p, end);
  if (*p == end || **p != '"' || !Advance(p, SkipStringUnchecked(*p, end))) return false;
  SkipSpace(p, end);
  if (*p == end || **p != ':') return false;
  ++*p;
  return true;
}

// After a value, skips commas and closing brackets until the next value is due or the outermost
// value has ended.
enum class After { kValueDue, kEnded, kBad };
After SkipAfterValue(const char** p, const char* end, std::string* closers) {
  while (!closers->empty()) {
    SkipSpace(p, end);
    if (*p == end) return After::kBad;
    if (**p == ',') {
      ++*p;
      if (closers->back() == '}' && !SkipKey(p, end)) return After::kBad;
      return After::kValueDue;
    }
    if (**p != closers->back()) return After::kBad;
    ++*p;
    closers->pop_back();
  }
  return After::kEnded;
}

bool SkipValue(const char** p, const char* end) {
  std::string closers;  // the closing characters of the open brackets
  while (true) {
    SkipSpace(p, end);
    if (*p == end) return false;
    if (**p == '{' || **p == '[') {
      const char closer = **p == '{' ? '}' : ']';
      ++*p;
      SkipSpace(p, end);
      if (*p == end) return false;
      if (**p == closer) {
        ++*p;
      } else {
        closers.push_back(closer);
        if (closer == '}' && !SkipKey(p, end)) return false;
        continue;
      }
    } else if (!SkipScalar(p, end)) {
      return false;
    }
    switch (SkipAfterValue(p, end, &closers)) {
      case After::kValueDue:
        break;
      case After::kEnded:
        return true;
      case After::kBad:
        return false;
    }
  }
}

JsonKind KindOf(char first) {
  switch (first) {
    case '{':
      return JsonKind::kObject;
    case '[':
      return JsonKind::kArray;
    case '"':
      return JsonKind::kString;
    case 't':
    case 'f':
      return JsonKind::kBoolean;
    case 'n':
      return JsonKind::kNull;
    default:
      return JsonKind::kNumber;
  }
}

}  // namespace

std::optional<JsonText> TakeJson(absl::string_view* text) {
  const char* p = text->data();
  const char* const end = p + text->size();
  SkipSpace(&p, end);
  const char* const start = p;
  if (!SkipValue(&p, end)) return std::nullopt;
  text->remove_prefix(static_cast<size_t>(p - text->data()));
  return JsonText{KindOf(*start), absl::string_view(start, static_cast<size_t>(p - start))};
}

std::optional<JsonText> ParseJson(absl::string_view text) {
  const auto value = TakeJson(&text);
  if (!value.has_value()) return std::nullopt;
  const char* p = text.data();
  SkipSpace(&p, text.data() + text.size());
  if (p != text.data() + text.size()) return std::nullopt;
  return value;
}

bool IsJsonNumber(absl::string_view text) {
  const char* const end = text.data() + text.size();
  return !text.empty() && SkipJsonNumber(text.data(), end) == end;
}

void ForEachMember(JsonText object,
                   absl::FunctionRef<void(absl::string_view key, JsonText value)> visit) {
  absl::string_view rest = object.raw.substr(1);
  while (const auto key = TakeJson(&rest)) {
    rest.remove_prefix(rest.find(':') + 1);
    const auto value = TakeJson(&rest);
    if (!value.has_value()) return;
    visit(key->raw.substr(1, key->raw.size() - 2), *value);
    rest = absl::StripLeadingAsciiWhitespace(rest);
    if (rest.empty() || rest.front() != ',') return;
    rest.remove_prefix(1);
  }
}

void ForEachElement(JsonText array, absl::FunctionRef<void(JsonText value)> visit) {
  absl::string_view rest = array.raw.substr(1);
  while (const auto value = TakeJson(&rest)) {
    visit(*value);
    rest = absl::StripLeadingAsciiWhitespace(rest);
    if (rest.empty() || rest.front() != ',') return;
    rest.remove_prefix(1);
  }
}

std::optional<JsonText> FindMember(JsonText value, absl::string_view key) {
  std::optional<JsonText> found;
  if (value.kind != JsonKind::kObject) return found;
  ForEachMember(value, [&](absl::string_view name, JsonText member) {
    if (name == key) found = member;
  });
  return found;
}

std::string UnescapeJson(JsonText string) {
  const absl::string_view text = string.raw.substr(1, string.raw.size() - 2);
  const char* p = text.data();
  const char* const end = p + text.size();
  std::string out;
  out.reserve(text.size());
  while (true) {
    const char* const backslash = std::find(p, end, '\\');
    out.append(p, backslash);
    if (end - backslash < 2) return out;
    const Escape escape = ReadEscape(backslash + 1, end);
    if (escape.next != nullptr) {
      char character[4];
      out.append(character, WriteUtf8(escape.code_point, character));
      p = escape.next;
    } else {
      out.append(backslash[1] == 'u' ? kReplacementUtf8 : std::string(1, backslash[1]));
      p = backslash + 2;
    }
  }
}

}  // namespace syncline::client
