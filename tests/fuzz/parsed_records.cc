#include "tests/fuzz/parsed_records.h"

#include "base/byte_buffer.h"
#include "server/model/raw_id.h"
#include "server/postgres/copy/row_encoder.h"
#include "tests/fuzz/expect.h"
#include "tests/fuzz/json_reference.h"

namespace syncline::fuzz {
namespace {

using dataflow::RejectReason;

constexpr int64_t kArrivalUs = 0;
constexpr int64_t kGeneration = 7;
constexpr size_t kMetaField = 2;

std::vector<ColumnType> Types() {
  std::vector<ColumnType> types;
  for (const ColumnSchema& column : EveryType().columns) types.push_back(column.type);
  return types;
}

class RowReader : public dataflow::RecordSink {
 public:
  explicit RowReader(int64_t first_offset)
      : next_(first_offset),
        encoder_(Types(), RawIdGenerator("sync", {"", "stream"}, ""), kGeneration) {}

  bool Wants(int64_t offset) override {
    Expect(offset == next_, "records come in order", offset, " for ", next_);
    return true;
  }
  void OnRecord(const RecordMeta& meta, absl::Span<const Value> values) override {
    Expect(meta.offset == next_++, "a record keeps its offset", meta.offset);
    Expect(values.size() == EveryType().columns.size(), "one value per column", values.size());
    buffer_.Clear();
    encoder_.AppendRow(meta, values, &buffer_);
    records_.push_back({meta.offset, std::nullopt, "", ReadRow(buffer_.view(), EveryType())});
  }
  void OnRejected(int64_t offset, RejectReason reason, absl::string_view raw) override {
    Expect(offset == next_++, "a rejected record keeps its offset", offset);
    const absl::string_view name = RejectReasonName(reason);
    Expect(!name.empty() && name != "UNKNOWN", "a rejected record has a reason", name);
    records_.push_back({offset, reason, std::string(raw), {}});
  }

  void OnUnreadable(int64_t offset, absl::string_view, absl::string_view) override {
    Expect(false, "no batch lists unreadable records", offset);
  }

  std::vector<ParsedRecord> TakeRecords() { return std::move(records_); }

 private:
  int64_t next_;
  postgres::RowEncoder encoder_;
  ByteBuffer buffer_;
  std::vector<ParsedRecord> records_;
};

// Returns the index of the column's field in a row, or that of the first column if no column has
// the name.
size_t FindPosition(absl::string_view field) {
  const std::vector<ColumnSchema>& columns = EveryType().columns;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].input_name == field) return kMetaFields + i;
  }
  Expect(false, "a change names a column", field);
  return kMetaFields;
}

std::string TextOf(const JsonNode& entry, absl::string_view name) {
  const JsonNode* const text = entry.Find(name);
  Expect(text != nullptr && text->kind == JsonNode::Kind::kString,
         "the members of a change are strings", entry.token);
  return text->text;
}

}  // namespace

const TableSchema& EveryType() {
  static const TableSchema* const schema = [] {
    auto* table = new TableSchema;
    table->columns = {
        {"id", "id", ColumnType::kBigint},
        {"text", "text", ColumnType::kVarchar},
        {"number", "number", ColumnType::kNumeric},
        {"ok", "ok", ColumnType::kBoolean},
        {"day", "day", ColumnType::kDate},
        {"at", "at", ColumnType::kTimestamptz},
        {"local", "local", ColumnType::kTimestamp},
        {"clock", "clock", ColumnType::kTime},
        {"clockz", "clockz", ColumnType::kTimetz},
        {"object", "object", ColumnType::kJsonb, true, JsonShape::kObject},
        {"array", "array", ColumnType::kJsonb, true, JsonShape::kArray},
        // A name that JSON must escape.
        {"any \"\xC3\xA9\"", "any", ColumnType::kJsonb, true, JsonShape::kAny},
        {"bytes", "bytes", ColumnType::kBytea},
    };
    table->primary_key = {"id"};
    return table;
  }();
  return *schema;
}

std::vector<ParsedRecord> ParseAll(dataflow::RecordParser* parser, v1::RecordBatch batch) {
  const absl::StatusOr<int64_t> count = dataflow::RecordParser::CountRecords(batch);
  if (!count.ok()) return {};
  RowReader rows(batch.first_offset());
  parser->Parse(&batch, kArrivalUs, &rows);
  std::vector<ParsedRecord> records = rows.TakeRecords();
  Expect(static_cast<int64_t>(records.size()) == *count, "every record is delivered once",
         records.size(), " of ", *count);
  return records;
}

std::map<std::string, std::string> OwnChanges(const ParsedRecord& row, size_t source_changes) {
  const absl::string_view text = absl::string_view(*row.fields[kMetaField]).substr(1);
  const std::optional<JsonNode> meta = ReadJson(text);
  const JsonNode* const changes = meta->Find("changes");
  Expect(meta->Find("sync_id") != nullptr && changes != nullptr &&
             changes->kind == JsonNode::Kind::kArray && changes->items.size() >= source_changes,
         "_airbyte_meta has sync_id and the changes", text);
  std::map<std::string, std::string> own;
  for (size_t i = source_changes; i < changes->items.size(); ++i) {
    const JsonNode& entry = changes->items[i];
    const std::string field = TextOf(entry, "field");
    const std::string change = TextOf(entry, "change");
    const size_t position = FindPosition(field);
    const bool is_null = !row.fields[position].has_value();
    // A NaN inside the value was replaced by JSON's null.
    const bool may_hold_null =
        EveryType().columns[position - kMetaFields].type == ColumnType::kJsonb ||
        EveryType().columns[position - kMetaFields].type == ColumnType::kVarchar;
    Expect(!TextOf(entry, "reason").empty(), "a change has a reason", entry.token);
    Expect(change == (is_null ? "NULLED" : "TRUNCATED") || (change == "NULLED" && may_hold_null),
           "a change agrees with the row", entry.token);
    Expect(own.emplace(field, change).second, "a column has one change", text);
  }
  return own;
}

}  // namespace syncline::fuzz
