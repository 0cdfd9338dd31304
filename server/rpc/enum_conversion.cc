#include "server/rpc/enum_conversion.h"

namespace syncline::rpc {

v1::Loader LoaderToProto(LoaderKind loader) {
  switch (loader) {
    case LoaderKind::kAppend:
      return v1::LOADER_APPEND;
    case LoaderKind::kDedup:
      return v1::LOADER_DEDUP;
    case LoaderKind::kAppendTruncate:
      return v1::LOADER_APPEND_TRUNCATE;
    case LoaderKind::kDedupTruncate:
      return v1::LOADER_DEDUP_TRUNCATE;
  }
  return v1::LOADER_UNSPECIFIED;
}

v1::SchemaChange::Kind KindToProto(SchemaChange::Kind kind) {
  switch (kind) {
    case SchemaChange::Kind::kAddColumn:
      return v1::SchemaChange::KIND_ADD_COLUMN;
    case SchemaChange::Kind::kChangeType:
      return v1::SchemaChange::KIND_CHANGE_TYPE;
    case SchemaChange::Kind::kDropColumn:
      return v1::SchemaChange::KIND_DROP_COLUMN;
    case SchemaChange::Kind::kRelaxNotNull:
      return v1::SchemaChange::KIND_RELAX_NOT_NULL;
    case SchemaChange::Kind::kAddIndex:
      return v1::SchemaChange::KIND_ADD_INDEX;
    case SchemaChange::Kind::kDropIndex:
      return v1::SchemaChange::KIND_DROP_INDEX;
    case SchemaChange::Kind::kCreateTable:
      return v1::SchemaChange::KIND_CREATE_TABLE;
    case SchemaChange::Kind::kReplicaIdentity:
      return v1::SchemaChange::KIND_REPLICA_IDENTITY;
  }
  return v1::SchemaChange::KIND_UNSPECIFIED;
}

v1::TablePlacement::Kind KindToProto(TablePlacement::Kind kind) {
  switch (kind) {
    case TablePlacement::Kind::kOrdinary:
      return v1::TablePlacement::KIND_ORDINARY;
    case TablePlacement::Kind::kManagedLocal:
      return v1::TablePlacement::KIND_MANAGED_LOCAL;
    case TablePlacement::Kind::kReference:
      return v1::TablePlacement::KIND_REFERENCE;
    case TablePlacement::Kind::kHash:
      return v1::TablePlacement::KIND_HASH;
    case TablePlacement::Kind::kSingleShard:
      return v1::TablePlacement::KIND_SINGLE_SHARD;
    case TablePlacement::Kind::kOther:
      return v1::TablePlacement::KIND_OTHER;
  }
  return v1::TablePlacement::KIND_UNSPECIFIED;
}

ReplaceStrategy FromProto(v1::ReplaceStrategy strategy) {
  if (strategy == v1::REPLACE_STRATEGY_SWAP) return ReplaceStrategy::kSwap;
  return strategy == v1::REPLACE_STRATEGY_IN_PLACE ? ReplaceStrategy::kInPlace
                                                   : ReplaceStrategy::kAuto;
}

v1::ReplaceStrategy ChoiceToProto(ReplaceStrategy strategy) {
  switch (strategy) {
    case ReplaceStrategy::kAuto:
      return v1::REPLACE_STRATEGY_UNSPECIFIED;
    case ReplaceStrategy::kSwap:
      return v1::REPLACE_STRATEGY_SWAP;
    case ReplaceStrategy::kInPlace:
      return v1::REPLACE_STRATEGY_IN_PLACE;
  }
  return v1::REPLACE_STRATEGY_UNSPECIFIED;
}

TableMeta FromProto(v1::Meta meta) {
  if (meta == v1::META_COMPACT) return TableMeta::kCompact;
  return meta == v1::META_NONE ? TableMeta::kNone : TableMeta::kFull;
}

v1::Meta MetaToProto(TableMeta meta) {
  switch (meta) {
    case TableMeta::kFull:
      return v1::META_FULL;
    case TableMeta::kCompact:
      return v1::META_COMPACT;
    case TableMeta::kNone:
      return v1::META_NONE;
  }
  return v1::META_UNSPECIFIED;
}

}  // namespace syncline::rpc
