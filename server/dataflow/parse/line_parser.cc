#include "server/dataflow/parse/line_parser.h"

#include "absl/strings/ascii.h"
#include "base/json_scanner.h"
#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/text/json_string.h"
#include "server/dataflow/text/json_text.h"

namespace syncline::dataflow {
namespace {

using simdjson::error_code;

static_assert(KeyGuess::kPadding <= kLinePadding);  // for ColumnSlots::Find

// simdjson keeps about 6 bytes per byte of the longest line. This memory is freed after a line that
// is longer than this.
constexpr size_t kRetainedCapacity = size_t{1} << 20;

absl::string_view WithoutTrailingSpace(std::string_view raw) {
  size_t size = raw.size();
  while (size > 0 && IsJsonSpace(raw[size - 1])) --size;
  return absl::string_view(raw.data(), size);
}

RejectReason GetReason(error_code error) {
  switch (error) {
    case simdjson::UTF8_ERROR:
      return RejectReason::kInvalidUtf8;
    case simdjson::CAPACITY:
      return RejectReason::kRecordTooLarge;
    default:  // simdjson's enum: all its other errors are invalid JSON
      return RejectReason::kInvalidJson;
  }
}

// Sets `token` to the bytes of `value`, which is consumed if it is a container. Returns false if
// the value or what follows it is not valid JSON.
bool TakeToken(simdjson::ondemand::value value, absl::string_view* token) {
  std::string_view raw = value.raw_json_token();
  if (raw.empty()) return false;
  if (raw[0] == '{') {
    simdjson::ondemand::object object;
    if (value.get_object().get(object) || object.raw_json().get(raw)) return false;
  } else if (raw[0] == '[') {
    simdjson::ondemand::array array;
    if (value.get_array().get(array) || array.raw_json().get(raw)) return false;
  } else {
    // The on-demand parser would accept {"a":"b":1}, so this checks that a comma or the end of the
    // object follows the scalar.
    const char next = raw.data()[raw.size()];
    if (next != ',' && next != '}') return false;
  }
  *token = WithoutTrailingSpace(raw);
  return true;
}

// Returns the reason to reject a line that does not start with '{'.
RejectReason GetForeignLineReason(absl::string_view line, ScratchArena* scratch) {
  if (!simdjson::validate_utf8(line.data(), line.size())) return RejectReason::kInvalidUtf8;
  switch (CheckJson(line, JsonStyle::kAsIs, scratch).status) {
    case JsonStatus::kValid:
      return RejectReason::kNotAnObject;
    case JsonStatus::kTooDeep:
      return RejectReason::kTooDeep;
    case JsonStatus::kInvalid:
      break;
  }
  return RejectReason::kInvalidJson;
}

}  // namespace

// The parts of an Airbyte message that were parsed so far. Its fields may come in any order.
struct LineParser::MessageParts {
  bool is_record = false;
  bool has_data = false;
  Envelope envelope;
};

template <typename OnObject>
LineParser::Reject LineParser::ParseLine(absl::string_view line, OnObject on_object) {
  line_end_ = line.data() + line.size();
  const char* first = line.data();
  while (first != line_end_ && IsJsonSpace(*first)) ++first;
  if (first == line_end_ || *first != '{') return GetForeignLineReason(line, scratch_);
  simdjson::ondemand::document document;
  error_code error =
      parser_.iterate(line.data(), line.size(), line.size() + kLinePadding).get(document);
  if (error) return GetReason(error);
  Object object;
  error = document.get_object().get(object);
  if (error) return GetReason(error);
  Reject reject = on_object(object);
  const char* behind;
  const bool at_end = document.current_location().get(behind) == simdjson::OUT_OF_BOUNDS;
  if (!reject && !at_end) reject = RejectReason::kInvalidJson;
  if (parser_.capacity() > kRetainedCapacity) parser_ = simdjson::ondemand::parser();
  return reject;
}

template <typename OnField>
LineParser::Reject LineParser::WalkObject(Object object, OnField on_field) {
  for (auto next : object) {
    Field field;
    if (const error_code error = std::move(next).get(field)) return GetReason(error);
    if (Reject reject = on_field(&field)) return reject;
  }
  return std::nullopt;
}

LineParser::Reject LineParser::Data(Object object) {
  return WalkObject(object, [this](Field* field) -> Reject {
    const int column = slots_->Find(field->key().raw(), line_end_, scratch_);
    absl::string_view token;
    if (column == ColumnSlots::kMalformed || !TakeToken(field->value(), &token)) {
      return RejectReason::kInvalidJson;
    }
    if (column == ColumnSlots::kUndeclared) return CheckToken(token);
    absl::string_view& slot = slots_->tokens()[static_cast<size_t>(column)];
    if (slot.data() != nullptr) {
      if (Reject reject = CheckToken(slot)) return reject;
    }
    slot = token;
    return std::nullopt;
  });
}

LineParser::Reject LineParser::ParseData(absl::string_view line) {
  return ParseLine(line, [this](Object object) { return Data(object); });
}

LineParser::Reject LineParser::ParseMessage(absl::string_view line, Envelope* envelope) {
  MessageParts parts;
  const Reject reject = ParseLine(line, [&](Object message) {
    return WalkObject(message, [&](Field* field) -> Reject {
      absl::string_view key;
      if (Reject bad_key = KeyOf(field, &key)) return bad_key;
      return MessageField(key, field->value(), &parts);
    });
  });
  return reject ? reject : FinishMessage(parts, envelope);
}

LineParser::Reject LineParser::MessageField(absl::string_view key, JsonValue value,
                                            MessageParts* parts) {
  if (key == "type") {
    absl::string_view token;
    if (!TakeToken(value, &token)) return RejectReason::kInvalidJson;
    Value type;
    const Coercion coercion = kVarcharCoercer.from_json(token, scratch_, &type);
    if (coercion == Coercion::kMalformed) return RejectReason::kInvalidJson;
    if (coercion == Coercion::kTooDeep) return RejectReason::kTooDeep;
    parts->is_record = token[0] == '"' && coercion == Coercion::kFits && type.text() == "RECORD";
    return std::nullopt;
  }
  if (key != "record") return SkipValue(value);
  // The last of several equal keys wins.
  if (Reject reject = DropData(parts)) return reject;
  parts->envelope = Envelope();
  const std::string_view raw = value.raw_json_token();
  if (raw.empty() || raw[0] != '{') return SkipValue(value);
  Object record;
  if (const error_code error = value.get_object().get(record)) return GetReason(error);
  return WalkObject(record, [&](Field* field) -> Reject {
    absl::string_view record_key;
    if (Reject bad_key = KeyOf(field, &record_key)) return bad_key;
    return RecordField(record_key, field->value(), parts);
  });
}

LineParser::Reject LineParser::RecordField(absl::string_view key, JsonValue value,
                                           MessageParts* parts) {
  if (key == "emitted_at") return EmittedAt(value, &parts->envelope);
  if (key == "data") {
    if (Reject reject = DropData(parts)) return reject;
  } else if (key == "meta") {
    parts->envelope.source_changes = absl::string_view();
  } else {
    return SkipValue(value);
  }
  const std::string_view raw = value.raw_json_token();
  if (raw.empty() || raw[0] != '{') return SkipValue(value);
  Object object;
  if (const error_code error = value.get_object().get(object)) return GetReason(error);
  if (key == "meta") return Meta(object, &parts->envelope);
  parts->has_data = true;
  return Data(object);
}

LineParser::Reject LineParser::DropData(MessageParts* parts) {
  if (!parts->has_data) return std::nullopt;
  parts->has_data = false;
  const Reject reject = CheckSlots();
  slots_->Clear();
  return reject;
}

LineParser::Reject LineParser::Meta(Object object, Envelope* envelope) {
  return WalkObject(object, [&](Field* field) -> Reject {
    absl::string_view key;
    if (Reject bad_key = KeyOf(field, &key)) return bad_key;
    absl::string_view token;
    if (!TakeToken(field->value(), &token)) return RejectReason::kInvalidJson;
    return key == "changes" ? SourceChanges(token, envelope) : CheckToken(token);
  });
}

LineParser::Reject LineParser::SourceChanges(absl::string_view token, Envelope* envelope) {
  Value changes;
  switch (kJsonArrayCoercer.from_json(token, scratch_, &changes)) {
    case Coercion::kMalformed:
      return RejectReason::kInvalidJson;
    case Coercion::kTooDeep:
      return RejectReason::kTooDeep;
    case Coercion::kFits:
    case Coercion::kCleaned:
    case Coercion::kNulledInside:
    case Coercion::kCut: {
      const absl::string_view text = changes.text();
      envelope->source_changes = absl::StripAsciiWhitespace(text.substr(1, text.size() - 2));
      break;
    }
    case Coercion::kUnreadable:
    case Coercion::kNotFinite:
    case Coercion::kOutOfRange:
      envelope->source_changes = absl::string_view();
      break;
  }
  return std::nullopt;
}

LineParser::Reject LineParser::FinishMessage(const MessageParts& parts, Envelope* envelope) {
  if (!parts.is_record || !parts.has_data) {
    const Reject reject = CheckSlots();
    return reject ? reject : RejectReason::kNotARecord;
  }
  *envelope = parts.envelope;
  return std::nullopt;
}

LineParser::Reject LineParser::EmittedAt(JsonValue value, Envelope* envelope) {
  absl::string_view token;
  if (!TakeToken(value, &token)) return RejectReason::kInvalidJson;
  Value emitted_at;
  const Coercion coercion = kBigintCoercer.from_json(token, scratch_, &emitted_at);
  if (coercion == Coercion::kMalformed) return RejectReason::kInvalidJson;
  if (coercion == Coercion::kTooDeep) return RejectReason::kTooDeep;
  envelope->emitted_at_ms.reset();
  if (coercion == Coercion::kFits && token[0] != '"') envelope->emitted_at_ms = emitted_at.scalar;
  return std::nullopt;
}

LineParser::Reject LineParser::SkipValue(JsonValue value) {
  absl::string_view token;
  if (!TakeToken(value, &token)) return RejectReason::kInvalidJson;
  return CheckToken(token);
}

LineParser::Reject LineParser::CheckToken(absl::string_view token) {
  // simdjson has already found the end of the string and checked for control characters, so only
  // the escapes must be checked.
  if (token[0] == '"' && !HasBackslash(token)) return std::nullopt;
  switch (CheckJson(token, JsonStyle::kAsIs, scratch_).status) {
    case JsonStatus::kValid:
      return std::nullopt;
    case JsonStatus::kTooDeep:
      return RejectReason::kTooDeep;
    case JsonStatus::kInvalid:
      break;
  }
  return RejectReason::kInvalidJson;
}

LineParser::Reject LineParser::CheckSlots() {
  for (const absl::string_view token : slots_->tokens()) {
    if (token.data() == nullptr) continue;
    if (Reject reject = CheckToken(token)) return reject;
  }
  return std::nullopt;
}

LineParser::Reject LineParser::KeyOf(Field* field, absl::string_view* key) {
  const char* const begin = field->key().raw();
  bool escaped = false;
  const char* const behind = SkipString(begin - 1, line_end_, &escaped);
  if (behind == nullptr) return RejectReason::kInvalidJson;
  *key = absl::string_view(begin, static_cast<size_t>(behind - 1 - begin));
  if (escaped) *key = Unescape(*key, NulPolicy::kKeep, scratch_).text;
  return std::nullopt;
}

}  // namespace syncline::dataflow
