// Random frames and requests: real ones with random values, real tokens among them, and bytes that were
// flipped. Then the server must still do its work.
#include <random>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "tests/unit/api/raw_call.h"
#include "tests/unit/api/server_fixture.h"

namespace perdure::api {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr std::chrono::milliseconds kDuration{1'500};
constexpr int kDepthMax = 5;

// Fills messages by reflection. Seeded.
class Filler {
 public:
  explicit Filler(uint32_t seed) : random_(seed) {}

  uint64_t Pick(uint64_t n) { return random_() % n; }

  // Tokens that the server gave out; some of the filled ones are these.
  std::vector<v1::WorkToken> tokens;

  void Fill(Message& message, int depth = 0) {
    if (depth > 0 && message.GetDescriptor() == v1::WorkToken::descriptor() && !tokens.empty() &&
        Pick(3) != 0) {
      message.CopyFrom(tokens[Pick(tokens.size())]);
      if (Pick(4) != 0) return;
    }
    const Reflection& r = *message.GetReflection();
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor* field = message.GetDescriptor()->field(i);
      if (Pick(3) == 0 || (field->message_type() != nullptr && depth >= kDepthMax)) continue;
      const uint64_t times = field->is_repeated() ? Pick(4) : 1;
      for (uint64_t n = 0; n < times; ++n) SetOne(message, r, field, depth);
    }
  }

  // Some bytes are not what they were.
  void Mangle(std::string& bytes) {
    for (uint64_t n = 1 + Pick(4); n > 0 && !bytes.empty(); --n) {
      switch (Pick(4)) {
        case 0:
          bytes[Pick(bytes.size())] = static_cast<char>(Pick(256));
          break;
        case 1:
          bytes.resize(Pick(bytes.size()));
          break;
        case 2:
          bytes.insert(Pick(bytes.size() + 1), 1, static_cast<char>(Pick(256)));
          break;
        default:
          bytes += bytes.substr(Pick(bytes.size()));
          break;
      }
    }
  }

 private:
  template <typename T>
  T Number() {
    const T edges[] = {T(0), T(1), T(-1), std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
    return Pick(2) == 0 ? edges[Pick(5)] : static_cast<T>(Pick(100));
  }
  std::string Text() {
    const char* const texts[] = {"", "order", "charge", "main", "default", "order-1", "w0", "a\nb", "größe"};
    return Pick(20) == 0 ? std::string(Pick(3'000), 'x') : texts[Pick(std::size(texts))];
  }

  void SetOne(Message& m, const Reflection& r, const FieldDescriptor* f, int depth) {
    const bool many = f->is_repeated();
    switch (f->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return many ? r.AddInt32(&m, f, Number<int32_t>()) : r.SetInt32(&m, f, Number<int32_t>());
      case FieldDescriptor::CPPTYPE_INT64:
        return many ? r.AddInt64(&m, f, Number<int64_t>()) : r.SetInt64(&m, f, Number<int64_t>());
      case FieldDescriptor::CPPTYPE_UINT32:
        return many ? r.AddUInt32(&m, f, Number<uint32_t>()) : r.SetUInt32(&m, f, Number<uint32_t>());
      case FieldDescriptor::CPPTYPE_UINT64:
        return many ? r.AddUInt64(&m, f, Number<uint64_t>()) : r.SetUInt64(&m, f, Number<uint64_t>());
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return many ? r.AddDouble(&m, f, Number<double>()) : r.SetDouble(&m, f, Number<double>());
      case FieldDescriptor::CPPTYPE_FLOAT:
        return many ? r.AddFloat(&m, f, Number<float>()) : r.SetFloat(&m, f, Number<float>());
      case FieldDescriptor::CPPTYPE_BOOL:
        return many ? r.AddBool(&m, f, Pick(2) == 0) : r.SetBool(&m, f, Pick(2) == 0);
      case FieldDescriptor::CPPTYPE_ENUM:
        return many ? r.AddEnumValue(&m, f, Number<int32_t>() % 12)
                    : r.SetEnumValue(&m, f, Number<int32_t>() % 12);
      case FieldDescriptor::CPPTYPE_STRING:
        return many ? r.AddString(&m, f, Text()) : r.SetString(&m, f, Text());
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Fill(many ? *r.AddMessage(&m, f) : *r.MutableMessage(&m, f), depth + 1);
    }
  }

  std::mt19937 random_;
};

class RandomFramesTest : public ServerTest, public ::testing::WithParamInterface<uint32_t> {
 protected:
  // One stream: a good hello mostly, then frames until the server has had enough.
  void RandomStream(Filler& filler) {
    RawStream stream(channel(), "/perdure.v1.WorkerService/Connect");
    v1::WorkerFrame hello;
    if (filler.Pick(8) == 0) {
      filler.Fill(hello);
    } else {
      *hello.mutable_hello() = WorkerHello("w" + std::to_string(filler.Pick(3)))
                                   .Workflows({"order"}, static_cast<int>(filler.Pick(20)))
                                   .Tasks({"charge"}, static_cast<int>(filler.Pick(20)));
      if (filler.Pick(2) == 0) filler.Fill(*hello.mutable_hello()->add_tasks_in_hand()->mutable_token(), 1);
      if (filler.Pick(2) == 0) filler.Fill(*hello.mutable_hello()->add_activations_in_hand(), 1);
    }
    if (!stream.Write(hello.SerializeAsString())) return;
    for (uint64_t n = filler.Pick(12); n > 0; --n) {
      std::string got;
      if (!stream.Read(&got)) return;
      Learn(filler, got);
      v1::WorkerFrame frame;
      filler.Fill(frame);
      frame.clear_hello();
      if (filler.Pick(3) != 0) frame.clear_drain();
      // Acknowledged at once: so that there is always something to read.
      frame.add_task_answers()->set_answer_id(n);
      std::string bytes = frame.SerializeAsString();
      if (filler.Pick(5) == 0) filler.Mangle(bytes);
      if (!stream.Write(bytes)) return;
    }
  }

  static void Learn(Filler& filler, const std::string& bytes) {
    v1::ServerFrame frame;
    if (!frame.ParseFromString(bytes)) return;
    for (const v1::Activation& a : frame.activations()) filler.tokens.push_back(a.token());
    for (const v1::TaskDelivery& t : frame.tasks()) filler.tokens.push_back(t.token());
    if (filler.tokens.size() > 50) filler.tokens.erase(filler.tokens.begin(), filler.tokens.end() - 50);
  }

  void RandomRequest(Filler& filler) {
    static const google::protobuf::ServiceDescriptor* const service =
        v1::StartWorkflowRequest::descriptor()->file()->FindServiceByName("WorkflowService");
    const auto* method =
        service->method(static_cast<int>(filler.Pick(static_cast<uint64_t>(service->method_count()))));
    std::unique_ptr<Message> request(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(method->input_type())->New());
    filler.Fill(*request);
    // A watch of an open run would not end, a long poll not soon.
    if (const FieldDescriptor* wait = method->input_type()->FindFieldByName("wait_ms")) {
      request->GetReflection()->SetInt64(request.get(), wait, static_cast<int64_t>(filler.Pick(20)));
    }
    std::string bytes = request->SerializeAsString();
    if (filler.Pick(4) == 0) filler.Mangle(bytes);
    RawStream stream(channel(), "/perdure.v1.WorkflowService/" + method->name());
    stream.Write(bytes);
    stream.WritesDone();
    std::string answer;
    if (method->name() == "WatchWorkflow") return;  // cancelled
    stream.Read(&answer);
    const grpc::Status status = stream.Finish();
    EXPECT_NE(status.error_code(), grpc::StatusCode::UNKNOWN)
        << method->name() << ": " << status.error_message();
    EXPECT_NE(status.error_code(), grpc::StatusCode::INTERNAL)
        << method->name() << ": " << status.error_message();
  }
};

TEST_P(RandomFramesTest, LeaveTheServerWorking) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  options.dispatch.reconnect_grace_ms = 20;
  Filler filler(GetParam());
  Start("order-1");
  const auto end = std::chrono::steady_clock::now() + kDuration;
  for (int i = 0; std::chrono::steady_clock::now() < end; ++i) {
    // So that there is work to give out.
    v1::StartWorkflowRequest start = StartOf("order-" + std::to_string(i));
    start.set_id_conflict_policy(v1::ID_CONFLICT_POLICY_USE_EXISTING);
    grpc::ClientContext context;
    v1::StartWorkflowResponse started;
    client().StartWorkflow(&context, start, &started);
    RandomStream(filler);
    RandomRequest(filler);
  }
  ExpectWorks();
  EXPECT_TRUE(Eventually([&] { return server().Metrics()["perdure_api_worker_streams"] == 0; }));
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomFramesTest, ::testing::Values(1u, 2u, 3u));

}  // namespace
}  // namespace perdure::api
