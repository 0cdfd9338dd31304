// Rows that the table refuses are rejected, and their neighbors are loaded. Coercion results are
// counted in the transaction of their rows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/model/rejected_page.h"
#include "server/write/load/insert_buffer.h"
#include "tests/component/flush_all.h"
#include "tests/component/write_path_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::StatusIs;
using testing::WritePathTest;

class RefusedRowsTest : public WritePathTest {
 protected:
  void Alter(absl::string_view change) {
    Execute(absl::StrCat("ALTER TABLE ", Table("t"), " ", change));
  }
  absl::StatusOr<write::FlushResult> Load(const WriterClaim& claim, int64_t begin, int64_t end) {
    write::InsertBuffer buffer(&load_, plan_, "sync", claim);
    Fill(buffer, begin, end);
    return testing::FlushAll(buffer);
  }
  // Creates a trigger on the table that runs `body` before or after each row or statement.
  void MakeTrigger(absl::string_view when, absl::string_view level, absl::string_view body) {
    Execute(absl::StrCat(
        "CREATE FUNCTION ", Table("check_row"), "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ",
        body, " RETURN NEW; END $$; CREATE TRIGGER check_row ", when, " INSERT ON ", Table("t"),
        " FOR EACH ", level, " EXECUTE FUNCTION ", Table("check_row"), "()"));
  }
  // Returns "offset reason detail" for each rejected record.
  std::vector<std::string> Rejected() {
    std::vector<std::string> all;
    for (const auto& row :
         QueryText(absl::StrCat("SELECT \"offset\", reason, detail, raw_truncated FROM ", schema(),
                                ".rejected_record ORDER BY 1"))) {
      all.push_back(absl::StrJoin(row, " "));
    }
    return all;
  }
  std::string Ids() {
    return QueryText(absl::StrCat(
        "SELECT coalesce(string_agg(id::text, ',' ORDER BY id), '') FROM ", Table("t")))[0][0];
  }
  std::string WriterRow() {
    return absl::StrJoin(
        QueryText(absl::StrCat("SELECT committed, rows_written, records_rejected FROM ", schema(),
                               ".writer"))[0],
        " ");
  }
};

TEST_F(RefusedRowsTest, CheckConstraintRefusesOnlyItsRow) {
  Alter("ADD CONSTRAINT not_five CHECK (id <> 5)");
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, Load(Claim("w").claim, 0, 10));
  EXPECT_EQ(flushed.durable_offset, 10);
  EXPECT_EQ(flushed.rows, 9);
  EXPECT_EQ(flushed.rejected, 1);
  EXPECT_EQ(flushed.refused, (std::map<std::string, int64_t>{{"CONSTRAINT_VIOLATED", 1}}));
  EXPECT_EQ(Ids(), "0,1,2,3,4,6,7,8,9");
  EXPECT_THAT(Rejected(),
              ElementsAre("5 CONSTRAINT_VIOLATED constraint \"not_five\", SQLSTATE 23514 t"));
  EXPECT_EQ(WriterRow(), "{[0,10)} 9 1");
}

TEST_F(RefusedRowsTest, ManyRefusedRowsAreFoundBySplitting) {
  Alter("ADD CONSTRAINT small CHECK (id % 7 <> 3)");
  // Several blocks, so that rows are removed from the middle of each.
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, Load(Claim("w").claim, 0, 6000));
  EXPECT_EQ(flushed.rows + flushed.rejected, 6000);
  EXPECT_EQ(Rows(), flushed.rows);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", schema(),
                                  ".rejected_record WHERE \"offset\" % 7 = 3")),
            857);
  EXPECT_EQ(flushed.rejected, 857);
}

TEST_F(RefusedRowsTest, EveryRowMayBeRefused) {
  Alter("ADD CONSTRAINT none CHECK (id < 0)");
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, Load(Claim("w").claim, 0, 20));
  EXPECT_EQ(flushed.rows, 0);
  EXPECT_EQ(flushed.rejected, 20);
  EXPECT_EQ(WriterRow(), "{[0,20)} 0 20");
}

TEST_F(RefusedRowsTest, UniqueNotNullDomainAndForeignKey) {
  Execute(absl::StrCat("INSERT INTO ", Table("t"), " VALUES ('', now(), '{}', 1, 2)"));
  Alter("ADD CONSTRAINT one_each UNIQUE (id)");
  Execute(absl::StrCat("CREATE TABLE ", Table("parents"), " (id bigint PRIMARY KEY); INSERT INTO ",
                       Table("parents"), " SELECT n FROM generate_series(0, 7) n"));
  Alter(absl::StrCat("ADD CONSTRAINT parent FOREIGN KEY (id) REFERENCES ", Table("parents")));
  Alter("ADD COLUMN strict int GENERATED ALWAYS AS (10 / (id - 4)) STORED");
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, Load(Claim("w").claim, 0, 10));
  EXPECT_EQ(Ids(), "0,1,2,3,5,6,7");
  EXPECT_EQ(flushed.rejected, 4);
  EXPECT_THAT(Rejected(),
              ElementsAre("2 CONSTRAINT_VIOLATED constraint \"one_each\", SQLSTATE 23505 t",
                          "4 VALUE_REFUSED SQLSTATE 22012 t",
                          "8 CONSTRAINT_VIOLATED constraint \"parent\", SQLSTATE 23503 t",
                          "9 CONSTRAINT_VIOLATED constraint \"parent\", SQLSTATE 23503 t"));
}

TEST_F(RefusedRowsTest, ValueBeyondUserTypeRefusesOnlyItsRow) {
  Alter("ALTER id TYPE smallint");
  plan_.schema.columns[0].table_type = "smallint";
  const WriterClaim claim = Claim("w").claim;
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, Load(claim, 32765, 32771));
  EXPECT_EQ(flushed.rows, 3);
  EXPECT_THAT(Rejected(), ElementsAre("32768 VALUE_REFUSED SQLSTATE 22P03 t",
                                      "32769 VALUE_REFUSED SQLSTATE 22P03 t",
                                      "32770 VALUE_REFUSED SQLSTATE 22P03 t"));
  // More refused rows than kMaxNamedRows, so the others are found by splitting.
  ASSERT_OK_AND_ASSIGN(const write::FlushResult many, Load(claim, 40000, 40050));
  EXPECT_EQ(many.rejected, 50);
  EXPECT_EQ(Ids(), "32765,32766,32767");
}

// In binary form, a domain refuses a value when it is received.
TEST_F(RefusedRowsTest, DomainInBinaryFormRefusesOnlyItsRows) {
  Execute(absl::StrCat("CREATE DOMAIN ", Table("number"), " AS smallint CHECK (VALUE <> 2)"));
  Alter(absl::StrCat("ALTER id TYPE ", Table("number")));
  plan_.schema.columns[0].table_type = absl::StrCat(schema(), ".number");
  plan_.schema.columns[0].stored_type = "smallint";
  ASSERT_EQ(postgres::CopyFormatFor(plan_.schema), postgres::CopyFormat::kBinary);
  const WriterClaim claim = Claim("w").claim;
  ASSERT_OK(Load(claim, 0, 4));
  ASSERT_OK(Load(claim, 32766, 32769));
  EXPECT_EQ(Ids(), "0,1,3,32766,32767");
  EXPECT_THAT(Rejected(),
              ElementsAre("2 CONSTRAINT_VIOLATED constraint \"number_check\", SQLSTATE 23514 t",
                          "32768 VALUE_REFUSED SQLSTATE 22P03 t"));
}

TEST_F(RefusedRowsTest, ChangedColumnTypeRejectsNoRows) {
  Alter("ALTER id TYPE integer");
  EXPECT_THAT(Load(Claim("w").claim, 0, 3).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SCHEMA_CHANGED"));
  EXPECT_THAT(Rejected(), IsEmpty());
}

TEST_F(RefusedRowsTest, RefusedRowsOfTextCopyAreFoundBySplitting) {
  Execute(absl::StrCat("CREATE DOMAIN ", Table("number"), " AS bigint"));
  Alter(absl::StrCat("ALTER id TYPE ", Table("number"),
                     ", ADD CONSTRAINT small CHECK (id % 7 <> 3)"));
  plan_.schema.columns[0].table_type = absl::StrCat(schema(), ".number");
  ASSERT_EQ(postgres::CopyFormatFor(plan_.schema), postgres::CopyFormat::kText);
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, Load(Claim("w").claim, 0, 3000));
  EXPECT_EQ(flushed.rows + flushed.rejected, 3000);
  EXPECT_EQ(Rows(), flushed.rows);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", schema(),
                                  ".rejected_record WHERE \"offset\" % 7 = 3 AND detail = "
                                  "'constraint \"small\", SQLSTATE 23514'")),
            429);
  EXPECT_EQ(flushed.rejected, 429);
}

// Each row references the next one, which follows it. The last one references nothing.
TEST_F(RefusedRowsTest, RowThatReferencesLaterRowIsLoaded) {
  Alter(
      "ADD CONSTRAINT one_each UNIQUE (id), ADD next bigint GENERATED ALWAYS AS (CASE WHEN id % 50 "
      "= 49 THEN NULL WHEN id = 60 THEN -1 ELSE id + 1 END) STORED");
  Alter(absl::StrCat("ADD CONSTRAINT follower FOREIGN KEY (next) REFERENCES ", Table("t"),
                     " (id), ADD CONSTRAINT small CHECK (id % 50 <> 30)"));
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, Load(Claim("w").claim, 0, 150));
  // 30, 80 and 130 violate the check, and 60 references nothing. The rows that lead to them are
  // rejected, too.
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", schema(),
                                  ".rejected_record WHERE detail LIKE '%small%'")),
            3);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", schema(),
                                  ".rejected_record WHERE detail LIKE '%follower%'")),
            30 * 3);
  EXPECT_EQ(flushed.rows, 150 - 93);
  EXPECT_EQ(Rows(), 57);
}

TEST_F(RefusedRowsTest, ExceptionOfTriggerRefusesOnlyItsRow) {
  MakeTrigger("BEFORE", "ROW",
              "IF NEW.id = 3 THEN RAISE 'no'; END IF; "
              "IF NEW.id = 5 THEN RAISE 'no' USING ERRCODE = 'UR001'; END IF; "
              "IF NEW.id = 7 THEN RAISE unique_violation USING CONSTRAINT = 'ours'; END IF; "
              "IF NEW.id = 9 THEN PERFORM (SELECT n FROM generate_series(1, 2) n); END IF; "
              "IF NEW.id = 11 THEN PERFORM 1 / (NEW.id - 11); END IF;");
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, Load(Claim("w").claim, 0, 13));
  EXPECT_EQ(Ids(), "0,1,2,4,6,8,10,12");
  EXPECT_EQ(flushed.rejected, 5);
  EXPECT_THAT(Rejected(), ElementsAre("3 REJECTED_BY_DATABASE SQLSTATE P0001 t",
                                      "5 REJECTED_BY_DATABASE SQLSTATE UR001 t",
                                      "7 CONSTRAINT_VIOLATED constraint \"ours\", SQLSTATE 23505 t",
                                      "9 REJECTED_BY_DATABASE SQLSTATE 21000 t",
                                      "11 VALUE_REFUSED SQLSTATE 22012 t"));
}

// Such a trigger runs when all rows are stored, so its error names no row.
TEST_F(RefusedRowsTest, ExceptionAfterRowIsFoundBySplitting) {
  MakeTrigger("AFTER", "ROW", "IF NEW.id % 7 = 3 THEN RAISE 'no'; END IF;");
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, Load(Claim("w").claim, 0, 200));
  EXPECT_EQ(flushed.rejected, 29);
  EXPECT_EQ(flushed.rows, 171);
  EXPECT_EQ(Rows(), 171);
  EXPECT_EQ(flushed.refused, (std::map<std::string, int64_t>{{"REJECTED_BY_DATABASE", 29}}));
}

TEST_F(RefusedRowsTest, ExceptionPerStatementFailsTheStream) {
  for (const char* when : {"BEFORE", "AFTER"}) {
    MakeTrigger(when, "STATEMENT", "RAISE 'no';");
    EXPECT_THAT(Load(Claim("w").claim, 0, 20).status(),
                StatusIs(absl::StatusCode::kFailedPrecondition, "REJECTED_BY_DATABASE"))
        << when;
    Execute(absl::StrCat("DROP FUNCTION ", Table("check_row"), " CASCADE"));
  }
  EXPECT_THAT(Rejected(), IsEmpty());
  ASSERT_OK(Load(Claim("w").claim, 0, 20));
}

// A lock that a trigger could not get, or a table that it does not find, is not about the row.
TEST_F(RefusedRowsTest, OtherErrorsOfTriggerRejectNoRows) {
  MakeTrigger("BEFORE", "ROW", "IF NEW.id = 3 THEN PERFORM * FROM missing_table; END IF;");
  EXPECT_THAT(Load(Claim("w").claim, 0, 5).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "REJECTED_BY_DATABASE"));
  EXPECT_THAT(Rejected(), IsEmpty());
}

// PostgreSQL quotes the value in the error's context, line breaks included.
TEST_F(RefusedRowsTest, ValueMayLookLikeErrorContext) {
  Execute(absl::StrCat("CREATE DOMAIN ", Table("word"), " AS text CHECK (VALUE NOT LIKE 'bad%')"));
  Alter(absl::StrCat("ALTER id TYPE ", Table("word"), " USING id::text"));
  ColumnSchema& column = plan_.schema.columns[0];
  column.type = ColumnType::kVarchar;
  column.table_type = absl::StrCat(schema(), ".word");
  write::InsertBuffer buffer(&load_, plan_, "sync", Claim("w").claim);
  for (int64_t offset = 0; offset < 4; ++offset) {
    buffer.Append({offset, 0, "{}"},
                  {Value::Text(offset == 2 ? "bad\nCOPY t, line 1, column id: \"x" : "good")});
  }
  buffer.Cover({0, 4}, 0);
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, testing::FlushAll(buffer));
  EXPECT_EQ(flushed.rows, 3);
  EXPECT_THAT(Rejected(), ElementsAre(::testing::StartsWith("2 CONSTRAINT_VIOLATED")));
}

// The table's name is searched in the error's context, which contains it unquoted.
TEST_F(RefusedRowsTest, TableNameMayLookLikeErrorContext) {
  Execute(absl::StrCat("ALTER TABLE ", Table("t"), " RENAME TO \"t, line 7\""));
  plan_.table.name = "t, line 7";
  Execute(absl::StrCat("ALTER TABLE ", Table("t, line 7"), " ADD CHECK (id <> 1)"));
  ASSERT_OK(Load(Claim("w").claim, 0, 3));
  EXPECT_THAT(Rejected(), ElementsAre(::testing::StartsWith("1 CONSTRAINT_VIOLATED")));
}

TEST_F(RefusedRowsTest, DeferredConstraintFailsTheStream) {
  Alter("ADD CONSTRAINT later UNIQUE (id) DEFERRABLE INITIALLY DEFERRED");
  const WriterClaim claim = Claim("w").claim;
  ASSERT_OK(Load(claim, 0, 3));
  write::InsertBuffer buffer(&load_, plan_, "sync", claim);
  buffer.Append({3, 0, "{}"}, {Value::Scalar(1)});
  buffer.Cover({3, 4}, 0);
  const absl::Status refused = testing::FlushAll(buffer).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition, "CONSTRAINT_VIOLATED"));
  EXPECT_THAT(Rejected(), IsEmpty());
}

TEST_F(RefusedRowsTest, CountsAreWrittenOnceWithTheirRows) {
  const WriterClaim claim = Claim("w").claim;
  for (int64_t begin : {0, 5}) {
    write::InsertBuffer buffer(&load_, plan_, "sync", claim);
    Fill(buffer, begin, begin + 5);
    buffer.Count({{"id", {2, 1, 0}}, {"late", {0, 0, 3}}});
    ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, testing::FlushAll(buffer));
    EXPECT_EQ(flushed.values, (ValueCounts{2, 1, 3}));
  }
  // Rows that are already durable are not counted again.
  write::InsertBuffer again(&load_, plan_, "sync", claim);
  Fill(again, 5, 10);
  again.Count({{"id", {2, 1, 0}}});
  EXPECT_FALSE(testing::FlushAll(again).ok());
  ASSERT_OK_AND_ASSIGN(const StreamEntry stream, store_->GetStream(plan_.stream_no));
  EXPECT_EQ(stream.values, (ValueCounts{4, 2, 6}));
  EXPECT_EQ(stream.fields,
            (FieldCounts{{"id", ValueCounts{4, 2, 0}}, {"late", ValueCounts{0, 0, 6}}}));
}

TEST_F(RefusedRowsTest, RejectedBytesAreKeptUpToTheLimit) {
  load_.max_rejected_bytes = 25;
  const WriterClaim claim = Claim("w").claim;
  for (int64_t offset = 0; offset < 4; ++offset) {
    write::InsertBuffer buffer(&load_, plan_, "sync", claim);
    buffer.Reject({offset, "INVALID_JSON", std::string(10, 'x')});
    buffer.Cover({offset, offset + 1}, 0);
    ASSERT_OK(testing::FlushAll(buffer));
  }
  RejectedQuery query;
  query.sync_id = "sync";
  query.limit = 3;
  ASSERT_OK_AND_ASSIGN(const RejectedPage first, store_->ListRejected(query));
  ASSERT_EQ(first.records.size(), 3u);
  EXPECT_TRUE(first.more);
  EXPECT_EQ(first.records[1].record.raw, "xxxxxxxxxx");
  EXPECT_FALSE(first.records[1].record.raw_truncated);
  EXPECT_EQ(first.records[2].record.raw, "");
  EXPECT_TRUE(first.records[2].record.raw_truncated);
  query.after = first.records.back().place;
  ASSERT_OK_AND_ASSIGN(const RejectedPage last, store_->ListRejected(query));
  ASSERT_EQ(last.records.size(), 1u);
  EXPECT_EQ(last.records[0].place.offset, 3);
  EXPECT_FALSE(last.more);
}

TEST_F(RefusedRowsTest, PageOfRejectedRecordsIsBoundedByBytes) {
  write::InsertBuffer buffer(&load_, plan_, "sync", Claim("w").claim);
  for (int64_t offset = 0; offset < 40; ++offset) {
    buffer.Reject({offset, "INVALID_JSON", std::string(60'000, 'x')});
  }
  buffer.Cover({0, 40}, 0);
  ASSERT_OK(testing::FlushAll(buffer));
  RejectedQuery query;
  query.sync_id = "sync";
  query.limit = 1000;
  query.stream = StreamDescriptor{schema(), "t"};
  int64_t next = 0;
  for (bool more = true; more;) {
    ASSERT_OK_AND_ASSIGN(const RejectedPage page, store_->ListRejected(query));
    ASSERT_FALSE(page.records.empty());
    EXPECT_LE(page.records.size(), 17u);
    for (const ListedRejection& record : page.records) EXPECT_EQ(record.place.offset, next++);
    query.after = page.records.back().place;
    more = page.more;
  }
  EXPECT_EQ(next, 40);
  query.stream->name = "other";
  EXPECT_THAT(store_->ListRejected(query), StatusIs(absl::StatusCode::kNotFound, "UNKNOWN_STREAM"));
  query.sync_id = "other";
  EXPECT_THAT(store_->ListRejected(query), StatusIs(absl::StatusCode::kNotFound, "UNKNOWN_SYNC"));
}

}  // namespace
}  // namespace syncline
