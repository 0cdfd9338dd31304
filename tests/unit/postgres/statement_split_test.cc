// How a message of several statements is split into its statements.
#include "server/postgres/connection/statement_split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace syncline::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(StatementSplitTest, SemicolonsEndStatements) {
  EXPECT_THAT(SplitStatements("BEGIN; SET LOCAL a = 1;\nSELECT 2"),
              ElementsAre("BEGIN", "SET LOCAL a = 1", "SELECT 2"));
  EXPECT_THAT(SplitStatements("SELECT 1"), ElementsAre("SELECT 1"));
  EXPECT_THAT(SplitStatements("SELECT 1;"), ElementsAre("SELECT 1"));
  EXPECT_THAT(SplitStatements(" ;; \n;"), IsEmpty());
  EXPECT_THAT(SplitStatements(""), IsEmpty());
}

TEST(StatementSplitTest, QuotedSemicolonsDoNot) {
  for (const std::string statement :
       {R"(COMMENT ON TABLE "a;b" IS 'x;y')", R"(SELECT 'it''s; here')", R"(SELECT E'a\';b')",
        R"(SELECT e'\\;\'')", R"(SELECT 'a\', ';')", "SELECT $$ a; b $$", "SELECT $a$ $$;$b$; $a$",
        "SELECT 1 -- a; b\n + 1", "SELECT /* a; /* b; */ c; */ 1",
        "CREATE RULE r AS ON INSERT TO t DO ALSO (DELETE FROM a; DELETE FROM b)"}) {
    EXPECT_THAT(SplitStatements(statement + "; SELECT 2"), ElementsAre(statement, "SELECT 2"));
  }
}

TEST(StatementSplitTest, NamesAndParametersAreNoQuotes) {
  EXPECT_THAT(SplitStatements("SELECT $1; SELECT $2"), ElementsAre("SELECT $1", "SELECT $2"));
  EXPECT_THAT(SplitStatements("SELECT a$b$; SELECT b$"), ElementsAre("SELECT a$b$", "SELECT b$"));
  EXPECT_THAT(SplitStatements("SELECT type'x'; SELECT ')'"),
              ElementsAre("SELECT type'x'", "SELECT ')'"));
  EXPECT_THAT(SplitStatements("SELECT 1 - -1; SELECT 4/2"),
              ElementsAre("SELECT 1 - -1", "SELECT 4/2"));
}

TEST(StatementSplitTest, WhatDoesNotEndIsOneStatement) {
  for (const std::string statement :
       {"SELECT 'a; b", "SELECT \"a; b", "SELECT $a$; b", "SELECT /* a; b", "SELECT (1; 2",
        "SELECT 1 -- a; b", "SELECT E'\\"}) {
    EXPECT_THAT(SplitStatements(statement), ElementsAre(statement));
  }
}

}  // namespace
}  // namespace syncline::postgres
