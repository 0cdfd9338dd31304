#include "bench/pipeline/pipeline.h"

#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "bench/data/record_text.h"
#include "server/model/names.h"
#include "server/model/raw_id.h"
#include "server/sync/json_schema.h"

namespace syncline::bench {
namespace {

// The size of InsertBuffer's blocks.
constexpr size_t kBlockBytes = 256 << 10;

std::vector<ColumnType> TypesOf(const TableSchema& schema) {
  std::vector<ColumnType> types;
  for (const ColumnSchema& column : schema.columns) types.push_back(column.type);
  return types;
}

}  // namespace

absl::StatusOr<TableSchema> SchemaOf(const RecordShape& shape) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<dataflow::DeclaredField> fields,
                            dataflow::ParseJsonSchema(JsonSchemaOf(shape)));
  std::vector<std::string> names;
  for (const dataflow::DeclaredField& field : fields) names.push_back(field.name);
  const std::vector<std::string> columns = MapColumnNames(names);
  TableSchema schema;
  for (size_t i = 0; i < fields.size(); ++i) {
    schema.columns.push_back({.input_name = fields[i].name,
                              .column_name = columns[i],
                              .type = fields[i].type,
                              .json_shape = fields[i].json_shape});
  }
  return schema;
}

Pipeline::Pipeline(const TableSchema& schema)
    : parser_(schema, {.sync_id_number = 1}),
      encoder_(TypesOf(schema), RawIdGenerator("sync", {"bench", "stream"}, "writer"), 1),
      block_(2 * kBlockBytes) {}

absl::StatusOr<std::unique_ptr<Pipeline>> Pipeline::Create(const RecordShape& shape) {
  SYNCLINE_ASSIGN_OR_RETURN(const TableSchema schema, SchemaOf(shape));
  return std::unique_ptr<Pipeline>(new Pipeline(schema));
}

void Pipeline::Run(v1::RecordBatch* batch) { parser_.Parse(batch, /*arrival_us=*/0, this); }

bool Pipeline::Wants(int64_t) { return true; }

void Pipeline::OnRecord(const RecordMeta& meta, absl::Span<const Value> values) {
  const size_t before = block_.size();
  encoder_.AppendRow(meta, values, &block_);
  bytes_ += static_cast<int64_t>(block_.size() - before);
  ++rows_;
  if (block_.size() >= kBlockBytes) block_.Clear();
}

void Pipeline::OnRejected(int64_t, dataflow::RejectReason, absl::string_view) { ++rejected_; }

void Pipeline::OnUnreadable(int64_t, absl::string_view, absl::string_view) { ++rejected_; }

}  // namespace syncline::bench
