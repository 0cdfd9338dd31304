// Where the rows of a table are in a Citus cluster, and how the table stores them.
#pragma once

#include <cstdint>
#include <string>

namespace syncline {

struct TablePlacement {
  enum class Kind {
    kOrdinary,      // on the node of the connection; every table of a PostgreSQL without Citus
    kManagedLocal,  // on the coordinator, in the metadata of the cluster
    kReference,     // a copy on every node
    kHash,          // distributed by the hash of a column
    kSingleShard,   // one shard on one node, as every table of a distributed schema has it
    kOther,         // distributed by ranges, or by an append of shards
  };

  Kind kind = Kind::kOrdinary;
  std::string column = {};    // kHash: the distribution column
  int64_t colocation_id = 0;  // tables with the same number have their rows of one value together
  int64_t shards = 0;         // kHash: their number; 0 if the table does not exist yet

  // Whether Citus has the table in its metadata.
  bool placed() const { return kind != Kind::kOrdinary; }
};

// Returns whether rows of both tables are on the same node, so that statements can join the tables
// by the distribution column, and one can take the other's place.
inline bool ArePlacedAlike(const TablePlacement& a, const TablePlacement& b) {
  return a.kind == b.kind && a.column == b.column && a.colocation_id == b.colocation_id;
}

}  // namespace syncline
