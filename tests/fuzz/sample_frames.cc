#include "tests/fuzz/sample_frames.h"

#include <google/protobuf/text_format.h>

#include "tests/fuzz/check.h"

namespace perdure::fuzz {
namespace {

constexpr std::pair<const char*, const char*> kFrames[] = {
    {"hello", R"(
      hello {
        session_id: "w0" identity: "7@host" namespace: "default" task_queue: "main"
        workflow_types: "order" task_types: "charge" max_activations: 4 max_tasks: 4 build_id: "b1"
        tasks_in_hand { token { run: 1 seq: 1 attempt: 1 delivery: 2 } running_ms: 5 }
        activations_in_hand { run: 1 delivery: 1 }
      })"},
    {"advance", R"(
      activation_answers {
        answer_id: 1 token { run: 1 delivery: 1 attempt: 1 }
        advance {
          consumed_through: 1
          commands {
            schedule_task {
              seq: 1 task_type: "charge" input { encoding: "json" data: "1" }
              timeouts { start_to_close_ms: 10 } retry_policy { max_attempts: 3 non_retryable_types: "E" }
            }
          }
          commands { start_timer { seq: 2 delay_ms: 5 name: "t" } }
          commands { run_step { seq: 3 name: "s" } }
          commands { cancel_task { seq: 1 mode: MODE_WAIT } }
          commands { cancel_timer { seq: 2 } }
          steps { seq: 3 result { encoding: "json" data: "{}" } attempt: 1 }
        }
      }
      activation_answers { answer_id: 2 advance { commands { complete_run {} } } }
      activation_answers { answer_id: 3 failure { kind: KIND_NON_DETERMINISM message: "other" } })"},
    {"answers", R"(
      step_answers {
        answer_id: 4 token { run: 1 delivery: 1 } step { seq: 3 failure { type: "E" } attempt: 2 }
      }
      task_answers { answer_id: 5 token { run: 1 seq: 1 attempt: 1 delivery: 2 } result { data: "x" } }
      task_answers { answer_id: 6 token { run: 1 seq: 2 } failure { message: "m" cause { cause {} } } }
      task_answers { answer_id: 7 token { run: 1 seq: 3 } cancelled { details { encoding: "bytes" } } }
      heartbeats { token { run: 1 seq: 1 attempt: 1 delivery: 2 } details { data: "half" } })"},
    {"others", R"(
      history_requests { token { run: 1 delivery: 1 } from_event_id: 1 }
      evicted { run: 1 delivery: 1 }
      drain {})"},
};

}  // namespace

std::vector<std::pair<std::string, v1::WorkerFrame>> SampleFrames() {
  std::vector<std::pair<std::string, v1::WorkerFrame>> frames;
  for (const auto& [name, text] : kFrames) {
    v1::WorkerFrame frame;
    Check(google::protobuf::TextFormat::ParseFromString(text, &frame), "the sample frame ", name);
    frames.emplace_back(name, std::move(frame));
  }
  return frames;
}

}  // namespace perdure::fuzz
