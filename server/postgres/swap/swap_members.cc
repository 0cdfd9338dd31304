#include "server/postgres/swap/swap_members.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/swap/swap_plan.h"

namespace syncline::postgres {
namespace {

// $1: columns. Returns what pg_get_indexdef prints after the table's name for a plain index on
// them.
constexpr char kPlainDefinitionSql[] =
    "SELECT E'\\n' || 'USING btree (' || pg_catalog.string_agg(pg_catalog.quote_ident(name), ', ' "
    "ORDER BY at) || ')' FROM unnest($1::text[]) WITH ORDINALITY c (name, at)";

// Moves our indexes, which have `names`, from `members` to `ours`.
void MoveOwnIndexes(const std::set<std::string>& names, std::vector<TableMember>* members,
                    std::vector<TableMember>* ours) {
  const auto is_users = [&](const TableMember& member) {
    return member.kind != MemberKind::kIndex || names.count(member.name) == 0;
  };
  const auto first = std::stable_partition(members->begin(), members->end(), is_users);
  ours->assign(std::make_move_iterator(first), std::make_move_iterator(members->end()));
  members->erase(first, members->end());
}

// Returns our index without its final name. It is built under a name that no member of the user's
// has while it is built.
absl::StatusOr<TableMember> KeyMember(Transaction& transaction, const SwapTables& tables,
                                      const TableSchema& schema) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result definition,
      transaction.Query(kPlainDefinitionSql, Params().TextArray(schema.primary_key)));
  TableMember key;
  key.kind = MemberKind::kIndex;
  key.subject = absl::StrCat("index on the primary key of ", tables.quoted_target);
  key.definition = definition.Text(0, 0);
  return key;
}

bool IsBuilt(const TableMember& member, const std::vector<TableMember>& built,
             const BuildPlace& place) {
  return std::any_of(built.begin(), built.end(), [&](const TableMember& existing) {
    return existing.kind == member.kind && existing.name == BuildName(member, place);
  });
}

// Adds our index to the wanted members unless a key is too long for it.
absl::Status AddKeyIndex(Transaction& transaction, const SwapTables& tables,
                         const TableSchema& schema, bool prepared,
                         const std::set<std::string>& leaving, SwapMembers* members) {
  SYNCLINE_ASSIGN_OR_RETURN(TableMember key, KeyMember(transaction, tables, schema));
  bool wanted = IsBuilt(key, members->built, tables.Place());
  if (!wanted && !prepared) {
    SYNCLINE_ASSIGN_OR_RETURN(wanted, IsKeyIndexable(transaction, tables.source, schema));
  }
  if (!wanted) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(members->key_index, FreeKeyIndexName(transaction, tables.target,
                                                                 schema.primary_key, leaving));
  key.quoted_name = QuoteIdentifier(members->key_index);
  members->wanted.push_back(std::move(key));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SwapMembers> CaptureSwapMembers(Transaction& transaction, const SwapTables& tables,
                                               const SwapKeyIndex& key, bool prepared) {
  SwapMembers members;
  SYNCLINE_ASSIGN_OR_RETURN(members.built,
                            CaptureMembers(transaction, tables.source_oid, std::nullopt));
  if (tables.target_oid != 0) {
    SYNCLINE_ASSIGN_OR_RETURN(members.wanted,
                              CaptureMembers(transaction, tables.target_oid, tables.source_oid));
  }
  if (key.indexes == nullptr) return members;
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<PlainIndex> indexes,
                            key.indexes->Find(transaction, tables.target));
  std::set<std::string> ours;
  bool present = key.schema->primary_key.empty();
  for (const PlainIndex& index : indexes) {
    if (index.ours) {
      ours.insert(index.name);
    } else {
      present = present || index.columns == key.schema->primary_key;
    }
  }
  MoveOwnIndexes(ours, &members.wanted, &members.ours);
  if (present) return members;
  SYNCLINE_RETURN_IF_ERROR(AddKeyIndex(transaction, tables, *key.schema, prepared, ours, &members));
  return members;
}

}  // namespace syncline::postgres
