#include "tests/component/reference_values.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace syncline::testing {
namespace {

ReferenceValue Fits(std::string json, std::string text) {
  return {std::move(json), std::move(text), "", ""};
}
ReferenceValue Unreadable(std::string json) {
  return {std::move(json), std::nullopt, "NULLED", "DESTINATION_SERIALIZATION_ERROR"};
}
ReferenceValue OutOfRange(std::string json) {
  return {std::move(json), std::nullopt, "NULLED", "DESTINATION_FIELD_SIZE_LIMITATION"};
}
std::string Quote(absl::string_view plain) { return absl::StrCat("\"", plain, "\""); }

void AppendUtf8(uint32_t c, std::string* out) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out->push_back(static_cast<char>(0xC0 | (c >> 6)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | (c >> 12)));
    out->push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | (c >> 18)));
    out->push_back(static_cast<char>(0x80 | ((c >> 12) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  }
}

void AppendEscaped(uint32_t c, std::string* out) {
  if (c < 0x10000) {
    absl::StrAppendFormat(out, "\\u%04x", c);
  } else {
    absl::StrAppendFormat(out, "\\u%04X\\u%04x", 0xD800 + ((c - 0x10000) >> 10),
                          0xDC00 + ((c - 0x10000) & 0x3FF));
  }
}

}  // namespace

ReferenceValue ReferenceValues::Next(ColumnType type, JsonShape shape) {
  if (Chance(12)) return {"", std::nullopt, "", ""};
  if (Chance(12)) return {"null", std::nullopt, "", ""};
  switch (type) {
    case ColumnType::kVarchar:
      return String();
    case ColumnType::kNumeric:
      return Number();
    case ColumnType::kBigint:
      return Integer();
    case ColumnType::kBoolean:
      return Boolean();
    case ColumnType::kDate:
      return Date();
    case ColumnType::kTimestamptz:
      return Timestamp(true);
    case ColumnType::kTimestamp:
      return Timestamp(false);
    case ColumnType::kTimetz:
      return Time(true);
    case ColumnType::kTime:
      return Time(false);
    case ColumnType::kBytea:
      return Bytes();
    case ColumnType::kJsonb:
      return AnyJson(shape);
  }
  return {};
}

std::string ReferenceValues::Digits(int64_t count) {
  std::string digits;
  for (; count > 0; --count) digits.push_back(static_cast<char>('0' + Pick(0, 9)));
  return digits;
}

std::string ReferenceValues::Space() { return OneOf<std::string>({"", "", "", " ", "  ", "\t"}); }

ReferenceValue ReferenceValues::Integer() {
  const int64_t number = OneOf<int64_t>(
      {Pick(-9, 9), Pick(-100000, 100000), Pick(INT64_MIN, INT64_MAX), INT64_MAX, INT64_MIN});
  const std::string text = absl::StrCat(number);
  switch (Pick(0, 9)) {
    case 0:
      return Fits(text + "." + std::string(static_cast<size_t>(Pick(1, 20)), '0'), text);
    case 1:
      return Fits(Quote(text), text);
    case 2: {
      const int64_t small = Pick(-999, 999);
      const int64_t zeros = Pick(0, 15);
      const std::string padded =
          small == 0 ? "0" : absl::StrCat(small, std::string(static_cast<size_t>(zeros), '0'));
      return Fits(absl::StrCat(small, OneOf<std::string>({"e", "E+", "e+0"}), zeros), padded);
    }
    case 3:
      return Unreadable(absl::StrCat(Pick(-99, 99), ".", Pick(1, 9)));
    case 4:
      return OutOfRange(
          absl::StrCat(OneOf<std::string>({"", "-"}), Pick(1, 9), Digits(Pick(19, 60))));
    case 5:
      return Unreadable(OneOf<std::string>({"true", "\"abc\"", "\"\"", "{}", "[1]", "\"12x\"",
                                            "\"1 2\"", "\"NaN\"", "\"--1\"", "NaN", "Infinity"}));
    default:
      return Fits(text, text);
  }
}

ReferenceValue ReferenceValues::Number() {
  std::string text = OneOf<std::string>({"", "-"});
  absl::StrAppend(&text, Pick(1, 9), Digits(Pick(0, 40)));
  if (Pick(0, 1) == 0) absl::StrAppend(&text, ".", Digits(Pick(1, 40)));
  if (Chance(4)) absl::StrAppend(&text, OneOf<std::string>({"e", "E"}), Pick(-60, 60));
  switch (Pick(0, 9)) {
    case 0:
      return Fits(Quote(absl::StrCat(Space().empty() ? "" : " ", text)), text);
    case 1:
      return Unreadable(
          OneOf<std::string>({"true", "\"abc\"", "\"\"", "{}", "[1]", "\"NaN\"", "\"Infinity\"",
                              "\"1,5\"", "\"0x1f\"", "\".\"", "NaN", "-Infinity"}));
    case 2:
      return OutOfRange(absl::StrCat(Pick(1, 9), "e", Pick(131072, 99999999)));
    case 3:
      text = absl::StrCat("0.", Digits(30));
      return Fits(text, text);
    default:
      return Fits(text, text);
  }
}

ReferenceValue ReferenceValues::Boolean() {
  if (Chance(6)) {
    return Unreadable(OneOf<std::string>({"1", "0", "\"true\"", "\"maybe\"", "{}", "[]", "\"\""}));
  }
  const std::string text = OneOf<std::string>({"true", "false"});
  return Fits(text, text);
}

ReferenceValues::Text ReferenceValues::RandomText(int64_t most) {
  Text text;
  text.json = "\"";
  for (int64_t left = Pick(0, most); left > 0; --left) {
    const int64_t kind = Pick(0, 40);
    if (kind == 0) {
      text.json += "\\u0000";
      text.cleaned = true;
    } else if (kind == 1) {
      // A letter follows, so that no surrogate pair is formed.
      absl::StrAppendFormat(&text.json, "\\u%04xz", Pick(0xD800, 0xDFFF));
      text.plain += "\xEF\xBF\xBDz";
      text.cleaned = true;
    } else if (kind == 2) {
      const auto [json, plain] = OneOf<std::pair<std::string, std::string>>({{"\\n", "\n"},
                                                                             {"\\t", "\t"},
                                                                             {"\\\\", "\\"},
                                                                             {"\\\"", "\""},
                                                                             {"\\/", "/"},
                                                                             {"\\b", "\b"}});
      text.json += json;
      text.plain += plain;
    } else if (kind <= 6) {
      uint32_t c = static_cast<uint32_t>(
          OneOf<int64_t>({Pick(1, 0x7F), Pick(0x80, 0x7FF), Pick(0x800, 0xD7FF),
                          Pick(0xE000, 0xFFFF), Pick(0x10000, 0x10FFFF)}));
      AppendUtf8(c, &text.plain);
      if (c < 0x20 || c == '"' || c == '\\' || Pick(0, 1) == 0) {
        AppendEscaped(c, &text.json);
      } else {
        AppendUtf8(c, &text.json);
      }
    } else {
      const char c = static_cast<char>('a' + Pick(0, 25));
      text.json.push_back(c);
      text.plain.push_back(c);
    }
  }
  text.json += "\"";
  return text;
}

ReferenceValue ReferenceValues::String() {
  if (Chance(10)) {
    const std::string token = OneOf<std::string>(
        {"true", "false", absl::StrCat(Pick(-999, 999)), "1.50", "1e3", "12345678901234567890123"});
    return Fits(token, token);
  }
  ReferenceValue value;
  const Text text = RandomText(40);
  value = Fits(text.json, text.plain);
  if (text.cleaned) {
    value.change = "TRUNCATED";
    value.reason = "DESTINATION_SERIALIZATION_ERROR";
  }
  return value;
}

std::string ReferenceValues::Day(int64_t last_year) {
  const int64_t year = OneOf<int64_t>({Pick(1900, 2100), Pick(1000, 9999), Pick(1000, last_year)});
  const int64_t month = Pick(1, 12);
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  const int64_t days[] = {31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return absl::StrFormat("%04d-%02d-%02d", year, month, Pick(1, days[month - 1]));
}

ReferenceValue ReferenceValues::Date() {
  switch (Pick(0, 9)) {
    case 0:
      return Unreadable(Quote(absl::StrFormat(
          "%d-%s", Pick(1000, 9999),
          OneOf<std::string>({"02-30", "13-01", "00-10", "04-31", "11-31", "01-32", "06-00"}))));
    case 1:
      return Unreadable(OneOf<std::string>({"true", "20230101", "\"\"", "\"today\"", "\"infinity\"",
                                            "\"abc\"", "{}", "\"12:00:00\"", "\"2023-\""}));
    case 2:
      return OutOfRange(Quote(absl::StrCat(Pick(5874898, 9999999), "-01-01")));
    case 3: {
      const std::string day = Day(294276);
      std::string written;
      std::string kept;
      Clock(&written, &kept);
      return Fits(Quote(absl::StrCat(day, OneOf<std::string>({"T", " "}), written, Zone())), day);
    }
    case 4: {
      const int64_t year = Pick(1, 4713);
      const std::string day = absl::StrFormat("%04d-%02d-%02d BC", year, 12, Pick(1, 31));
      return Fits(Quote(day), day);
    }
    default: {
      const std::string day = Day(5874897);
      return Fits(Quote(day), day);
    }
  }
}

void ReferenceValues::Clock(std::string* written, std::string* kept) {
  *kept = absl::StrFormat("%02d:%02d:%02d", Pick(0, 23), Pick(0, 59), Pick(0, 59));
  *written = *kept;
  const int64_t count = Pick(0, 12) - 3;
  if (count <= 0) return;
  const std::string digits =
      Chance(4) ? std::string(static_cast<size_t>(count), '9') : Digits(count);
  absl::StrAppend(written, ".", digits);
  absl::StrAppend(kept, ".", digits.substr(0, 6));
}

std::string ReferenceValues::Zone() {
  switch (Pick(0, 3)) {
    case 0:
      return "";
    case 1:
      return "Z";
    default:
      return absl::StrFormat("%s%02d%s%02d", OneOf<std::string>({"+", "-"}), Pick(0, 14),
                             OneOf<std::string>({"", ":"}), OneOf<int64_t>({0, 30, 45}));
  }
}

ReferenceValue ReferenceValues::Timestamp(bool with_zone) {
  switch (Pick(0, 9)) {
    case 0:
      return Unreadable(OneOf<std::string>(
          {"true", "1700000000", "\"\"", "\"now\"", "\"infinity\"", "\"2023-01-01T25:00:00Z\"",
           "\"2023-02-29T00:00:00\"", "\"2023-01-01T00:60:00\"", "\"2023-01-01T00:00:00+99:99\"",
           "{}", "\"10:00:00\""}));
    case 1:
      return OutOfRange(Quote(absl::StrCat(Pick(294277, 5874897), "-06-01T00:00:00Z")));
    default: {
      const std::string day = Day(294275);
      std::string written;
      std::string kept;
      Clock(&written, &kept);
      const std::string zone = Zone();
      std::string text = absl::StrCat(day, " ", kept);
      if (with_zone) absl::StrAppend(&text, zone.empty() || zone == "Z" ? "+00" : zone);
      return Fits(Quote(absl::StrCat(day, OneOf<std::string>({"T", " "}), written, zone)),
                  std::move(text));
    }
  }
}

ReferenceValue ReferenceValues::Time(bool with_zone) {
  if (Chance(8)) {
    return Unreadable(OneOf<std::string>({"true", "120000", "\"\"", "\"now\"", "\"24:00:01\"",
                                          "\"12:60\"", "\"noon\"", "{}", "\"1:2:3:4\""}));
  }
  std::string written;
  std::string kept;
  Clock(&written, &kept);
  const std::string zone = Zone();
  if (with_zone) absl::StrAppend(&kept, zone.empty() || zone == "Z" ? "+00" : zone);
  return Fits(Quote(written + zone), kept);
}

ReferenceValues::Json ReferenceValues::RandomJson(int depth, JsonShape shape) {
  int64_t kind = depth <= 0 ? Pick(0, 3) : Pick(0, 6);
  if (shape == JsonShape::kObject) kind = 4;
  if (shape == JsonShape::kArray) kind = 5;
  Json json;
  const auto member = [&](const std::string& name, const Json& value, bool first) {
    absl::StrAppend(&json.json, first ? "" : ",", Space(), name, Space(), name.empty() ? "" : ":",
                    Space(), value.json, Space());
    absl::StrAppend(&json.compact, first ? "" : ",", name, name.empty() ? "" : ":", value.compact);
    json.cleaned |= value.cleaned;
    json.too_large |= value.too_large;
  };
  if (kind == 0) {
    json.json = json.compact = OneOf<std::string>({"true", "false", "null"});
  } else if (kind == 1) {
    json.too_large = Chance(200);
    json.json = json.compact =
        json.too_large ? "1e131072"
                       : absl::StrCat(Pick(-9, 9), Chance(2) ? absl::StrCat(".", Digits(25)) : "",
                                      Chance(4) ? absl::StrCat("e", Pick(-30, 30)) : "");
  } else if (kind <= 3) {
    const Text text = RandomText(12);
    json.cleaned = text.cleaned;
    json.json = text.json;
    json.compact = "\"";
    for (const char c : text.plain) {
      if (c == '"' || c == '\\') {
        json.compact += absl::StrCat("\\", std::string(1, c));
      } else if (static_cast<unsigned char>(c) < 0x20) {
        absl::StrAppendFormat(&json.compact, "\\u%04x", static_cast<unsigned>(c));
      } else {
        json.compact.push_back(c);
      }
    }
    json.compact += "\"";
  } else {
    const bool object = kind == 4;
    json.json = json.compact = object ? "{" : "[";
    const int64_t members = Pick(0, 4);
    for (int64_t i = 0; i < members; ++i) {
      const std::string name = object ? absl::StrCat("\"k", Pick(0, 3), "\"") : "";
      member(name, RandomJson(depth - 1, JsonShape::kAny), i == 0);
    }
    if (members == 0) json.json += Space();
    json.json += object ? "}" : "]";
    json.compact += object ? "}" : "]";
  }
  return json;
}

ReferenceValue ReferenceValues::Bytes() {
  if (Chance(8)) {
    return Unreadable(
        OneOf<std::string>({"1", "\"=\"", "\"a\"", "\"ab=\"", "\"a*bc\"", "{}", "NaN"}));
  }
  constexpr char kHex[] = "0123456789abcdef";
  std::string bytes;
  for (int64_t left = Pick(0, 40); left > 0; --left)
    bytes.push_back(static_cast<char>(Pick(0, 255)));
  std::string hex = "\\x";
  for (const char byte : bytes) {
    hex.push_back(kHex[static_cast<unsigned char>(byte) >> 4]);
    hex.push_back(kHex[static_cast<unsigned char>(byte) & 15]);
  }
  std::string base64 = Chance(3) ? absl::WebSafeBase64Escape(bytes) : absl::Base64Escape(bytes);
  if (base64.size() > 8 && Chance(4)) base64.insert(5, "\\r\\n");
  return Fits(Quote(base64), hex);
}

ReferenceValue ReferenceValues::AnyJson(JsonShape shape) {
  if (shape == JsonShape::kObject && Chance(10)) {
    return Unreadable(OneOf<std::string>({"[]", "1", "true", "\"[]\"", "[{}]", "\"{\"", "NaN"}));
  }
  // JSON that a source wrote into a string.
  if (shape == JsonShape::kObject && Chance(10)) {
    return Fits(R"(" { \"a\" :[1.50, \"\u00e9\\n\"]}")", "{\"a\":[1.50,\"\xC3\xA9\\n\"]}");
  }
  if (shape == JsonShape::kArray && Chance(10))
    return Fits(R"("[1, {\"b\":null}]")", "[1,{\"b\":null}]");
  if (shape == JsonShape::kArray && Chance(10)) {
    return Unreadable(
        OneOf<std::string>({"{}", "1", "true", "\"{}\"", "{\"a\":[]}", "\"[\"", "-Infinity"}));
  }
  if (Chance(100)) {
    const auto depth = static_cast<size_t>(Pick(510, 515));
    const std::string deep =
        shape == JsonShape::kObject
            ? absl::StrCat("{\"a\":", std::string(depth - 1, '['), std::string(depth - 1, ']'), "}")
            : std::string(depth, '[') + std::string(depth, ']');
    return depth > 512 ? OutOfRange(deep) : Fits(deep, deep);
  }
  const Json json = RandomJson(4, shape);
  if (json.json == "null") return {"null", std::nullopt, "", ""};
  if (json.too_large) return OutOfRange(json.json);
  ReferenceValue value = Fits(json.json, json.compact);
  if (json.cleaned) {
    value.change = "TRUNCATED";
    value.reason = "DESTINATION_SERIALIZATION_ERROR";
  }
  return value;
}

}  // namespace syncline::testing
