#include "server/model/distribution.h"

#include "server/model/table_schema.h"

namespace syncline {

Distribution ChooseDistribution(const StreamPlan& plan, NewTableDistribution setting) {
  if (plan.distribution.requested() || setting == NewTableDistribution::kOff) {
    return plan.distribution;
  }
  const TableSchema& schema = plan.schema;
  // Rows of one key must be on one node to be merged there.
  const bool by_key = setting == NewTableDistribution::kKey || plan.write_mode == WriteMode::kDedup;
  if (by_key && !schema.primary_key.empty()) {
    for (const ColumnSchema& column : schema.columns) {
      if (column.column_name == schema.primary_key.front()) return {.property = column.input_name};
    }
  }
  if (schema.meta != TableMeta::kFull) return {};
  return {.property = kRawIdColumn};
}

std::string GetDistributionColumn(const StreamPlan& plan) {
  const std::string& property = plan.distribution.property;
  for (const ColumnSchema& column : plan.schema.columns) {
    if (column.input_name == property) return column.column_name;
  }
  return property == kRawIdColumn ? property : "";
}

}  // namespace syncline
