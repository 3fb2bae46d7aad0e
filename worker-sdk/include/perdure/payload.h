// Payload: a value on the wire, and how C++ values become payloads and come back.
//
// What can be carried, chosen by type:
//   * void and std::monostate            an empty payload
//   * protobuf messages                  encoding "protobuf", `type` names the message
//   * perdure::Bytes                     encoding "bytes", as they are
//   * perdure::Payload                   as it is
//   * everything with JSON support       encoding "json" (see <perdure/json.h>)
//   * any other type                     after specialising perdure::PayloadTraits<T>
//
//   struct Point { int x = 0, y = 0; };
//   PERDURE_JSON(Point, x, y)
//
//   perdure::Payload payload = perdure::ToPayload(Point{1, 2});   // {"x":1,"y":2}
//   Point point = perdure::FromPayload<Point>(payload);
//
// Errors: EncodeError (a value that the encoding cannot hold) and DecodeError, see <perdure/errors.h>.
// Thread-safety: plain values and functions without state. A PayloadConverter is called from many threads at
// once.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_PAYLOAD_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_PAYLOAD_H_

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>

#include "perdure/json.h"

namespace perdure {

// A value that workflow code, tasks or clients hand over. The server never looks inside.
struct Payload {
  // "json", "protobuf", "bytes", a converter's own, or empty: no value.
  std::string encoding;
  std::string data;
  // For "protobuf": the message's full name. Otherwise informative.
  std::string type;

  bool empty() const { return encoding.empty() && data.empty(); }
  friend bool operator==(const Payload&, const Payload&) = default;
};

// Raw bytes: carried as they are, unlike a std::string, which is JSON text and must be UTF-8.
struct Bytes {
  std::string data;
  friend bool operator==(const Bytes&, const Bytes&) = default;
};

// Rewrites payloads on their way out and back in: encryption, compression. Give the same converter to workers
// and clients. Both functions are called from any thread. Decode must accept what Encode makes, and should
// hand on a payload whose encoding it does not know. What they throw becomes an EncodeError or a DecodeError.
// A DecodeError that Decode throws says that the payload is bad, which workflow code that awaits a signal may
// deal with; anything else that the converter is in trouble, and the activation is tried again later.
//
//   class Rot13 : public perdure::PayloadConverter {
//    public:
//     perdure::Payload Encode(perdure::Payload p) const override { return {"rot13", Turn(p.data),
//     p.encoding}; } perdure::Payload Decode(perdure::Payload p) const override {
//       return p.encoding == "rot13" ? perdure::Payload{p.type, Turn(p.data), ""} : p;
//     }
//   };
class PayloadConverter {
 public:
  virtual ~PayloadConverter() = default;
  virtual Payload Encode(Payload payload) const = 0;
  virtual Payload Decode(Payload payload) const = 0;
};

namespace detail {

std::string TypeName(const std::type_info& type);
// The C++ name of a type, for messages.
template <class T>
std::string TypeName() {
  return TypeName(typeid(T));
}

[[noreturn]] void ThrowDecodeError(const std::string& type, const std::string& problem,
                                   const Payload& payload);
[[noreturn]] void ThrowEncodeError(const std::string& type, const std::string& problem);
// Throws DecodeError unless the payload has this encoding.
void ExpectEncoding(const Payload& payload, std::string_view encoding, const std::string& type);

}  // namespace detail

// A protobuf message, recognised without its headers.
template <class T>
concept ProtobufMessage = requires(const T& message, T& into, std::string* out, const std::string& in) {
  { message.SerializeToString(out) } -> std::same_as<bool>;
  { into.ParseFromString(in) } -> std::same_as<bool>;
  { message.GetTypeName() } -> std::convertible_to<std::string>;
};

// How T becomes a payload and comes back. Specialise it for a type of your own:
//   template <> struct perdure::PayloadTraits<Matrix> {
//     static Payload Encode(const Matrix& value);
//     static Matrix Decode(const Payload& payload);
//   };
template <class T>
struct PayloadTraits;

namespace detail {
// A JSON number that is nothing but digits; false: it may still be a number, for the parser.
template <class T>
bool ReadDigits(std::string_view text, T& value) {
  if (text.empty() || text[0] == '-' || (text[0] == '0' && text.size() > 1)) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}
}  // namespace detail

template <>
struct PayloadTraits<std::monostate> {
  static Payload Encode(std::monostate) { return {}; }
  static std::monostate Decode(const Payload&) { return {}; }
};

template <>
struct PayloadTraits<Payload> {
  static Payload Encode(const Payload& value) { return value; }
  static Payload Decode(const Payload& payload) { return payload; }
};

template <>
struct PayloadTraits<Bytes> {
  static Payload Encode(const Bytes& value) { return {"bytes", value.data, ""}; }
  static Bytes Decode(const Payload& payload) {
    detail::ExpectEncoding(payload, "bytes", "perdure::Bytes");
    return {payload.data};
  }
};

template <class T>
  requires ProtobufMessage<T>
struct PayloadTraits<T> {
  static Payload Encode(const T& value) {
    Payload payload{"protobuf", "", value.GetTypeName()};
    if (!value.SerializeToString(&payload.data)) {
      detail::ThrowEncodeError(payload.type, "the message does not serialize (is it larger than 2 GiB?)");
    }
    return payload;
  }
  static T Decode(const Payload& payload) {
    T value;
    const std::string type = value.GetTypeName();
    detail::ExpectEncoding(payload, "protobuf", type);
    if (!payload.type.empty() && payload.type != type) {
      detail::ThrowDecodeError(type, "the payload holds a " + payload.type, payload);
    }
    if (!value.ParseFromString(payload.data)) {
      detail::ThrowDecodeError(type, "the bytes do not parse as this message", payload);
    }
    return value;
  }
};

template <class T>
  requires(JsonCodable<T> && !ProtobufMessage<T> && !std::same_as<T, std::monostate>)
struct PayloadTraits<T> {
  static Payload Encode(const T& value) {
    JsonWriter out;
    JsonTraits<T>::Write(out, value);
    return {"json", out.Take(), ""};
  }
  static T Decode(const Payload& payload) {
    // A payload without a value reads as null, so that an optional argument may be left out.
    const bool absent = payload.empty();
    // The name is made up only for who needs it: it takes longer than most values.
    if (!absent && payload.encoding != "json") {
      detail::ExpectEncoding(payload, "json", detail::TypeName<T>());
    }
    if constexpr (requires { JsonTraits<T>::kDigits; }) {
      if (T value{}; detail::ReadDigits(payload.data, value)) return value;
    }
    try {
      const JsonDocument document(absent ? std::string_view("null") : std::string_view(payload.data));
      T value{};
      JsonTraits<T>::Read(document.Root(), value);
      return value;
    } catch (const detail::JsonError& error) {
      detail::ThrowDecodeError(detail::TypeName<T>(), error.what(), payload);
    }
  }
};

namespace detail {
template <class T>
concept HasPayloadTraits = requires(const T& value, const Payload& payload) {
  { PayloadTraits<T>::Encode(value) } -> std::same_as<Payload>;
  { PayloadTraits<T>::Decode(payload) } -> std::same_as<T>;
};
}  // namespace detail

// T can be an argument or a result of a task, a step, a workflow or a signal.
template <class T>
concept PayloadType = std::is_void_v<T> || detail::HasPayloadTraits<std::remove_cvref_t<T>>;

// The value as a payload.
template <class T>
Payload ToPayload(const T& value) {
  static_assert(
      PayloadType<T>,
      "perdure: this type cannot be carried in a payload; write PERDURE_JSON(Type, fields...) behind it "
      "(see perdure/json.h), or specialise perdure::PayloadTraits for it");
  return PayloadTraits<std::remove_cvref_t<T>>::Encode(value);
}

// The value that a payload holds; FromPayload<void> takes any payload. Throws DecodeError.
template <class T>
T FromPayload(const Payload& payload) {
  static_assert(
      PayloadType<T>,
      "perdure: this type cannot be carried in a payload; write PERDURE_JSON(Type, fields...) behind it "
      "(see perdure/json.h), or specialise perdure::PayloadTraits for it");
  if constexpr (!std::is_void_v<T>) return PayloadTraits<std::remove_cvref_t<T>>::Decode(payload);
}

namespace detail {

// Arguments on the wire: none, an empty payload; one, that value; several, a JSON array of them.
template <class... Args>
Payload EncodeArgs(const Args&... args) {
  if constexpr (sizeof...(Args) == 0) {
    return {};
  } else if constexpr (sizeof...(Args) == 1) {
    return ToPayload(args...);
  } else {
    static_assert(
        (JsonCodable<std::remove_cvref_t<Args>> && ...),
        "perdure: with several arguments each needs JSON support (PERDURE_JSON); pass protobuf messages "
        "and bytes as the only argument");
    return ToPayload(std::tuple<std::remove_cvref_t<Args>...>(args...));
  }
}

template <class... Args>
std::tuple<std::remove_cvref_t<Args>...> DecodeArgs(const Payload& payload) {
  if constexpr (sizeof...(Args) == 0) {
    return {};
  } else if constexpr (sizeof...(Args) == 1) {
    return std::tuple<std::remove_cvref_t<Args>...>(FromPayload<std::remove_cvref_t<Args>...>(payload));
  } else {
    return FromPayload<std::tuple<std::remove_cvref_t<Args>...>>(payload);
  }
}

// Arguments and results are values: nothing on the wire can be referred to or changed in place.
template <class T>
concept ArgumentType = PayloadType<T> && !std::is_void_v<T> &&
                       (!std::is_reference_v<T> || std::is_const_v<std::remove_reference_t<T>>);

}  // namespace detail
}  // namespace perdure

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_PAYLOAD_H_
