// A server of WorkerService for tests: each stream is handed to the test, which reads what the worker wrote
// and writes what it likes. In this process, on a port of its own, over real gRPC.
//
// Every wait has a generous limit and fails the test by throwing when it passes; nothing sleeps.
#ifndef PERDURE_TESTS_UNIT_SDK_TRANSPORT_FAKE_WORKER_SERVER_H_
#define PERDURE_TESTS_UNIT_SDK_TRANSPORT_FAKE_WORKER_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "perdure/v1/worker_service.grpc.pb.h"

namespace perdure::testing {

// Far beyond what any step takes, also under a sanitizer on a busy machine.
inline constexpr std::chrono::seconds kPatience{30};

// The server's end of one stream.
class FakeStream final : private grpc::ServerBidiReactor<v1::WorkerFrame, v1::ServerFrame> {
 public:
  // The next frame. Throws when none comes.
  v1::WorkerFrame Read();
  // Reads frames until `wanted` holds for one of them, which is returned; the others are dropped.
  v1::WorkerFrame ReadUntil(const std::function<bool(const v1::WorkerFrame&)>& wanted);
  // Waits until the worker writes no more, or is gone.
  void ReadHalfClose();
  void Write(v1::ServerFrame frame);
  // Ends the stream, after what waits to be written.
  void End(const grpc::Status& status = grpc::Status::OK);

 private:
  friend class FakeWorkerServer;

  void Begin(std::shared_ptr<FakeStream> self);
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;
  void PumpLocked();

  std::mutex mu_;
  std::condition_variable changed_;
  v1::WorkerFrame reading_;
  // All below: guarded by mu_.
  std::shared_ptr<FakeStream> self_;
  std::deque<v1::WorkerFrame> frames_;
  bool half_closed_ = false;
  std::deque<v1::ServerFrame> to_write_;
  bool writing_ = false;
  bool ending_ = false;
  bool finished_ = false;
  grpc::Status status_;
};

class FakeWorkerServer final : private v1::WorkerService::CallbackService {
 public:
  // On any free port, or on this one.
  explicit FakeWorkerServer(int port = 0);
  ~FakeWorkerServer() override;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }

  // The next stream that a worker opened. Throws when none comes.
  std::shared_ptr<FakeStream> Accept();
  // Accepts a stream, reads the hello and answers with a welcome.
  std::shared_ptr<FakeStream> Welcome(v1::Hello* hello = nullptr, std::uint64_t epoch = 1,
                                      std::function<void(v1::Welcome&)> change = {});
  // The server dies: all streams break, the port is free again.
  void Kill();

 private:
  grpc::ServerBidiReactor<v1::WorkerFrame, v1::ServerFrame>* Connect(
      grpc::CallbackServerContext* context) override;

  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::mutex mu_;
  std::condition_variable changed_;
  // All below: guarded by mu_.
  std::deque<std::shared_ptr<FakeStream>> accepted_;
};

}  // namespace perdure::testing

#endif  // PERDURE_TESTS_UNIT_SDK_TRANSPORT_FAKE_WORKER_SERVER_H_
