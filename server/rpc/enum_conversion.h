// Conversion of enums between the proto and the model. Unknown values of a request mean the
// default, as everywhere in the API. Pure functions.
#pragma once

#include "server/model/loader_kind.h"
#include "server/model/replace_strategy.h"
#include "server/model/schema_change.h"
#include "server/model/table_placement.h"
#include "server/model/table_schema.h"
#include "syncline/v1/stream.pb.h"

namespace syncline::rpc {

v1::Loader LoaderToProto(LoaderKind loader);
v1::SchemaChange::Kind KindToProto(SchemaChange::Kind kind);
v1::TablePlacement::Kind KindToProto(TablePlacement::Kind kind);

ReplaceStrategy FromProto(v1::ReplaceStrategy strategy);
// Returns REPLACE_STRATEGY_UNSPECIFIED for kAuto, which as a choice means that nothing is replaced.
v1::ReplaceStrategy ChoiceToProto(ReplaceStrategy strategy);

TableMeta FromProto(v1::Meta meta);
v1::Meta MetaToProto(TableMeta meta);

}  // namespace syncline::rpc
