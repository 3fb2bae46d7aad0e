// One gRPC stream of a session: reads frames, and writes them one at a time.
//
// Each write takes everything that waits at that moment; while it is out, the next frame fills. Nothing
// waits for a frame to become full.
//
// Ownership: the owner must outlive the stream's OnClosed call; the stream must live until then. After it
// the stream is never touched by gRPC again and may be destroyed. Thread-safety: all public functions may
// be called from any thread.
#ifndef PERDURE_WORKER_SDK_SRC_SESSION_STREAM_H_
#define PERDURE_WORKER_SDK_SRC_SESSION_STREAM_H_

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <mutex>
#include <string>

#include "perdure/v1/worker_service.pb.h"

namespace perdure::session {

// What a stream asks of its session. Called from gRPC's threads: must not block.
class StreamOwner {
 public:
  virtual ~StreamOwner() = default;
  // Fills `frame` with what waits, encoded; false: nothing. One call at a time.
  virtual bool NextFrame(std::string* frame) = 0;
  // The frame may be kept. One call at a time, in the order of arrival.
  virtual void OnFrame(std::shared_ptr<const v1::ServerFrame> frame) = 0;
  // The stream has ended: the last call.
  virtual void OnClosed(const grpc::Status& status) = 0;
};

// Writes frames as bytes, since answers are encoded once, however often they are sent.
class Stream final : private grpc::ClientBidiReactor<grpc::ByteBuffer, v1::ServerFrame> {
 public:
  Stream(const std::shared_ptr<grpc::Channel>& channel, StreamOwner* owner);
  ~Stream() override = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Opens the stream; writes what waits at once.
  void Start();
  // Something waits to be written.
  void Wake();
  // Writes what still waits and then tells the server that no more comes.
  void HalfClose();
  // Ends the stream without ceremony; OnClosed follows.
  void Cancel();

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnWritesDoneDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  enum class Next { kNothing, kWrite, kHalfClose };
  // Claims the writing side if it is free and there is something to do with it.
  Next Claim();
  void Pump();
  // Lets gRPC end the stream once no more operations will be started from outside of its reactions.
  void ReleaseHoldIfLast(std::unique_lock<std::mutex> lock);
  void Break();

  // gRPC keeps a pointer to it.
  const std::string method_ = "/perdure.v1.WorkerService/Connect";
  grpc::TemplatedGenericStub<grpc::ByteBuffer, v1::ServerFrame> stub_;
  StreamOwner* const owner_;
  grpc::ClientContext context_;
  // Where the outstanding read goes.
  std::shared_ptr<v1::ServerFrame> read_frame_;
  // Owned by the outstanding write.
  grpc::ByteBuffer write_frame_;

  std::mutex mu_;
  // All below: guarded by mu_.
  bool started_ = false;
  // No operation may be started any more.
  bool broken_ = false;
  bool write_out_ = false;
  bool half_close_wanted_ = false;
  bool half_closed_ = false;
  // The frame that is written next, on its way from the owner to write_frame_.
  std::string encoded_;
  // Threads inside of a StartWrite or StartWritesDone call.
  int starting_ = 0;
  bool hold_ = false;
};

}  // namespace perdure::session

#endif  // PERDURE_WORKER_SDK_SRC_SESSION_STREAM_H_
