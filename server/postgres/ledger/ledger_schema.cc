#include "server/postgres/ledger/ledger_schema.h"

#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/base/status_macros.h"
#include "server/postgres/catalog_sql.h"
#include "server/postgres/sql_generator.h"

namespace syncline::postgres {
namespace {

// Migration n of the list brings version n to n + 1; "$L" stands for the quoted schema. Never
// change one that was released: append.
constexpr std::array kMigrations = {
    R"sql(
CREATE TABLE $L.sync (
  sync_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sync_id text NOT NULL UNIQUE,
  connection_id text NOT NULL,
  request_digest text NOT NULL,
  state text NOT NULL,
  last_sequence bigint NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
);
COMMENT ON TABLE $L.sync IS 'One row a sync: a run of a caller.';

CREATE TABLE $L.stream (
  stream_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sync_no bigint NOT NULL REFERENCES $L.sync,
  ordinal integer NOT NULL,
  namespace text NOT NULL,
  name text NOT NULL,
  table_schema text NOT NULL,
  table_name text NOT NULL,
  temp_table_name text NOT NULL,
  column_inputs text[] NOT NULL,
  column_names text[] NOT NULL,
  column_types text[] NOT NULL,
  json_shapes text[] NOT NULL,
  primary_key text[] NOT NULL,
  cursor_column text,
  write_mode text NOT NULL,
  loader text NOT NULL,
  generation_id bigint NOT NULL,
  minimum_generation_id bigint NOT NULL,
  airbyte_sync_id bigint NOT NULL,
  state text NOT NULL,
  outcome text,
  result_rows bigint NOT NULL DEFAULT 0,
  finished_at timestamptz,
  UNIQUE (sync_no, namespace, name)
);
CREATE INDEX ON $L.stream (table_schema, table_name) WHERE state IN ('open', 'finalizing');
COMMENT ON TABLE $L.stream IS 'One row a stream of a sync: its plan, its state, its column mapping.';

CREATE TABLE $L.writer (
  stream_no bigint NOT NULL REFERENCES $L.stream,
  writer_id text NOT NULL,
  epoch bigint NOT NULL,
  open_by text,
  committed int8multirange NOT NULL DEFAULT '{}',
  durable_offset bigint NOT NULL DEFAULT 0,
  rows_written bigint NOT NULL DEFAULT 0,
  records_rejected bigint NOT NULL DEFAULT 0,
  bytes bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (stream_no, writer_id)
) WITH (fillfactor = 50);
COMMENT ON TABLE $L.writer IS
  'One row a writer of a stream. committed holds every record number that is durable; durable_offset is the end of its first range.';

CREATE TABLE $L.checkpoint (
  sync_no bigint NOT NULL REFERENCES $L.sync,
  sequence bigint NOT NULL,
  stream_no bigint NOT NULL REFERENCES $L.stream,
  writer_id text NOT NULL,
  checkpoint_id text NOT NULL,
  "offset" bigint NOT NULL,
  records_since_last bigint NOT NULL,
  state bytea NOT NULL,
  committed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (sync_no, sequence),
  UNIQUE (stream_no, writer_id, checkpoint_id)
);
COMMENT ON TABLE $L.checkpoint IS
  'Checkpoints whose records are all committed, in the order in which they became so.';

CREATE TABLE $L.generation (
  table_schema text NOT NULL,
  table_name text NOT NULL,
  generation_id bigint NOT NULL,
  connection_id text NOT NULL,
  sync_id text NOT NULL,
  state text NOT NULL,
  rows bigint NOT NULL DEFAULT 0,
  bytes bigint NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL DEFAULT now(),
  completed_at timestamptz,
  PRIMARY KEY (table_schema, table_name, generation_id)
);
COMMENT ON TABLE $L.generation IS
  'History: one row a table and generation; sync_id is the latest sync of the generation.';

CREATE TABLE $L.rejected_record (
  sync_id text NOT NULL,
  namespace text NOT NULL,
  stream text NOT NULL,
  writer_id text NOT NULL,
  "offset" bigint NOT NULL,
  reason text NOT NULL,
  raw bytea NOT NULL,
  rejected_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (sync_id, namespace, stream, writer_id, "offset")
);
COMMENT ON TABLE $L.rejected_record IS
  'Records that could not be loaded; raw is cut to 64 KiB.';

CREATE TABLE $L.server (
  server_id text PRIMARY KEY,
  lease_until timestamptz NOT NULL
);
COMMENT ON TABLE $L.server IS 'Servers that hold writers open, alive until lease_until.';
)sql",
    R"sql(
ALTER TABLE $L.stream ADD COLUMN staged_alone boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN $L.stream.staged_alone IS
  'The temp table was empty when the stream began: all rows in it are the stream''s own.';
)sql",
};

// Any number that no other program is likely to lock by.
constexpr int64_t kMigrationLock = 0x73796e636c696e65;  // "syncline"

// A role may use a schema that others made for it without the right to create one, which IF NOT
// EXISTS asks for all the same.
absl::Status CreateSchema(Transaction& transaction, absl::string_view schema) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result exists,
                            transaction.Query(kNamespaceExistsSql, Params().Text(schema)));
  if (exists.Bool(0, 0)) return absl::OkStatus();
  return transaction.Execute(CreateSchemaSql(schema));
}

}  // namespace

absl::Status MigrateLedger(Database& database, absl::string_view schema) {
  const std::string quoted = QuoteIdentifier(schema);
  return database.Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_RETURN_IF_ERROR(
        transaction.Query("SELECT pg_advisory_xact_lock($1)", Params().Int(kMigrationLock))
            .status());
    SYNCLINE_RETURN_IF_ERROR(CreateSchema(transaction, schema));
    SYNCLINE_RETURN_IF_ERROR(
        transaction.Execute(absl::StrCat("CREATE TABLE IF NOT EXISTS ", quoted,
                                         ".migration (version integer PRIMARY KEY, "
                                         "applied_at timestamptz NOT NULL DEFAULT now())")));
    SYNCLINE_ASSIGN_OR_RETURN(const Result applied,
                              transaction.Query(absl::StrCat(
                                  "SELECT coalesce(max(version), 0) FROM ", quoted, ".migration")));
    for (size_t version = static_cast<size_t>(applied.Int(0, 0)); version < kMigrations.size();
         ++version) {
      SYNCLINE_RETURN_IF_ERROR(
          transaction.Execute(absl::StrReplaceAll(kMigrations[version], {{"$L", quoted}})));
      SYNCLINE_RETURN_IF_ERROR(
          transaction
              .Query(absl::StrCat("INSERT INTO ", quoted, ".migration (version) VALUES ($1)"),
                     Params().Int(static_cast<int64_t>(version) + 1))
              .status());
    }
    return absl::OkStatus();
  });
}

}  // namespace syncline::postgres
