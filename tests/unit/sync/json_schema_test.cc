#include "server/sync/json_schema.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "gtest/gtest.h"

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

TEST(JsonSchemaTest, DistinguishesObjectsArraysAndUnions) {
  const auto fields = ParseJsonSchema(
      R"({"type":"object","properties":{"o":{"type":"object"},"a":{"type":["array","null"]},)"
      R"("u":{"type":["array","object"]},"x":{},"s":{"type":"string"}}})");
  ASSERT_TRUE(fields.ok());
  ASSERT_EQ(fields->size(), 5u);
  EXPECT_EQ((*fields)[0].json_shape, JsonShape::kObject);
  EXPECT_EQ((*fields)[1].json_shape, JsonShape::kArray);
  for (size_t i : {2u, 3u, 4u}) EXPECT_EQ((*fields)[i].json_shape, JsonShape::kAny);
}

TEST(JsonSchemaTest, KeepsOrderAndLastOfEqualNames) {
  const auto fields = ParseJsonSchema(
      R"({"properties":{"z":{"type":"string"},"\u0061":{"type":"integer"},"z":{"type":"boolean"}}})");
  ASSERT_TRUE(fields.ok());
  ASSERT_EQ(fields->size(), 2u);
  EXPECT_EQ((*fields)[0].name, "z");
  EXPECT_EQ((*fields)[0].type, ColumnType::kBoolean);
  EXPECT_EQ((*fields)[1].name, "a");
}

TEST(JsonSchemaTest, RefusesInvalidSchemas) {
  for (const char* text : {"", "{", "[]", "\"x\"", R"({"properties":[]})", R"({"properties":"x"})",
                           "{\"properties\":{\"a\":{}}} x", "{\"\xff\":1}"}) {
    const auto fields = ParseJsonSchema(text);
    ASSERT_FALSE(fields.ok()) << text;
    EXPECT_EQ(fields.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(GetReason(fields.status()), "INVALID_SCHEMA") << text;
  }
}

TEST(JsonSchemaTest, AcceptsNoProperties) {
  for (const char* text :
       {"{}", R"({"type":"object"})", R"({"properties":{}})", R"({"properties":null})",
        R"({"type":"object","additionalProperties":true})", R"({"$ref":"#/definitions/none"})"}) {
    const auto fields = ParseJsonSchema(text);
    ASSERT_TRUE(fields.ok()) << text << fields.status();
    EXPECT_TRUE(fields->empty()) << text;
  }
}

// Returns the type of the property "f" of `schema`.
std::string TypeOf(const std::string& schema) {
  const auto fields = ParseJsonSchema(schema);
  EXPECT_TRUE(fields.ok()) << schema << fields.status();
  if (!fields.ok() || fields->size() != 1) return "";
  return std::string(PostgresTypeName(fields->front().type));
}

TEST(JsonSchemaTest, FollowsLocalReferencesAndSingleMembers) {
  const std::string definitions =
      R"("definitions":{"day":{"type":"string","format":"date"},"a/b":{"$ref":"#/$defs/n"},)"
      R"("loop":{"$ref":"#/definitions/loop"},"many":{"oneOf":[{"$ref":"#/definitions/many"},)"
      R"({"$ref":"#/definitions/many"}]}},"$defs":{"n":{"type":["null","number"]}})";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"$ref":"#/definitions/day"})", "date"},
      {R"({"$ref":"#/definitions/a~1b"})", "numeric"},
      {R"({"allOf":[{"$ref":"#/definitions/day"}],"description":"x"})", "date"},
      {R"({"oneOf":[{"type":"null"},{"$ref":"#/$defs/n"}]})", "numeric"},
      {R"({"type":"integer","allOf":[{"type":"string"}]})", "bigint"},
      {R"({"allOf":[{"type":"string"},{"maxLength":5}]})", "jsonb"},
      {R"({"$ref":"#/definitions/none"})", "jsonb"},
      {R"({"$ref":"https://example.com/day.json"})", "jsonb"},
      {R"({"$ref":"#/definitions/loop"})", "jsonb"},
      {R"({"$ref":"#/definitions/many"})", "jsonb"},
      {R"({"$ref":7,"type":"boolean"})", "boolean"},
  };
  for (const auto& [property, type] : cases) {
    EXPECT_EQ(TypeOf(absl::StrCat("{", definitions, R"(,"properties":{"f":)", property, "}}")),
              type)
        << property;
  }
  EXPECT_EQ(
      TypeOf(R"({"$ref":"#/$defs/row","$defs":{"row":{"properties":{"f":{"type":"boolean"}}}}})"),
      "boolean");
  EXPECT_EQ(TypeOf(R"({"allOf":[{"properties":{"f":{"type":"boolean"}}}]})"), "boolean");
}

TEST(JsonSchemaTest, UnionsOfStringsAndOfNumbersHaveACommonType) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"oneOf":[{"type":"string"},{"type":"string","format":"date"}]})", "character varying"},
      {R"({"anyOf":[{"type":"string","format":"date"},{"type":"string","format":"date-time"}]})",
       "character varying"},
      {R"({"oneOf":[{"type":"string","format":"date"},{"type":["null","string"],"format":"date"}]})",
       "date"},
      {R"({"oneOf":[{"type":"integer"},{"type":"number"},{"type":"null"}]})", "numeric"},
      {R"({"oneOf":[{"type":"integer"},{"type":"integer","minimum":1}]})", "bigint"},
      {R"({"type":["integer","number"]})", "numeric"},
      {R"({"type":["null","number","integer","string"]})", "jsonb"},
      {R"({"oneOf":[{"type":"boolean"},{"type":"boolean"}]})", "jsonb"},
      {R"({"oneOf":[{"type":"object"},{"type":"string"}]})", "jsonb"},
      {R"({"oneOf":[{"type":"string"},{}]})", "jsonb"},
  };
  for (const auto& [property, type] : cases) {
    EXPECT_EQ(TypeOf(absl::StrCat(R"({"properties":{"f":)", property, "}}")), type) << property;
  }
}

TEST(JsonSchemaTest, IntegersBeyondBigintAreNumeric) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"type":"integer","maximum":9223372036854775807})", "bigint"},
      {R"({"type":"integer","maximum":9223372036854775808})", "numeric"},
      {R"({"type":"integer","exclusiveMaximum":9223372036854775808})", "bigint"},
      {R"({"type":"integer","exclusiveMaximum":9223372036854775809})", "numeric"},
      {R"({"type":"integer","maximum":18446744073709551615})", "numeric"},
      {R"({"type":"integer","maximum":100000000000000000000000})", "numeric"},
      {R"({"type":"integer","maximum":1e30})", "numeric"},
      {R"({"type":"integer","minimum":-9223372036854775808})", "bigint"},
      {R"({"type":"integer","minimum":-100000000000000000000000,"title":"1\"11111111111111111111"})",
       "numeric"},
      {R"({"type":"integer","maximum":10.5})", "bigint"},
      {R"({"type":["null","integer"],"airbyte_type":"big_integer"})", "numeric"},
      {R"({"type":"string","airbyte_type":"big_integer"})", "numeric"},
      {R"({"type":"number","airbyte_type":"integer","maximum":1e19})", "numeric"},
  };
  for (const auto& [property, type] : cases) {
    EXPECT_EQ(TypeOf(absl::StrCat(R"({"properties":{"f":)", property, "}}")), type) << property;
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
  EXPECT_EQ(GetReason(beyond.status()), "TOO_MANY_COLUMNS");
}

}  // namespace
}  // namespace syncline::dataflow
