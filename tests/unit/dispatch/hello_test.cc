// What a hello must look like: each refusal names the field and the limit.
#include "tests/unit/dispatch/harness.h"

namespace perdure::dispatch {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class HelloTest : public DispatchTest {
 protected:
  static v1::Hello Good() { return MakeHello("w").Tasks({"charge"}, 5).Workflows({"order"}, 5); }

  // The message of the refusal; empty: it was taken.
  std::string Refusal(const v1::Hello& hello) {
    const absl::Status status = CheckHello(hello, options);
    if (!status.ok()) {
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
      EXPECT_EQ(dispatcher().Open(hello, std::make_shared<FakeSink>()).status(), status);
    }
    return std::string(status.message());
  }
};

TEST_F(HelloTest, AGoodOneIsTaken) { EXPECT_EQ(Refusal(Good()), ""); }

TEST_F(HelloTest, NamesAreBounded) {
  const std::pair<const char*, std::string* (v1::Hello::*)()> fields[] = {
      {"session_id", &v1::Hello::mutable_session_id},
      {"namespace", &v1::Hello::mutable_namespace_},
      {"task_queue", &v1::Hello::mutable_task_queue},
      {"build_id", &v1::Hello::mutable_build_id},
      {"sdk", &v1::Hello::mutable_sdk}};
  for (const auto& [field, mutable_field] : fields) {
    SCOPED_TRACE(field);
    v1::Hello hello = Good();
    *(hello.*mutable_field)() = std::string(256, 'x');
    EXPECT_EQ(Refusal(hello), "");
    *(hello.*mutable_field)() = std::string(257, 'x');
    EXPECT_THAT(Refusal(hello), AllOf(HasSubstr(std::string("hello.") + field), HasSubstr("257"),
                                      HasSubstr("name_bytes_max"), HasSubstr("256")));
    *(hello.*mutable_field)() = "a\nb";
    EXPECT_THAT(Refusal(hello), AllOf(HasSubstr(field), HasSubstr("control character"), HasSubstr("U+000a")));
    *(hello.*mutable_field)() = "a\xc2\x85z";
    EXPECT_THAT(Refusal(hello), AllOf(HasSubstr(field), HasSubstr("control character"))) << "U+0085";
    *(hello.*mutable_field)() = "a\xff";
    EXPECT_THAT(Refusal(hello), AllOf(HasSubstr(field), HasSubstr("UTF-8")));
    *(hello.*mutable_field)() = std::string("a\0b", 3);
    EXPECT_THAT(Refusal(hello), HasSubstr(field)) << "it would end a part of a queue's key";
    *(hello.*mutable_field)() = "größe 寸法";
    EXPECT_EQ(Refusal(hello), "");
  }
}

TEST_F(HelloTest, SomeNamesMustBeGiven) {
  v1::Hello hello = Good();
  hello.clear_session_id();
  EXPECT_THAT(Refusal(hello), HasSubstr("hello.session_id is empty"));
  hello = Good();
  hello.clear_task_queue();
  EXPECT_THAT(Refusal(hello), HasSubstr("hello.task_queue is empty"));
}

TEST_F(HelloTest, AnEmptyNamespaceIsTheDefaultOne) {
  v1::Hello hello = Good();
  hello.clear_namespace_();
  ASSERT_TRUE(dispatcher().Open(hello, std::make_shared<FakeSink>()).ok());
  EXPECT_EQ(SessionNamed("w").namespace_(), "default");
}

TEST_F(HelloTest, TheIdentityIsBounded) {
  v1::Hello hello = Good();
  hello.clear_identity();
  EXPECT_EQ(Refusal(hello), "");
  hello.set_identity(std::string(1'000, 'x'));
  EXPECT_EQ(Refusal(hello), "");
  hello.set_identity(std::string(1'001, 'x'));
  EXPECT_THAT(Refusal(hello), AllOf(HasSubstr("hello.identity"), HasSubstr("1001"), HasSubstr("1000")));
}

TEST_F(HelloTest, TypesAreBoundedInNumberAndLength) {
  options.types_per_session_max = 3;
  for (const bool workflows : {true, false}) {
    SCOPED_TRACE(workflows);
    const std::string field = workflows ? "hello.workflow_types" : "hello.task_types";
    const auto types = [&](v1::Hello& h) {
      return workflows ? h.mutable_workflow_types() : h.mutable_task_types();
    };
    v1::Hello hello = Good();
    *types(hello)->Add() = "two";
    *types(hello)->Add() = "three";
    EXPECT_EQ(Refusal(hello), "");
    *types(hello)->Add() = "four";
    EXPECT_THAT(Refusal(hello),
                AllOf(HasSubstr(field), HasSubstr("4"), HasSubstr("types_per_session_max is 3")));
    hello = Good();
    *types(hello)->Add() = "";
    EXPECT_THAT(Refusal(hello), HasSubstr(field + "[1] is empty"));
    *types(hello)->Mutable(1) = std::string(257, 'x');
    EXPECT_THAT(Refusal(hello), AllOf(HasSubstr(field + "[1]"), HasSubstr("256")));
  }
}

TEST_F(HelloTest, CreditsAreBounded) {
  v1::Hello hello = Good();
  hello.set_max_activations(100'000);
  hello.set_max_tasks(100'000);
  EXPECT_EQ(Refusal(hello), "");
  hello.set_max_activations(100'001);
  EXPECT_THAT(Refusal(hello), AllOf(HasSubstr("hello.max_activations is 100001"), HasSubstr("credits_max"),
                                    HasSubstr("100000")));
  hello = Good();
  hello.set_max_tasks(-1);
  EXPECT_THAT(Refusal(hello), HasSubstr("hello.max_tasks is -1"));
}

TEST_F(HelloTest, WhatIsInHandIsBounded) {
  options.in_hand_max = 2;
  v1::Hello hello = Good();
  for (int i = 0; i < 2; ++i) {
    hello.add_tasks_in_hand();
    hello.add_activations_in_hand();
  }
  EXPECT_EQ(Refusal(hello), "");
  hello.add_activations_in_hand();
  EXPECT_THAT(Refusal(hello),
              AllOf(HasSubstr("hello.activations_in_hand has 3"), HasSubstr("in_hand_max is 2")));
  hello.mutable_activations_in_hand()->Clear();
  hello.add_tasks_in_hand();
  EXPECT_THAT(Refusal(hello), AllOf(HasSubstr("hello.tasks_in_hand has 3"), HasSubstr("in_hand_max is 2")));
}

}  // namespace
}  // namespace perdure::dispatch
