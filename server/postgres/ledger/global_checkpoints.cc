#include "server/postgres/ledger/global_checkpoints.h"

#include <cstdint>

#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

// $1: sync_no; $2, $3: the writer that sent the checkpoints; $4, $5: the checkpoints in their
// order; $6 to $10: their positions. The positions of a checkpoint that is repeated in one call are
// united.
constexpr char kStoreSql[] = R"sql(
WITH c AS (
  INSERT INTO $L.global_checkpoint (sync_no, stream_no, writer_id, checkpoint_id, state)
  SELECT $1::bigint, $2::bigint, $3::text, g.id, g.state
  FROM unnest($4::text[], $5::bytea[]) WITH ORDINALITY AS g (id, state, place) ORDER BY g.place
  ON CONFLICT (stream_no, writer_id, checkpoint_id) DO NOTHING
  RETURNING sync_no, number, checkpoint_id)
INSERT INTO $L.global_position (sync_no, number, stream_no, writer_id, "offset")
SELECT c.sync_no, c.number, s.stream_no, p.writer_id, p.at
FROM c
JOIN unnest($6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[])
  AS p (checkpoint_id, namespace, name, writer_id, at) USING (checkpoint_id)
JOIN $L.stream s ON s.sync_no = $1::bigint AND s.namespace = p.namespace AND s.name = p.name
ON CONFLICT (sync_no, number, stream_no, writer_id) DO NOTHING
)sql";

}  // namespace

GlobalCheckpoints::GlobalCheckpoints(absl::string_view quoted_schema)
    : store_sql_(WithLedgerSchema(kStoreSql, quoted_schema)) {}

absl::Status GlobalCheckpoints::Store(
    Connection& connection, const WriterClaim& claim,
    const std::vector<const PendingCheckpoint*>& checkpoints) const {
  std::vector<std::string> ids, position_ids, namespaces, names, writers;
  std::vector<absl::string_view> states;
  std::vector<int64_t> offsets;
  for (const PendingCheckpoint* const checkpoint : checkpoints) {
    ids.push_back(checkpoint->checkpoint_id);
    states.emplace_back(checkpoint->state);
    for (const CheckpointPosition& position : checkpoint->positions) {
      position_ids.push_back(checkpoint->checkpoint_id);
      namespaces.push_back(position.descriptor.name_space);
      names.push_back(position.descriptor.name);
      writers.push_back(position.writer_id);
      offsets.push_back(position.offset);
    }
  }
  Params params;
  params.Int(claim.sync_no).Int(claim.stream_no).Text(claim.writer_id).TextArray(ids);
  params.BytesArray(states).TextArray(position_ids).TextArray(namespaces).TextArray(names);
  params.TextArray(writers).IntArray(offsets);
  return connection.Query(store_sql_, params).status();
}

}  // namespace syncline::postgres
