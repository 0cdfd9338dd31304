// A user who may create objects in a schema of our search path must not get anything called with
// our rights, whatever matches better.
#include "tests/component/hostile_schema.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/component/every_mode_fixture.h"

namespace syncline::testing {
namespace {

class HostileSchemaTest : public EveryModeFixture {
 protected:
  void SetUp() override {
    EveryModeFixture::SetUp();
    if (schema().empty()) return;
    // Dropped with the database of this test program.
    hostile_ = schema() + "_hostile";
    for (const std::string& statement : CreateHostileSchema(hostile_)) Execute(statement);
  }

  // Returns the name of the object that was called last since the previous call of this function.
  std::string TakeLastCall() {
    const std::string name = QueryValue(HostileCallSql(hostile_));
    Execute(absl::StrCat("SELECT setval('", hostile_, ".called', 1, false)"));
    return name;
  }

  std::string hostile_;
};

TEST_F(HostileSchemaTest, TrapsCatchUnqualifiedNames) {
  EXPECT_GT(QueryInt(absl::StrCat("SELECT count(*) FROM ", hostile_, ".trap")), 4000);
  const std::unique_ptr<postgres::Connection> victim = Connect();
  ASSERT_OK(victim->Execute(absl::StrCat("SET search_path = ", hostile_, ", pg_catalog")));
  for (const char* statement :
       {"SELECT quote_ident(relname) FROM pg_catalog.pg_class",
        "SELECT format('%s %s', oid, xmin) FROM pg_catalog.pg_class",
        "SELECT pg_catalog.count(*) FROM pg_catalog.pg_class WHERE relname = 'x'",
        "SELECT FROM pg_catalog.pg_depend WHERE classid = 'pg_class'::pg_catalog.regclass",
        "SELECT pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, 1, 0)"}) {
    EXPECT_FALSE(victim->Execute(statement).ok()) << statement;
    EXPECT_NE(TakeLastCall(), "") << statement;
  }
  EXPECT_OK(victim->Execute("SELECT FROM pg_namespace"));
  EXPECT_EQ(TakeLastCall(), "relation pg_namespace");
  EXPECT_FALSE(victim->Execute("SELECT 'x'::text").ok());
}

TEST_F(HostileSchemaTest, NothingOfAnotherUserIsCalled) {
  SetForDatabase("search_path", absl::StrCat(hostile_, ", pg_catalog, public"));
  RestartServer({"--keep_generations=1"});
  LoadInEveryMode();
  EXPECT_EQ(TakeLastCall(), "");
}

}  // namespace
}  // namespace syncline::testing
