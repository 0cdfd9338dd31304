// UnstorableText: replaces characters that the database's encoding lacks in the encoded rows of a
// block.
//
// A database in UTF8 has all characters. Others, such as those in LATIN1 or EUC_JP, refuse a COPY
// with such a character; the database's own convert() then finds them (repertoire.h). Each becomes
// `?`, and the row's `_airbyte_meta`, if it has one, gets a TRUNCATED entry for its field. In a
// field of the key or the cursor of a deduplicated stream, it refuses the row. Immutable; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/byte_buffer.h"
#include "server/model/stream_plan.h"
#include "server/model/table_schema.h"
#include "server/model/value_counts.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/repertoire.h"
#include "server/postgres/copy/row_encoder.h"
#include "server/write/load/refused_rows.h"

namespace syncline::write {

// What Replace found. Empty if the rows have only characters that can be stored.
struct ReplacedText {
  std::vector<RefusedRow> refused;  // in ascending order; they are unchanged
  FieldCounts changed;              // by field; a row counts once per field
  int64_t rows = 0;                 // that were changed
  int64_t added_bytes = 0;          // by which the blocks grew; may be negative

  bool empty() const { return refused.empty() && rows == 0; }
};

class UnstorableText {
 public:
  UnstorableText(const StreamPlan& plan, postgres::CopyFormat format);

  // Replaces the characters in `blocks`. Asks `connection`, which must be outside of a transaction,
  // about characters that `repertoire` does not know yet. Errors: those of the database.
  absl::StatusOr<ReplacedText> Replace(postgres::Connection& connection,
                                       postgres::Repertoire& repertoire,
                                       std::vector<ByteBuffer>* blocks) const;

 private:
  // What the bytes of a field are.
  enum class Form {
    kOther,          // no text of the caller
    kText,           // text
    kJson,           // JSON text
    kVersionedJson,  // the version byte of jsonb, then JSON text
  };
  struct Field {
    Form form = Form::kOther;
    std::string name;               // of the property
    std::string json_name;          // the same as a JSON string
    const char* decides = nullptr;  // the reason to refuse the row instead
  };

  // Returns the form of the fields of `column`, in binary or text format.
  static Form GetForm(const ColumnSchema& column, bool binary);
  // Calls `use` with the number and the bytes of each field that is not kOther and not NULL.
  template <typename Use>
  void ForEachText(absl::string_view row, Use use) const;
  void ReplaceRow(absl::string_view row, size_t index, const postgres::Repertoire& repertoire,
                  ByteBuffer* out, ReplacedText* result) const;

  std::vector<Field> fields_;
  bool has_meta_ = false;  // rows have `_airbyte_meta`
};

}  // namespace syncline::write
