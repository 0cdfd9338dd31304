// Compares arrays that are framed around encoded rows with what PostgreSQL's array_send returns.
#include "server/postgres/copy/array_frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "base/byte_buffer.h"
#include "server/model/raw_id.h"
#include "server/model/value.h"
#include "server/postgres/copy/row_encoder.h"

namespace syncline::postgres {
namespace {

using ::testing::ElementsAre;

TableSchema Schema(std::vector<ColumnSchema> columns) {
  TableSchema schema;
  schema.columns = std::move(columns);
  return schema;
}

ColumnSchema Column(ColumnType type, const std::string& table_type = "") {
  ColumnSchema column;
  column.type = type;
  column.table_type = table_type;
  return column;
}

std::vector<std::string> GetNames(const TableSchema& schema) {
  std::vector<std::string> names;
  for (const ElementType& type : GetElementTypes(schema)) names.emplace_back(type.name);
  return names;
}

std::string Hex(absl::string_view bytes) { return absl::BytesToHexString(bytes); }

TEST(ArrayFrameTest, MetaColumnsAreThoseOfTheTable) {
  TableSchema schema = Schema({Column(ColumnType::kBoolean)});
  EXPECT_THAT(GetNames(schema), ElementsAre("varchar", "timestamptz", "jsonb", "int8", "bool"));
  schema.meta = TableMeta::kCompact;
  EXPECT_THAT(GetNames(schema), ElementsAre("int8", "bool"));
  schema.meta = TableMeta::kNone;
  EXPECT_THAT(GetNames(schema), ElementsAre("bool"));
}

// SELECT array_send(ARRAY[7,NULL]::int8[]), array_send(ARRAY['a','']::varchar[])
TEST(ArrayFrameTest, MatchesPostgres) {
  const TableSchema schema = Schema({Column(ColumnType::kBigint), Column(ColumnType::kVarchar)});
  const RowEncoder encoder(schema, RawIdGenerator("sync", {"", "t"}, "w"), 3);
  std::vector<ByteBuffer> blocks(1);
  AppendCopyHeader(&blocks[0]);
  encoder.AppendRow({0, 0, "{}"}, {Value::Scalar(7), Value::Text("a")}, &blocks[0]);
  blocks.emplace_back();  // rows of one array may lie in several blocks
  encoder.AppendRow({1, 0, "{}"}, {Value::Null(), Value::Text("")}, &blocks[1]);
  const std::vector<std::optional<std::string>> arrays =
      FrameRows(blocks, 2, GetElementTypes(schema));
  ASSERT_EQ(arrays.size(), 6u);
  EXPECT_EQ(Hex(arrays[3].value()),
            absl::StrReplaceAll("00000001 00000001 00000014 00000002 00000001 "
                                "00000008 0000000000000003 00000008 0000000000000003",
                                {{" ", ""}}));
  EXPECT_EQ(Hex(arrays[4].value()),
            absl::StrReplaceAll("00000001 00000001 00000014 00000002 00000001 "
                                "00000008 0000000000000007 ffffffff",
                                {{" ", ""}}));
  // array_send says 0 where no element is NULL; array_recv accepts both.
  EXPECT_EQ(Hex(arrays[5].value()),
            absl::StrReplaceAll("00000001 00000001 00000413 00000002 00000001 "
                                "00000001 61 00000000",
                                {{" ", ""}}));
}

TEST(ArrayFrameTest, SingleRowHasFieldsInsteadOfArrays) {
  const TableSchema schema = Schema(
      {Column(ColumnType::kBigint), Column(ColumnType::kVarchar), Column(ColumnType::kVarchar)});
  const RowEncoder encoder(schema, RawIdGenerator("sync", {"", "t"}, "w"), 3);
  ByteBuffer row;
  encoder.AppendRow({0, 0, "{}"}, {Value::Scalar(7), Value::Null(), Value::Text("")}, &row);
  ByteBuffer header;
  AppendCopyHeader(&header);
  ByteBuffer both;
  AppendCopyHeader(&both);
  both.Append(row.view());
  std::vector<std::vector<ByteBuffer>> cases(2);
  cases[0].push_back(std::move(both));
  cases[1].push_back(std::move(header));
  cases[1].push_back(std::move(row));
  for (const std::vector<ByteBuffer>& blocks : cases) {
    const std::vector<std::optional<std::string>> fields =
        FrameRows(blocks, 1, GetElementTypes(schema));
    ASSERT_EQ(fields.size(), 7u);
    EXPECT_EQ(Hex(fields[3].value()), "0000000000000003");
    EXPECT_EQ(Hex(fields[4].value()), "0000000000000007");
    EXPECT_EQ(fields[5], std::nullopt);
    EXPECT_EQ(fields[6], "");
  }
}

TEST(ArrayFrameTest, NamesTheTypesOfTheFields) {
  EXPECT_THAT(GetNames(Schema({})), ElementsAre("varchar", "timestamptz", "jsonb", "int8"));
  const TableSchema users =
      Schema({Column(ColumnType::kVarchar, "text"), Column(ColumnType::kVarchar, "character(3)"),
              Column(ColumnType::kVarchar, "uuid"), Column(ColumnType::kBigint, "smallint"),
              Column(ColumnType::kBigint, "integer"), Column(ColumnType::kBigint, "real"),
              Column(ColumnType::kNumeric, "double precision"), Column(ColumnType::kJsonb, "json"),
              Column(ColumnType::kNumeric, "numeric(10,2)"),
              Column(ColumnType::kTimestamptz, "timestamp(3) with time zone")});
  ASSERT_EQ(CopyFormatFor(users), CopyFormat::kBinary);
  std::vector<std::string> names = GetNames(users);
  names.erase(names.begin(), names.begin() + 4);
  EXPECT_THAT(names, ElementsAre("text", "bpchar", "uuid", "int2", "int4", "float4", "float8",
                                 "json", "numeric", "timestamptz"));
}

}  // namespace
}  // namespace syncline::postgres
