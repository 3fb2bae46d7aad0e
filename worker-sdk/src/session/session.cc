#include "worker-sdk/src/session/session.h"

#include <algorithm>
#include <set>
#include <utility>

#include "worker-sdk/src/session/backoff.h"
#include "worker-sdk/src/session/channel.h"
#include "worker-sdk/src/session/identity.h"

namespace perdure::session {
namespace {

// The hello itself is wrong: trying again cannot help.
bool Fatal(grpc::StatusCode code) {
  switch (code) {
    case grpc::INVALID_ARGUMENT:
    case grpc::UNAUTHENTICATED:
    case grpc::PERMISSION_DENIED:
    case grpc::FAILED_PRECONDITION:
    case grpc::UNIMPLEMENTED:
      return true;
    default:
      return false;
  }
}

// Said of a frame of answers.
bool RefusesFrame(grpc::StatusCode code) {
  return code == grpc::INVALID_ARGUMENT || code == grpc::RESOURCE_EXHAUSTED;
}

}  // namespace

Session::Session(SessionOptions options, SessionHandler* handler)
    : options_(std::move(options)),
      handler_(handler),
      // Half of it: an answer may come right after a look.
      flusher_(kHoldMax / 2, [this] { return FlushHeld(); }) {}

Session::~Session() { Close(std::chrono::milliseconds(0)); }

void Session::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Session::Flush() {
  std::shared_ptr<Stream> stream;
  {
    std::lock_guard lock(mu_);
    if (welcomed_ && outbox_.HasWaiting()) stream = stream_;
  }
  if (stream) stream->Wake();
}

bool Session::FlushHeld() {
  std::shared_ptr<Stream> stream;
  {
    std::lock_guard lock(mu_);
    if (!outbox_.HasWaiting()) return false;
    if (welcomed_) stream = stream_;
  }
  if (stream) stream->Wake();
  // Without a stream nothing can go out: the next one sends it all.
  return stream != nullptr;
}

void Session::SendEvicted(v1::WorkToken token) {
  std::shared_ptr<Stream> stream;
  {
    std::lock_guard lock(mu_);
    outbox_.AddEvicted(std::move(token));
    if (welcomed_) stream = stream_;
  }
  if (stream) stream->Wake();
}

void Session::SendDrain() {
  std::shared_ptr<Stream> stream;
  {
    std::lock_guard lock(mu_);
    outbox_.AddDrain();
    if (welcomed_) stream = stream_;
  }
  if (stream) stream->Wake();
}

bool Session::Answered(const v1::WorkToken& token) const {
  std::lock_guard lock(mu_);
  return outbox_.Answered(token);
}

bool Session::WaitConnected(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mu_);
  changed_.wait_for(lock, timeout, [this] { return welcomed_ || over_; });
  return welcomed_;
}

bool Session::connected() const {
  std::lock_guard lock(mu_);
  return welcomed_;
}

bool Session::WaitFlushed(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mu_);
  const auto flushed = [this] { return outbox_.unacked() == 0; };
  changed_.wait_for(lock, timeout, [&] { return over_ || flushed(); });
  return flushed();
}

void Session::Close(std::chrono::milliseconds timeout) {
  std::shared_ptr<Stream> stream;
  {
    std::unique_lock lock(mu_);
    closing_ = true;
    if (welcomed_ && timeout.count() > 0) stream = stream_;
  }
  changed_.notify_all();
  if (stream) {
    stream->HalfClose();
    std::unique_lock lock(mu_);
    changed_.wait_for(lock, timeout, [this] { return over_; });
  }
  {
    std::lock_guard lock(mu_);
    stream = stream_;
  }
  if (stream) stream->Cancel();
  if (thread_.joinable()) thread_.join();
  flusher_.Stop();
}

bool Session::NextFrame(std::string* frame) {
  std::lock_guard lock(mu_);
  if (hello_to_send_.has_value()) {
    hello_to_send_->SerializeToString(frame);
    hello_to_send_.reset();
    return true;
  }
  return welcomed_ && outbox_.NextFrame(frame);
}

void Session::OnFrame(std::shared_ptr<const v1::ServerFrame> frame) {
  if (frame->has_welcome()) Welcomed(frame->welcome());
  if (frame->acked_answer_ids_size() > 0) {
    bool flushed = false;
    std::shared_ptr<Stream> stream;
    {
      std::lock_guard lock(mu_);
      for (const std::uint64_t id : frame->acked_answer_ids()) outbox_.Ack(id);
      flushed = outbox_.unacked() == 0;
      // What had to wait for this acknowledgement, while answers go one by one.
      if (welcomed_ && outbox_.HasWaiting()) stream = stream_;
    }
    if (flushed) changed_.notify_all();
    if (stream) stream->Wake();
  }
  handler_->OnFrame(std::move(frame));
}

void Session::OnClosed(const grpc::Status& status) {
  std::lock_guard lock(mu_);
  stream_status_ = status;
  changed_.notify_all();
}

void Session::Welcomed(const v1::Welcome& welcome) {
  bool same_epoch = false;
  bool first = false;
  std::shared_ptr<Stream> stream;
  std::size_t repeated = 0;
  {
    std::lock_guard lock(mu_);
    if (welcomed_) return;
    first = !server_epoch_.has_value();
    same_epoch = !first && *server_epoch_ == welcome.server_epoch();
    server_epoch_ = welcome.server_epoch();
    outbox_.SetFrameLimits(welcome.frame_bytes_max(), welcome.frame_items_max());
    outbox_.OnNewStream(!first && !same_epoch);
    for (const v1::WorkToken& token : welcome.stale_tokens()) outbox_.DropStale(token);
    repeated = outbox_.unacked();
    welcomed_ = true;
    welcomed_at_ = Clock::now();
    last_problem_.clear();
    stream = stream_;
  }
  Logger::Fields fields{{"server", options_.address}, {"version", welcome.server_version()}};
  if (!first) {
    fields.emplace_back("server_restarted", same_epoch ? "no" : "yes");
    fields.emplace_back("answers_repeated", std::to_string(repeated));
    fields.emplace_back("stale", std::to_string(welcome.stale_tokens_size()));
  }
  Log(LogLevel::kInfo, first ? "connected" : "connected again", std::move(fields));
  handler_->OnWelcome(welcome, same_epoch);
  changed_.notify_all();
  // Not before the handler has seen the welcome: what it sends now goes out with the rest.
  if (stream) stream->Wake();
}

v1::Hello Session::MakeHello() {
  v1::Hello hello = options_.hello;
  // First what runs, then what is answered: an answer is in the outbox before its task is out of the pool.
  handler_->AddInHand(&hello);
  std::set<TokenKey> tasks;
  std::set<TokenKey> activations;
  for (const v1::TaskInHand& task : hello.tasks_in_hand()) tasks.insert(KeyOf(task.token()));
  for (const v1::WorkToken& token : hello.activations_in_hand()) activations.insert(KeyOf(token));
  std::lock_guard lock(mu_);
  for (v1::WorkToken& token : outbox_.UnackedTasks()) {
    if (tasks.insert(KeyOf(token)).second) *hello.add_tasks_in_hand()->mutable_token() = std::move(token);
  }
  for (v1::WorkToken& token : outbox_.UnackedActivations()) {
    if (activations.insert(KeyOf(token)).second) *hello.add_activations_in_hand() = std::move(token);
  }
  return hello;
}

grpc::Status Session::RunStream() {
  // A channel of its own for each stream: no backoff of gRPC's comes on top of ours.
  auto stream = std::make_shared<Stream>(NewChannel(options_.address), static_cast<StreamOwner*>(this));
  v1::Hello hello = MakeHello();
  {
    std::lock_guard lock(mu_);
    if (closing_) return grpc::Status(grpc::CANCELLED, "the session is closing");
    *hello_to_send_.emplace().mutable_hello() = std::move(hello);
    stream_status_.reset();
    stream_ = stream;
  }
  stream->Start();
  std::unique_lock lock(mu_);
  changed_.wait_for(lock, options_.welcome_timeout,
                    [this] { return welcomed_ || closing_ || stream_status_.has_value(); });
  const bool silent = !welcomed_ && !stream_status_.has_value();
  if (silent) {
    lock.unlock();
    stream->Cancel();
    lock.lock();
  }
  changed_.wait(lock, [this] { return stream_status_.has_value(); });
  stream_.reset();
  hello_to_send_.reset();
  if (silent && !closing_) {
    return grpc::Status(
        grpc::DEADLINE_EXCEEDED,
        "the server did not answer the hello in " + std::to_string(options_.welcome_timeout.count()) + " ms");
  }
  return *stream_status_;
}

void Session::HandleRefusedFrame(const grpc::Status& status) {
  const std::string problem = Describe(status);
  std::optional<Outbox::Refused> refused;
  bool flushed = false;
  {
    std::lock_guard lock(mu_);
    refused = outbox_.OnRefused(status.error_code() == grpc::RESOURCE_EXHAUSTED, problem);
    flushed = outbox_.unacked() == 0;
  }
  if (!refused.has_value()) return;
  if (flushed) changed_.notify_all();
  Log(LogLevel::kError,
      refused->dropped ? "the server refused even a failure in place of an answer; the answer is dropped"
                       : "the server refused an answer; a failure is sent in its place",
      {{"answer_id", std::to_string(refused->answer_id)}, {"status", problem}});
}

bool Session::HandleEnd(const grpc::Status& status, bool was_connected) {
  if (!was_connected && Fatal(status.error_code())) {
    const std::string message =
        "the server at " + options_.address + " refused this worker: " + Describe(status);
    Log(LogLevel::kError, message);
    handler_->OnRefused(message);
    return false;
  }
  const std::string problem = Describe(status);
  if (was_connected && RefusesFrame(status.error_code())) HandleRefusedFrame(status);
  bool repeated = false;
  std::size_t unacked = 0;
  {
    std::lock_guard lock(mu_);
    repeated = !was_connected && problem == last_problem_;
    last_problem_ = problem;
    unacked = outbox_.unacked();
  }
  Log(repeated ? LogLevel::kDebug : LogLevel::kWarn,
      was_connected ? "connection lost, reconnecting" : "cannot connect, trying again",
      {{"server", options_.address}, {"status", problem}, {"answers_waiting", std::to_string(unacked)}});
  return true;
}

void Session::Run() {
  Backoff backoff(options_.backoff_initial, options_.backoff_max, RandomSeed());
  for (;;) {
    const grpc::Status status = RunStream();
    std::unique_lock lock(mu_);
    const bool was_connected = std::exchange(welcomed_, false);
    if (closing_) break;
    if (was_connected && Clock::now() - welcomed_at_ >= options_.stable_after) backoff.Reset();
    lock.unlock();
    if (!HandleEnd(status, was_connected)) break;
    lock.lock();
    changed_.wait_for(lock, backoff.Next(), [this] { return closing_; });
    if (closing_) break;
  }
  std::lock_guard lock(mu_);
  over_ = true;
  changed_.notify_all();
}

void Session::Log(LogLevel level, const std::string& message, Logger::Fields fields) const {
  if (options_.log == nullptr || !*options_.log) return;
  LogRecord record{level, message, {{"worker", options_.hello.identity()}}};
  for (auto& field : fields) record.fields.push_back(std::move(field));
  (*options_.log)(record);
}

}  // namespace perdure::session
