#include "server/dataflow/parse/row_batch_check.h"

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "server/dataflow/parse/buffer_texts.h"
#include "server/dataflow/parse/fixed_values.h"

namespace syncline::dataflow {
namespace {

// PostgreSQL's limit of columns. A stream has at most 1596.
constexpr int kMaxColumns = 1600;

using Violations = std::vector<FieldViolation>;

int64_t CountListed(const v1::ColumnValues& values) {
  switch (values.values_case()) {
    case v1::ColumnValues::kInt64S:
      return values.int64s().values_size();
    case v1::ColumnValues::kDoubles:
      return values.doubles().values_size();
    case v1::ColumnValues::kBools:
      return values.bools().values_size();
    case v1::ColumnValues::kTexts:
      return values.texts().lengths_size();
    case v1::ColumnValues::kJsons:
      return values.jsons().lengths_size();
    case v1::ColumnValues::kTimestampsUs:
      return values.timestamps_us().values_size();
    case v1::ColumnValues::kDatesDays:
      return values.dates_days().values_size();
    case v1::ColumnValues::kFixed:
    case v1::ColumnValues::kBits:
    case v1::ColumnValues::kUtf8:
    case v1::ColumnValues::kJson:
    case v1::ColumnValues::kBinary:
    case v1::ColumnValues::VALUES_NOT_SET:
      break;
  }
  return 0;
}

bool LengthsFit(const v1::TextValues& texts) {
  uint64_t sum = 0;
  for (const uint32_t length : texts.lengths()) sum += length;
  return sum == texts.data().size();
}

void CheckSize(const std::string& bytes, int64_t wanted, int64_t row_count, const std::string& path,
               Violations* violations) {
  if (static_cast<int64_t>(bytes.size()) == wanted) return;
  violations->push_back(
      {path, absl::StrCat("has ", bytes.size(), " bytes for ", row_count, " records")});
}

// `bits` is a Validity or a BitValues.
template <typename Bits>
void CheckBits(const Bits& bits, int64_t row_count, const std::string& path,
               Violations* violations) {
  if (bits.bit_offset() > 7) {
    violations->push_back({path + ".bit_offset", "must be 0 to 7"});
    return;
  }
  // ceil((bit_offset + row_count) / 8) without overflow.
  const int64_t bytes = row_count / 8 + (row_count % 8 + bits.bit_offset() + 7) / 8;
  CheckSize(bits.bits(), bytes, row_count, path + ".bits", violations);
}

void CheckFixed(const v1::FixedValues& fixed, int64_t row_count, const std::string& path,
                Violations* violations) {
  const int64_t width = GetFixedWidth(fixed.type());
  if (width == 0) {
    violations->push_back({path + ".type", "must be a type of FixedType"});
    return;
  }
  if (fixed.scale() != 0 && fixed.type() != v1::FIXED_TYPE_DECIMAL128) {
    violations->push_back({path + ".scale", "is for FIXED_TYPE_DECIMAL128 only"});
  }
  const auto size = static_cast<int64_t>(fixed.data().size());
  if (size % width != 0 || size / width != row_count) {
    violations->push_back({path + ".data", absl::StrCat("has ", size, " bytes for ", row_count,
                                                        " records of ", width, " bytes")});
  }
}

void CheckBufferTexts(const v1::BufferTexts& texts, int64_t row_count, const std::string& path,
                      Violations* violations) {
  const BufferTextsView view(texts);
  const int64_t count = view.count();
  const bool whole = texts.offsets().size() % (texts.wide() ? 8 : 4) == 0;
  if (!whole || (count - 1 != row_count && (count != 0 || row_count != 0))) {
    violations->push_back({path + ".offsets", absl::StrCat("has ", texts.offsets().size(),
                                                           " bytes for ", row_count, " records")});
    return;
  }
  int64_t previous = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t offset = view.OffsetAt(i);
    if (offset < previous) {
      violations->push_back({path + ".offsets", "must not be negative and must not decrease"});
      return;
    }
    previous = offset;
  }
  const int64_t length = count == 0 ? 0 : previous - view.OffsetAt(0);
  if (length != static_cast<int64_t>(texts.data().size())) {
    violations->push_back(
        {path + ".data", absl::StrCat("has ", texts.data().size(), " bytes for offsets that span ",
                                      length, " bytes")});
  }
}

// Checks the kinds that list their values.
void CheckListed(const v1::ColumnValues& values, int64_t row_count, const std::string& path,
                 Violations* violations) {
  if (!values.nulls().empty()) {
    CheckSize(values.nulls(), row_count / 8 + (row_count % 8 + 7) / 8, row_count, path + ".nulls",
              violations);
  }
  if (values.has_validity()) {
    violations->push_back({path + ".validity", "is not used with this kind; use nulls"});
  }
  if (CountListed(values) != row_count) {
    violations->push_back(
        {path, absl::StrCat("has ", CountListed(values), " values for ", row_count, " records")});
  }
  const bool texts_fit = !values.has_texts() || LengthsFit(values.texts());
  const bool jsons_fit = !values.has_jsons() || LengthsFit(values.jsons());
  if (!texts_fit || !jsons_fit) {
    violations->push_back({path + (texts_fit ? ".jsons" : ".texts") + ".lengths",
                           "must add up to the length of data"});
  }
}

// Checks what the kinds with buffers have in common.
void CheckValidity(const v1::ColumnValues& values, int64_t row_count, const std::string& path,
                   Violations* violations) {
  if (!values.nulls().empty()) {
    violations->push_back({path + ".nulls", "is not used with this kind; use validity"});
  }
  if (values.has_validity()) {
    CheckBits(values.validity(), row_count, path + ".validity", violations);
  }
}

void CheckColumn(const v1::ColumnValues& values, int64_t row_count, const std::string& path,
                 Violations* violations) {
  switch (values.values_case()) {
    case v1::ColumnValues::kFixed:
      CheckFixed(values.fixed(), row_count, path + ".fixed", violations);
      break;
    case v1::ColumnValues::kBits:
      CheckBits(values.bits(), row_count, path + ".bits", violations);
      break;
    case v1::ColumnValues::kUtf8:
      CheckBufferTexts(values.utf8(), row_count, path + ".utf8", violations);
      break;
    case v1::ColumnValues::kJson:
      CheckBufferTexts(values.json(), row_count, path + ".json", violations);
      break;
    case v1::ColumnValues::kBinary:
      CheckBufferTexts(values.binary(), row_count, path + ".binary", violations);
      break;
    case v1::ColumnValues::kInt64S:
    case v1::ColumnValues::kDoubles:
    case v1::ColumnValues::kBools:
    case v1::ColumnValues::kTexts:
    case v1::ColumnValues::kJsons:
    case v1::ColumnValues::kTimestampsUs:
    case v1::ColumnValues::kDatesDays:
    case v1::ColumnValues::VALUES_NOT_SET:
      return CheckListed(values, row_count, path, violations);
  }
  CheckValidity(values, row_count, path, violations);
}

absl::Status InvalidRows(Violations violations) {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   "the counts or buffers of the typed rows do not match",
                   {.reason = reason::kInvalidRows, .violations = std::move(violations)});
}

}  // namespace

absl::Status CheckRowBatch(const v1::RowBatch& rows) {
  Violations violations;
  if (rows.columns_size() > kMaxColumns || rows.values_size() > kMaxColumns) {
    return InvalidRows({{"rows.columns", "must have at most 1600 entries"}});
  }
  if (rows.row_count() < 0) return InvalidRows({{"rows.row_count", "must not be negative"}});
  if (rows.row_count() > 0 && rows.columns_size() == 0) {
    violations.push_back({"rows.columns", "must not be empty if row_count is positive"});
  }
  if (rows.columns_size() != rows.values_size()) {
    violations.push_back({"rows.values", absl::StrCat("has ", rows.values_size(), " entries for ",
                                                      rows.columns_size(), " columns")});
  }
  std::set<std::string> names;
  for (int i = 0; i < rows.columns_size(); ++i) {
    if (!names.insert(rows.columns(i)).second) {
      violations.push_back({absl::StrCat("rows.columns[", i, "]"), "is listed twice"});
    }
  }
  for (int i = 0; i < rows.values_size(); ++i) {
    CheckColumn(rows.values(i), rows.row_count(), absl::StrCat("rows.values[", i, "]"),
                &violations);
  }
  return violations.empty() ? absl::OkStatus() : InvalidRows(std::move(violations));
}

}  // namespace syncline::dataflow
