#include "server/write/load/meta_omission.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/status_macros.h"
#include "server/model/plain_meta.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/table/meta_default.h"
#include "server/write/load/row_spans.h"

namespace syncline::write {
namespace {

constexpr absl::string_view kNotNullViolation = "23502";
constexpr size_t kCountBytes = 2;

int64_t GetFieldBytes(absl::string_view meta_json) {
  ByteBuffer field;
  postgres::AppendMetaField(meta_json, &field);
  return static_cast<int64_t>(field.size());
}

uint16_t ReadCount(absl::string_view row) {
  return static_cast<uint16_t>(static_cast<unsigned char>(row[0]) << 8 |
                               static_cast<unsigned char>(row[1]));
}

// Appends the row with the field.
void AppendWhole(absl::string_view row, absl::string_view meta_json, ByteBuffer* out) {
  out->AppendInt16(static_cast<int16_t>(ReadCount(row) + 1));
  out->Append(row.substr(kCountBytes, postgres::kMetaFieldPosition - kCountBytes));
  postgres::AppendMetaField(meta_json, out);
  out->Append(row.substr(postgres::kMetaFieldPosition));
}

}  // namespace

MetaOmission::MetaOmission(const StreamPlan& plan, postgres::CopyFormat format)
    : table_(plan.load_table()),
      plain_meta_(MakePlainMeta(plan.airbyte_sync_id)),
      copy_sql_(postgres::CopyWithoutMetaSql(plan.load_table(), plan.schema)),
      omitted_bytes_(GetFieldBytes(plain_meta_)),
      possible_(plan.meta_default && format == postgres::CopyFormat::kBinary) {}

bool MetaOmission::OmitsNext(absl::string_view meta_json, std::vector<ByteBuffer>* blocks) {
  if (!possible_) return false;
  if (std::exchange(empty_, false)) omits_ = !changed_before_;
  if (meta_json != plain_meta_) {
    changes_ = true;
    MakeWhole(blocks);
  }
  return omits_;
}

void MetaOmission::MakeWhole(std::vector<ByteBuffer>* blocks) {
  if (!std::exchange(omits_, false)) return;
  const std::vector<RowSpan> rows = FindRows(*blocks);
  // Block by block, so that only one of them is in memory twice.
  auto row = rows.begin();
  for (size_t i = 0; i < blocks->size(); ++i) {
    const auto end =
        std::find_if(row, rows.end(), [i](const RowSpan& span) { return span.block != i; });
    const auto added = static_cast<size_t>((end - row) * omitted_bytes_);
    ByteBuffer whole((*blocks)[i].size() + added);
    if (i == 0) whole.Append((*blocks)[0].view().substr(0, postgres::kCopyHeaderBytes));
    for (; row != end; ++row) AppendWhole(GetRowBytes(*blocks, *row), plain_meta_, &whole);
    (*blocks)[i] = std::move(whole);
  }
}

absl::Status MetaOmission::CheckDefault(postgres::Connection& connection) {
  SYNCLINE_ASSIGN_OR_RETURN(const bool is_set,
                            postgres::HasMetaDefault(connection, table_, plain_meta_));
  if (is_set) return absl::OkStatus();
  possible_ = false;
  return absl::AbortedError("the default of _airbyte_meta is not the stream's");
}

void MetaOmission::HandleFailure(const absl::Status& error, std::vector<ByteBuffer>* blocks) {
  // Without the default, the column is NULL.
  if (postgres::GetSqlState(error) == kNotNullViolation) possible_ = false;
  MakeWhole(blocks);
}

void MetaOmission::EndBlock() {
  changed_before_ = std::exchange(changes_, false);
  empty_ = true;
  omits_ = false;
}

}  // namespace syncline::write
