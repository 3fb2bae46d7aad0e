// A worker session: keeps one stream to the server open for as long as the worker lives.
//
// Sends answers and heartbeats, hands what arrives to a handler, reconnects for ever (backoff with full
// jitter, the first retry at once or nearly), and repeats what the server did not acknowledge. Statuses that
// say that the hello itself is wrong end the session for good; an answer that the server will not take is
// found, logged and replaced by a failure.
//
// Ownership: the handler must outlive the session. Thread-safety: all public functions may be called from any
// thread; the Send functions never block.
#ifndef PERDURE_WORKER_SDK_SRC_SESSION_SESSION_H_
#define PERDURE_WORKER_SDK_SRC_SESSION_SESSION_H_

#include <grpcpp/support/status.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "perdure/log.h"
#include "perdure/v1/worker_service.pb.h"
#include "worker-sdk/src/runtime/ticker.h"
#include "worker-sdk/src/session/outbox.h"
#include "worker-sdk/src/session/stream.h"

namespace perdure::session {

// How long an answer may wait for others to share its frame.
inline constexpr std::chrono::milliseconds kHoldMax{2};

struct SessionOptions {
  std::string address;
  // Everything that stays the same from one stream to the next; what is in hand is added to a copy.
  v1::Hello hello;
  std::chrono::milliseconds backoff_initial{50};
  // Well below the server's reconnect grace (5 s): a worker that is back in time keeps its work.
  std::chrono::milliseconds backoff_max{1000};
  // A server that accepts the stream but says nothing for so long is given up on.
  std::chrono::milliseconds welcome_timeout{10'000};
  // A connection that lasted this long makes the next loss the first one again.
  std::chrono::milliseconds stable_after{1000};
  std::shared_ptr<const LogSink> log;
};

// What the session hands on. Called from gRPC's threads and the session's own: must not block.
class SessionHandler {
 public:
  virtual ~SessionHandler() = default;
  // Adds what is in hand: running tasks, open activations. Answers that wait for acknowledgement are added
  // by the session, after this call.
  virtual void AddInHand(v1::Hello* hello) = 0;
  // Before any frame of the new stream.
  virtual void OnWelcome(const v1::Welcome& welcome, bool same_epoch) = 0;
  // The frame may be kept; acknowledgements are dealt with already.
  virtual void OnFrame(std::shared_ptr<const v1::ServerFrame> frame) = 0;
  // The server refused the hello; the session is over.
  virtual void OnRefused(const std::string& message) = 0;
};

class Session final : private StreamOwner {
 public:
  Session(SessionOptions options, SessionHandler* handler);
  // Ends the stream at once.
  ~Session() override;

  void Start();

  template <typename Item>
  void Send(Item item) {
    auto prepared = Prepare(std::move(item));
    std::shared_ptr<Stream> stream;
    {
      std::lock_guard lock(mu_);
      outbox_.Add(std::move(prepared));
      if (welcomed_) stream = stream_;
    }
    if (stream) stream->Wake();
  }
  // Like Send, but lets what follows share its frame: it goes out with the next Send or Flush, from whichever
  // thread, and after kHoldMax at the latest. For one who has more to say within microseconds.
  template <typename Item>
  void SendSoon(Item item) {
    auto prepared = Prepare(std::move(item));
    {
      std::lock_guard lock(mu_);
      outbox_.Add(std::move(prepared));
    }
    flusher_.Arm();
  }
  void Flush();
  void SendEvicted(v1::WorkToken token);
  // Nothing new from now on; repeated on each new stream.
  void SendDrain();

  // Whether an answer for this delivery waits to be sent or acknowledged.
  bool Answered(const v1::WorkToken& token) const;

  // Waits until welcomed. False: `timeout` passed, or the session is over.
  bool WaitConnected(std::chrono::milliseconds timeout);
  bool connected() const;
  // Waits until every answer is acknowledged. False: `timeout` passed, or the session is over.
  bool WaitFlushed(std::chrono::milliseconds timeout);
  // Sends what waits, half-closes, and waits for the server to end the stream, for up to `timeout`; then
  // cuts it. Does not reconnect any more.
  void Close(std::chrono::milliseconds timeout);

 private:
  using Clock = std::chrono::steady_clock;

  // Answers are encoded before the lock is taken.
  template <typename Item>
  static auto Prepare(Item item) {
    if constexpr (requires { Encode(item); }) {
      return Encode(item);
    } else {
      return item;
    }
  }

  bool NextFrame(std::string* frame) override;
  void OnFrame(std::shared_ptr<const v1::ServerFrame> frame) override;
  void OnClosed(const grpc::Status& status) override;

  void Run();
  // The flusher's look.
  bool FlushHeld();
  v1::Hello MakeHello();
  // Opens one stream and waits until it has ended.
  grpc::Status RunStream();
  void Welcomed(const v1::Welcome& welcome);
  // Sees to it that an answer which the server will not take does not come again for ever.
  void HandleRefusedFrame(const grpc::Status& status);
  // Logs a lost or refused stream. True: go on.
  bool HandleEnd(const grpc::Status& status, bool was_connected);
  void Log(LogLevel level, const std::string& message, Logger::Fields fields = {}) const;

  const SessionOptions options_;
  SessionHandler* const handler_;

  mutable std::mutex mu_;
  std::condition_variable changed_;
  // All below: guarded by mu_.
  Outbox outbox_;
  std::shared_ptr<Stream> stream_;
  std::optional<v1::WorkerFrame> hello_to_send_;
  bool welcomed_ = false;
  Clock::time_point welcomed_at_;
  std::optional<std::uint64_t> server_epoch_;
  std::optional<grpc::Status> stream_status_;
  bool closing_ = false;
  bool over_ = false;
  std::string last_problem_;

  std::thread thread_;
  runtime::Ticker flusher_;
};

}  // namespace perdure::session

#endif  // PERDURE_WORKER_SDK_SRC_SESSION_SESSION_H_
