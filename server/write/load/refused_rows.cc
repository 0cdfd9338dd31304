#include "server/write/load/refused_rows.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/status_macros.h"
#include "server/postgres/copy/text_fields.h"
#include "server/postgres/sqlstate.h"
#include "server/write/load/row_spans.h"

namespace syncline::write {
namespace {

// Binary COPY says these when the table is not the one that the rows were encoded for.
constexpr absl::string_view kWrongFormat = "22P03";
constexpr absl::string_view kWrongFieldCount = "22P04";

constexpr size_t kPieceBytes = 256 << 10;

std::string MetadataOf(const absl::Status& status, absl::string_view wanted) {
  for (const auto& [key, value] : DetailOf(status).metadata) {
    if (key == wanted) return value;
  }
  return "";
}

RefusedRow Refused(size_t index, const absl::Status& error) {
  const std::string sqlstate = postgres::SqlStateOf(error);
  RefusedRow row;
  row.index = index;
  row.reason = absl::StartsWith(sqlstate, "23") ? "CONSTRAINT_VIOLATED" : "VALUE_REFUSED";
  for (const char* what : {"constraint", "column"}) {
    const std::string name = MetadataOf(error, what);
    if (!name.empty()) absl::StrAppend(&row.detail, what, " \"", name, "\", ");
  }
  absl::StrAppend(&row.detail, "SQLSTATE ", sqlstate);
  return row;
}

// Sends rows in halves until each that is refused stands alone.
class Splitter {
 public:
  Splitter(postgres::Connection& connection, const std::string& copy_sql,
           postgres::CopyFormat format, absl::Span<const ByteBuffer> blocks)
      : connection_(connection),
        copy_sql_(absl::StrCat("SAVEPOINT syncline_rows; ", copy_sql)),
        format_(format),
        blocks_(blocks),
        rows_(FindRows(blocks)) {}

  // Leaves the connection in a transaction that nobody wants. Halves are taken from the left, so
  // that of two rows that exclude each other the first stays.
  absl::Status Run() {
    std::vector<std::pair<size_t, size_t>> todo = {{0, rows_.size()}};
    while (!todo.empty()) {
      const auto [begin, end] = todo.back();
      todo.pop_back();
      const absl::Status copied = Copy(begin, end);
      if (copied.ok()) continue;
      if (!IsAboutRows(copied)) return copied;
      SYNCLINE_RETURN_IF_ERROR(connection_.Execute(
          "ROLLBACK TO SAVEPOINT syncline_rows; RELEASE SAVEPOINT syncline_rows"));
      if (end - begin == 1) {
        refused_.push_back(Refused(begin, copied));
        continue;
      }
      const size_t middle = begin + (end - begin) / 2;
      todo.emplace_back(middle, end);
      todo.emplace_back(begin, middle);
    }
    return absl::OkStatus();
  }

  std::vector<RefusedRow> TakeRefused() { return std::move(refused_); }

 private:
  absl::Status Copy(size_t begin, size_t end) {
    SYNCLINE_RETURN_IF_ERROR(connection_.BeginCopy(copy_sql_));
    const absl::Status sent = Send(begin, end);
    const absl::Status copied = connection_.EndCopy().status();
    SYNCLINE_RETURN_IF_ERROR(copied);
    SYNCLINE_RETURN_IF_ERROR(sent);
    return connection_.Execute("RELEASE SAVEPOINT syncline_rows");
  }

  absl::Status Send(size_t begin, size_t end) {
    const bool binary = format_ == postgres::CopyFormat::kBinary;
    ByteBuffer bytes;
    if (binary) postgres::AppendCopyHeader(&bytes);
    for (size_t row = begin; row < end; ++row) {
      if (binary) {
        bytes.Append(BytesOf(blocks_, rows_[row]));
      } else {
        postgres::AppendTextLines(BytesOf(blocks_, rows_[row]), &bytes);
      }
      if (bytes.size() < kPieceBytes) continue;
      SYNCLINE_RETURN_IF_ERROR(connection_.PutCopyData(bytes.view()));
      bytes.Clear();
    }
    if (binary) postgres::AppendCopyTrailer(&bytes);
    return connection_.PutCopyData(bytes.view());
  }

  postgres::Connection& connection_;
  const std::string copy_sql_;
  const postgres::CopyFormat format_;
  const absl::Span<const ByteBuffer> blocks_;
  const std::vector<RowSpan> rows_;
  std::vector<RefusedRow> refused_;
};

}  // namespace

bool IsAboutRows(const absl::Status& error) {
  const std::string sqlstate = postgres::SqlStateOf(error);
  if (sqlstate == kWrongFormat || sqlstate == kWrongFieldCount) return false;
  return absl::StartsWith(sqlstate, "22") || absl::StartsWith(sqlstate, "23") ||
         absl::StartsWith(sqlstate, "54");
}

absl::StatusOr<std::vector<RefusedRow>> RefusedRows::Find(postgres::Connection& connection,
                                                          absl::Span<const ByteBuffer> blocks,
                                                          const absl::Status& error,
                                                          int* named) const {
  if (!IsAboutRows(error)) return std::vector<RefusedRow>();
  // COPY stores rows in batches: a limit of the row's size (class 54) is met when the number is
  // that of a later row already.
  const bool names_its_row = !absl::StartsWith(postgres::SqlStateOf(error), "54");
  int64_t line = 0;
  if (names_its_row && *named < kMaxNamedRows &&
      absl::SimpleAtoi(MetadataOf(error, postgres::kCopyLineKey), &line) && line > 0) {
    ++*named;
    return std::vector<RefusedRow>{Refused(static_cast<size_t>(line) - 1, error)};
  }
  Splitter splitter(connection, copy_sql_, format_, blocks);
  absl::Status split = connection.Begin();
  if (split.ok()) split = splitter.Run();
  connection.Rollback();
  SYNCLINE_RETURN_IF_ERROR(split);
  return splitter.TakeRefused();
}

}  // namespace syncline::write
