// The HTTP endpoint: metrics, health and whatever else is registered. Plain HTTP, no authentication.
//
//   GET /          what there is
//   GET /metrics   Prometheus text format
//   GET /healthz   200 as long as the process answers
//   GET /readyz    200 when it takes work, else 503 with the reason
#ifndef PERDURE_SERVER_OPS_HTTP_SERVER_H_
#define PERDURE_SERVER_OPS_HTTP_SERVER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "server/ops/metrics.h"
#include "server/ops/readiness.h"

namespace perdure::ops {

struct HttpRequest {
  std::string path;
  std::map<std::string, std::string> query;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Runs its own few threads. Handle() before Start(); Start() and Stop() from one thread. `metrics` and
// `readiness` must outlive it.
class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  HttpServer(const Metrics& metrics, const Readiness& readiness);
  // Stops it.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Adds a page for GET requests to exactly `path`; `about` is its line on the index. The handler is called
  // from several threads at once.
  void Handle(const std::string& path, const std::string& about, Handler handler);

  // Listens on "HOST:PORT" and serves until Stop(). Unavailable: the address cannot be listened on; the
  // message says why and what to do.
  absl::Status Start(const std::string& listen);

  // Where it listens, the actual port included; "" before Start().
  const std::string& address() const { return address_; }

  // Finishes requests in hand (a few seconds at most) and stops listening. May be called twice.
  void Stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
  std::string address_;
};

}  // namespace perdure::ops

#endif  // PERDURE_SERVER_OPS_HTTP_SERVER_H_
