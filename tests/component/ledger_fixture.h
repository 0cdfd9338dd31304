// A ledger in the test's own schema, which is dropped with it, and data connections.
#pragma once

#include <memory>

#include "absl/strings/str_cat.h"
#include "server/postgres/connection/connection_pool.h"
#include "server/postgres/ledger/data_commit.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/ledger/ledger_migration.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {

class LedgerFixture : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_OK(postgres::MigrateLedger(database(), schema()));
    ledger_ = std::make_unique<postgres::Ledger>(schema());
    committer_ = std::make_unique<postgres::DataCommitter>(*ledger_);
    postgres::ConnectionOptions options;
    options.conninfo = dsn();
    connections_ = std::make_unique<postgres::ConnectionPool>(options);
  }

  // Downgrades the ledger to version 2.
  void Downgrade() {
    Execute(absl::StrCat("SET search_path = ", schema(), R"sql(;
    ALTER TABLE checkpoint DROP CONSTRAINT checkpoint_pkey, DROP number, DROP numbered_at,
      DROP state_dropped, DROP CONSTRAINT checkpoint_stream_no_writer_id_fkey,
      ALTER sequence SET NOT NULL, ADD PRIMARY KEY (sync_no, sequence),
      ADD UNIQUE (stream_no, writer_id, checkpoint_id), ADD FOREIGN KEY (sync_no) REFERENCES sync,
      ADD FOREIGN KEY (stream_no) REFERENCES stream;
    ALTER TABLE generation DROP sync_no, DROP completed_stream_no, DROP meta;
    DROP TABLE field_count, global_position, global_checkpoint, stream_table, table_column, table_index,
      staging;
    ALTER TABLE migration DROP minimum_server;
    ALTER TABLE sync DROP input_digest, DROP owner, DROP extensible;
    ALTER TABLE writer DROP values_nulled, DROP values_truncated, DROP fields_undeclared,
      DROP rejected_bytes, DROP last_error, DROP checkpoints, DROP last_checkpoint_offset,
      DROP claim_token, DROP plan_version;
    ALTER TABLE rejected_record DROP raw_truncated, DROP detail;
    ALTER TABLE stream DROP column_table_types, DROP column_stored_types, DROP schema_policy,
      DROP replay, DROP cdc_delete_mode, DROP inferred_schema, DROP restart, DROP guard, DROP changes,
      DROP warnings, DROP error, DROP last_error, DROP superseded, DROP temp_table_schema,
      DROP replace_strategy, DROP strategy, DROP strategy_reason, DROP meta, DROP meta_default,
      DROP plan_version, DROP older_generations, DROP deleted_at_column, DROP marked_rows,
      DROP column_declared_types;
    DELETE FROM migration WHERE version > 2; RESET search_path)sql"));
  }

  std::unique_ptr<postgres::Ledger> ledger_;
  std::unique_ptr<postgres::DataCommitter> committer_;
  std::unique_ptr<postgres::ConnectionPool> connections_;
};

}  // namespace syncline::testing
