// Blocks that are sent without _airbyte_meta store what whole blocks store, whatever the default of
// the column is by then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/model/plain_meta.h"
#include "server/write/load/insert_buffer.h"
#include "tests/component/flush_all.h"
#include "tests/component/write_path_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline {
namespace {

using ::testing::ElementsAre;
using testing::FlushAll;

constexpr char kChanged[] = R"({"sync_id":0,"changes":[{"field":"id","change":"NULLED"}]})";
// A block of this many rows is too large for one statement.
constexpr int64_t kBlock = 2000;

class MetaOmissionTest : public testing::WritePathTest {
 protected:
  void SetUp() override {
    WritePathTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Execute(absl::StrCat(
        "CREATE TABLE ", Table("seen"), " (n serial, sql text); CREATE FUNCTION ", schema(),
        ".see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO ", Table("seen"),
        " (sql) VALUES (current_query()); RETURN NULL; END $$; CREATE TRIGGER see AFTER INSERT ON ",
        Table("t"), " FOR EACH STATEMENT EXECUTE FUNCTION ", schema(), ".see()"));
    claim_ = Claim("w").claim;
  }

  // Appends records [begin, end), of which `changed` has a change.
  void Append(write::InsertBuffer& buffer, int64_t begin, int64_t end, int64_t changed = -1) {
    const std::string plain = MakePlainMeta(plan_.airbyte_sync_id);
    for (int64_t offset = begin; offset < end; ++offset) {
      buffer.Append({offset, 0, offset == changed ? kChanged : absl::string_view(plain)},
                    {Value::Scalar(offset)});
    }
    buffer.Cover({begin, end}, 0);
  }

  // For each COPY that was committed, whether it had the column.
  std::vector<bool> WholeCopies() {
    std::vector<bool> whole;
    for (const auto& row :
         QueryText(absl::StrCat("SELECT sql FROM ", Table("seen"), " ORDER BY n"))) {
      EXPECT_TRUE(absl::StrContains(row[0], "COPY ")) << row[0];
      whole.push_back(absl::StrContains(row[0], "_airbyte_meta"));
    }
    return whole;
  }

  int64_t CountMeta(absl::string_view meta) {
    return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("t"), " WHERE _airbyte_meta = '",
                                 meta, "'::jsonb"));
  }
  void ExpectRows(int64_t plain, int64_t changed) {
    EXPECT_EQ(CountMeta(MakePlainMeta(plan_.airbyte_sync_id)), plain);
    EXPECT_EQ(CountMeta(kChanged), changed);
    EXPECT_EQ(Rows(), plain + changed);
    EXPECT_EQ(DistinctRows(), plain + changed);
    EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(DISTINCT _airbyte_raw_id) FROM ", Table("t"))),
              plain + changed);
  }
  void SetDefault(absl::string_view sql) {
    Execute(absl::StrCat("ALTER TABLE ", Table("t"), " ALTER COLUMN _airbyte_meta ", sql));
  }

  WriterClaim claim_;
};

TEST_F(MetaOmissionTest, RowsWithoutChangesGetTheDefault) {
  ASSERT_TRUE(plan_.meta_default);
  write::InsertBuffer buffer(&load_, plan_, "sync", claim_);
  Append(buffer, 0, kBlock);
  const int64_t bytes = buffer.bytes();
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, FlushAll(buffer));
  EXPECT_EQ(flushed.rows, kBlock);
  EXPECT_EQ(flushed.durable_offset, kBlock);
  EXPECT_THAT(WholeCopies(), ElementsAre(false));
  ExpectRows(kBlock, 0);
  // The size is that of whole rows, so that a block that becomes whole does not grow.
  StreamPlan whole = plan_;
  whole.meta_default = false;
  write::InsertBuffer other(&load_, whole, "sync", claim_);
  Append(other, 0, kBlock);
  EXPECT_EQ(other.bytes(), bytes);
}

TEST_F(MetaOmissionTest, OneChangeMakesTheBlockWhole) {
  for (const int64_t changed : {int64_t{0}, kBlock / 2, kBlock - 1}) {
    Execute(absl::StrCat("TRUNCATE ", Table("t"), ", ", Table("seen")));
    const WriterClaim claim = Claim(absl::StrCat("w", changed)).claim;
    write::InsertBuffer buffer(&load_, plan_, "sync", claim);
    Append(buffer, 0, kBlock, changed);
    ASSERT_OK(FlushAll(buffer));
    EXPECT_THAT(WholeCopies(), ElementsAre(true));
    ExpectRows(kBlock - 1, 1);
  }
}

// A stream with changes in every block would be encoded twice.
TEST_F(MetaOmissionTest, BlockAfterOneWithChangesIsWhole) {
  write::InsertBuffer buffer(&load_, plan_, "sync", claim_);
  Append(buffer, 0, kBlock, 1);
  ASSERT_OK(FlushAll(buffer));
  Append(buffer, kBlock, 2 * kBlock);
  ASSERT_OK(FlushAll(buffer));
  Append(buffer, 2 * kBlock, 3 * kBlock);
  ASSERT_OK(FlushAll(buffer));
  EXPECT_THAT(WholeCopies(), ElementsAre(true, true, false));
  ExpectRows(3 * kBlock - 1, 1);
}

TEST_F(MetaOmissionTest, SmallBlockIsWhole) {
  write::InsertBuffer buffer(&load_, plan_, "sync", claim_);
  Append(buffer, 0, 10);
  ASSERT_OK(FlushAll(buffer));
  EXPECT_THAT(WholeCopies(), ElementsAre(true));
  ExpectRows(10, 0);
}

// Another default must not get into a row, and no row may be refused because there is none.
TEST_F(MetaOmissionTest, AnotherDefaultIsNoticed) {
  for (const char* sql :
       {"SET DEFAULT '{\"sync_id\":1,\"changes\":[]}'", "SET DEFAULT '{}'", "DROP DEFAULT"}) {
    SCOPED_TRACE(sql);
    Execute(absl::StrCat("TRUNCATE ", Table("t"), ", ", Table("seen")));
    const WriterClaim claim = Claim(sql).claim;
    write::InsertBuffer buffer(&load_, plan_, "sync", claim);
    SetDefault(sql);
    Append(buffer, 0, kBlock);
    ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, FlushAll(buffer));
    EXPECT_EQ(flushed.rows, kBlock);
    EXPECT_EQ(flushed.rejected, 0);
    // This writer sends whole rows from then on.
    SetDefault(absl::StrCat("SET DEFAULT '", MakePlainMeta(plan_.airbyte_sync_id), "'"));
    Append(buffer, kBlock, 2 * kBlock);
    ASSERT_OK(FlushAll(buffer));
    EXPECT_THAT(WholeCopies(), ElementsAre(true, true));
    ExpectRows(2 * kBlock, 0);
  }
}

TEST_F(MetaOmissionTest, RefusedRowsAreRejected) {
  Execute(absl::StrCat("ALTER TABLE ", Table("t"), " ADD CHECK (id NOT IN (5, 1500))"));
  write::InsertBuffer buffer(&load_, plan_, "sync", claim_);
  Append(buffer, 0, kBlock);
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, FlushAll(buffer));
  EXPECT_EQ(flushed.rows, kBlock - 2);
  EXPECT_EQ(flushed.rejected, 2);
  EXPECT_EQ(flushed.durable_offset, kBlock);
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT string_agg(\"offset\"::text, ' ' ORDER BY \"offset\") ",
                                    "FROM ", Table("rejected_record"))),
            "5 1500");
  // The next block is sent without the column again.
  Append(buffer, kBlock, 2 * kBlock);
  ASSERT_OK(FlushAll(buffer));
  EXPECT_THAT(WholeCopies(), ElementsAre(true, false));
  ExpectRows(2 * kBlock - 2, 0);
}

TEST_F(MetaOmissionTest, SupersededWriterStoresNothing) {
  write::InsertBuffer buffer(&load_, plan_, "sync", claim_);
  Append(buffer, 0, kBlock);
  Claim("w");
  SetDefault("DROP DEFAULT");
  EXPECT_THAT(FlushAll(buffer), testing::StatusIs(absl::StatusCode::kAborted, "FENCED"));
  EXPECT_EQ(Rows(), 0);
}

}  // namespace
}  // namespace syncline
