#include "server/write/load/refused_rows.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/copy/text_fields.h"
#include "server/postgres/sql/catalog_sql.h"
#include "server/write/load/row_spans.h"

namespace syncline::write {
namespace {

// Binary COPY reports these if the table is not the one for which the rows were encoded; the first
// also for a value that its type refuses.
constexpr absl::string_view kWrongFormat = "22P03";
constexpr absl::string_view kWrongFieldCount = "22P04";

constexpr absl::string_view kForeignKeyViolation = "23503";

constexpr size_t kPieceBytes = 256 << 10;

constexpr char kUndoCopySql[] =
    "ROLLBACK TO SAVEPOINT syncline_rows; RELEASE SAVEPOINT syncline_rows";

std::string MetadataOf(const absl::Status& status, absl::string_view wanted) {
  for (const auto& [key, value] : GetDetail(status).metadata) {
    if (key == wanted) return value;
  }
  return "";
}

bool StartsWithAny(absl::string_view sqlstate, absl::Span<const absl::string_view> classes) {
  return std::any_of(classes.begin(), classes.end(),
                     [&](absl::string_view name) { return absl::StartsWith(sqlstate, name); });
}

absl::string_view ReasonFor(absl::string_view sqlstate, const absl::Status& error) {
  if (postgres::LacksDistributionKey(error)) return "MISSING_DISTRIBUTION_KEY";
  if (absl::StartsWith(sqlstate, "23")) return reason::kConstraintViolated;
  return StartsWithAny(sqlstate, {"22", "54"}) ? "VALUE_REFUSED" : reason::kRejectedByDatabase;
}

RefusedRow Refused(size_t index, const absl::Status& error) {
  const std::string sqlstate = postgres::GetSqlState(error);
  RefusedRow row;
  row.index = index;
  row.reason = std::string(ReasonFor(sqlstate, error));
  for (const char* what : {"constraint", "column"}) {
    const std::string name = MetadataOf(error, what);
    if (!name.empty()) absl::StrAppend(&row.detail, what, " \"", name, "\", ");
  }
  absl::StrAppend(&row.detail, "SQLSTATE ", sqlstate);
  return row;
}

// Sends rows in halves until each refused row is alone.
class Splitter {
 public:
  Splitter(postgres::Connection& connection, const std::string& copy_sql,
           postgres::CopyFormat format, absl::Span<const ByteBuffer> blocks)
      : connection_(connection),
        copy_sql_(absl::StrCat("SAVEPOINT syncline_rows; ", copy_sql)),
        format_(format),
        blocks_(blocks),
        rows_(FindRows(blocks)) {}

  // Returns whether `error` of a COPY of all rows is about them.
  bool IsAbout(const absl::Status& error) const {
    std::vector<size_t> all(rows_.size());
    std::iota(all.begin(), all.end(), 0);
    return IsAbout(error, all);
  }

  // Returns whether a COPY of no rows is refused, too, as by a trigger that runs once per
  // statement.
  absl::StatusOr<bool> RefusesNoRows() {
    const absl::Status copied = Copy({});
    if (copied.ok()) return false;
    if (!IsAboutRows(copied)) return copied;
    SYNCLINE_RETURN_IF_ERROR(connection_.Execute(kUndoCopySql));
    return true;
  }

  // Finds the refused rows. Leaves the connection in a transaction that must be rolled back. Sends
  // the left half first, so that of two rows that exclude each other the first is accepted.
  absl::Status Run() {
    std::vector<size_t> all(rows_.size());
    std::iota(all.begin(), all.end(), 0);
    SYNCLINE_RETURN_IF_ERROR(Split(all));
    // A row may reference a later row of the same table. The first pass is backwards: if each row
    // references the next one, a single pass loads them all.
    size_t before = 0;
    for (bool backwards = true; !waiting_.empty() && waiting_.size() != before;
         backwards = !backwards) {
      before = waiting_.size();
      std::vector<size_t> again;
      for (const auto& [index, row] : waiting_) again.push_back(index);
      if (backwards) std::reverse(again.begin(), again.end());
      waiting_.clear();
      SYNCLINE_RETURN_IF_ERROR(Split(again));
    }
    return absl::OkStatus();
  }

  std::vector<RefusedRow> TakeRefused() {
    refused_.merge(waiting_);
    std::vector<RefusedRow> rows;
    for (auto& [index, row] : refused_) rows.push_back(std::move(row));
    return rows;
  }

 private:
  bool IsAbout(const absl::Status& error, absl::Span<const size_t> rows) const {
    if (postgres::GetSqlState(error) != kWrongFormat) return IsAboutRows(error);
    return std::any_of(rows.begin(), rows.end(), [this](size_t row) {
      return HasInvalidForm(GetRowBytes(blocks_, rows_[row]));
    });
  }

  // Loads those of the rows that are accepted and collects the others.
  absl::Status Split(const std::vector<size_t>& rows) {
    std::vector<std::pair<size_t, size_t>> todo = {{0, rows.size()}};
    while (!todo.empty()) {
      const auto [begin, end] = todo.back();
      todo.pop_back();
      const auto part = absl::MakeConstSpan(rows).subspan(begin, end - begin);
      const absl::Status copied = Copy(part);
      if (copied.ok()) continue;
      if (!IsAbout(copied, part)) return copied;
      SYNCLINE_RETURN_IF_ERROR(connection_.Execute(kUndoCopySql));
      if (end - begin == 1) {
        SYNCLINE_ASSIGN_OR_RETURN(const bool waits, ReferencesOwnTable(copied));
        (waits ? waiting_ : refused_).emplace(part[0], Refused(part[0], copied));
        continue;
      }
      const size_t middle = begin + (end - begin) / 2;
      todo.emplace_back(middle, end);
      todo.emplace_back(begin, middle);
    }
    return absl::OkStatus();
  }

  // Returns whether `error` is of a foreign key that references its own table.
  absl::StatusOr<bool> ReferencesOwnTable(const absl::Status& error) {
    if (postgres::GetSqlState(error) != kForeignKeyViolation) return false;
    const std::string constraint = MetadataOf(error, "constraint");
    const auto known = own_table_.find(constraint);
    if (known != own_table_.end()) return known->second;
    SYNCLINE_ASSIGN_OR_RETURN(
        const postgres::Result found,
        connection_.Query(postgres::kSelfForeignKeySql, postgres::Params().Text(constraint)));
    return own_table_[constraint] = found.Bool(0, 0);
  }

  absl::Status Copy(absl::Span<const size_t> rows) {
    SYNCLINE_RETURN_IF_ERROR(connection_.BeginCopy(copy_sql_));
    const absl::Status sent = Send(rows);
    const absl::Status copied = connection_.EndCopy().status();
    SYNCLINE_RETURN_IF_ERROR(copied);
    SYNCLINE_RETURN_IF_ERROR(sent);
    return connection_.Execute("RELEASE SAVEPOINT syncline_rows");
  }

  absl::Status Send(absl::Span<const size_t> rows) {
    const bool binary = format_ == postgres::CopyFormat::kBinary;
    ByteBuffer bytes;
    if (binary) postgres::AppendCopyHeader(&bytes);
    for (const size_t row : rows) {
      if (binary) {
        bytes.Append(GetRowBytes(blocks_, rows_[row]));
      } else {
        postgres::AppendTextLines(GetRowBytes(blocks_, rows_[row]), &bytes);
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
  // By the row's number.
  std::map<size_t, RefusedRow> refused_;
  std::map<size_t, RefusedRow> waiting_;   // for a row of the same table that they reference
  std::map<std::string, bool> own_table_;  // by foreign key: what ReferencesOwnTable found
};

}  // namespace

bool IsAboutRows(const absl::Status& error) {
  const std::string sqlstate = postgres::GetSqlState(error);
  if (sqlstate == kWrongFormat || sqlstate == kWrongFieldCount) return false;
  // A trigger may raise any code. Those of a lock, a conflict or the server are not about the row.
  const bool raised = !MetadataOf(error, postgres::kRaisedKey).empty();
  if (raised) return !StartsWithAny(sqlstate, {"08", "40", "53", "55", "57", "58", "XX"});
  return StartsWithAny(sqlstate, {"21", "22", "23", "38", "54", "P0"});
}

absl::StatusOr<std::vector<RefusedRow>> RefusedRows::Find(postgres::Connection& connection,
                                                          absl::Span<const ByteBuffer> blocks,
                                                          const absl::Status& error,
                                                          int* named) const {
  Splitter splitter(connection, copy_sql_, format_, blocks);
  if (!splitter.IsAbout(error)) return std::vector<RefusedRow>();
  int64_t line = 0;
  const bool has_line =
      absl::SimpleAtoi(MetadataOf(error, postgres::kCopyLineKey), &line) && line > 0;
  // COPY stores rows in batches, so an error about the size of a row (class 54) has the number of a
  // later row.
  const bool names_its_row = has_line && !absl::StartsWith(postgres::GetSqlState(error), "54");
  if (names_its_row && *named < kMaxNamedRows) {
    ++*named;
    return std::vector<RefusedRow>{Refused(static_cast<size_t>(line) - 1, error)};
  }
  SYNCLINE_RETURN_IF_ERROR(connection.Begin());
  const absl::StatusOr<bool> unrelated = has_line ? false : splitter.RefusesNoRows();
  absl::Status split = unrelated.status();
  if (split.ok() && !*unrelated) split = splitter.Run();
  connection.Rollback();
  SYNCLINE_RETURN_IF_ERROR(split);
  return splitter.TakeRefused();
}

}  // namespace syncline::write
