#include "client/json_text.h"

#include <array>
#include <cstdint>

#include "absl/strings/ascii.h"

namespace syncline::client {
namespace {

void SkipSpace(const char** p, const char* end) {
  while (*p < end && (**p == ' ' || **p == '\n' || **p == '\r' || **p == '\t')) ++*p;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Advances from the opening quote past the closing one.
bool SkipString(const char** p, const char* end) {
  for (++*p; *p < end; ++*p) {
    const char c = **p;
    if (c == '"') {
      ++*p;
      return true;
    }
    if (c == '\\') {
      if (++*p == end) return false;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      return false;
    }
  }
  return false;
}

bool SkipDigits(const char** p, const char* end) {
  const char* start = *p;
  while (*p < end && IsDigit(**p)) ++*p;
  return *p > start;
}

bool SkipNumber(const char** p, const char* end) {
  if (*p < end && **p == '-') ++*p;
  if (*p == end) return false;
  if (**p == '0') {
    ++*p;
  } else if (!SkipDigits(p, end)) {
    return false;
  }
  if (*p < end && **p == '.') {
    ++*p;
    if (!SkipDigits(p, end)) return false;
  }
  if (*p < end && (**p == 'e' || **p == 'E')) {
    ++*p;
    if (*p < end && (**p == '+' || **p == '-')) ++*p;
    if (!SkipDigits(p, end)) return false;
  }
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
      return SkipString(p, end);
    case 't':
      return SkipWord(p, end, "true");
    case 'f':
      return SkipWord(p, end, "false");
    case 'n':
      return SkipWord(p, end, "null");
    default:
      return SkipNumber(p, end);
  }
}

// Skips a key and its colon.
bool SkipKey(const char** p, const char* end) {
  SkipSpace(p, end);
  if (*p == end || **p != '"' || !SkipString(p, end)) return false;
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

void AppendUtf8(uint32_t code, std::string* out) {
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

// Returns the value of the four hexadecimal digits at `at`, or nullopt if there are fewer.
std::optional<uint32_t> Hex4(absl::string_view text, size_t at) {
  if (at + 4 > text.size()) return std::nullopt;
  uint32_t value = 0;
  for (const char c : text.substr(at, 4)) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return std::nullopt;
    const auto digit = static_cast<uint32_t>(
        IsDigit(c) ? c - '0' : absl::ascii_tolower(static_cast<unsigned char>(c)) - 'a' + 10);
    value = value * 16 + digit;
  }
  return value;
}

// Decodes the \u escape whose 'u' is at `*at`, and sets `*at` to its last character.
uint32_t TakeUnicodeEscape(absl::string_view text, size_t* at) {
  const auto high = Hex4(text, *at + 1);
  if (!high.has_value()) return 0xFFFD;
  *at += 4;
  if (*high < 0xD800 || *high > 0xDFFF) return *high;
  if (*high <= 0xDBFF && text.substr(*at + 1, 2) == "\\u") {
    const auto low = Hex4(text, *at + 3);
    if (low.has_value() && *low >= 0xDC00 && *low <= 0xDFFF) {
      *at += 6;
      return 0x10000 + ((*high - 0xD800) << 10) + (*low - 0xDC00);
    }
  }
  return 0xFFFD;
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
  const char* p = text.data();
  const char* const end = p + text.size();
  return SkipNumber(&p, end) && p == end;
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
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out.push_back(text[i]);
      continue;
    }
    switch (text[++i]) {
      case 'n':
        out.push_back('\n');
        break;
      case 't':
        out.push_back('\t');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 'b':
        out.push_back('\b');
        break;
      case 'f':
        out.push_back('\f');
        break;
      case 'u':
        AppendUtf8(TakeUnicodeEscape(text, &i), &out);
        break;
      default:
        out.push_back(text[i]);
    }
  }
  return out;
}

void AppendJsonString(absl::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  size_t plain = 0;  // start of the bytes that are not yet appended
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out->append(text.data() + plain, i - plain);
    plain = i + 1;
    switch (c) {
      case '"':
        out->append("\\\"");
        break;
      case '\\':
        out->append("\\\\");
        break;
      case '\n':
        out->append("\\n");
        break;
      case '\r':
        out->append("\\r");
        break;
      case '\t':
        out->append("\\t");
        break;
      default:
        out->append("\\u00");
        out->push_back(kHex[c >> 4]);
        out->push_back(kHex[c & 15]);
    }
  }
  out->append(text.data() + plain, text.size() - plain);
  out->push_back('"');
}

std::string JsonString(absl::string_view text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

}  // namespace syncline::client
