// RowBatchReader: reads the values of typed rows, which are sent column by column, and coerces
// them. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/dataflow/coercion/coercer.h"
#include "server/dataflow/parse/buffer_texts.h"
#include "server/dataflow/parse/column_slots.h"
#include "server/dataflow/parse/typed_value.h"
#include "server/dataflow/text/scratch_arena.h"
#include "server/model/table_schema.h"
#include "syncline/v1/records.pb.h"

namespace syncline::dataflow {

class RowBatchReader {
 public:
  enum class Cell { kNull, kValue, kInvalidUtf8 };

  // `names` must outlive the reader.
  RowBatchReader(const TableSchema& schema, const ColumnSlots& names);

  // Starts a batch. `rows` must have passed CheckRowBatch and must stay valid while it is read.
  void Open(const v1::RowBatch& rows);

  // Names of the batch's columns that the stream does not declare.
  const std::vector<absl::string_view>& undeclared() const { return undeclared_; }

  // Reads column `column` of row `row`. Rows must be read in ascending order; some may be skipped.
  Cell Read(size_t column, int64_t row, ScratchArena* scratch, Value* value, Coercion* coercion);

 private:
  struct Column {
    TypedTarget target;
    const v1::ColumnValues* values = nullptr;  // null if not in the batch
    // For `texts` and `jsons`: the offset at which the text of row `text_row` starts.
    int64_t text_row = 0;
    size_t text_offset = 0;
    BufferTextsView buffer;     // for `utf8`, `json` and `binary`
    bool utf8_checked = false;  // all text of the column is UTF-8
  };

  static absl::string_view TextAt(int64_t row, const v1::TextValues& texts, Column* column);
  static Cell ReadText(absl::string_view text, bool is_json, const Column& column,
                       ScratchArena* scratch, Value* value, Coercion* coercion);
  static Cell ReadBuffer(int64_t row, const Column& column, ScratchArena* scratch, Value* value,
                         Coercion* coercion);

  std::vector<Column> columns_;
  std::vector<absl::string_view> undeclared_;
  const ColumnSlots* names_;
};

}  // namespace syncline::dataflow
