// Opt-in: nlohmann::json values, and types with its to_json and from_json, as arguments and results.
//
//   inline constexpr perdure::Workflow<nlohmann::json(nlohmann::json)> Webhook{"webhook"};
//
// This header costs seconds of compiling, which is why the others do without it.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_NLOHMANN_JSON_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_NLOHMANN_JSON_H_

#include <concepts>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "perdure/json.h"

namespace perdure {

template <>
struct JsonTraits<nlohmann::json> {
  static void Write(JsonWriter& out, const nlohmann::json& value) { out.Raw(value.dump()); }
  static void Read(const JsonValue& in, nlohmann::json& value) { value = nlohmann::json::parse(in.Text()); }
};

template <class T>
  requires(std::is_class_v<T> && !detail::HasJsonFields<T> &&
           requires(nlohmann::json& json, const nlohmann::json& from, T& value) {
             to_json(json, std::as_const(value));
             from_json(from, value);
           })
struct JsonTraits<T> {
  static void Write(JsonWriter& out, const T& value) { out.Raw(nlohmann::json(value).dump()); }
  static void Read(const JsonValue& in, T& value) {
    try {
      nlohmann::json::parse(in.Text()).get_to(value);
    } catch (const nlohmann::json::exception& error) {
      in.Fail(error.what());
    }
  }
};

}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_NLOHMANN_JSON_H_
