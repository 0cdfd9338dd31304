#include "server/dataflow/parse/record_parser.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/coercion/column_limit.h"
#include "server/dataflow/coercion/timestamp_range.h"
#include "server/dataflow/parse/column_slots.h"
#include "server/dataflow/parse/deletion_marker.h"
#include "server/dataflow/parse/line_parser.h"
#include "server/dataflow/parse/meta_text.h"
#include "server/dataflow/parse/record_rules.h"
#include "server/dataflow/parse/row_batch_check.h"
#include "server/dataflow/parse/row_batch_reader.h"
#include "server/dataflow/parse/value_tally.h"
#include "server/dataflow/text/scratch_arena.h"

namespace syncline::dataflow {
namespace {

using Reject = std::optional<RejectReason>;

constexpr int64_t kMicrosPerMilli = 1000;

// Converts milliseconds since 1970 to microseconds since 2000. Returns nullopt outside the range of
// a timestamp.
std::optional<int64_t> ExtractedAt(int64_t unix_ms) {
  constexpr int64_t kEpochMs = kPostgresEpochDays * (kMicrosPerDay / kMicrosPerMilli);
  if (unix_ms < kMinTimestamp / kMicrosPerMilli + kEpochMs ||
      unix_ms >= kEndTimestamp / kMicrosPerMilli + kEpochMs) {
    return std::nullopt;
  }
  return (unix_ms - kEpochMs) * kMicrosPerMilli;
}

int64_t CountLines(absl::string_view text) {
  int64_t lines = 0;
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p != end) {
    const void* newline = std::memchr(p, '\n', static_cast<size_t>(end - p));
    p = newline == nullptr ? end : static_cast<const char*>(newline) + 1;
    ++lines;
  }
  return lines;
}

}  // namespace

struct RecordParser::Impl {
  Impl(const TableSchema& schema, const RecordParserOptions& parser_options)
      : options(parser_options),
        slots(schema),
        lines(&slots, &scratch),
        rows(schema, slots),
        meta(schema, parser_options.sync_id_number),
        rules(schema, parser_options.require_key),
        tally(schema),
        values(schema.columns.size()) {
    for (const ColumnSchema& column : schema.columns) {
      if (column.input_name == kCdcDeletedAtField) marker = coercers.size();
      types.push_back(column.type);
      if (const ColumnLimit limit = GetColumnLimit(column);
          limit.kind != ColumnLimit::Kind::kNone) {
        limits.emplace_back(coercers.size(), limit);
      }
      coercers.push_back(GetCoercer(column.type, column.json_shape).from_json);
    }
  }

  enum class Format { kData, kMessage };

  void ParseLines(Format format, const v1::RecordBatch& batch, absl::string_view text,
                  int64_t default_us, RecordSink* sink);
  void ParseRows(const v1::RowBatch& batch, int64_t first_offset, int64_t default_us,
                 RecordSink* sink);
  Reject ParseLine(Format format, absl::string_view line, RecordMeta* record);
  // Returns a copy that is readable beyond its end. Only the last lines of a batch are copied.
  absl::string_view Padded(absl::string_view line);
  Reject CoerceTokens(const RecordMeta& record);
  Reject ReadRow(int64_t row, const RecordMeta& record);
  // Handles the coercion of one value that does not fit: sets the value to NULL, or a deletion
  // marker to a substitute, and adds an entry to the meta text. Returns a reason if the record must
  // be rejected. `token` is the value as JSON, or empty for typed rows.
  Reject Note(size_t column, Coercion coercion, absl::string_view token, const RecordMeta& record);
  void ApplyLimits();
  void StartRecord();
  // Passes the record to `sink`, or the reason to reject it. Returns whether it was accepted.
  bool Deliver(Reject reject, absl::string_view raw, RecordMeta* record, RecordSink* sink);

  const RecordParserOptions options;
  ScratchArena scratch;
  ColumnSlots slots;
  LineParser lines;
  RowBatchReader rows;
  MetaText meta;
  RecordRules rules;
  ValueTally tally;
  std::vector<ColumnType> types;
  std::vector<CoerceFunction> coercers;
  std::vector<std::pair<size_t, ColumnLimit>> limits;  // of the columns that have a limit
  std::optional<size_t> marker;                        // the column that marks a deletion
  std::vector<Value> values;
};

void RecordParser::Impl::StartRecord() {
  scratch.Reset();
  meta.Clear();
}

Reject RecordParser::Impl::Note(size_t column, Coercion coercion, absl::string_view token,
                                const RecordMeta& record) {
  switch (coercion) {
    case Coercion::kFits:
      return std::nullopt;
    case Coercion::kMalformed:
      return RejectReason::kInvalidJson;
    case Coercion::kTooDeep:
      return RejectReason::kTooDeep;
    case Coercion::kUnreadable:
    case Coercion::kOutOfRange:
      if (column == marker) {
        values[column] = MakeDeletionMarker(types[column], record.extracted_at_us, token, &scratch);
        coercion = coercion == Coercion::kOutOfRange ? Coercion::kCut : Coercion::kCleaned;
        break;
      }
      values[column] = Value::Null();
      break;
    case Coercion::kNotFinite:
      values[column] = Value::Null();
      break;
    case Coercion::kCleaned:
    case Coercion::kCut:
    case Coercion::kNulledInside:
      break;
  }
  meta.Add(column, coercion);
  return std::nullopt;
}

void RecordParser::Impl::ApplyLimits() {
  for (const auto& [column, limit] : limits) {
    if (values[column].is_null()) continue;
    if (ApplyLimit(limit, &scratch, &values[column]) == Coercion::kFits) continue;
    const std::vector<FieldChange>& changes = meta.changes();
    const bool noted =
        std::any_of(changes.begin(), changes.end(),
                    [index = column](const FieldChange& change) { return change.column == index; });
    if (!noted) meta.Add(column, Coercion::kCut);
  }
}

Reject RecordParser::Impl::CoerceTokens(const RecordMeta& record) {
  const std::vector<absl::string_view>& tokens = slots.tokens();
  for (size_t i = 0; i < tokens.size(); ++i) {
    const absl::string_view token = tokens[i];
    if (token.data() == nullptr || token == "null") {
      values[i] = Value::Null();
      continue;
    }
    const Coercion coercion = coercers[i](token, &scratch, &values[i]);
    if (coercion != Coercion::kFits) {
      if (Reject reject = Note(i, coercion, token, record)) return reject;
    }
  }
  if (!limits.empty()) ApplyLimits();
  return std::nullopt;
}

Reject RecordParser::Impl::ParseLine(Format format, absl::string_view line, RecordMeta* record) {
  if (static_cast<int64_t>(line.size()) > options.max_record_bytes) {
    return RejectReason::kRecordTooLarge;
  }
  slots.Clear();
  if (format == Format::kData) {
    if (Reject reject = lines.ParseData(line)) return reject;
  } else {
    LineParser::Envelope envelope;
    if (Reject reject = lines.ParseMessage(line, &envelope)) return reject;
    if (envelope.emitted_at_ms) {
      record->extracted_at_us =
          ExtractedAt(*envelope.emitted_at_ms).value_or(record->extracted_at_us);
    }
    meta.SetSourceChanges(envelope.source_changes);
  }
  return CoerceTokens(*record);
}

absl::string_view RecordParser::Impl::Padded(absl::string_view line) {
  if (static_cast<int64_t>(line.size()) > options.max_record_bytes) return line;  // rejected
  char* const copy = scratch.Allocate(line.size() + kLinePadding);
  if (!line.empty()) std::memcpy(copy, line.data(), line.size());
  std::memset(copy + line.size(), 0, kLinePadding);
  return absl::string_view(copy, line.size());
}

bool RecordParser::Impl::Deliver(Reject reject, absl::string_view raw, RecordMeta* record,
                                 RecordSink* sink) {
  if (!reject) reject = rules.CheckChanges(meta.changes());
  if (!reject) reject = rules.Check(values);
  if (reject) {
    sink->OnRejected(record->offset, *reject, raw);
    return false;
  }
  if (!meta.changes().empty()) tally.AddChanges(meta.changes());
  if (!slots.undeclared().empty()) tally.AddUndeclared(slots.undeclared());
  record->meta_json = meta.Text();
  sink->OnRecord(*record, values);
  return true;
}

void RecordParser::Impl::ParseLines(Format format, const v1::RecordBatch& batch,
                                    absl::string_view text, int64_t default_us, RecordSink* sink) {
  auto unreadable = batch.unreadable().begin();
  const char* p = text.data();
  const char* const end = p + text.size();
  for (int64_t offset = batch.first_offset(); p != end; ++offset) {
    const void* newline = std::memchr(p, '\n', static_cast<size_t>(end - p));
    const char* const line_end = newline == nullptr ? end : static_cast<const char*>(newline);
    const absl::string_view line(p, static_cast<size_t>(line_end - p));
    p = newline == nullptr ? end : line_end + 1;
    const bool is_unreadable =
        unreadable != batch.unreadable().end() && unreadable->offset() == offset;
    if (is_unreadable) ++unreadable;
    if (!sink->Wants(offset)) continue;
    if (is_unreadable) {
      sink->OnUnreadable(offset, std::prev(unreadable)->reason(), line);
      continue;
    }
    StartRecord();
    RecordMeta record;
    record.offset = offset;
    record.extracted_at_us = default_us;
    const bool near_end = static_cast<size_t>(end - line_end) < kLinePadding;
    Deliver(ParseLine(format, near_end ? Padded(line) : line, &record), line, &record, sink);
  }
}

Reject RecordParser::Impl::ReadRow(int64_t row, const RecordMeta& record) {
  for (size_t i = 0; i < values.size(); ++i) {
    Coercion coercion = Coercion::kFits;
    switch (rows.Read(i, row, &scratch, &values[i], &coercion)) {
      case RowBatchReader::Cell::kNull:
        values[i] = Value::Null();
        break;
      case RowBatchReader::Cell::kInvalidUtf8:
        return RejectReason::kInvalidUtf8;
      case RowBatchReader::Cell::kValue:
        if (coercion == Coercion::kFits) break;
        if (Reject reject = Note(i, coercion, absl::string_view(), record)) return reject;
        break;
    }
  }
  if (!limits.empty()) ApplyLimits();
  return std::nullopt;
}

void RecordParser::Impl::ParseRows(const v1::RowBatch& batch, int64_t first_offset,
                                   int64_t default_us, RecordSink* sink) {
  rows.Open(batch);
  slots.Clear();
  int64_t delivered = 0;
  for (int64_t row = 0; row < batch.row_count(); ++row) {
    RecordMeta record;
    record.offset = first_offset + row;
    record.extracted_at_us = default_us;
    if (!sink->Wants(record.offset)) continue;
    StartRecord();
    delivered += Deliver(ReadRow(row, record), absl::string_view(), &record, sink) ? 1 : 0;
  }
  for (const absl::string_view name : rows.undeclared()) tally.AddUndeclared(name, delivered);
}

RecordParser::RecordParser(const TableSchema& schema, const RecordParserOptions& options)
    : impl_(std::make_unique<Impl>(schema, options)) {}

RecordParser::~RecordParser() = default;

void RecordParser::Parse(v1::RecordBatch* batch, int64_t arrival_us, RecordSink* sink) {
  int64_t default_us = arrival_us;
  if (batch->emitted_at_ms() != 0) {
    default_us = ExtractedAt(batch->emitted_at_ms()).value_or(arrival_us);
  }
  switch (batch->payload_case()) {
    case v1::RecordBatch::kJsonl:
      impl_->ParseLines(Impl::Format::kData, *batch, batch->jsonl(), default_us, sink);
      break;
    case v1::RecordBatch::kAirbyteJsonl:
      impl_->ParseLines(Impl::Format::kMessage, *batch, batch->airbyte_jsonl(), arrival_us, sink);
      break;
    case v1::RecordBatch::kRows:
      impl_->ParseRows(batch->rows(), batch->first_offset(), default_us, sink);
      break;
    case v1::RecordBatch::PAYLOAD_NOT_SET:
      break;
  }
}

bool RecordParser::has_counts() const { return !impl_->tally.empty(); }

FieldCounts RecordParser::TakeCounts() { return impl_->tally.Take(); }

absl::StatusOr<int64_t> RecordParser::CountRecords(const v1::RecordBatch& batch) {
  switch (batch.payload_case()) {
    case v1::RecordBatch::kJsonl:
      return CountLines(batch.jsonl());
    case v1::RecordBatch::kAirbyteJsonl:
      return CountLines(batch.airbyte_jsonl());
    case v1::RecordBatch::kRows: {
      absl::Status counts = CheckRowBatch(batch.rows());
      if (!counts.ok()) return counts;
      return batch.rows().row_count();
    }
    case v1::RecordBatch::PAYLOAD_NOT_SET:
      break;
  }
  return 0;
}

}  // namespace syncline::dataflow
