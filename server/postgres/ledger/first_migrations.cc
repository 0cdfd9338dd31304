#include "server/postgres/ledger/first_migrations.h"

namespace syncline::postgres {

const char kMigration1[] = R"sql(
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
)sql";

const char kMigration2[] = R"sql(
ALTER TABLE $L.stream ADD COLUMN staged_alone boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN $L.stream.staged_alone IS
  'The temp table was empty when the stream began: all rows in it are the stream''s own.';
)sql";

const char kMigration3[] = R"sql(
ALTER TABLE $L.sync ADD COLUMN input_digest text NOT NULL DEFAULT '';

ALTER TABLE $L.stream
  ADD COLUMN column_table_types text[] NOT NULL DEFAULT '{}',
  ADD COLUMN schema_policy text NOT NULL DEFAULT 'keep',
  ADD COLUMN replay text NOT NULL DEFAULT 'nothing',
  ADD COLUMN cdc_delete_mode text NOT NULL DEFAULT 'hard',
  ADD COLUMN inferred_schema boolean NOT NULL DEFAULT false,
  ADD COLUMN restart boolean NOT NULL DEFAULT false,
  ADD COLUMN guard jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN changes jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN warnings jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN error jsonb;
COMMENT ON COLUMN $L.stream.column_table_types IS
  'Per column: the type that the table has when the user chose it, else empty.';
COMMENT ON COLUMN $L.stream.changes IS
  'Every change of the table''s definition that the sync makes.';
COMMENT ON COLUMN $L.stream.error IS
  'Why the stream could not start, in state failed.';

ALTER TABLE $L.writer
  ADD COLUMN values_nulled bigint NOT NULL DEFAULT 0,
  ADD COLUMN values_truncated bigint NOT NULL DEFAULT 0,
  ADD COLUMN fields_undeclared bigint NOT NULL DEFAULT 0,
  ADD COLUMN rejected_bytes bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN $L.writer.rejected_bytes IS
  'Bytes of its rejected records that are kept.';

CREATE TABLE $L.field_count (
  stream_no bigint NOT NULL REFERENCES $L.stream,
  writer_id text NOT NULL,
  field text NOT NULL,
  nulled bigint NOT NULL DEFAULT 0,
  truncated bigint NOT NULL DEFAULT 0,
  undeclared bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (stream_no, writer_id, field)
);
COMMENT ON TABLE $L.field_count IS
  'One row per writer and field whose values were nulled or truncated, or that the stream does not declare.';

ALTER TABLE $L.rejected_record
  ADD COLUMN raw_truncated boolean NOT NULL DEFAULT false,
  ADD COLUMN detail text NOT NULL DEFAULT '';
COMMENT ON COLUMN $L.rejected_record.detail IS
  'For a record that the database refused: the constraint and the SQLSTATE.';

CREATE TABLE $L.global_checkpoint (
  sync_no bigint NOT NULL REFERENCES $L.sync,
  number bigint GENERATED ALWAYS AS IDENTITY,
  stream_no bigint NOT NULL REFERENCES $L.stream,
  writer_id text NOT NULL,
  checkpoint_id text NOT NULL,
  state bytea NOT NULL,
  sequence bigint,
  received_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (sync_no, number),
  UNIQUE (stream_no, writer_id, checkpoint_id)
);
COMMENT ON TABLE $L.global_checkpoint IS
  'Checkpoints that cover several writers, in the order in which they were received; sequence is set once every position is durable.';
CREATE TABLE $L.global_position (
  sync_no bigint NOT NULL,
  number bigint NOT NULL,
  stream_no bigint NOT NULL REFERENCES $L.stream,
  writer_id text NOT NULL,
  "offset" bigint NOT NULL,
  PRIMARY KEY (sync_no, number, stream_no, writer_id),
  FOREIGN KEY (sync_no, number) REFERENCES $L.global_checkpoint
);
COMMENT ON TABLE $L.global_position IS 'What a checkpoint of several writers waits for.';

CREATE TABLE $L.stream_table (
  namespace text NOT NULL,
  name text NOT NULL,
  table_schema text NOT NULL,
  table_name text,
  split_from text,
  PRIMARY KEY (namespace, name),
  UNIQUE (table_schema, table_name)
);
COMMENT ON TABLE $L.stream_table IS
  'Which table a stream loads, for good; namespace is the one that an empty namespace stood for.';
COMMENT ON COLUMN $L.stream_table.split_from IS
  'The table that the stream shared with another one, which kept it. table_name is NULL until the stream has its own.';
INSERT INTO $L.stream_table
  SELECT namespace, name, table_schema, CASE WHEN place = 1 THEN table_name END,
    CASE WHEN place > 1 THEN table_name END
  FROM (
    SELECT l.*, row_number() OVER (PARTITION BY table_schema, table_name
      ORDER BY (SELECT max(s.stream_no) FROM $L.stream s
                WHERE s.state = 'completed' AND s.name = l.name
                  AND coalesce(nullif(s.namespace, ''), s.table_schema) = l.namespace
                  AND s.table_schema = l.table_schema AND s.table_name = l.table_name)
        DESC NULLS LAST, stream_no DESC) AS place
    FROM (SELECT DISTINCT ON (coalesce(nullif(namespace, ''), table_schema), name)
            coalesce(nullif(namespace, ''), table_schema) AS namespace, name, table_schema,
            table_name, stream_no
          FROM $L.stream
          ORDER BY coalesce(nullif(namespace, ''), table_schema), name, stream_no DESC) l) r;

CREATE TABLE $L.table_column (
  table_schema text NOT NULL,
  table_name text NOT NULL,
  input_name text NOT NULL,
  column_name text NOT NULL,
  owned boolean NOT NULL,
  PRIMARY KEY (table_schema, table_name, input_name),
  UNIQUE (table_schema, table_name, column_name)
);
COMMENT ON TABLE $L.table_column IS
  'Which column a property is stored in, for good. owned: a stream made the column, else the user did.';
INSERT INTO $L.table_column
  SELECT s.table_schema, s.table_name, c.input, c.name, true
  FROM $L.stream s, unnest(s.column_inputs, s.column_names) WITH ORDINALITY AS c (input, name, at)
  ORDER BY s.stream_no DESC, c.at
  ON CONFLICT DO NOTHING;

CREATE TABLE $L.table_index (
  table_schema text NOT NULL,
  table_name text NOT NULL,
  index_name text NOT NULL,
  columns text[] NOT NULL,
  PRIMARY KEY (table_schema, index_name)
);
COMMENT ON TABLE $L.table_index IS
  'Indexes that Syncline made: the table that they are on, and its columns that they have.';
INSERT INTO $L.table_index
  SELECT n.nspname, c.relname, i.relname,
         ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY k (n, at)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.n
               WHERE k.at <= x.indnkeyatts ORDER BY k.at)
  FROM pg_catalog.pg_index x
  JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
  JOIN pg_catalog.pg_class c ON c.oid = x.indrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE i.relname LIKE 'syncline\_key\_%' AND NOT x.indisunique
    AND EXISTS (SELECT FROM $L.stream s WHERE s.table_schema = n.nspname
                AND c.relname IN (s.table_name, s.temp_table_name));

CREATE TABLE $L.staging (
  table_schema text NOT NULL,
  table_name text NOT NULL,
  generation_id bigint NOT NULL,
  restart boolean NOT NULL,
  PRIMARY KEY (table_schema, table_name)
);
COMMENT ON TABLE $L.staging IS
  'What is staged for a table. restart: its generation had been published before, and what is staged replaces it whole.';
)sql";

const char kMigration4[] = R"sql(
ALTER TABLE $L.migration ADD COLUMN minimum_server integer NOT NULL DEFAULT 1;
COMMENT ON COLUMN $L.migration.minimum_server IS
  'A server must know at least this version of the ledger to work with it.';

ALTER TABLE $L.sync ADD COLUMN owner text NOT NULL DEFAULT '';
COMMENT ON COLUMN $L.sync.owner IS
  'The owner that the caller''s token named; empty: every caller may see and cancel the sync.';
)sql";

const char kMigration5[] = R"sql(
ALTER TABLE $L.writer ADD COLUMN last_error jsonb;
COMMENT ON COLUMN $L.writer.last_error IS
  'How the call of an epoch failed: epoch, code, reason, message, at. It counts while epoch is the writer''s.';
ALTER TABLE $L.stream ADD COLUMN last_error jsonb;
COMMENT ON COLUMN $L.stream.last_error IS
  'How the latest CompleteStream that failed did: code, reason, message, at. It counts until the stream has ended.';
)sql";

const char kMigration6[] = R"sql(
COMMENT ON TABLE $L.sync IS 'One row per sync (one run of a caller).';
COMMENT ON COLUMN $L.sync.owner IS
  'The owner that the caller''s token named. If it is empty, every caller may see and cancel the sync.';
COMMENT ON TABLE $L.stream IS
  'One row per stream of a sync: its plan, its state and its column mapping.';
COMMENT ON COLUMN $L.stream.staged_alone IS
  'The staging table was empty when the stream began: all rows in it are the stream''s own.';
COMMENT ON COLUMN $L.stream.column_table_types IS
  'Per column: the type that the table has if the user chose it, otherwise empty.';
COMMENT ON COLUMN $L.stream.changes IS
  'Every change that the sync makes to the table''s definition.';
COMMENT ON COLUMN $L.stream.error IS
  'Why the stream could not start, if its state is failed.';
COMMENT ON COLUMN $L.stream.last_error IS
  'How the latest CompleteStream that failed ended: code, reason, message, at. Valid until the stream has ended.';
COMMENT ON TABLE $L.writer IS
  'One row per writer of a stream. committed contains the number of every durable record; durable_offset is the end of its range that starts at 0.';
COMMENT ON COLUMN $L.writer.rejected_bytes IS
  'Stored bytes of the writer''s rejected records.';
COMMENT ON COLUMN $L.writer.last_error IS
  'How the call of an epoch failed: epoch, code, reason, message, at. Valid while epoch is the writer''s epoch.';
COMMENT ON TABLE $L.checkpoint IS
  'One row per committed checkpoint of one writer. sequence is the order in which the checkpoints of a sync were committed.';
COMMENT ON TABLE $L.global_checkpoint IS
  'One row per checkpoint that covers several writers, in the order in which they were received. sequence is set after all of its positions have become durable.';
COMMENT ON TABLE $L.global_position IS
  'One row per writer that a global checkpoint covers: the checkpoint is committed when the durable offset of each has reached "offset".';
COMMENT ON TABLE $L.generation IS
  'History: one row per table and generation. sync_id is the latest sync of the generation.';
COMMENT ON TABLE $L.rejected_record IS
  'One row per record that could not be loaded. raw is at most 64 KiB of it.';
COMMENT ON TABLE $L.server IS
  'One row per server that holds writers open. It counts as running until lease_until.';
COMMENT ON TABLE $L.stream_table IS
  'The table that a stream loads, permanently. namespace is the resolved one: an empty namespace is stored as the table''s schema.';
COMMENT ON COLUMN $L.stream_table.split_from IS
  'The table that the stream shared with another stream, which kept it. table_name is NULL until the stream has a table of its own.';
COMMENT ON TABLE $L.table_column IS
  'The column in which a property is stored, permanently. owned: a stream created the column; otherwise the user did.';
COMMENT ON TABLE $L.table_index IS
  'Indexes that Syncline created: the table that each is on, and its columns.';
COMMENT ON TABLE $L.staging IS
  'One row per table that has a staging table. restart: the generation was published before, and the staged rows replace all of it.';
COMMENT ON TABLE $L.migration IS
  'One row per version of these tables that was applied.';
COMMENT ON COLUMN $L.migration.minimum_server IS
  'A server must support at least this version of the ledger to work with it.';
)sql";

}  // namespace syncline::postgres
