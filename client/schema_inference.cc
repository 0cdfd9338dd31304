#include "client/schema_inference.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"

namespace syncline::client {
namespace {

// Takes exactly `digits` digits.
bool TakeDigits(absl::string_view* text, size_t digits, int* value) {
  if (text->size() < digits) return false;
  *value = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>((*text)[i]))) return false;
    *value = *value * 10 + ((*text)[i] - '0');
  }
  text->remove_prefix(digits);
  return true;
}

bool TakeDate(absl::string_view* text) {
  int year = 0;
  int month = 0;
  int day = 0;
  if (!TakeDigits(text, 4, &year) || !absl::ConsumePrefix(text, "-") ||
      !TakeDigits(text, 2, &month) || !absl::ConsumePrefix(text, "-") ||
      !TakeDigits(text, 2, &day)) {
    return false;
  }
  const absl::CivilDay civil(year, month, day);  // normalises what does not exist
  return year > 0 && civil.month() == month && civil.day() == day;
}

bool TakeTime(absl::string_view* text) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!TakeDigits(text, 2, &hour) || !absl::ConsumePrefix(text, ":") ||
      !TakeDigits(text, 2, &minute) || hour > 23 || minute > 59) {
    return false;
  }
  if (!absl::ConsumePrefix(text, ":")) return true;
  if (!TakeDigits(text, 2, &second) || second > 59) return false;
  if (!absl::ConsumePrefix(text, ".")) return true;
  int digit = 0;
  if (!TakeDigits(text, 1, &digit)) return false;
  while (TakeDigits(text, 1, &digit)) continue;
  return true;
}

// Z, +hh:mm, +hhmm or +hh.
bool IsZone(absl::string_view text) {
  if (text == "Z" || text == "z") return true;
  if (!absl::ConsumePrefix(&text, "+") && !absl::ConsumePrefix(&text, "-")) return false;
  int value = 0;
  if (!TakeDigits(&text, 2, &value) || value > 15) return false;
  absl::ConsumePrefix(&text, ":");
  return text.empty() || (TakeDigits(&text, 2, &value) && value < 60 && text.empty());
}

// kString when the text is neither a date nor a timestamp.
InferredType TemporalType(absl::string_view text) {
  if (!TakeDate(&text)) return InferredType::kString;
  if (text.empty()) return InferredType::kDate;
  if (!absl::ConsumePrefix(&text, "T") && !absl::ConsumePrefix(&text, " ")) {
    return InferredType::kString;
  }
  if (!TakeTime(&text)) return InferredType::kString;
  if (text.empty()) return InferredType::kTimestamp;
  return IsZone(text) ? InferredType::kTimestampTz : InferredType::kString;
}

InferredType NumberType(absl::string_view number) {
  int64_t value = 0;
  return absl::SimpleAtoi(number, &value) ? InferredType::kInteger : InferredType::kNumber;
}

bool IsNested(InferredType type) {
  return type == InferredType::kObject || type == InferredType::kArray ||
         type == InferredType::kAny;
}

bool IsNumeric(InferredType type) {
  return type == InferredType::kInteger || type == InferredType::kNumber;
}

absl::string_view PropertySchema(InferredType type) {
  switch (type) {
    case InferredType::kBoolean:
      return R"({"type":["null","boolean"]})";
    case InferredType::kInteger:
      return R"({"type":["null","integer"]})";
    case InferredType::kNumber:
      return R"({"type":["null","number"]})";
    case InferredType::kDate:
      return R"({"type":["null","string"],"format":"date"})";
    case InferredType::kTimestamp:
      return R"({"type":["null","string"],"format":"date-time","airbyte_type":"timestamp_without_timezone"})";
    case InferredType::kTimestampTz:
      return R"({"type":["null","string"],"format":"date-time","airbyte_type":"timestamp_with_timezone"})";
    case InferredType::kNone:
    case InferredType::kString:
      return R"({"type":["null","string"]})";
    case InferredType::kObject:
      return R"({"type":["null","object"]})";
    case InferredType::kArray:
      return R"({"type":["null","array"]})";
    case InferredType::kAny:
      return "{}";
  }
  return "";
}

}  // namespace

InferredType Widen(InferredType a, InferredType b) {
  if (a == b || b == InferredType::kNone) return a;
  if (a == InferredType::kNone) return b;
  if (IsNested(a) || IsNested(b)) return InferredType::kAny;
  if (IsNumeric(a) && IsNumeric(b)) return InferredType::kNumber;
  return InferredType::kString;
}

InferredType TypeOfJson(JsonText value) {
  switch (value.kind) {
    case JsonKind::kObject:
      return InferredType::kObject;
    case JsonKind::kArray:
      return InferredType::kArray;
    case JsonKind::kString:
      return TemporalType(value.raw.substr(1, value.raw.size() - 2));
    case JsonKind::kNumber:
      return NumberType(value.raw);
    case JsonKind::kBoolean:
      return InferredType::kBoolean;
    case JsonKind::kNull:
      return InferredType::kNone;
  }
  return InferredType::kNone;
}

InferredType TypeOfText(absl::string_view text) {
  if (absl::EqualsIgnoreCase(text, "true") || absl::EqualsIgnoreCase(text, "false")) {
    return InferredType::kBoolean;
  }
  return IsJsonNumber(text) ? NumberType(text) : TemporalType(text);
}

InferredType TypeOfSchema(JsonText property) {
  const auto type = FindMember(property, "type");
  if (!type.has_value()) return InferredType::kAny;
  std::string name;
  int names = 0;
  const auto add = [&](JsonText value) {
    if (value.kind != JsonKind::kString || value.raw == "\"null\"") return;
    name = UnescapeJson(value);
    ++names;
  };
  if (type->kind == JsonKind::kArray) {
    ForEachElement(*type, add);
  } else {
    add(*type);
  }
  if (names != 1) return InferredType::kAny;
  if (name == "integer") return InferredType::kInteger;
  if (name == "number") return InferredType::kNumber;
  if (name == "boolean") return InferredType::kBoolean;
  return name == "string" ? InferredType::kString : InferredType::kAny;
}

void SchemaInference::AddRecord(JsonText object) {
  if (object.kind != JsonKind::kObject) return;
  ForEachMember(object, [this](absl::string_view key, JsonText value) {
    const JsonText quoted{JsonKind::kString, absl::string_view(key.data() - 1, key.size() + 2)};
    AddValue(UnescapeJson(quoted), TypeOfJson(value));
  });
}

void SchemaInference::AddValue(const std::string& column, InferredType type) {
  const auto [found, added] = index_.emplace(column, columns_.size());
  if (added) columns_.emplace_back(column, InferredType::kNone);
  InferredType& known = columns_[found->second].second;
  known = Widen(known, type);
}

std::string SchemaInference::JsonSchema() const {
  std::string schema = R"({"type":"object","properties":{)";
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) schema.push_back(',');
    AppendJsonString(columns_[i].first, &schema);
    absl::StrAppend(&schema, ":", PropertySchema(columns_[i].second));
  }
  return schema + "}}";
}

}  // namespace syncline::client
