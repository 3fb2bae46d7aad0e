// What the command-line tool takes from people and shows of what others wrote. JSON that is valid keeps its
// meaning however it is laid out, and nothing that a payload, a name or a failure says reaches the terminal
// as more than text.
//
// Input: one byte for what it is, then the text or message.
#include <google/protobuf/text_format.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <string_view>

#include "cmd/perdure/describe_view.h"
#include "cmd/perdure/failure_text.h"
#include "cmd/perdure/history_view.h"
#include "cmd/perdure/json_output.h"
#include "cmd/perdure/json_text.h"
#include "cmd/perdure/payload_text.h"
#include "cmd/perdure/text.h"
#include "server/base/suggest.h"
#include "server/base/units.h"
#include "server/base/utf8.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/message_mutator.h"
#include "tests/fuzz/seeds.h"

namespace perdure::fuzz {
namespace {

using google::protobuf::Message;

constexpr int kWidths[] = {1, 20, 80, 1'000};

// Text that is safe to print: UTF-8 without control characters, but for the ends of lines.
void CheckPrintable(std::string_view text, const char* what) {
  Check(base::IsValidUtf8(text), what, " is not UTF-8");
  while (!text.empty()) {
    const base::Utf8Char c = base::DecodeUtf8(text);
    Check(c.code == '\n' || !base::IsControl(c.code), what, " has a control character");
    const bool turns = (c.code >= 0x202A && c.code <= 0x202E) || (c.code >= 0x2066 && c.code <= 0x2069);
    Check(!turns, what, " changes the direction of writing");
    text.remove_prefix(static_cast<size_t>(c.bytes));
  }
}

void CheckLine(std::string_view text, const char* what) {
  CheckPrintable(text, what);
  Check(text.find('\n') == std::string_view::npos, what, " is more than one line");
}

// ---- JSON that people give ----

void TryJson(const std::string& text) {
  const absl::Status status = cli::CheckJson(text);
  // The library takes a null byte for the end, and passes over a byte order mark.
  const bool clean = text.find('\0') == std::string::npos && !text.starts_with("\xEF\xBB\xBF");
  Check(status.ok() == (nlohmann::json::accept(text) && clean), "judged as nobody else does");
  std::istringstream unused;
  if (text.empty() || (text[0] != '@' && text != "-")) {
    const absl::StatusOr<v1::Payload> payload = cli::ReadPayload("--input", text, unused);
    Check(text.empty() || payload.ok() == status.ok(), "an option's value is judged in another way");
  }
  const v1::Payload memo = cli::MemoValue(text);
  Check(cli::CheckJson(memo.data()).ok(), "a memo value that is no JSON: ", memo.data());
  if (!status.ok()) {
    CheckLine(cli::Std(status.message()), "an error");
    return;
  }
  const std::string compact = cli::CompactJson(text);
  Check(cli::CompactJson(compact) == compact, "not compact: ", compact);
  // Exact in everything but white space, numbers too; and the same value.
  Check(nlohmann::json::parse(compact) == nlohmann::json::parse(text), "another value: ", compact);
  for (const int width : kWidths) {
    const std::string pretty = cli::PrettyJson(text, width);
    Check(cli::CompactJson(pretty) == compact, "laid out as something else: ", pretty);
  }
}

// ---- what others wrote ----

void TryPayload(const v1::Payload& payload) {
  CheckLine(cli::PayloadLine(payload), "a payload's line");
  for (const int width : kWidths) CheckPrintable(cli::PayloadText(payload, width), "a payload");
}

void TryFailure(const v1::Failure& failure) {
  CheckLine(cli::FailureLine(failure), "a failure's line");
  CheckPrintable(cli::FailureLine(cli::RootCause(failure)), "the first failure");
  for (const std::string& line : cli::FailureLines(failure)) CheckPrintable(line, "a failure");
}

// Two, since one remembers what the other began.
void TryHistory(const v1::GetHistoryResponse& page) {
  for (const bool full : {false, true}) {
    for (const int width : kWidths) {
      cli::HistoryView view(cli::Style(false), width, full);
      for (const v1::Event& event : page.events()) CheckPrintable(view.Format(event), "an event");
    }
  }
}

void TryDescription(const v1::DescribeWorkflowResponse& description) {
  for (const int width : kWidths)
    CheckPrintable(cli::FormatDescription(description, cli::Style(false), width, 1'700'000'000'000),
                   "a description");
}

void CheckOutput(const Message& message) {
  const std::string json = cli::MessageToJson(message);
  Check(nlohmann::json::accept(json) && json.find('\0') == std::string::npos,
        "--output json gives no JSON: ", json);
}

template <typename T, void (*Try)(const T&)>
void TryAs(const Message& message) {
  Try(static_cast<const T&>(message));
  CheckOutput(message);
}

// ---- short words ----

void TryWords(const std::string& text) {
  CheckLine(cli::Printable(text), "printable text");
  for (const int width : kWidths) {
    const std::string cut = cli::Cut(cli::Printable(text), width);
    CheckLine(cut, "text that was cut");
    Check(cli::DisplayWidth(cut) <= width, "wider than it was cut to");
  }
  const absl::StatusOr<int64_t> ms = base::ParseDurationMs(text);
  if (ms.ok()) {
    Check(*ms >= 0, "a negative duration");
    const absl::StatusOr<int64_t> again = base::ParseDurationMs(base::FormatDurationMs(*ms));
    Check(again.ok() && *again == *ms, "a duration that reads back as another");
  }
  const absl::StatusOr<int64_t> bytes = base::ParseBytes(text);
  if (bytes.ok()) {
    const absl::StatusOr<int64_t> again = base::ParseBytes(base::FormatBytes(*bytes));
    Check(again.ok() && *again == *bytes, "a size that reads back as another");
  }
  const std::string nearest = base::Nearest(text, {"running", "failed"});
  Check(nearest.empty() || nearest == "running" || nearest == "failed", "suggested: ", nearest);
}

struct Kind {
  // Null: `text` takes the bytes as they are.
  const Message* message;
  void (*try_message)(const Message&);
  void (*try_text)(const std::string&);
};

const std::array<Kind, 6>& Kinds() {
  static const std::array<Kind, 6> kinds = {{
      {nullptr, nullptr, &TryJson},
      {nullptr, nullptr, &TryWords},
      {&v1::Payload::default_instance(), &TryAs<v1::Payload, &TryPayload>, nullptr},
      {&v1::Failure::default_instance(), &TryAs<v1::Failure, &TryFailure>, nullptr},
      {&v1::GetHistoryResponse::default_instance(), &TryAs<v1::GetHistoryResponse, &TryHistory>, nullptr},
      {&v1::DescribeWorkflowResponse::default_instance(),
       &TryAs<v1::DescribeWorkflowResponse, &TryDescription>, nullptr},
  }};
  return kinds;
}

const Kind& KindOf(uint8_t selector) { return Kinds()[selector % Kinds().size()]; }

void Try(const uint8_t* data, size_t size) {
  if (size == 0) return;
  const Kind& kind = KindOf(data[0]);
  if (kind.message == nullptr) {
    kind.try_text(std::string(reinterpret_cast<const char*>(data + 1), size - 1));
    return;
  }
  const std::unique_ptr<Message> message(kind.message->New());
  // As gRPC reads it: with protobuf's own limit of nesting.
  if (message->ParseFromArray(data + 1, static_cast<int>(size - 1))) kind.try_message(*message);
}

constexpr std::pair<size_t, const char*> kTexts[] = {
    {0, R"({"order": "1", "items": [1, 2.50, 1e30, -0], "nested": {"a": null, "b": [[], {}]}, "t": true})"},
    {0, R"("größe \u001b[31m \ud83d\ude00")"},
    {0, R"([[[[[[[[["deep"]]]]]]]]])"},
    {0, "{\"not\": json}"},
    {1, "1h30m"},
    {1, "1.5s"},
    {1, "64MiB"},
    {1, "\x1b[31m red \xe2\x80\xae"},
};
constexpr std::pair<size_t, const char*> kMessages[] = {
    {2, R"(encoding: "json" data: "{\"a\": [1, \"\\u202e\"]}")"},
    {2, R"(encoding: "protobuf" type: "shop.Order" data: "\000\001")"},
    {3, R"(kind: KIND_TASK source: "task charge" message: "two\nlines" type: "T" non_retryable: true
           cause { kind: KIND_TIMEOUT timeout: TIMEOUT_HEARTBEAT cause { message: "\033[2J" } })"},
    {4,
     R"(events { event_id: 1 time_unix_ms: 1000 run_started { workflow_type: "order" input { encoding: "json" data: "1" } } }
           events { event_id: 2 time_unix_ms: 1001 advanced { consumed_through: 1 identity: "7@host"
             commands { schedule_task { seq: 1 task_type: "charge" } } commands { start_timer { seq: 2 delay_ms: 5 } }
             commands { run_step { seq: 3 name: "quote" } } commands { cancel_task { seq: 1 } } } }
           events { event_id: 3 task_completed { seq: 1 result { encoding: "json" data: "{}" } } }
           events { event_id: 4 step_completed { seq: 3 failure { message: "m" } } }
           events { event_id: 5 timer_fired { seq: 2 } }
           events { event_id: 6 run_terminated { reason: "why" } })"},
    {5, R"(summary { workflow_id: "order-1" run_id: "r" status: RUN_STATUS_RUNNING start_time_unix_ms: 1 }
           started { workflow_type: "order" memo { key: "k" value { encoding: "json" data: "1" } } }
           pending_activation { state: STATE_BACKING_OFF attempt: 2 last_failure { message: "m" } }
           pending_tasks { seq: 1 task_type: "charge" state: STATE_RUNNING last_failure { message: "m" } }
           pending_timers { seq: 2 name: "t" due_unix_ms: 5 } pending_steps { seq: 3 name: "s" }
           result { encoding: "json" data: "1" } failure { message: "m" } notes: "no worker")"},
};

}  // namespace

std::vector<Seed> Seeds() {
  std::vector<Seed> seeds;
  const auto add = [&](size_t kind, const std::string& bytes) {
    seeds.push_back({absl::StrCat(seeds.size()), std::string(1, static_cast<char>(kind)) + bytes});
  };
  for (const auto& [kind, text] : kTexts) add(kind, text);
  for (const auto& [kind, text] : kMessages) {
    const std::unique_ptr<Message> message(Kinds()[kind].message->New());
    Check(google::protobuf::TextFormat::ParseFromString(text, message.get()), "not a message: ", text);
    add(kind, message->SerializeAsString());
  }
  return seeds;
}

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  perdure::fuzz::Try(data, size);
  return 0;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  if (size == 0 || max_size == 0 || seed % 16 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const auto* type = perdure::fuzz::KindOf(data[0]).message;
  if (type == nullptr) return 1 + LLVMFuzzerMutate(data + 1, size - 1, max_size - 1);
  const std::unique_ptr<google::protobuf::Message> message(type->New());
  return 1 + perdure::fuzz::MutateMessage(*message, data + 1, size - 1, max_size - 1, seed);
}
