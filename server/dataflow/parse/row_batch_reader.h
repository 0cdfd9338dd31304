// Typed rows, column by column -> values.
//
// A column's kind and its type choose one reading function when the batch is opened; rows are then
// read in order.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/parse/column_slots.h"
#include "server/dataflow/text/scratch_arena.h"
#include "server/model/table_schema.h"
#include "syncline/v1/records.pb.h"

namespace syncline::dataflow {

// INVALID_ARGUMENT, reason INVALID_ROWS, naming every count of `rows` that does not fit.
absl::Status CheckRowBatch(const v1::RowBatch& rows);

class RowBatchReader {
 public:
  enum class Cell { kNull, kValue, kInvalidUtf8 };

  RowBatchReader(const TableSchema& schema, const ColumnSlots& names);

  // `rows` passed CheckRowBatch and outlives the reading.
  void Open(const v1::RowBatch& rows);

  // The columns of the batch that the stream does not declare.
  const std::vector<absl::string_view>& undeclared() const { return undeclared_; }

  // Reads column `column` of row `row`. Rows may be left out, never read again.
  Cell Read(size_t column, int64_t row, ScratchArena* scratch, Value* value, Coercion* coercion);

 private:
  struct Column {
    ColumnType type = ColumnType::kJsonb;
    const Coercer* coercer = nullptr;
    const v1::ColumnValues* values = nullptr;  // null: not in the batch
    // Texts: where the text of row `text_row` starts.
    int64_t text_row = 0;
    size_t text_offset = 0;
    bool utf8_checked = false;  // all texts of the column are known to be UTF-8
  };

  static absl::string_view TextAt(int64_t row, const v1::TextValues& texts, Column* column);
  static Cell ReadText(absl::string_view text, bool is_json, const Column& column,
                       ScratchArena* scratch, Value* value, Coercion* coercion);

  std::vector<Column> columns_;
  std::vector<absl::string_view> undeclared_;
  const ColumnSlots* names_;
};

}  // namespace syncline::dataflow
