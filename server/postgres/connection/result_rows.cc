#include "server/postgres/connection/result_rows.h"

#include <libpq-fe.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "server/postgres/connection/stored_text.h"

namespace syncline::postgres {
namespace {

constexpr int kTextFormat = 0;
constexpr Oid kTextOid = 25;

}  // namespace

Result ReadRows(const pg_result* result, bool decode) {
  const int rows = PQntuples(result);
  const int columns = PQnfields(result);
  std::vector<std::string> names;
  names.reserve(static_cast<size_t>(columns));
  for (int column = 0; column < columns; ++column) names.emplace_back(PQfname(result, column));
  std::vector<Result::Values> copied(static_cast<size_t>(rows));
  for (int row = 0; row < rows; ++row) {
    Result::Values& target = copied[static_cast<size_t>(row)];
    target.reserve(static_cast<size_t>(columns));
    for (int column = 0; column < columns; ++column) {
      if (PQgetisnull(result, row, column) != 0) {
        target.emplace_back(std::nullopt);
        continue;
      }
      const absl::string_view value(PQgetvalue(result, row, column),
                                    static_cast<size_t>(PQgetlength(result, row, column)));
      const bool is_text =
          PQfformat(result, column) == kTextFormat || PQftype(result, column) == kTextOid;
      target.emplace_back(decode && is_text ? FromStoredText(value) : std::string(value));
    }
  }
  int64_t affected = 0;
  // PQcmdTuples takes a non-const result but only reads it.
  if (!absl::SimpleAtoi(PQcmdTuples(const_cast<PGresult*>(result)), &affected)) affected = 0;
  return Result(std::move(names), std::move(copied), affected);
}

}  // namespace syncline::postgres
