// One line of a batch -> the token of each column, by simdjson's on-demand parser.
//
// Tokens are not validated here, except those that nobody looks at later (undeclared fields, values
// that a later field of the same name displaces); coercion validates the rest. Not thread-safe.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "server/dataflow/parse/column_slots.h"
#include "server/dataflow/parse/record_parser.h"
#include "server/dataflow/text/scratch_arena.h"

namespace syncline::dataflow {

// Bytes behind a line that must be readable; what stands there does not matter.
inline constexpr size_t kLinePadding = simdjson::SIMDJSON_PADDING;

class LineParser {
 public:
  // What the line says beside the columns; airbyte_jsonl alone.
  struct Envelope {
    std::optional<int64_t> emitted_at_ms;
    // Between the brackets of record.meta.changes, valid for jsonb; empty when there are none.
    absl::string_view source_changes;
  };

  LineParser(ColumnSlots* slots, ScratchArena* scratch) : slots_(slots), scratch_(scratch) {}

  // `line` is the record's data itself. The reason when the record must be rejected.
  std::optional<RejectReason> ParseData(absl::string_view line);

  // `line` is an Airbyte message.
  std::optional<RejectReason> ParseMessage(absl::string_view line, Envelope* envelope);

 private:
  using Reject = std::optional<RejectReason>;
  using Object = simdjson::ondemand::object;
  using Field = simdjson::ondemand::field;
  using JsonValue = simdjson::ondemand::value;

  struct MessageParts;

  template <typename OnObject>
  Reject ParseLine(absl::string_view line, OnObject on_object);
  template <typename OnField>
  Reject WalkObject(Object object, OnField on_field);

  Reject Data(Object object);
  Reject MessageField(absl::string_view key, JsonValue value, MessageParts* parts);
  Reject RecordField(absl::string_view key, JsonValue value, MessageParts* parts);
  // Drops the data of an earlier field of the same name.
  Reject ForgetData(MessageParts* parts);
  Reject EmittedAt(JsonValue value, Envelope* envelope);
  Reject Meta(Object object, Envelope* envelope);
  Reject SourceChanges(absl::string_view token, Envelope* envelope);
  Reject FinishMessage(const MessageParts& parts, Envelope* envelope);

  Reject SkipValue(JsonValue value);
  Reject CheckToken(absl::string_view token);
  Reject CheckSlots();
  // The field's name with escapes undone.
  Reject KeyOf(Field* field, absl::string_view* key);

  simdjson::ondemand::parser parser_;
  ColumnSlots* slots_;
  ScratchArena* scratch_;
  const char* line_end_ = nullptr;
};

}  // namespace syncline::dataflow
