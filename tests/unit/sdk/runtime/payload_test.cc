// Values to payloads and back, and what decode errors say.
#include "perdure/payload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

#include "perdure/errors.h"
#include "perdure/nlohmann_json.h"
#include "perdure/v1/common.pb.h"

namespace shop {

enum class Priority { kLow, kHigh };
PERDURE_JSON_ENUM(Priority, kLow, kHigh)

struct Item {
  std::string sku;
  int quantity = 1;
  friend bool operator==(const Item&, const Item&) = default;
};
PERDURE_JSON(Item, sku, quantity)

struct Order {
  std::string id;
  std::vector<Item> items;
  std::optional<std::string> note;
  std::map<std::string, double> prices;
  Priority priority = Priority::kLow;
  bool gift = false;
  friend bool operator==(const Order&, const Order&) = default;
};
PERDURE_JSON(Order, id, items, note, prices, priority, gift)

struct Tree {
  int value = 0;
  std::vector<Tree> children;
};
PERDURE_JSON(Tree, value, children)

struct Nothing {};
PERDURE_JSON(Nothing)

struct Refund {
  std::string order;
  int cents = 0;
  std::optional<std::string> note;
  friend bool operator==(const Refund&, const Refund&) = default;
};
PERDURE_JSON_STRICT(Refund, order, cents, note)

struct Refunds {
  std::vector<Refund> list;
};
PERDURE_JSON(Refunds, list)

// As many fields as the macro has to take.
struct Wide {
  int f01 = 0, f02 = 0, f03 = 0, f04 = 0, f05 = 0, f06 = 0, f07 = 0, f08 = 0, f09 = 0, f10 = 0;
  int f11 = 0, f12 = 0, f13 = 0, f14 = 0, f15 = 0, f16 = 0, f17 = 0, f18 = 0, f19 = 0, f20 = 0;
  int f21 = 0, f22 = 0, f23 = 0, f24 = 0, f25 = 0, f26 = 0, f27 = 0, f28 = 0, f29 = 0, f30 = 0;
  int f31 = 0, f32 = 0, f33 = 0, f34 = 0, f35 = 0, f36 = 0, f37 = 0, f38 = 0, f39 = 0, f40 = 0;
  int f41 = 0, f42 = 0, f43 = 0, f44 = 0, f45 = 0, f46 = 0, f47 = 0, f48 = 0, f49 = 0, f50 = 0;
  int f51 = 0, f52 = 0, f53 = 0, f54 = 0, f55 = 0, f56 = 0, f57 = 0, f58 = 0, f59 = 0, f60 = 0;
};
PERDURE_JSON(Wide, f01, f02, f03, f04, f05, f06, f07, f08, f09, f10, f11, f12, f13, f14, f15, f16, f17, f18,
             f19, f20, f21, f22, f23, f24, f25, f26, f27, f28, f29, f30, f31, f32, f33, f34, f35, f36, f37,
             f38, f39, f40, f41, f42, f43, f44, f45, f46, f47, f48, f49, f50, f51, f52, f53, f54, f55, f56,
             f57, f58, f59, f60)

// With nlohmann's own hooks.
struct Legacy {
  int a = 0;
};
void to_json(nlohmann::json& json, const Legacy& value) { json = {{"a", value.a}}; }
void from_json(const nlohmann::json& json, Legacy& value) { json.at("a").get_to(value.a); }

// With an encoding of its own.
struct Matrix {
  int cells = 0;
};

}  // namespace shop

template <>
struct perdure::PayloadTraits<shop::Matrix> {
  static Payload Encode(const shop::Matrix& value) { return {"matrix", std::string(value.cells, '#'), ""}; }
  static shop::Matrix Decode(const Payload& payload) { return {static_cast<int>(payload.data.size())}; }
};

namespace perdure {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

template <class T>
T RoundTrip(const T& value) {
  return FromPayload<T>(ToPayload(value));
}

Payload Json(std::string text) { return {"json", std::move(text), ""}; }

// What decoding T from this JSON complains about.
template <class T>
std::string Complaint(std::string text) {
  try {
    (void)FromPayload<T>(Json(std::move(text)));
  } catch (const DecodeError& error) {
    return error.what();
  }
  return "";
}

TEST(PayloadTest, WritesStructsAsReadableJson) {
  const shop::Order order{"o-1", {{"apple", 2}}, std::nullopt, {{"apple", 0.5}}, shop::Priority::kHigh, true};
  const Payload payload = ToPayload(order);
  EXPECT_EQ(payload.encoding, "json");
  EXPECT_EQ(payload.data,
            R"({"id":"o-1","items":[{"sku":"apple","quantity":2}],"note":null,"prices":{"apple":0.5},)"
            R"("priority":"kHigh","gift":true})");
  EXPECT_EQ(FromPayload<shop::Order>(payload), order);
}

TEST(PayloadTest, MissingFieldsKeepDefaultsAndUnknownOnesAreIgnored) {
  const auto item = FromPayload<shop::Item>(Json(R"({"sku":"pear","colour":"green"})"));
  EXPECT_EQ(item, (shop::Item{"pear", 1}));
}

TEST(PayloadTest, RoundTripsPlainTypes) {
  EXPECT_EQ(RoundTrip(std::string("tab\t \"quoted\" \\ \x01 ünï€😀")), "tab\t \"quoted\" \\ \x01 ünï€😀");
  EXPECT_EQ(RoundTrip(std::numeric_limits<std::int64_t>::min()), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(RoundTrip(std::numeric_limits<std::uint64_t>::max()), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(RoundTrip(0.1), 0.1);
  EXPECT_EQ(RoundTrip(3.0f), 3.0f);
  EXPECT_EQ(RoundTrip(true), true);
  EXPECT_EQ(RoundTrip(std::vector<bool>{true, false}), (std::vector<bool>{true, false}));
  EXPECT_EQ(RoundTrip(std::set<int>{3, 1}), (std::set<int>{1, 3}));
  EXPECT_EQ(RoundTrip(std::unordered_map<std::string, int>{{"a", 1}}),
            (std::unordered_map<std::string, int>{{"a", 1}}));
  EXPECT_EQ(RoundTrip(std::tuple<int, std::string>{1, "x"}), (std::tuple<int, std::string>{1, "x"}));
  EXPECT_EQ(RoundTrip(std::pair<std::string, double>{"x", 2.5}), (std::pair<std::string, double>{"x", 2.5}));
  EXPECT_EQ(RoundTrip(std::array<int, 3>{1, 2, 3}), (std::array<int, 3>{1, 2, 3}));
  EXPECT_EQ(RoundTrip(std::chrono::seconds(90)), std::chrono::seconds(90));
  EXPECT_EQ(RoundTrip(std::optional<int>()), std::nullopt);
  const std::chrono::system_clock::time_point time(std::chrono::milliseconds(1'700'000'000'123));
  EXPECT_EQ(RoundTrip(time), time);
}

TEST(PayloadTest, CarriesRecursiveWideAndEmptyStructs) {
  const auto tree = RoundTrip(shop::Tree{1, {{2, {}}, {3, {{4, {}}}}}});
  EXPECT_EQ(tree.children.at(1).children.at(0).value, 4);
  shop::Wide wide;
  wide.f01 = 1;
  wide.f60 = 60;
  EXPECT_EQ(RoundTrip(wide).f60, 60);
  EXPECT_EQ(ToPayload(shop::Nothing()).data, "{}");
}

TEST(PayloadTest, CarriesProtobufMessagesAsSuch) {
  v1::RetryPolicy policy;
  policy.set_max_attempts(7);
  const Payload payload = ToPayload(policy);
  EXPECT_EQ(payload.encoding, "protobuf");
  EXPECT_EQ(payload.type, "perdure.v1.RetryPolicy");
  EXPECT_EQ(FromPayload<v1::RetryPolicy>(payload).max_attempts(), 7);
  EXPECT_THROW((void)FromPayload<v1::TaskTimeouts>(payload), DecodeError);
  EXPECT_THROW((void)FromPayload<v1::RetryPolicy>(Json("{}")), DecodeError);
}

TEST(PayloadTest, CarriesBytesVoidPayloadsAndCustomTypes) {
  const Bytes bytes{std::string("\0\xff\x01", 3)};
  EXPECT_EQ(RoundTrip(bytes), bytes);
  EXPECT_TRUE(ToPayload(std::monostate()).empty());
  FromPayload<void>(Json("42"));
  EXPECT_EQ(RoundTrip(Json("1")), Json("1"));
  EXPECT_EQ(RoundTrip(shop::Matrix{5}).cells, 5);
}

TEST(PayloadTest, CarriesNlohmannJsonAndItsTypes) {
  const nlohmann::json value = {{"a", {1, 2}}, {"b", nullptr}};
  EXPECT_EQ(RoundTrip(value), value);
  EXPECT_EQ(RoundTrip(shop::Legacy{4}).a, 4);
  EXPECT_THAT(Complaint<shop::Legacy>("{}"), HasSubstr("key 'a' not found"));
}

TEST(PayloadTest, PutsSeveralArgumentsIntoAnArray) {
  EXPECT_TRUE(detail::EncodeArgs().empty());
  EXPECT_EQ(detail::EncodeArgs(std::string("a")).data, "\"a\"");
  EXPECT_EQ(detail::EncodeArgs(std::string("a"), 2).data, "[\"a\",2]");
  const auto args = detail::DecodeArgs<const std::string&, int>(Json("[\"a\",2]"));
  EXPECT_EQ(args, (std::tuple<std::string, int>("a", 2)));
}

TEST(PayloadTest, AnAbsentPayloadReadsAsAnAbsentOptional) {
  EXPECT_EQ(FromPayload<std::optional<int>>(Payload()), std::nullopt);
  EXPECT_THROW((void)FromPayload<int>(Payload()), DecodeError);
}

TEST(DecodeErrorTest, NamesTypeFieldPathAndShowsAnExcerpt) {
  EXPECT_THAT(Complaint<shop::Order>(R"({"id":"o","items":[{"sku":"a"},{"sku":"b","quantity":"three"}]})"),
              AllOf(HasSubstr("shop::Order"),
                    HasSubstr("field 'items[1].quantity': expected an integer, found string \"three\""),
                    HasSubstr(R"({"id":"o","items")")));
  EXPECT_THAT(Complaint<shop::Order>(R"({"prices":{"apple":"dear"}})"),
              HasSubstr("field 'prices.apple': expected a number"));
  EXPECT_THAT(Complaint<shop::Order>(R"({"priority":"kUrgent"})"),
              HasSubstr("'kUrgent' is not one of 'kLow', 'kHigh'"));
  EXPECT_THAT(Complaint<shop::Order>("[1]"), HasSubstr("expected an object, found array"));
  EXPECT_THAT(Complaint<shop::Order>(R"({"id":null})"),
              HasSubstr("field 'id': expected a string, found null"));
  EXPECT_THAT(Complaint<shop::Order>(R"({"id":)"), HasSubstr("malformed JSON"));
  EXPECT_THAT(Complaint<int>(std::string("1\0 and more", 11)), HasSubstr("a null byte at byte 2"));
  EXPECT_THAT((Complaint<std::tuple<int, int>>("[1]")), HasSubstr("expected an array of 2 values, found 1"));
  EXPECT_THAT(Complaint<std::vector<int>>("[1,true]"),
              HasSubstr("field '[1]': expected an integer, found boolean true"));
}

TEST(DecodeErrorTest, StrictTypesWantEveryKeyAndNoOther) {
  EXPECT_EQ(FromPayload<shop::Refund>(Json(R"({"order":"7","cents":5})")),
            (shop::Refund{"7", 5, std::nullopt}));
  EXPECT_EQ(FromPayload<shop::Refund>(ToPayload(shop::Refund{"7", 5, "late"})),
            (shop::Refund{"7", 5, "late"}));
  EXPECT_THAT(Complaint<shop::Refund>(R"({"order":"7","cent":5})"),
              HasSubstr("key 'cents' of shop::Refund is missing"));
  EXPECT_THAT(Complaint<shop::Refund>(R"({"order":"7","cents":5,"nota":"x"})"),
              HasSubstr("key 'nota' is unknown to shop::Refund, whose keys are 'order', 'cents', 'note'"));
  EXPECT_THAT(Complaint<shop::Refunds>(R"({"list":[{"order":"7","cents":5},{"order":"8"}]})"),
              HasSubstr("field 'list[1]': key 'cents' of shop::Refund is missing"));
  EXPECT_THAT(Complaint<shop::Refund>("7"), HasSubstr("expected an object, found integer"));
}

TEST(DecodeErrorTest, RefusesNumbersOutOfRange) {
  EXPECT_THAT(Complaint<std::int8_t>("128"), HasSubstr("outside of -128 to 127"));
  EXPECT_THAT(Complaint<std::uint8_t>("-1"), HasSubstr("outside of 0 to 255"));
  EXPECT_THAT(Complaint<std::int64_t>("9223372036854775808"), HasSubstr("outside of"));
  EXPECT_THAT(Complaint<int>("1.5"), HasSubstr("expected an integer, found number 1.5"));
}

TEST(PayloadTest, ReadsIntegersAsJsonHasThem) {
  const auto read = []<class T>(T, const char* json) { return FromPayload<T>({"json", json, ""}); };
  EXPECT_EQ(read(0, "0"), 0);
  EXPECT_EQ(read(0, "-0"), 0);
  EXPECT_EQ(read(0, " 5 "), 5);
  EXPECT_EQ(read(0, "2147483647"), 2147483647);
  EXPECT_EQ(read(0, "-2147483648"), std::numeric_limits<int>::min());
  EXPECT_EQ(read(0u, "4294967295"), 4294967295u);
  EXPECT_EQ(read(std::int8_t{}, "127"), 127);
  EXPECT_EQ(read(std::uint64_t{}, "18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_THAT(Complaint<int>("2147483648"), HasSubstr("outside of"));
  EXPECT_THAT(Complaint<unsigned>("4294967296"), HasSubstr("outside of"));
  EXPECT_NE(Complaint<std::uint64_t>("18446744073709551616"), "");
  EXPECT_NE(Complaint<int>("007"), "");
  EXPECT_NE(Complaint<int>("5x"), "");
  EXPECT_NE(Complaint<int>("5e"), "");
  EXPECT_NE(Complaint<int>(""), "");
}

TEST(DecodeErrorTest, LongPayloadsAreCutInTheMessage) {
  const std::string complaint = Complaint<int>("\"" + std::string(10'000, 'x') + "\"");
  EXPECT_LT(complaint.size(), 400u);
  EXPECT_THAT(complaint, HasSubstr("(10002 bytes)"));
}

TEST(EncodeErrorTest, RefusesWhatJsonCannotHold) {
  EXPECT_THROW((void)ToPayload(std::numeric_limits<double>::quiet_NaN()), EncodeError);
  EXPECT_THROW((void)ToPayload(std::string("\xc3\x28")), EncodeError);
  EXPECT_THROW((void)ToPayload(std::string("\xed\xa0\x80")), EncodeError);
  EXPECT_THROW((void)ToPayload(std::string("\xf5\x80\x80\x80")), EncodeError);
  EXPECT_THROW((void)ToPayload(std::string("cut \xe2\x82")), EncodeError);
}

}  // namespace
}  // namespace perdure
