// Compares the service's path of a record (Aggregate, InsertBuffer, binary COPY) with a plain one:
// texts known in advance, in parameterized INSERTs. The two tables must be equal, including changes
// in `_airbyte_meta` and rejected records.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/free_list.h"
#include "gtest/gtest.h"
#include "server/dataflow/aggregate_factory.h"
#include "server/postgres/connection/connection_pool.h"
#include "server/postgres/ledger/ledger_migration.h"
#include "server/write/stream_state_store.h"
#include "tests/component/flush_all.h"
#include "tests/component/ledger_fixture.h"
#include "tests/component/reference_values.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/random_seed.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

constexpr int64_t kRecords = 100000;
constexpr int64_t kBatch = 2000;
// Represents NULL in the parameters. No generated text contains it.
constexpr char kNull[] = "<NULL>";
constexpr int64_t kEmittedAtMs = 1700000000123;

struct Column {
  const char* name;
  ColumnType type;
  JsonShape shape = JsonShape::kAny;
};
constexpr Column kColumns[] = {
    {"text", ColumnType::kVarchar},
    {"number", ColumnType::kNumeric},
    {"integer", ColumnType::kBigint},
    {"boolean", ColumnType::kBoolean},
    {"day", ColumnType::kDate},
    {"moment", ColumnType::kTimestamptz},
    {"local", ColumnType::kTimestamp},
    {"clock_zone", ColumnType::kTimetz},
    {"clock", ColumnType::kTime},
    {"any", ColumnType::kJsonb},
    {"object", ColumnType::kJsonb, JsonShape::kObject},
    {"list", ColumnType::kJsonb, JsonShape::kArray},
    {"bytes", ColumnType::kBytea},
};

class CoercionDifferentialTest : public LedgerFixture {
 protected:
  void SetUp() override {
    LedgerFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Execute("SET timezone = 'UTC'");
    std::vector<std::string> columns = {
        "_airbyte_raw_id varchar NOT NULL", "_airbyte_extracted_at timestamptz NOT NULL",
        "_airbyte_meta jsonb NOT NULL", "_airbyte_generation_id bigint NOT NULL", "n bigint"};
    plan_.schema.columns.push_back({"n", "n", ColumnType::kBigint});
    for (const Column& column : kColumns) {
      plan_.schema.columns.push_back({column.name, column.name, column.type, true, column.shape});
      columns.push_back(absl::StrCat("\"", column.name, "\" ", PostgresTypeName(column.type)));
    }
    for (const char* table : {"loaded", "reference"}) {
      Execute(absl::StrCat("CREATE TABLE ", Table(table), " (", absl::StrJoin(columns, ", "), ")"));
    }
    plan_.table = {schema(), "loaded"};
    plan_.temp_table = {schema(), "unused"};
    plan_.descriptor = {schema(), "loaded"};
    plan_.generation_id = 3;
    plan_.airbyte_sync_id = 7;
    context_.connections = connections_.get();
    context_.committer = committer_.get();
    context_.blocks = &blocks_;
    context_.locked = &locked_;
    context_.stopping = [] { return true; };
    OpenAggregate();
  }

  void OpenAggregate() {
    SyncEntry sync;
    sync.sync_id = "differential";
    sync.streams.emplace_back();
    sync.streams[0].plan = plan_;
    ASSERT_OK(database().Transact([&](postgres::Transaction& transaction) -> absl::Status {
      const absl::Status inserted = ledger_->InsertSync(transaction, &sync);
      return inserted.ok() ? ledger_->MarkRunning(transaction, sync.sync_no) : inserted;
    }));
    plan_ = sync.streams[0].plan;
    write::StreamStateStore store(&database(), connections_.get(), ledger_.get(), "differential");
    ASSERT_OK_AND_ASSIGN(const ClaimedWriter claimed,
                         store.ClaimWriter(sync.sync_no, plan_.stream_no, ""));
    aggregate_ = dataflow::AggregateFactory(&context_, 16 << 20)
                     .Create(plan_, sync.sync_id, claimed.claim, claimed.committed);
  }

  // Appends record `n` to `lines`, and its expected values to the parameters of the INSERT.
  void AddRecord(int64_t n) {
    if (values_.Chance(50)) return AddInvalid(n);
    std::vector<std::string> fields = {absl::StrCat("\"n\":", n)};
    std::vector<std::string> changes;
    for (size_t i = 0; i < std::size(kColumns); ++i) {
      const Column& column = kColumns[i];
      const ReferenceValue value = values_.Next(column.type, column.shape);
      buffers_[i].push_back(value.text.value_or(kNull));
      if (!value.json.empty()) {
        fields.push_back(absl::StrCat("\"", column.name, "\" : ", value.json));
      }
      if (!value.change.empty()) {
        changes.push_back(absl::StrCat(R"({"field":")", column.name, R"(","change":")",
                                       value.change, R"(","reason":")", value.reason, "\"}"));
      }
    }
    if (values_.Chance(10)) fields.push_back(R"("undeclared":{"x":[1,"\ud83d\ude00"]})");
    std::shuffle(fields.begin(), fields.end(), values_.random());
    absl::StrAppend(&lines_, "{", absl::StrJoin(fields, ","), "}\n");
    numbers_.push_back(absl::StrCat(n));
    metas_.push_back(
        absl::StrCat(R"({"sync_id":7,"changes":[)", absl::StrJoin(changes, ","), "]}"));
  }

  void AddInvalid(int64_t n) {
    const auto [line, reason] = values_.OneOf<std::pair<std::string, std::string>>({
        {"", "INVALID_JSON"},
        {"no json", "INVALID_JSON"},
        {"{\"n\":1", "INVALID_JSON"},
        {"{\"n\":1}}", "INVALID_JSON"},
        {"{\"text\":nul}", "INVALID_JSON"},
        {"{\"undeclared\":[1,]}", "INVALID_JSON"},
        {"{\"number\":01}", "INVALID_JSON"},
        {"[1]", "NOT_AN_OBJECT"},
        {"null", "NOT_AN_OBJECT"},
        {"17", "NOT_AN_OBJECT"},
        {"{\"text\":\"\xff\"}", "INVALID_UTF8"},
        {"{\"text\":\"\xed\xa0\x80\"}", "INVALID_UTF8"},
    });
    absl::StrAppend(&lines_, line, "\n");
    rejected_.push_back(absl::StrCat(n, " ", reason));
  }

  void LoadBatch(int64_t first) {
    dataflow::Batch batch;
    batch.records = std::make_unique<v1::RecordBatch>();
    batch.records->set_first_offset(first);
    batch.records->set_emitted_at_ms(kEmittedAtMs);
    batch.records->set_jsonl(std::exchange(lines_, ""));
    batch.offsets = {first, first + kBatch};
    batch.wanted_from = first;
    ASSERT_OK_AND_ASSIGN(const dataflow::Accepted accepted,
                         aggregate_->Accept(&batch, int64_t{1} << 40));
    EXPECT_EQ(accepted.skipped, 0);
    ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, FlushAll(*aggregate_));
    EXPECT_EQ(flushed.rows, static_cast<int64_t>(numbers_.size()));
    EXPECT_EQ(flushed.durable_offset, first + kBatch);
  }

  void InsertReference(postgres::Connection& connection) {
    std::string select = "SELECT '', to_timestamp($1::bigint / 1000.0), m::jsonb, 3, n::bigint";
    std::string arrays = "$2::text[], $3::text[]";
    std::string names = "n, m";
    postgres::Params params;
    params.Int(kEmittedAtMs)
        .TextArray(std::exchange(numbers_, {}))
        .TextArray(std::exchange(metas_, {}));
    for (size_t i = 0; i < std::size(kColumns); ++i) {
      absl::StrAppend(&select, ", nullif(c", i, ", '", kNull,
                      "')::", PostgresTypeName(kColumns[i].type));
      absl::StrAppend(&arrays, ", $", i + 4, "::text[]");
      absl::StrAppend(&names, ", c", i);
      params.TextArray(std::exchange(buffers_[i], {}));
    }
    ASSERT_OK(connection.Query(absl::StrCat("INSERT INTO ", Table("reference"), " ", select,
                                            " FROM unnest(", arrays, ") AS r (", names, ")"),
                               params));
  }

  // Rows of `table` with every value as text, so that 1.5 differs from 1.50.
  std::string SelectAll(absl::string_view table) const {
    std::vector<std::string> columns = {"n", "_airbyte_extracted_at", "_airbyte_meta",
                                        "_airbyte_generation_id"};
    for (const Column& column : kColumns) {
      columns.push_back(absl::StrCat("\"", column.name, "\"::text"));
    }
    return absl::StrCat("SELECT ", absl::StrJoin(columns, ", "), " FROM ", Table(table));
  }

  void ExpectContains(absl::string_view all, absl::string_view some) {
    const auto missing = QueryText(absl::StrCat("SELECT * FROM (", SelectAll(some), " EXCEPT ALL ",
                                                SelectAll(all), ") AS missing ORDER BY n LIMIT 3"));
    for (const auto& row : missing) {
      ADD_FAILURE() << all << " lacks what " << some << " has: " << absl::StrJoin(row, " | ");
    }
  }

  StreamPlan plan_;
  FreeBlocks blocks_{1 << 20};
  write::LockedTables locked_{1};
  write::LoadContext context_;
  std::unique_ptr<dataflow::Aggregate> aggregate_;

  ReferenceValues values_{RandomSeed()};
  std::string lines_;
  std::vector<std::string> numbers_;
  std::vector<std::string> metas_;
  std::vector<std::string> buffers_[std::size(kColumns)];
  std::vector<std::string> rejected_;
};

TEST_F(CoercionDifferentialTest, LoadedTableEqualsReference) {
  const std::unique_ptr<postgres::Connection> connection = Connect();
  ASSERT_NE(connection, nullptr);
  ASSERT_OK(connection->Execute("SET timezone = 'UTC'"));
  for (int64_t first = 0; first < kRecords && !HasFatalFailure(); first += kBatch) {
    for (int64_t n = first; n < first + kBatch; ++n) AddRecord(n);
    LoadBatch(first);
    InsertReference(*connection);
  }
  ExpectContains("loaded", "reference");
  ExpectContains("reference", "loaded");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(DISTINCT _airbyte_raw_id) FROM ", Table("loaded"))),
            kRecords - static_cast<int64_t>(rejected_.size()));
  // Both kinds of changes must occur.
  for (const char* change : {"NULLED", "TRUNCATED"}) {
    EXPECT_GT(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("loaded"),
                                    " WHERE _airbyte_meta->'changes' @> '[{\"change\":\"", change,
                                    "\"}]'")),
              kRecords / 20)
        << change;
  }
  std::vector<std::string> rejected;
  for (const auto& row :
       QueryText(absl::StrCat("SELECT \"offset\" || ' ' || reason FROM ", Table("rejected_record"),
                              " ORDER BY \"offset\""))) {
    rejected.push_back(row[0]);
  }
  EXPECT_EQ(rejected, rejected_);
}

}  // namespace
}  // namespace syncline::testing
