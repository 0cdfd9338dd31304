#include "server/postgres/ledger/ledger_schema.h"

#include <array>

#include "server/postgres/ledger/first_migrations.h"

namespace syncline::postgres {
namespace {

// Checkpoints are numbered after their commit, and old syncs are removed.
//
// A data transaction updates its writer's row twice. At the second time PostgreSQL checks the row's
// foreign keys although they have not changed (ri_triggers.c, RI_FKey_fk_upd_check_required), which
// locks the stream's row after the writer's. So the writer has no foreign key to the stream: a
// claim, which inserts it, locks the stream itself.
constexpr char kMigration7[] = R"sql(
ALTER TABLE $L.writer
  DROP CONSTRAINT IF EXISTS writer_stream_no_fkey,
  ADD COLUMN checkpoints bigint NOT NULL DEFAULT 0,
  ADD COLUMN last_checkpoint_offset bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN $L.writer.checkpoints IS
  'The checkpoint.number of the writer''s newest checkpoint.';
COMMENT ON COLUMN $L.writer.last_checkpoint_offset IS
  'The offset of the writer''s newest checkpoint.';
UPDATE $L.writer w SET last_checkpoint_offset = c.last
FROM (SELECT stream_no, writer_id, max("offset") AS last
      FROM $L.checkpoint JOIN $L.stream s USING (stream_no)
      WHERE s.state IN ('open', 'finalizing') GROUP BY stream_no, writer_id) c
WHERE w.stream_no = c.stream_no AND w.writer_id = c.writer_id;

ALTER TABLE $L.checkpoint
  DROP CONSTRAINT checkpoint_pkey,
  DROP CONSTRAINT checkpoint_stream_no_writer_id_checkpoint_id_key,
  DROP CONSTRAINT checkpoint_sync_no_fkey,
  DROP CONSTRAINT checkpoint_stream_no_fkey;
ALTER TABLE $L.checkpoint
  ALTER COLUMN sequence DROP NOT NULL,
  ADD COLUMN number bigint,
  ADD COLUMN numbered_at timestamptz,
  ADD COLUMN state_dropped boolean NOT NULL DEFAULT false,
  ADD PRIMARY KEY (stream_no, writer_id, checkpoint_id),
  ADD FOREIGN KEY (stream_no, writer_id) REFERENCES $L.writer NOT VALID;
CREATE UNIQUE INDEX ON $L.checkpoint (sync_no, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX ON $L.checkpoint (sync_no, stream_no, writer_id, number) WHERE sequence IS NULL;
CREATE INDEX ON $L.checkpoint (sync_no, stream_no, writer_id, sequence)
  WHERE sequence IS NOT NULL AND octet_length(state) > 0;
COMMENT ON TABLE $L.checkpoint IS
  'One row per committed checkpoint of one writer.';
COMMENT ON COLUMN $L.checkpoint.sequence IS
  'The number of the checkpoint among the sync''s events, assigned shortly after the commit.';
COMMENT ON COLUMN $L.checkpoint.number IS
  'The order of the writer''s checkpoints. NULL if an older server wrote the row.';
COMMENT ON COLUMN $L.checkpoint.numbered_at IS
  'When sequence was assigned. NULL if an older server wrote the row.';
COMMENT ON COLUMN $L.checkpoint.state_dropped IS
  'The state was emptied, because the writer has a newer one.';

ALTER TABLE $L.global_checkpoint
  DROP CONSTRAINT global_checkpoint_sync_no_fkey,
  DROP CONSTRAINT global_checkpoint_stream_no_fkey,
  ADD COLUMN numbered_at timestamptz,
  ADD COLUMN state_dropped boolean NOT NULL DEFAULT false,
  ADD FOREIGN KEY (stream_no, writer_id) REFERENCES $L.writer NOT VALID;
CREATE UNIQUE INDEX ON $L.global_checkpoint (sync_no, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX ON $L.global_checkpoint (sync_no, number) WHERE sequence IS NULL;
CREATE INDEX ON $L.global_checkpoint (sync_no, sequence)
  WHERE sequence IS NOT NULL AND octet_length(state) > 0;
COMMENT ON COLUMN $L.global_checkpoint.numbered_at IS
  'When sequence was assigned. NULL if an older server assigned it.';
COMMENT ON COLUMN $L.global_checkpoint.state_dropped IS
  'The state was emptied, because the sync has a newer one.';
ALTER TABLE $L.global_position DROP CONSTRAINT global_position_stream_no_fkey;
ALTER TABLE $L.field_count
  DROP CONSTRAINT field_count_stream_no_fkey,
  ADD FOREIGN KEY (stream_no, writer_id) REFERENCES $L.writer NOT VALID;

ALTER TABLE $L.stream ADD COLUMN superseded boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN $L.stream.superseded IS
  'The stream was cancelled because a newer sync took over its table.';

ALTER TABLE $L.generation
  ADD COLUMN sync_no bigint,
  ADD COLUMN completed_stream_no bigint;
COMMENT ON COLUMN $L.generation.sync_no IS
  'The sync_no of the latest sync, once that sync was removed.';
COMMENT ON COLUMN $L.generation.completed_stream_no IS
  'The highest stream_no that completed in the generation and was removed.';
)sql";

// Claims have a token.
constexpr char kMigration8[] = R"sql(
ALTER TABLE $L.writer ADD COLUMN claim_token bigint;
COMMENT ON COLUMN $L.writer.epoch IS
  'Number of the latest claim. Claims and completions raise it, and a commit of an older claim is refused.';
COMMENT ON COLUMN $L.writer.claim_token IS
  'Random number of the latest claim. It distinguishes two claims that have the same epoch because a crash took the first one back.';
COMMENT ON COLUMN $L.writer.open_by IS
  'The server on which a call of the writer is open. A hint: while that server runs, it clears it within a quarter of its lease if it has no such call.';
)sql";

// Staging tables are in the ledger's schema. A server that looks for them elsewhere must not work
// with such streams.
constexpr char kMigration9[] = R"sql(
ALTER TABLE $L.stream ADD COLUMN temp_table_schema text;
COMMENT ON COLUMN $L.stream.temp_table_name IS
  'The staging table into which the stream stages rows.';
COMMENT ON COLUMN $L.stream.temp_table_schema IS
  'The schema of the staging table. NULL if an older server started the stream: table_schema.';
ALTER TABLE $L.migration ALTER COLUMN minimum_server SET DEFAULT 9;
)sql";

// The binary forms of columns.
constexpr char kMigration10[] = R"sql(
ALTER TABLE $L.stream ADD COLUMN column_stored_types text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN $L.stream.column_stored_types IS
  'Per column, the type with the binary form of its type in the table, if that is a domain or a type that is sent as text; empty otherwise.';
)sql";

// The strategy of a replace.
constexpr char kMigration11[] = R"sql(
ALTER TABLE $L.stream
  ADD COLUMN replace_strategy text NOT NULL DEFAULT 'auto',
  ADD COLUMN strategy text NOT NULL DEFAULT 'auto',
  ADD COLUMN strategy_reason text NOT NULL DEFAULT '';
COMMENT ON COLUMN $L.stream.replace_strategy IS
  'How the table is to be replaced, as requested: auto, swap or in_place.';
COMMENT ON COLUMN $L.stream.strategy IS
  'How the table is replaced: swap or in_place; auto if nothing is replaced. Chosen when the sync starts and again when the stream completes.';
COMMENT ON COLUMN $L.stream.strategy_reason IS
  'Why strategy was chosen.';
)sql";

// The meta columns of tables, and defaults of _airbyte_meta. A server that does not know them would
// write other rows, and publish a staging table with its default.
constexpr char kMigration12[] = R"sql(
ALTER TABLE $L.stream
  ADD COLUMN meta text NOT NULL DEFAULT 'full',
  ADD COLUMN meta_default boolean NOT NULL DEFAULT false;
ALTER TABLE $L.generation ADD COLUMN meta text NOT NULL DEFAULT 'full';
COMMENT ON COLUMN $L.stream.meta IS
  'The meta columns of the table: full, compact (_airbyte_generation_id) or none.';
COMMENT ON COLUMN $L.generation.meta IS
  'The meta columns that the table had: full, compact or none.';
COMMENT ON COLUMN $L.stream.meta_default IS
  'The stream made the text of a record without changes the default of _airbyte_meta in the table that it loads into. Of an append, cleared when the default is dropped.';
CREATE INDEX ON $L.stream (stream_no) WHERE meta_default AND loader = 'append';
ALTER TABLE $L.migration ALTER COLUMN minimum_server SET DEFAULT 12;
)sql";

// Syncs that are extended while they run. A server that does not know them would end such a sync
// with its last stream, and complete a stream without marking rows.
constexpr char kMigration13[] = R"sql(
ALTER TABLE $L.sync ADD COLUMN extensible boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN $L.sync.extensible IS
  'Streams may be added, and the end of the last stream does not end the sync.';
ALTER TABLE $L.stream
  ADD COLUMN plan_version bigint NOT NULL DEFAULT 1,
  ADD COLUMN older_generations text NOT NULL DEFAULT 'keep',
  ADD COLUMN deleted_at_column text NOT NULL DEFAULT '',
  ADD COLUMN marked_rows bigint NOT NULL DEFAULT 0,
  ADD COLUMN column_declared_types text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN $L.stream.plan_version IS
  'Number of the plan: 1 at first, and one more for each extension that changed it.';
COMMENT ON COLUMN $L.stream.older_generations IS
  'What completion does with rows of older generations: keep or mark_deleted.';
COMMENT ON COLUMN $L.stream.deleted_at_column IS
  'The column that mark_deleted sets. Empty otherwise.';
COMMENT ON COLUMN $L.stream.marked_rows IS
  'Rows of older generations that the completion marked as deleted.';
COMMENT ON COLUMN $L.stream.column_declared_types IS
  'Per column, the type that the stream declares, if its values are coerced to another one because the table''s column has it; empty otherwise.';
ALTER TABLE $L.writer ADD COLUMN plan_version bigint NOT NULL DEFAULT 1;
COMMENT ON COLUMN $L.writer.plan_version IS
  'The stream''s plan_version when the writer was opened last.';
COMMENT ON COLUMN $L.writer.claim_token IS
  'Random number of the latest claim. It distinguishes two claims that have the same epoch because a crash took the first one back. NULL if an extension of the sync has changed the type of a column since.';
ALTER TABLE $L.migration ALTER COLUMN minimum_server SET DEFAULT 13;
)sql";

// The element n of the list brings version n to n + 1. "$L" is replaced by the quoted schema. Never
// change one that was released; append a new one.
constexpr std::array<const char*, 13> kMigrations = {
    kMigration1, kMigration2, kMigration3,  kMigration4,  kMigration5,  kMigration6,  kMigration7,
    kMigration8, kMigration9, kMigration10, kMigration11, kMigration12, kMigration13,
};

}  // namespace

absl::Span<const char* const> LedgerMigrations() { return kMigrations; }

}  // namespace syncline::postgres
