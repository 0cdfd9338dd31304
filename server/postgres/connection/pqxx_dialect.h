// Differences between the APIs of libpqxx 6.4 (Debian 12) and 7.10 (Debian 13).
//
// Internal to control_session.cc. The functions throw libpqxx's exceptions.
#pragma once

#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

namespace syncline::postgres {

// The parameters of one statement, in text form.
using PqxxValues = std::vector<std::optional<std::string>>;

#if PQXX_VERSION_MAJOR >= 7

// Notes that the server has sent a notice, and discards it; libpqxx would print it to stderr.
class PqxxNotices {
 public:
  explicit PqxxNotices(pqxx::connection& connection) {
    connection.set_notice_handler([any = any_](pqxx::zview) noexcept { *any = true; });
  }

  bool any() const { return *any_; }
  void Clear() { *any_ = false; }

 private:
  // Shared, because the connection keeps the handler and is destroyed later.
  const std::shared_ptr<bool> any_ = std::make_shared<bool>(false);
};

// Makes errors omit DETAIL and CONTEXT.
inline void SetTerseErrors(pqxx::connection& connection) {
  connection.set_verbosity(pqxx::error_verbosity::terse);
}

inline pqxx::result ExecuteWith(pqxx::transaction_base& work, const std::string& sql,
                                const PqxxValues& values) {
  pqxx::params params;
  params.reserve(values.size());
  for (const std::optional<std::string>& value : values) {
    if (value.has_value()) {
      params.append(pqxx::zview(*value));  // not copied
    } else {
      params.append();
    }
  }
  return work.exec(sql, params);
}

#else

// Notes that the server has sent a notice, and discards it; libpqxx would print it to stderr.
class PqxxNotices : private pqxx::errorhandler {
 public:
  explicit PqxxNotices(pqxx::connection& connection) : pqxx::errorhandler(connection) {}

  bool any() const { return any_; }
  void Clear() { any_ = false; }

 private:
  bool operator()(const char[]) noexcept override {
    any_ = true;
    return false;
  }

  bool any_ = false;
};

// Makes errors omit DETAIL and CONTEXT.
inline void SetTerseErrors(pqxx::connection& connection) {
  connection.set_verbosity(pqxx::connection_base::terse);
}

inline pqxx::result ExecuteWith(pqxx::transaction_base& work, const std::string& sql,
                                const PqxxValues& values) {
  std::vector<const char*> pointers;
  pointers.reserve(values.size());
  for (const std::optional<std::string>& value : values) {
    pointers.push_back(value ? value->c_str() : nullptr);
  }
  return work.exec_params(sql, pqxx::prepare::make_dynamic_params(pointers));
}

#endif

}  // namespace syncline::postgres
