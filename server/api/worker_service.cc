#include "server/api/worker_service.h"

#include <memory>
#include <optional>
#include <utility>

#include "server/api/errors.h"
#include "server/api/frame.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/mutex.h"

namespace perdure::api {
namespace {

// One worker's stream. gRPC runs its reactions; dispatch wakes it from other threads through the FrameSink,
// which it outlives: after OnDone a wake finds nothing.
//
// One write at a time, and no operation after Finish: mu_ guards the decision and the start of each of them.
class Stream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                     public dispatch::FrameSink,
                     public std::enable_shared_from_this<Stream> {
 public:
  Stream(grpc::CallbackServerContext* context, dispatch::Dispatcher* dispatcher,
         const WorkerServiceOptions& options, ApiMetrics* metrics, base::LogLimiter* refusals)
      : context_(context),
        dispatcher_(dispatcher),
        options_(options),
        metrics_(metrics),
        refusals_(refusals),
        begin_(metrics->Begin()) {}

  void Begin() {
    self_ = shared_from_this();
    metrics_->streams.Add();
    StartRead(&in_);
  }

  // ---- reactions ----

  void OnReadDone(bool ok) override {
    if (!ok) return End(absl::OkStatus());
    if (const absl::Status status = Take(); !status.ok()) {
      if (const std::optional<uint64_t> left_out = refusals_->Admit(base::NowMs())) {
        base::LogWarning(session_ == 0 ? "worker refused" : "worker stream refused",
                         {{"session", session_},
                          {"peer", context_->peer()},
                          {"not_logged", *left_out},
                          {"error", status}});
      }
      return End(status);
    }
    base::MutexLock lock(&mu_);
    if (!ended_) StartRead(&in_);
  }

  void OnWriteDone(bool ok) override {
    base::MutexLock lock(&mu_);
    writing_ = false;
    if (ended_) return FinishOnce();
    if (ok) Send();
  }

  void OnCancel() override { End(absl::CancelledError("the stream was cut")); }

  void OnDone() override {
    metrics_->streams.Sub();
    {
      base::MutexLock lock(&mu_);
      done_ = true;
    }
    if (session_ != 0) dispatcher_->StreamClosed(session_, this);
    self_.reset();
  }

  // ---- dispatch::FrameSink ----

  void Wake() override {
    base::MutexLock lock(&mu_);
    if (welcomed_ && !writing_ && !ended_ && !done_) Send();
  }

  void Abort(absl::Status status) override { End(status); }

 private:
  absl::Status Take() {
    v1::WorkerFrame frame;
    if (absl::Status status = ParseFrame(in_, options_.frame_items_max, frame); !status.ok()) return status;
    if (session_ != 0) return dispatcher_->Receive(session_, this, std::move(frame));
    return Hello(std::move(frame));
  }

  absl::Status Hello(v1::WorkerFrame frame) {
    if (!frame.has_hello()) {
      return absl::InvalidArgumentError(
          "hello is missing: it must be all that the first frame of a stream carries");
    }
    v1::Hello hello = std::move(*frame.mutable_hello());
    frame.clear_hello();
    if (frame.ByteSizeLong() > 0) {
      return absl::InvalidArgumentError("hello is not all that the first frame of the stream carries");
    }
    absl::StatusOr<dispatch::Dispatcher::Opened> opened =
        dispatcher_->Open(std::move(hello), shared_from_this());
    if (!opened.ok()) return opened.status();
    session_ = opened->session;
    base::MutexLock lock(&mu_);
    welcomed_ = true;
    if (!ended_) {
      v1::ServerFrame welcome;
      *welcome.mutable_welcome() = std::move(opened->welcome);
      Write(welcome);
    }
    return absl::OkStatus();
  }

  void Send() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    v1::ServerFrame frame;
    if (dispatcher_->TakeFrame(session_, this, frame)) Write(frame);
  }

  void Write(const v1::ServerFrame& frame) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    SerializeFrame(frame, out_);
    writing_ = true;
    StartWrite(&out_);
  }

  void End(const absl::Status& status) {
    base::MutexLock lock(&mu_);
    if (ended_ || done_) return;
    ended_ = true;
    status_ = status;
    // A write that is under way ends first; one that cannot (the peer takes nothing) is cut by the keepalive.
    if (!writing_) FinishOnce();
  }

  void FinishOnce() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (finished_ || done_) return;
    finished_ = true;
    metrics_->Record(Method::kConnect, status_.raw_code(), begin_);
    Finish(ToGrpc(status_));
  }

  grpc::CallbackServerContext* const context_;
  dispatch::Dispatcher* const dispatcher_;
  const WorkerServiceOptions& options_;
  ApiMetrics* const metrics_;
  base::LogLimiter* const refusals_;
  const std::chrono::steady_clock::time_point begin_;
  std::shared_ptr<Stream> self_;
  // Written by the first read's reaction only, before welcomed_.
  dispatch::SessionNumber session_ = 0;
  grpc::ByteBuffer in_;

  base::Mutex mu_;
  grpc::ByteBuffer out_;
  bool welcomed_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  bool done_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* WorkerService::Connect(
    grpc::CallbackServerContext* context) {
  auto stream = std::make_shared<Stream>(context, dispatcher_, options_, metrics_, &refusals_);
  stream->Begin();
  return stream.get();
}

}  // namespace perdure::api
