#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/base/error.h"
#include "server/dataflow/json_schema.h"

namespace syncline::dataflow {
namespace {

TEST(JsonSchemaTest, MapsTypes) {
  const std::vector<std::pair<std::string, ColumnType>> cases = {
      {R"({"type":"string"})", ColumnType::kVarchar},
      {R"({"type":["null","string"]})", ColumnType::kVarchar},
      {R"({"type":["string"]})", ColumnType::kVarchar},
      {R"({"type":"string","format":"uuid"})", ColumnType::kVarchar},
      {R"({"type":"number"})", ColumnType::kNumeric},
      {R"({"type":"number","airbyte_type":"integer"})", ColumnType::kBigint},
      {R"({"type":"integer"})", ColumnType::kBigint},
      {R"({"type":["integer","null"],"airbyte_type":"integer"})", ColumnType::kBigint},
      {R"({"type":"boolean"})", ColumnType::kBoolean},
      {R"({"type":"string","format":"date"})", ColumnType::kDate},
      {R"({"type":"string","format":"date-time"})", ColumnType::kTimestamptz},
      {R"({"type":["null","string"],"format":"date-time","airbyte_type":"timestamp_with_timezone"})",
       ColumnType::kTimestamptz},
      {R"({"type":["null","string"],"format":"date-time","airbyte_type":"timestamp_without_timezone"})",
       ColumnType::kTimestamp},
      {R"({"type":"string","airbyte_type":"timestamp_without_timezone"})", ColumnType::kTimestamp},
      {R"({"type":"string","format":"time"})", ColumnType::kTime},
      {R"({"type":"string","format":"time","airbyte_type":"time_without_timezone"})",
       ColumnType::kTime},
      {R"({"type":"string","format":"time","airbyte_type":"time_with_timezone"})",
       ColumnType::kTimetz},
      {R"({"oneOf":[{"type":"null"},{"type":"integer"}]})", ColumnType::kBigint},
      {R"({"anyOf":[{"type":"string","format":"date"},{"type":"null"}]})", ColumnType::kDate},
      {R"({"oneOf":[{"oneOf":[{"type":"boolean"}]}]})", ColumnType::kBoolean},
      {R"({"oneOf":[{"type":"string"},{"type":"integer"}]})", ColumnType::kJsonb},
      {R"({"oneOf":[{"type":"null"}]})", ColumnType::kJsonb},
      {R"({"oneOf":[]})", ColumnType::kJsonb},
      {R"({"type":["string","integer"]})", ColumnType::kJsonb},
      {R"({"type":"null"})", ColumnType::kJsonb},
      {R"({"type":[]})", ColumnType::kJsonb},
      {R"({"type":"geometry"})", ColumnType::kJsonb},
      {R"({"type":5})", ColumnType::kJsonb},
      {R"({})", ColumnType::kJsonb},
      {"true", ColumnType::kJsonb},
      {R"({"type":"object"})", ColumnType::kJsonb},
      {R"({"type":["null","array"],"items":{"type":"string"}})", ColumnType::kJsonb},
  };
  for (const auto& [property, type] : cases) {
    const auto fields = ParseJsonSchema(absl::StrCat(R"({"properties":{"f":)", property, "}}"));
    ASSERT_TRUE(fields.ok()) << property;
    ASSERT_EQ(fields->size(), 1u);
    EXPECT_EQ(fields->front().name, "f");
    EXPECT_EQ(PostgresTypeName(fields->front().type), PostgresTypeName(type)) << property;
  }
}

TEST(JsonSchemaTest, TellsObjectsArraysAndUnionsApart) {
  const auto fields = ParseJsonSchema(
      R"({"type":"object","properties":{"o":{"type":"object"},"a":{"type":["array","null"]},)"
      R"("u":{"type":["array","object"]},"x":{},"s":{"type":"string"}}})");
  ASSERT_TRUE(fields.ok());
  ASSERT_EQ(fields->size(), 5u);
  EXPECT_EQ((*fields)[0].json_shape, JsonShape::kObject);
  EXPECT_EQ((*fields)[1].json_shape, JsonShape::kArray);
  for (size_t i : {2u, 3u, 4u}) EXPECT_EQ((*fields)[i].json_shape, JsonShape::kAny);
}

TEST(JsonSchemaTest, KeepsOrderAndTheLastOfEqualNames) {
  const auto fields = ParseJsonSchema(
      R"({"properties":{"z":{"type":"string"},"\u0061":{"type":"integer"},"z":{"type":"boolean"}}})");
  ASSERT_TRUE(fields.ok());
  ASSERT_EQ(fields->size(), 2u);
  EXPECT_EQ((*fields)[0].name, "z");
  EXPECT_EQ((*fields)[0].type, ColumnType::kBoolean);
  EXPECT_EQ((*fields)[1].name, "a");
}

TEST(JsonSchemaTest, RefusesWhatIsNoSchema) {
  for (const char* text :
       {"", "{", "[]", "\"x\"", "{}", R"({"properties":{}})", R"({"properties":[]})",
        R"({"properties":null})", "{\"properties\":{\"a\":{}}} x", "{\"\xff\":1}"}) {
    const auto fields = ParseJsonSchema(text);
    ASSERT_FALSE(fields.ok()) << text;
    EXPECT_EQ(fields.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ReasonOf(fields.status()), "INVALID_SCHEMA") << text;
  }
}

TEST(JsonSchemaTest, LimitsColumns) {
  const auto schema = [](int columns) {
    std::string text = R"({"properties":{)";
    for (int i = 0; i < columns; ++i) absl::StrAppend(&text, i == 0 ? "" : ",", "\"c", i, "\":{}");
    return text + "}}";
  };
  const auto most = ParseJsonSchema(schema(1596));
  ASSERT_TRUE(most.ok());
  EXPECT_EQ(most->size(), 1596u);
  const auto beyond = ParseJsonSchema(schema(1597));
  EXPECT_EQ(beyond.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(beyond.status()), "TOO_MANY_COLUMNS");
}

}  // namespace
}  // namespace syncline::dataflow
