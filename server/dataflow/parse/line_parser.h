// LineParser: splits one line of a batch into the token of each column, with simdjson's on-demand
// parser.
//
// Coercion validates the tokens of columns. This class validates only the tokens that are not
// coerced: undeclared fields, and values that a later field of the same name replaces. Not
// thread-safe.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "server/dataflow/parse/column_slots.h"
#include "server/dataflow/parse/reject_reason.h"
#include "server/dataflow/text/scratch_arena.h"

namespace syncline::dataflow {

// Readable bytes required past the end of a line; their value is ignored.
inline constexpr size_t kLinePadding = simdjson::SIMDJSON_PADDING;

class LineParser {
 public:
  // The parts of an Airbyte message besides its data.
  struct Envelope {
    std::optional<int64_t> emitted_at_ms;
    // The elements of record.meta.changes, without the brackets, valid for jsonb; or empty.
    absl::string_view source_changes;
  };

  // `slots` and `scratch` must outlive the parser.
  LineParser(ColumnSlots* slots, ScratchArena* scratch) : slots_(slots), scratch_(scratch) {}

  // Parses a line that is the record's data. Returns the reason if the record must be rejected.
  std::optional<RejectReason> ParseData(absl::string_view line);

  // Parses a line that is an Airbyte message. Returns the reason if the record must be rejected.
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
  // Validates and drops the data of an earlier field of the same name.
  Reject DropData(MessageParts* parts);
  Reject EmittedAt(JsonValue value, Envelope* envelope);
  Reject Meta(Object object, Envelope* envelope);
  Reject SourceChanges(absl::string_view token, Envelope* envelope);
  Reject FinishMessage(const MessageParts& parts, Envelope* envelope);

  Reject SkipValue(JsonValue value);
  Reject CheckToken(absl::string_view token);
  Reject CheckSlots();
  // Sets `key` to the field's name with its escapes resolved.
  Reject KeyOf(Field* field, absl::string_view* key);

  simdjson::ondemand::parser parser_;
  ColumnSlots* slots_;
  ScratchArena* scratch_;
  const char* line_end_ = nullptr;
};

}  // namespace syncline::dataflow
