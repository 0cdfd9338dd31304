// The changes that a sync makes to its table: ownership, policies, and users' types.
#include "server/model/evolution_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "base/utf8.h"
#include "tests/support/status_matchers.h"

namespace syncline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::StatusIs;
using T = ColumnType;

const TableName kTable = {"ns", "t"};

TableSchema Declared(const std::vector<std::pair<std::string, T>>& fields,
                     std::vector<std::string> key = {}) {
  TableSchema schema;
  for (const auto& [name, type] : fields) schema.columns.push_back({name, name, type, true});
  schema.primary_key = std::move(key);
  return schema;
}

TableColumn Owned(const std::string& name, const std::string& type) {
  TableColumn column;
  column.name = name;
  column.type = column.base_type = type;
  column.text_like = WithoutModifier(type) == "character varying" || type == "text";
  column.owned = true;
  return column;
}

TableColumn Users(const std::string& name, const std::string& type) {
  TableColumn column = Owned(name, type);
  column.owned = false;
  return column;
}

EvolutionInput Table(std::vector<TableColumn> columns) {
  EvolutionInput input;
  input.exists = true;
  input.columns = std::move(columns);
  input.table_bytes = 1000;
  input.max_rewrite_bytes = 1000;
  return input;
}

std::vector<std::string> Changes(const absl::StatusOr<EvolutionPlan>& plan) {
  std::vector<std::string> changes;
  if (!plan.ok()) return {plan.status().ToString()};
  for (const SchemaChange& change : plan->changes) changes.push_back(Describe(change));
  return changes;
}

// Returns "type" or "type stored as table type" for the only declared column.
std::string FinalType(const std::string& table_type, T declared, bool owned = true,
                      bool replaced = false, bool key = false) {
  EvolutionInput input = Table({owned ? Owned("v", table_type) : Users("v", table_type)});
  input.replaced = replaced;
  const auto plan = PlanEvolution(
      kTable,
      Declared({{"v", declared}}, key ? std::vector<std::string>{"v"} : std::vector<std::string>{}),
      input);
  if (!plan.ok()) return plan.status().ToString();
  const ColumnSchema& column = plan->schema.columns.front();
  std::string text(PostgresTypeName(column.type));
  if (!column.table_type.empty()) text += " stored as " + column.table_type;
  if (!plan->changes.empty()) text += " changed";
  return text;
}

TEST(EvolutionPlanTest, CreatesAMissingTableAsDeclared) {
  const auto plan = PlanEvolution(kTable, Declared({{"a", T::kBigint}}), {});
  ASSERT_OK(plan);
  ASSERT_EQ(plan->changes.size(), 1U);
  EXPECT_EQ(plan->changes[0].kind, SchemaChange::Kind::kCreateTable);
  EXPECT_EQ(plan->schema.columns.size(), 1u);
}

TEST(EvolutionPlanTest, UndeclaredColumnFollowsThePolicy) {
  EvolutionInput input = Table({Owned("a", "bigint"), Owned("old", "text"), Users("mine", "text")});
  const TableSchema declared = Declared({{"a", T::kBigint}, {"b", T::kBoolean}});
  EXPECT_THAT(Changes(PlanEvolution(kTable, declared, input)),
              ElementsAre("adds the column b boolean"));
  input.policy = SchemaPolicy::kMirror;
  EXPECT_THAT(Changes(PlanEvolution(kTable, declared, input)),
              ElementsAre("adds the column b boolean", "drops the column old text"));
  input.policy = SchemaPolicy::kFreeze;
  const absl::Status frozen = PlanEvolution(kTable, declared, input).status();
  EXPECT_THAT(frozen, StatusIs(absl::StatusCode::kFailedPrecondition, "SCHEMA_FROZEN"));
  EXPECT_EQ(GetDetail(frozen).metadata.front().second,
            "adds the column b boolean; drops the column old text");
  input.columns = {Owned("a", "bigint"), Owned("b", "boolean"), Users("mine", "text")};
  EXPECT_OK(PlanEvolution(kTable, declared, input));
}

TEST(EvolutionPlanTest, ErrorIsCutBetweenCharacters) {
  EvolutionInput input = Table({Owned("a", "bigint")});
  input.policy = SchemaPolicy::kFreeze;
  for (size_t length = 500; length < 503; ++length) {
    std::string name(length, 'n');
    for (int i = 0; i < 300; ++i) name += "\xE2\x82\xAC";
    const absl::Status frozen =
        PlanEvolution(kTable, Declared({{"a", T::kBigint}, {name, T::kBoolean}}), input).status();
    const std::string changes = GetDetail(frozen).metadata.front().second;
    EXPECT_GT(changes.size(), 1020U);
    EXPECT_LE(changes.size(), 1024U);
    EXPECT_TRUE(IsUtf8(changes)) << length;
    EXPECT_TRUE(IsUtf8(frozen.message())) << length;
  }
}

TEST(EvolutionPlanTest, UsersTypesRemain) {
  EXPECT_EQ(FinalType("character varying(20)", T::kVarchar),
            "character varying stored as character varying(20)");
  EXPECT_EQ(FinalType("numeric(10,2)", T::kNumeric), "numeric stored as numeric(10,2)");
  EXPECT_EQ(FinalType("numeric(10,2)", T::kBigint), "numeric stored as numeric(10,2)");
  EXPECT_EQ(FinalType("integer", T::kBigint), "bigint stored as integer");
  EXPECT_EQ(FinalType("double precision", T::kNumeric), "numeric stored as double precision");
  EXPECT_EQ(FinalType("uuid", T::kVarchar), "character varying stored as uuid");
  EXPECT_EQ(FinalType("timestamp(0) with time zone", T::kTimestamptz),
            "timestamp with time zone stored as timestamp(0) with time zone");
  // If the stream's values do not fit, a column of a stream changes and a user's column does not.
  EXPECT_EQ(FinalType("integer", T::kNumeric), "numeric changed");
  EXPECT_EQ(FinalType("integer", T::kNumeric, /*owned=*/false), "bigint stored as integer");
  EXPECT_EQ(FinalType("character varying(20)", T::kJsonb), "jsonb changed");
  EXPECT_EQ(FinalType("text", T::kJsonb, /*owned=*/false), "character varying stored as text");
  EXPECT_EQ(FinalType("boolean", T::kVarchar, /*owned=*/false), "boolean");
}

TEST(EvolutionPlanTest, EnumsAndDomainsCountAsTheirBaseTypes) {
  TableColumn mood = Owned("v", "ns.mood");
  mood.text_like = true;
  auto plan = PlanEvolution(kTable, Declared({{"v", T::kVarchar}}), Table({mood}));
  ASSERT_OK(plan);
  EXPECT_EQ(plan->schema.columns[0].table_type, "ns.mood");
  TableColumn money = Owned("v", "ns.money2");
  money.base_type = "numeric(10,2)";
  plan = PlanEvolution(kTable, Declared({{"v", T::kNumeric}}), Table({money}));
  ASSERT_OK(plan);
  EXPECT_EQ(plan->schema.columns[0].table_type, "ns.money2");
  EXPECT_THAT(plan->changes, IsEmpty());
}

// An extension of the sync compares it with the next declaration.
TEST(EvolutionPlanTest, KeepsTheDeclaredTypeOfCoercedColumns) {
  auto plan = PlanEvolution(kTable, Declared({{"v", T::kBigint}}), Table({Owned("v", "numeric")}));
  ASSERT_OK(plan);
  EXPECT_EQ(plan->schema.columns[0].type, T::kNumeric);
  EXPECT_EQ(plan->schema.columns[0].declared_type, T::kBigint);
  // Planning again keeps it.
  plan = PlanEvolution(kTable, plan->schema, Table({Owned("v", "numeric")}));
  ASSERT_OK(plan);
  EXPECT_EQ(plan->schema.columns[0].declared_type, T::kBigint);
  plan = PlanEvolution(kTable, Declared({{"v", T::kBigint}}), Table({Owned("v", "bigint")}));
  ASSERT_OK(plan);
  EXPECT_FALSE(plan->schema.columns[0].declared_type.has_value());
}

// Returns the stored type of a column whose type and base type are these.
std::string StoredType(const std::string& type, const std::string& base_type, T declared,
                       bool text_form) {
  TableColumn column = Owned("v", type);
  column.base_type = base_type;
  column.text_like = declared == T::kVarchar;
  column.text_form = text_form;
  const auto plan = PlanEvolution(kTable, Declared({{"v", declared}}), Table({column}));
  return plan.ok() ? plan->schema.columns[0].stored_type : plan.status().ToString();
}

TEST(EvolutionPlanTest, StoredTypeIsThatOfTheBinaryForm) {
  EXPECT_EQ(StoredType("bigint", "bigint", T::kBigint, false), "");
  EXPECT_EQ(StoredType("integer", "integer", T::kBigint, false), "");
  EXPECT_EQ(StoredType("character varying(9)", "character varying(9)", T::kVarchar, true), "");
  EXPECT_EQ(StoredType("ns.mood", "ns.mood", T::kVarchar, true), "text");
  EXPECT_EQ(StoredType("citext", "citext", T::kVarchar, true), "text");
  EXPECT_EQ(StoredType("name", "name", T::kVarchar, false), "");
  EXPECT_EQ(StoredType("ns.moods", "ns.mood", T::kVarchar, true), "text");
  EXPECT_EQ(StoredType("ns.code", "character(3)", T::kVarchar, true), "character(3)");
  EXPECT_EQ(StoredType("ns.money2", "numeric(10,2)", T::kNumeric, false), "numeric(10,2)");
  EXPECT_EQ(StoredType("ns.small", "smallint", T::kBigint, false), "smallint");
}

TEST(EvolutionPlanTest, WidenedColumnIsNotNarrowed) {
  EXPECT_EQ(FinalType("numeric", T::kBigint), "numeric");
  EXPECT_EQ(FinalType("character varying", T::kBigint), "character varying");
  EXPECT_EQ(FinalType("jsonb", T::kBoolean), "jsonb");
  EXPECT_EQ(FinalType("timestamp with time zone", T::kDate), "timestamp with time zone");
  // Text sorts differently from numbers.
  EXPECT_EQ(FinalType("character varying", T::kBigint, true, false, /*key=*/true),
            "bigint changed");
  // A replace creates the column with the declared type.
  EXPECT_EQ(FinalType("numeric", T::kBigint, true, /*replaced=*/true), "bigint changed");
  EXPECT_EQ(FinalType("numeric(10,2)", T::kBigint, true, /*replaced=*/true),
            "numeric stored as numeric(10,2)");
  EXPECT_EQ(FinalType("numeric", T::kBigint, /*owned=*/false, /*replaced=*/true), "numeric");
}

TEST(EvolutionPlanTest, RewriteIsAnnouncedAndBounded) {
  EvolutionInput input = Table({Owned("v", "bigint")});
  const TableSchema wider = Declared({{"v", T::kNumeric}});
  const auto plan = PlanEvolution(kTable, wider, input);
  ASSERT_OK(plan);
  EXPECT_TRUE(plan->changes[0].rewrites);
  EXPECT_EQ(plan->changes[0].table_bytes, 1000);
  input.table_bytes = 1001;
  const absl::Status refused = PlanEvolution(kTable, wider, input).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition, "REWRITE_TOO_LARGE"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("--max_rewrite_bytes"));
  input.replaced = true;
  EXPECT_OK(PlanEvolution(kTable, wider, input)) << "a refresh is allowed";
  input = Table({Owned("v", "text")});
  input.table_bytes = 1001;
  EXPECT_OK(PlanEvolution(kTable, Declared({{"v", T::kVarchar}}), input));
}

TEST(EvolutionPlanTest, NamesRequiredColumnsWithoutValues) {
  TableColumn strict = Users("owner", "text");
  strict.not_null = true;
  EvolutionInput input = Table({Owned("a", "bigint"), strict});
  const absl::Status refused = PlanEvolution(kTable, Declared({{"a", T::kBigint}}), input).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition, "COLUMN_NOT_FILLED"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("owner"));
  input.columns[1].filled = true;
  EXPECT_OK(PlanEvolution(kTable, Declared({{"a", T::kBigint}}), input));
  input.columns[1].filled = false;
  EXPECT_OK(PlanEvolution(kTable, Declared({{"a", T::kBigint}, {"owner", T::kVarchar}}), input));
  input.columns[1] = Users("twice", "bigint");
  input.columns[1].generated = input.columns[1].filled = true;
  EXPECT_THAT(PlanEvolution(kTable, Declared({{"twice", T::kBigint}}), input),
              StatusIs(absl::StatusCode::kFailedPrecondition, "COLUMN_GENERATED"));
  EXPECT_OK(PlanEvolution(kTable, Declared({{"a", T::kBigint}}), input));
}

TEST(EvolutionPlanTest, InferredSchemaUsesTheTablesTypes) {
  EvolutionInput input = Table({Owned("id", "bigint"), Owned("email", "character varying")});
  input.inferred = true;
  input.policy = SchemaPolicy::kMirror;
  const auto plan =
      PlanEvolution(kTable, Declared({{"id", T::kVarchar}, {"new", T::kDate}}), input);
  ASSERT_OK(plan);
  EXPECT_EQ(plan->schema.columns[0].type, T::kBigint);
  EXPECT_THAT(Changes(plan), ElementsAre("adds the column new date"));
  const absl::Status none = PlanEvolution(kTable, Declared({{"x", T::kDate}}), input).status();
  EXPECT_THAT(none, StatusIs(absl::StatusCode::kFailedPrecondition, "NO_SHARED_COLUMN"));
  EXPECT_THAT(std::string(none.message()), HasSubstr("id, email and the input has the columns x"));
}

}  // namespace
}  // namespace syncline
