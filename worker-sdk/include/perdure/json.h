// JSON for your types: one macro a struct, one an enum.
//
//   struct Item { std::string sku; int quantity = 1; };
//   PERDURE_JSON(Item, sku, quantity)
//
//   enum class Priority { kLow, kHigh };
//   PERDURE_JSON_ENUM(Priority, kLow, kHigh)   // as "kLow", "kHigh"
//
//   struct Order { std::string id; std::vector<Item> items; std::optional<std::string> note; Priority
//   priority{}; }; PERDURE_JSON(Order, id, items, note, priority)
//
// Put the macro right behind the type, in the type's own namespace. Decoding: a field that is missing keeps
// the member's default, one that the struct does not know is ignored, one of the wrong type is an error that
// names its path ("items[2].quantity: expected an integer, found a string").
//
// That suits what grows over the years, but it takes a misspelt key for a default value. For input that
// people write there is a strict form, in place of the other:
//
//   struct Refund { std::string order; int cents = 0; std::optional<std::string> note; };
//   PERDURE_JSON_STRICT(Refund, order, cents, note)
//
// Then each field must be there, save std::optional ones, and there must be no other: {"order":"7","cent":5}
// is an error that names the key and the type. Add a field to a strict type only as a std::optional, and only
// once every reader knows it. What lies within is as strict as its own type says.
//
// Supported without a macro: bool, integers, float and double, std::string, std::optional, std::vector,
// std::deque, std::array, std::set, std::unordered_set, std::map and std::unordered_map with std::string
// keys, std::pair and std::tuple (as arrays), std::chrono durations (as their number of ticks) and
// system_clock time points (as milliseconds since the Unix epoch). For nlohmann::json and types with its
// to_json/from_json include <perdure/nlohmann_json.h>. For anything else specialise perdure::JsonTraits<T>.
//
// Thread-safety: everything here is stateless or a plain value.
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_JSON_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_JSON_H_

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace perdure {

// Writes one JSON text, front to back. Keys and values have to be written in an order that makes sense.
class JsonWriter {
 public:
  void Null();
  void Bool(bool value);
  void Int(std::int64_t value);
  void Uint(std::uint64_t value);
  // Throws EncodeError for a value that JSON cannot hold (NaN, infinity).
  void Double(double value);
  // Throws EncodeError for text that is not UTF-8 (use perdure::Bytes for such).
  void String(std::string_view value);
  // One complete JSON value, already as text.
  void Raw(std::string_view json);
  void BeginObject();
  void Key(std::string_view name);
  void EndObject();
  void BeginArray();
  void EndArray();

  std::string Take() { return std::move(text_); }

 private:
  void Separate();

  std::string text_;
  bool need_comma_ = false;
};

// A JSON value being read; a view that must not outlive its document. Reading the wrong kind throws an error
// that names the path from the root.
class JsonValue {
 public:
  bool IsNull() const;
  bool GetBool() const;
  std::int64_t GetInt(std::int64_t min, std::int64_t max) const;
  std::uint64_t GetUint(std::uint64_t max) const;
  double GetDouble() const;
  std::string GetString() const;
  // The value as JSON text.
  std::string Text() const;

  // Of an array.
  std::size_t Size() const;
  JsonValue At(std::size_t index) const;

  // Of an object.
  std::optional<JsonValue> Find(std::string_view key) const;
  std::vector<std::string> Keys() const;

  [[noreturn]] void Fail(const std::string& problem) const;

 private:
  friend class JsonDocument;
  JsonValue(const void* node, const JsonValue* parent, std::string key, std::size_t index)
      : node_(node), parent_(parent), key_(std::move(key)), index_(index) {}

  const void* node_;
  const JsonValue* parent_;
  std::string key_;
  std::size_t index_;
};

// A parsed JSON text. The constructor throws detail::JsonError when it is malformed.
class JsonDocument {
 public:
  explicit JsonDocument(std::string_view text);
  ~JsonDocument();
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;
  JsonValue Root() const;

 private:
  struct Tree;
  std::unique_ptr<Tree> tree_;
};

namespace detail {

// What was wrong with a JSON value and where; becomes a DecodeError that also names the type and shows the
// text.
class JsonError : public std::exception {
 public:
  JsonError(std::string path, std::string problem);
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

struct AnyFieldVisitor {
  template <class F>
  void operator()(const char*, F&);
};

// A type named in PERDURE_JSON or PERDURE_JSON_STRICT.
template <class T>
concept HasJsonFields = requires(AnyFieldVisitor& visitor, T& value) { PerdureVisitFields(visitor, value); };

// A type named in PERDURE_JSON_STRICT.
template <class T>
concept HasStrictJsonFields = HasJsonFields<T> && requires(const T* value) { PerdureJsonIsStrict(value); };

// A type named in PERDURE_JSON_ENUM.
template <class T>
concept HasJsonEnumerators = std::is_enum_v<T> && requires(T value) {
  { PerdureEnumeratorName(value) } -> std::same_as<const char*>;
};

}  // namespace detail

// How T is written as JSON and read back. Specialise it for a type of your own:
//   static void Write(JsonWriter& out, const T& value);
//   static void Read(const JsonValue& in, T& value);
template <class T>
struct JsonTraits;

// T can be written as JSON and read back.
template <class T>
concept JsonCodable =
    std::default_initializable<T> && requires(JsonWriter& out, const JsonValue& in, T& value) {
      JsonTraits<T>::Write(out, std::as_const(value));
      JsonTraits<T>::Read(in, value);
    };

template <>
struct JsonTraits<bool> {
  static void Write(JsonWriter& out, bool value) { out.Bool(value); }
  static void Read(const JsonValue& in, bool& value) { value = in.GetBool(); }
};

template <class T>
  requires(std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
           !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> && !std::same_as<T, char16_t> &&
           !std::same_as<T, char32_t>)
struct JsonTraits<T> {
  // Its JSON may be nothing but digits, which need no parser.
  static constexpr bool kDigits = true;
  static void Write(JsonWriter& out, T value) {
    if constexpr (std::is_signed_v<T>) {
      out.Int(value);
    } else {
      out.Uint(value);
    }
  }
  static void Read(const JsonValue& in, T& value) {
    if constexpr (std::is_signed_v<T>) {
      value = static_cast<T>(in.GetInt(std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    } else {
      value = static_cast<T>(in.GetUint(std::numeric_limits<T>::max()));
    }
  }
};

template <std::floating_point T>
struct JsonTraits<T> {
  static void Write(JsonWriter& out, T value) { out.Double(static_cast<double>(value)); }
  static void Read(const JsonValue& in, T& value) { value = static_cast<T>(in.GetDouble()); }
};

template <>
struct JsonTraits<std::string> {
  static void Write(JsonWriter& out, const std::string& value) { out.String(value); }
  static void Read(const JsonValue& in, std::string& value) { value = in.GetString(); }
};

template <>
struct JsonTraits<std::monostate> {
  static void Write(JsonWriter& out, std::monostate) { out.Null(); }
  static void Read(const JsonValue&, std::monostate&) {}
};

template <class T>
  requires JsonCodable<T>
struct JsonTraits<std::optional<T>> {
  static void Write(JsonWriter& out, const std::optional<T>& value) {
    if (value.has_value()) {
      JsonTraits<T>::Write(out, *value);
    } else {
      out.Null();
    }
  }
  static void Read(const JsonValue& in, std::optional<T>& value) {
    if (in.IsNull()) {
      value.reset();
    } else {
      JsonTraits<T>::Read(in, value.emplace());
    }
  }
};

namespace detail {

template <class C>
void WriteJsonArray(JsonWriter& out, const C& values) {
  using T = typename C::value_type;
  out.BeginArray();
  for (const auto& value : values) JsonTraits<T>::Write(out, value);
  out.EndArray();
}

// For containers with emplace_back or emplace_hint.
template <class C>
struct JsonSequence {
  static void Write(JsonWriter& out, const C& values) { WriteJsonArray(out, values); }
  static void Read(const JsonValue& in, C& values) {
    values.clear();
    const std::size_t size = in.Size();
    if constexpr (requires { values.reserve(size); }) values.reserve(size);
    for (std::size_t i = 0; i < size; ++i) {
      typename C::value_type value{};
      JsonTraits<typename C::value_type>::Read(in.At(i), value);
      values.insert(values.end(), std::move(value));
    }
  }
};

template <class C>
struct JsonMap {
  static void Write(JsonWriter& out, const C& values) {
    out.BeginObject();
    for (const auto& [key, value] : values) {
      out.Key(key);
      JsonTraits<typename C::mapped_type>::Write(out, value);
    }
    out.EndObject();
  }
  static void Read(const JsonValue& in, C& values) {
    values.clear();
    for (std::string& key : in.Keys()) {
      const std::optional<JsonValue> member = in.Find(key);
      JsonTraits<typename C::mapped_type>::Read(*member, values[key]);
    }
  }
};

template <class Tuple>
struct JsonTuple {
  static void Write(JsonWriter& out, const Tuple& values) {
    out.BeginArray();
    std::apply([&out]<class... T>(const T&... value) { (JsonTraits<T>::Write(out, value), ...); }, values);
    out.EndArray();
  }
  static void Read(const JsonValue& in, Tuple& values) {
    constexpr std::size_t kSize = std::tuple_size_v<Tuple>;
    if (in.Size() != kSize) {
      in.Fail("expected an array of " + std::to_string(kSize) + " values, found " +
              std::to_string(in.Size()));
    }
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (JsonTraits<std::tuple_element_t<I, Tuple>>::Read(in.At(I), std::get<I>(values)), ...);
    }(std::make_index_sequence<kSize>());
  }
};

}  // namespace detail

template <class T, class A>
  requires JsonCodable<T>
struct JsonTraits<std::vector<T, A>> : detail::JsonSequence<std::vector<T, A>> {};
template <class T, class A>
  requires JsonCodable<T>
struct JsonTraits<std::deque<T, A>> : detail::JsonSequence<std::deque<T, A>> {};
template <class T, class C, class A>
  requires JsonCodable<T>
struct JsonTraits<std::set<T, C, A>> : detail::JsonSequence<std::set<T, C, A>> {};
template <class T, class H, class E, class A>
  requires JsonCodable<T>
struct JsonTraits<std::unordered_set<T, H, E, A>> : detail::JsonSequence<std::unordered_set<T, H, E, A>> {};
template <class T, class C, class A>
  requires JsonCodable<T>
struct JsonTraits<std::map<std::string, T, C, A>> : detail::JsonMap<std::map<std::string, T, C, A>> {};
template <class T, class H, class E, class A>
  requires JsonCodable<T>
struct JsonTraits<std::unordered_map<std::string, T, H, E, A>>
    : detail::JsonMap<std::unordered_map<std::string, T, H, E, A>> {};
template <class... T>
  requires(JsonCodable<T> && ...)
struct JsonTraits<std::tuple<T...>> : detail::JsonTuple<std::tuple<T...>> {};
template <class A, class B>
  requires(JsonCodable<A> && JsonCodable<B>)
struct JsonTraits<std::pair<A, B>> : detail::JsonTuple<std::pair<A, B>> {};

template <class T, std::size_t N>
  requires JsonCodable<T>
struct JsonTraits<std::array<T, N>> {
  static void Write(JsonWriter& out, const std::array<T, N>& values) { detail::WriteJsonArray(out, values); }
  static void Read(const JsonValue& in, std::array<T, N>& values) {
    if (in.Size() != N) in.Fail("expected an array of " + std::to_string(N) + " values");
    for (std::size_t i = 0; i < N; ++i) JsonTraits<T>::Read(in.At(i), values[i]);
  }
};

template <class Rep, class Period>
  requires JsonCodable<Rep>
struct JsonTraits<std::chrono::duration<Rep, Period>> {
  using Duration = std::chrono::duration<Rep, Period>;
  static void Write(JsonWriter& out, const Duration& value) { JsonTraits<Rep>::Write(out, value.count()); }
  static void Read(const JsonValue& in, Duration& value) {
    Rep ticks{};
    JsonTraits<Rep>::Read(in, ticks);
    value = Duration(ticks);
  }
};

template <>
struct JsonTraits<std::chrono::system_clock::time_point> {
  using TimePoint = std::chrono::system_clock::time_point;
  static void Write(JsonWriter& out, const TimePoint& value) {
    out.Int(std::chrono::duration_cast<std::chrono::milliseconds>(value.time_since_epoch()).count());
  }
  static void Read(const JsonValue& in, TimePoint& value) {
    constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max() / 1'000'000;
    value = TimePoint(std::chrono::milliseconds(in.GetInt(-kMax, kMax)));
  }
};

namespace detail {

struct JsonFieldWriter {
  JsonWriter& out;
  template <class F>
  void operator()(const char* name, const F& field) {
    static_assert(
        JsonCodable<F>,
        "perdure: a field named in PERDURE_JSON has a type without JSON support; give that type "
        "PERDURE_JSON(Type, fields...) or specialise perdure::JsonTraits for it, before this struct");
    out.Key(name);
    if constexpr (JsonCodable<F>) JsonTraits<F>::Write(out, field);
  }
};

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

// Which keys a strict type has, and which of them are missing.
struct JsonKeyChecker {
  const JsonValue& in;
  const std::string& type;
  std::vector<std::string_view> known;
  template <class F>
  void operator()(const char* name, F&) {
    known.emplace_back(name);
    if (!kIsOptional<std::remove_cv_t<F>> && !in.Find(name)) {
      in.Fail("key '" + std::string(name) + "' of " + type + " is missing");
    }
  }
  // Fails if there are keys beside the known ones.
  void Finish() const;
};

// The C++ name of a type, as in <perdure/payload.h>.
std::string TypeName(const std::type_info& type);

struct JsonFieldReader {
  const JsonValue& in;
  template <class F>
  void operator()(const char* name, F& field) {
    if constexpr (JsonCodable<F>) {
      if (const std::optional<JsonValue> member = in.Find(name)) JsonTraits<F>::Read(*member, field);
    }
  }
};

}  // namespace detail

template <class T>
  requires detail::HasJsonFields<T>
struct JsonTraits<T> {
  static void Write(JsonWriter& out, const T& value) {
    out.BeginObject();
    detail::JsonFieldWriter visitor{out};
    PerdureVisitFields(visitor, value);
    out.EndObject();
  }
  static void Read(const JsonValue& in, T& value) {
    detail::JsonFieldReader visitor{in};
    in.Keys();  // refuses what is not an object, even for a struct without fields
    if constexpr (detail::HasStrictJsonFields<T>) {
      const std::string type = detail::TypeName(typeid(T));
      detail::JsonKeyChecker checker{in, type, {}};
      PerdureVisitFields(checker, value);
      checker.Finish();
    }
    PerdureVisitFields(visitor, value);
  }
};

template <class T>
  requires detail::HasJsonEnumerators<T>
struct JsonTraits<T> {
  static void Write(JsonWriter& out, T value) {
    if (const char* name = PerdureEnumeratorName(value)) {
      out.String(name);
    } else {
      out.Int(static_cast<std::int64_t>(value));
    }
  }
  static void Read(const JsonValue& in, T& value) {
    const std::string name = in.GetString();
    std::string known;
    if (PerdureEnumeratorFind(name, value, known)) return;
    in.Fail("'" + name + "' is not one of " + known);
  }
};

}  // namespace perdure

// Repeats a macro over its arguments: PERDURE_FOR_EACH(M, x, a, b) is M(x, a) M(x, b).
#define PERDURE_PARENS ()
#define PERDURE_EXPAND(...) PERDURE_EXPAND3(PERDURE_EXPAND3(PERDURE_EXPAND3(PERDURE_EXPAND3(__VA_ARGS__))))
#define PERDURE_EXPAND3(...) PERDURE_EXPAND2(PERDURE_EXPAND2(PERDURE_EXPAND2(PERDURE_EXPAND2(__VA_ARGS__))))
#define PERDURE_EXPAND2(...) PERDURE_EXPAND1(PERDURE_EXPAND1(PERDURE_EXPAND1(PERDURE_EXPAND1(__VA_ARGS__))))
#define PERDURE_EXPAND1(...) __VA_ARGS__
#define PERDURE_FOR_EACH(macro, x, ...) \
  __VA_OPT__(PERDURE_EXPAND(PERDURE_FOR_EACH_STEP(macro, x, __VA_ARGS__)))
#define PERDURE_FOR_EACH_STEP(macro, x, first, ...) \
  macro(x, first) __VA_OPT__(PERDURE_FOR_EACH_AGAIN PERDURE_PARENS(macro, x, __VA_ARGS__))
#define PERDURE_FOR_EACH_AGAIN() PERDURE_FOR_EACH_STEP

#define PERDURE_JSON_FIELD(self, field) perdure_visitor(#field, self.field);

// Makes a struct readable and writable as a JSON object. Up to 60 fields.
#define PERDURE_JSON(Type, ...)                                             \
  template <class PerdureVisitor, class PerdureSelf>                        \
    requires std::same_as<std::remove_const_t<PerdureSelf>, Type>           \
  void PerdureVisitFields([[maybe_unused]] PerdureVisitor& perdure_visitor, \
                          [[maybe_unused]] PerdureSelf& perdure_self) {     \
    PERDURE_FOR_EACH(PERDURE_JSON_FIELD, perdure_self, __VA_ARGS__)         \
  }

// The same, and reading one refuses keys that are missing or unknown.
#define PERDURE_JSON_STRICT(Type, ...)       \
  PERDURE_JSON(Type, __VA_ARGS__)            \
  template <class PerdureSelf>               \
    requires std::same_as<PerdureSelf, Type> \
  void PerdureJsonIsStrict([[maybe_unused]] const PerdureSelf* perdure_self) {}

#define PERDURE_JSON_ENUM_CASE(Type, name) \
  case Type::name:                         \
    return #name;
#define PERDURE_JSON_ENUM_FIND(Type, name) \
  if (perdure_name == #name) {             \
    perdure_value = Type::name;            \
    return true;                           \
  }                                        \
  perdure_known += perdure_known.empty() ? "'" #name "'" : ", '" #name "'";

// Makes an enum readable and writable as a JSON string, the enumerator's name.
#define PERDURE_JSON_ENUM(Type, ...)                                                       \
  inline const char* PerdureEnumeratorName(Type perdure_value) {                           \
    switch (perdure_value) { PERDURE_FOR_EACH(PERDURE_JSON_ENUM_CASE, Type, __VA_ARGS__) } \
    return nullptr;                                                                        \
  }                                                                                        \
  inline bool PerdureEnumeratorFind(std::string_view perdure_name, Type& perdure_value,    \
                                    std::string& perdure_known) {                          \
    PERDURE_FOR_EACH(PERDURE_JSON_ENUM_FIND, Type, __VA_ARGS__)                            \
    return false;                                                                          \
  }

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_JSON_H_
